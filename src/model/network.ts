/**
 * The network on packed batches: the order of the backend's calls, forward and back, and where each buffer lies. No
 * arithmetic here.
 *
 *   inputs [N, I] → LSTM layers → outputs [N, D·H] → (head) features [B, F] → dropout → linear → logits [B, K]
 *
 * All buffers of a pass come out of one workspace that the caller allocates once, so that a pass allocates nothing
 * and memory is known beforehand.
 *
 * In mixed precision a training pass keeps what the way back needs, and works with copies of the LSTM's weights, in
 * 16 bits; parameters, gradients, states, sums and the linear layer stay float32. Inference is float32 throughout.
 */
import type { Backend, LstmShape, Stored } from '../backends/backend.js';
import { directionsOf, featuresOf, layerInputSize, type ResolvedClassifierConfig } from './config.js';
import { type HeadRows, headRows } from './head.js';
import type { ParameterLayout } from './parameters.js';

/** Packed sequences (see backends/backend.ts) in the backend's memory. */
export interface PackedInputs {
  /** B */ batchSize: number;
  /** T */ steps: number;
  /** N */ rows: number;
  /** [N, I] */ inputs: Float32Array;
  /** [T] */ batchSizes: Int32Array;
}

/** The largest batch that a workspace is for. */
export interface Capacity {
  batchSize: number;
  steps: number;
  rows: number;
  /** Keep what the way back needs. */
  training: boolean;
}

export type Precision = 'float32' | 'mixed';

/** Memory of one network: floats and ints from the backend, as many as `workspaceSize` says. */
export interface Workspace {
  floats: Float32Array;
  ints: Int32Array;
}

interface Pass {
  batch: PackedInputs;
  /** [layer] what the layer reads: [N, I] or the (dropped) outputs of the one below. */ inputs: Stored[];
  /** [layer] [N, D·H] */ outputs: Stored[];
  /** [layer][direction] [N, H] */ cells: Stored[][];
  /** [layer][direction] [N, 4H], or null on inference */ gates: (Stored | null)[][];
  /** [B, F] after dropout */ features: Float32Array;
  /** [B, K] */ logits: Float32Array;
  head: HeadRows;
  dropout: { keys: Int32Array; offsets: Int32Array } | null;
}

/** Hands out consecutive parts of a buffer; with none, only counts. */
class Arena<A extends Float32Array | Int32Array> {
  used = 0;
  constructor(readonly buffer: A | null) {}
  take(length: number): A {
    const start = this.used;
    this.used = start + Math.ceil(length / 16) * 16;
    if (!this.buffer) return undefined as unknown as A;
    if (start + length > this.buffer.length)
      throw new Error('network: the workspace is too small for this batch');
    return this.buffer.subarray(start, start + length) as A;
  }
}

/** Floats, or as many halves. */
function takeStored(arena: Arena<Float32Array>, length: number, half: boolean): Stored {
  return half ? asHalves(arena.take(Math.ceil(length / 2)), length) : arena.take(length);
}

function asHalves(floats: Float32Array, length: number): Uint16Array {
  // While an arena only counts there is no buffer.
  return floats && new Uint16Array(floats.buffer, floats.byteOffset, length);
}

export class Network {
  readonly config: ResolvedClassifierConfig;
  readonly #backend: Backend;
  readonly #layout: ParameterLayout;
  readonly #parameters: Float32Array;
  readonly #precision: Precision;
  /** [layer][direction] the weights in the kernels' order: floats, or the same bytes as halves. */
  readonly #packed: { floats: Float32Array; halves: Uint16Array }[][];
  #packedFor: 'nothing' | 'inference' | 'training' = 'nothing';
  #floats = new Arena<Float32Array>(null);
  #pass: Pass | null = null;

  /** @param packed `packedLength` floats of the backend's memory; networks of the same parameters may share them. */
  constructor(
    config: ResolvedClassifierConfig,
    layout: ParameterLayout,
    backend: Backend,
    parameters: Float32Array,
    packed: Float32Array,
    precision: Precision = 'float32',
  ) {
    this.config = config;
    this.#precision = precision;
    this.#backend = backend;
    this.#layout = layout;
    this.#parameters = parameters;
    const arena = new Arena(packed);
    this.#packed = eachLayer(config, (layer) =>
      eachDirection(config, () => {
        const floats = arena.take(packedLengthOf(config, backend, layer, precision));
        return { floats, halves: asHalves(floats, 2 * floats.length) };
      }),
    );
  }

  /** Floats that the constructor's `packed` needs. */
  static packedLength(
    config: ResolvedClassifierConfig,
    backend: Backend,
    precision: Precision = 'float32',
  ): number {
    const arena = new Arena<Float32Array>(null);
    eachLayer(config, (layer) =>
      eachDirection(config, () => arena.take(packedLengthOf(config, backend, layer, precision))),
    );
    return arena.used;
  }

  /** Floats and ints that a pass over a batch of at most this size needs. */
  static workspaceSize(
    config: ResolvedClassifierConfig,
    backend: Backend,
    capacity: Capacity,
    precision: Precision = 'float32',
  ): { floats: number; ints: number } {
    const { batchSize: B, rows: N, training } = capacity;
    const outputs = directionsOf(config) * config.hiddenSize;
    const floats = new Arena<Float32Array>(null);
    const half = training && precision === 'mixed';
    if (half) takeStored(floats, N * config.inputSize, half);
    for (let layer = 0; layer < config.numLayers; layer++)
      takeLayer(config, floats, N, { training, half }, layer);
    if (config.head === 'mean') floats.take(N);
    for (const length of [B * featuresOf(config), B * config.numClasses]) floats.take(length);
    if (training) {
      for (const length of [N * outputs, N * outputs]) floats.take(length);
    }
    floats.take(scratchLength(config, backend, capacity));
    const ints = new Arena<Int32Array>(null);
    for (const length of intLengths(config, capacity)) ints.take(length);
    return { floats: floats.used, ints: ints.used };
  }

  /** Must be called after the parameters have changed. */
  parametersChanged(): void {
    this.#packedFor = 'nothing';
  }

  /** [layer] the forward direction's weights in the kernels' order, as they are now. */
  packedForward(): readonly Float32Array[] {
    this.pack(false);
    return this.#packed.map(([forward]) => forward.floats);
  }

  /**
   * Logits [B, K] of a batch, in packed order. They, and what `backward` and `states` read, stay valid until the
   * next pass in the same workspace.
   *
   * @param training null on inference; else keys [B, 2] of each sequence's dropout, or none for no dropout
   */
  forward(
    batch: PackedInputs,
    workspace: Workspace,
    training: { dropoutKeys: Int32Array | null } | null,
  ): Float32Array {
    const { config } = this;
    const { batchSize: B, rows: N } = batch;
    this.pack(training !== null);
    const half = training !== null && this.#precision === 'mixed';
    const floats = new Arena(workspace.floats);
    const ints = new Arena(workspace.ints);
    this.#floats = floats;
    const dropout =
      training?.dropoutKeys && (config.dropout > 0 || config.layerDropout > 0)
        ? this.#dropoutRows(batch, training.dropoutKeys, ints)
        : null;

    const pass: Pass = {
      ...{ batch, inputs: [], outputs: [], cells: [], gates: [] },
      ...{ features: new Float32Array(0), logits: new Float32Array(0), dropout },
      head: headRows(
        config,
        batch,
        (length) => ints.take(length),
        (length) => floats.take(length),
      ),
    };
    let inputs: Stored = half ? this.#halves(batch, floats, ints) : batch.inputs;
    for (let layer = 0; layer < config.numLayers; layer++) {
      const { outputs, dropped, cells, gates } = takeLayer(
        ...([config, floats, N, { training: training !== null, half }, layer] as const),
      );
      for (let direction = 0; direction < directionsOf(config); direction++) {
        this.#backend.lstmForward({
          ...this.#shape(batch, layer, direction),
          packed: this.#packedOf(layer, direction, half),
          inputs,
          outputs,
          cells: cells[direction],
          gates: gates[direction],
          scratch: this.#scratch(B, layer, false),
        });
      }
      pass.inputs.push(inputs);
      pass.outputs.push(outputs);
      pass.cells.push(cells);
      pass.gates.push(gates);
      inputs = outputs;
      if (dropout && dropped) {
        dropped.set(outputs);
        this.#dropLayer(dropped, dropout, N, layer);
        inputs = dropped;
      }
    }

    const features = floats.take(B * featuresOf(config));
    if (pass.head.sparse) features.fill(0);
    for (const { layer, ...rows } of pass.head.moves) {
      this.#backend.copyRows({ ...rows, source: pass.outputs[layer], target: features });
    }
    if (dropout && config.dropout > 0) this.#dropFeatures(features, dropout, B);

    const logits = floats.take(B * config.numClasses);
    this.#backend.linearForward({
      ...this.#linear(features, B),
      bias: this.#view('fc.bias'),
      outputs: logits,
    });
    this.#pass = { ...pass, features, logits };
    return logits;
  }

  /**
   * Adds the gradient of every parameter to `gradients` (flat, in the parameters' layout), after a forward pass with
   * `training` in the same workspace.
   *
   * @param dLogits [B, K]
   * @param dInputs [N, I] zeroed, if the inputs' gradient is wanted: added to
   */
  backward(dLogits: Float32Array, gradients: Float32Array, dInputs: Float32Array | null = null): void {
    const { config } = this;
    const pass = this.#pass;
    if (!pass) throw new Error('network: backward needs a forward pass first');
    const { batch, dropout, head } = pass;
    const floats = this.#floats;
    const mark = floats.used;
    const outputSize = directionsOf(config) * config.hiddenSize;
    let dOutputs = floats.take(batch.rows * outputSize);
    let dBelow = floats.take(batch.rows * outputSize);
    const dFeatures = pass.features; // overwritten by their gradient
    this.#backend.linearBackward({
      ...this.#linear(pass.features, batch.batchSize),
      dOutputs: dLogits,
      dInputs: dFeatures,
      dWeight: this.#layout.view(gradients, 'fc.weight'),
      dBias: this.#layout.view(gradients, 'fc.bias'),
      scratch: this.#takeScratch(
        this.#backend.linearScratchLength(batch.batchSize, featuresOf(config), config.numClasses),
      ),
    });
    if (dropout && config.dropout > 0) this.#dropFeatures(dFeatures, dropout, batch.batchSize);

    dOutputs.fill(0);
    for (let layer = config.numLayers - 1; layer >= 0; layer--) {
      for (const { layer: from, sourceOffsets, targetOffsets, ...rows } of head.moves) {
        if (from !== layer) continue;
        const back = { sourceOffsets: targetOffsets, targetOffsets: sourceOffsets, accumulate: true };
        this.#backend.copyRows({ ...rows, ...back, source: dFeatures, target: dOutputs });
      }
      const below = layer === 0 ? dInputs : dBelow;
      if (layer > 0) dBelow.fill(0);
      const scratch = this.#scratch(batch.batchSize, layer, true);
      for (let direction = 0; direction < directionsOf(config); direction++) {
        this.#backend.lstmBackward({
          ...this.#shape(batch, layer, direction),
          packed: this.#packedOf(layer, direction, this.#precision === 'mixed'),
          inputs: pass.inputs[layer],
          outputs: pass.outputs[layer],
          cells: pass.cells[layer][direction],
          gates: pass.gates[layer][direction]!,
          dOutputs,
          dInputs: below,
          dWeights: this.#layout.lstm(gradients, layer, direction),
          scratch,
        });
      }
      if (layer > 0 && dropout && config.layerDropout > 0)
        this.#dropLayer(dBelow, dropout, batch.rows, layer - 1);
      [dOutputs, dBelow] = [dBelow, dOutputs];
    }
    floats.used = mark;
  }

  /** Outputs [N, D·H] of the last layer and, by layer and direction, cells [N, H] and outputs, of the last pass. */
  states(): Pick<Pass, 'outputs' | 'cells'> {
    if (!this.#pass) throw new Error('network: there has been no pass yet');
    return this.#pass;
  }

  /**
   * Brings the packed weights up to date; `forward` does it by itself. Threads whose networks share them take a share
   * each, and wait for each other before they compute.
   */
  pack(training: boolean, share = { index: 0, of: 1 }): void {
    const half = training && this.#precision === 'mixed';
    const wanted = training ? 'training' : 'inference';
    if (this.#packedFor === wanted) return;
    if (this.#packedFor === 'training' && this.#precision === 'float32') return; // holds what inference reads
    const directions = directionsOf(this.config);
    for (let part = share.index; part < this.config.numLayers * directions; part += share.of) {
      const [layer, direction] = [Math.floor(part / directions), part % directions];
      this.#backend.lstmPack({
        inputSize: layerInputSize(this.config, layer),
        hiddenSize: this.config.hiddenSize,
        weights: this.#layout.lstm(this.#parameters, layer, direction),
        packed: this.#packedOf(layer, direction, half),
        backward: training,
      });
    }
    this.#packedFor = wanted;
  }

  #packedOf(layer: number, direction: number, half: boolean): Stored {
    const { floats, halves } = this.#packed[layer][direction];
    return half ? halves : floats;
  }

  /** The batch's inputs as halves. */
  #halves(batch: PackedInputs, floats: Arena<Float32Array>, ints: Arena<Int32Array>): Stored {
    const width = batch.rows * this.config.inputSize;
    const target = takeStored(floats, width, true);
    const start = ints.take(1).fill(0);
    this.#backend.copyRows({
      ...{ rows: 1, width, source: batch.inputs, sourceOffsets: start, target, targetOffsets: start },
      ...{ scales: null, accumulate: false },
    });
    return target;
  }

  #view(name: string): Float32Array {
    return this.#layout.view(this.#parameters, name);
  }

  #shape(batch: PackedInputs, layer: number, direction: number): LstmShape {
    return {
      inputSize: layerInputSize(this.config, layer),
      hiddenSize: this.config.hiddenSize,
      batchSizes: batch.batchSizes,
      rows: batch.rows,
      reverse: direction === 1,
      outputStride: directionsOf(this.config) * this.config.hiddenSize,
      outputColumn: direction * this.config.hiddenSize,
    };
  }

  #linear(inputs: Float32Array, rows: number) {
    const inputSize = featuresOf(this.config);
    const outputSize = this.config.numClasses;
    return { rows, inputSize, outputSize, inputs, weight: this.#view('fc.weight') };
  }

  #scratch(batchSize: number, layer: number, backward: boolean): Float32Array {
    const { config } = this;
    const sizes = [batchSize, layerInputSize(config, layer), config.hiddenSize] as const;
    return this.#takeScratch(this.#backend.lstmScratchLength(...sizes, backward));
  }

  /** Scratch is dead when its verb returns: taken past what is in use, and given back at once. */
  #takeScratch(length: number): Float32Array {
    const scratch = this.#floats.take(length);
    this.#floats.used -= Math.ceil(length / 16) * 16;
    return scratch;
  }

  /** A key and a first counter for every row: the sequence's key, and a counter that grows with the step. */
  #dropoutRows(batch: PackedInputs, sequenceKeys: Int32Array, ints: Arena<Int32Array>) {
    const width = directionsOf(this.config) * this.config.hiddenSize;
    const keys = ints.take(2 * batch.rows);
    const offsets = ints.take(batch.rows);
    let row = 0;
    batch.batchSizes.forEach((running, t) => {
      keys.set(sequenceKeys.subarray(0, 2 * running), 2 * row);
      offsets.fill(t * width, row, row + running);
      row += running;
    });
    return { keys, offsets };
  }

  #dropLayer(
    values: Stored,
    rows: { keys: Int32Array; offsets: Int32Array },
    N: number,
    layer: number,
  ): void {
    const width = directionsOf(this.config) * this.config.hiddenSize;
    this.#backend.dropout({
      ...rows,
      rows: N,
      width,
      values,
      rate: this.config.layerDropout,
      stream: 1 + layer,
    });
  }

  /** Rows of the features are the sequences, as are the first B of the packed rows. */
  #dropFeatures(values: Float32Array, rows: { keys: Int32Array; offsets: Int32Array }, B: number): void {
    const width = featuresOf(this.config);
    this.#backend.dropout({ ...rows, rows: B, width, values, rate: this.config.dropout, stream: 0 });
  }
}

function eachLayer<R>(config: ResolvedClassifierConfig, make: (layer: number) => R): R[] {
  return Array.from({ length: config.numLayers }, (_, layer) => make(layer));
}

function eachDirection<R>(config: ResolvedClassifierConfig, make: (direction: number) => R): R[] {
  return Array.from({ length: directionsOf(config) }, (_, direction) => make(direction));
}

/** Floats that the weights of a layer and direction take when packed, for training and for inference. */
function packedLengthOf(
  config: ResolvedClassifierConfig,
  backend: Backend,
  layer: number,
  precision: Precision,
): number {
  const length = (backward: boolean) =>
    backend.lstmPackedLength(layerInputSize(config, layer), config.hiddenSize, backward);
  return precision === 'mixed' ? Math.max(length(false), Math.ceil(length(true) / 2)) : length(true);
}

/** A layer's buffers of one pass, in the order in which forward takes them. */
function takeLayer(
  config: ResolvedClassifierConfig,
  floats: Arena<Float32Array>,
  N: number,
  { training, half }: { training: boolean; half: boolean },
  layer: number,
) {
  const H = config.hiddenSize;
  const take = (length: number) => takeStored(floats, length, half);
  const outputs = take(N * directionsOf(config) * H);
  const drops = training && config.layerDropout > 0 && layer < config.numLayers - 1;
  const dropped = drops ? take(N * directionsOf(config) * H) : null;
  const cells = eachDirection(config, () => take(N * H));
  const gates = eachDirection(config, () => (training ? take(N * 4 * H) : null));
  return { outputs, dropped, cells, gates };
}

function scratchLength(config: ResolvedClassifierConfig, backend: Backend, capacity: Capacity): number {
  const B = capacity.batchSize;
  const layers = eachLayer(config, (layer) =>
    backend.lstmScratchLength(B, layerInputSize(config, layer), config.hiddenSize, capacity.training),
  );
  const linear = backend.linearScratchLength(B, featuresOf(config), config.numClasses);
  return Math.max(capacity.training ? linear : 0, ...layers);
}

/** Ints of a pass: keys and offsets of dropout, then two offsets for every row that the head moves. */
function intLengths(config: ResolvedClassifierConfig, { batchSize, rows, training }: Capacity): number[] {
  const moves = Math.max(rows, config.numLayers * directionsOf(config) * batchSize);
  const slack = 16 * config.numLayers;
  return [...(training ? [2 * rows, rows, 1] : []), moves + slack, moves + slack];
}
