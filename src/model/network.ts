/**
 * The network on packed batches: the order of the backend's calls, forward and back, and where each buffer lies. No
 * arithmetic here.
 *
 *   inputs [N, I] → LSTM layers → outputs [N, D·H] → (head) features [B, F] → dropout → linear → logits [B, K]
 *
 * In mixed precision a training pass stores activations and copies of the LSTM's weights in 16 bits. Parameters,
 * gradients, states, sums and the linear layer stay float32. Inference is float32 throughout.
 */
import type { Backend, LstmShape, Stored } from '../backends/backend.js';
import {
  directionsOf,
  featuresOf,
  layerInputSize,
  type ResolvedClassifierConfig,
} from './classifier-config.js';
import { type HeadRows, headRows } from './head.js';
import type { ParameterLayout } from './parameters.js';
import {
  asHalves,
  countFloats,
  eachDirection,
  eachLayer,
  floatsIn,
  type Precision,
  type Workspace,
} from './workspace.js';

/** Packed sequences (see backends/backend.ts) in the backend's memory. */
export interface PackedInputs {
  /** B */ batchSize: number;
  /** T */ steps: number;
  /** N */ rows: number;
  /** [N, I] */ inputs: Float32Array;
  /** [T] */ batchSizes: Int32Array;
}

interface Pass {
  batch: PackedInputs;
  workspace: Workspace;
  /** [layer] what the layer reads: [N, I] or the (dropped) outputs of the one below. */ inputs: Stored[];
  head: HeadRows;
  dropout: DropoutRows | null;
}

type DropoutRows = NonNullable<Workspace['dropout']>;

export class Network {
  readonly config: ResolvedClassifierConfig;
  readonly #backend: Backend;
  readonly #layout: ParameterLayout;
  readonly #parameters: Float32Array;
  readonly #precision: Precision;
  /** [layer][direction] panels: floats, or the same bytes as halves. */
  readonly #panels: { floats: Float32Array; halves: Uint16Array }[][];
  #panelsFor: 'nothing' | 'inference' | 'training' = 'nothing';
  #pass: Pass | null = null;

  /** @param panels `panelsLength` floats of the backend's memory; networks of the same parameters may share them. */
  constructor(
    config: ResolvedClassifierConfig,
    layout: ParameterLayout,
    backend: Backend,
    parameters: Float32Array,
    panels: Float32Array,
    precision: Precision = 'float32',
  ) {
    this.config = config;
    this.#precision = precision;
    this.#backend = backend;
    this.#layout = layout;
    this.#parameters = parameters;
    const arena = floatsIn(panels);
    this.#panels = eachLayer(config, (layer) =>
      eachDirection(config, () => {
        const floats = arena.take(panelsLengthOf(config, backend, layer, precision));
        return { floats, halves: asHalves(floats) };
      }),
    );
  }

  /** Floats that the constructor's `panels` needs. */
  static panelsLength(
    config: ResolvedClassifierConfig,
    backend: Backend,
    precision: Precision = 'float32',
  ): number {
    const arena = countFloats();
    eachLayer(config, (layer) =>
      eachDirection(config, () => arena.take(panelsLengthOf(config, backend, layer, precision))),
    );
    return arena.used;
  }

  /** Must be called after the parameters have changed. */
  parametersChanged(): void {
    this.#panelsFor = 'nothing';
  }

  /** [layer] the forward direction's panels of the present parameters. */
  forwardPanels(): readonly Float32Array[] {
    this.writePanels(false);
    return this.#panels.map(([forward]) => forward.floats);
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
    const { capacity, layers, features } = workspace;
    if (N > capacity.rows || B > capacity.batchSize || (training && !capacity.training))
      throw new Error('network: the workspace is too small for this batch');
    this.writePanels(training !== null);
    const half = training !== null && this.#precision === 'mixed';
    const keys = training?.dropoutKeys;
    const dropout = keys ? workspace.dropout : null;
    if (keys && dropout) this.#dropoutRows(batch, keys, dropout);

    const inputs: Stored[] = [half ? this.#halves(batch, workspace) : batch.inputs];
    for (let layer = 0; layer < config.numLayers; layer++) {
      const { outputs, dropped, cells, gates } = layers[layer];
      for (let direction = 0; direction < directionsOf(config); direction++) {
        this.#backend.lstmForward({
          ...this.#shape(batch, layer, direction),
          panels: this.#panelsOf(layer, direction, half),
          inputs: inputs[layer],
          outputs,
          cells: cells[direction],
          gates: training ? gates[direction] : null,
          scratch: workspace.scratch,
        });
      }
      const drops = dropout && dropped;
      if (drops) this.#dropLayer(outputs, dropped, dropout, N, layer);
      inputs.push(drops ? dropped : outputs);
    }

    const head = headRows(config, batch, workspace);
    if (head.sparse) this.#backend.clear(features, B * featuresOf(config));
    for (const { layer, ...rows } of head.copies) {
      this.#backend.copyRows({ ...rows, source: layers[layer].outputs, target: features });
    }
    if (dropout && config.dropout > 0) this.#dropFeatures(features, dropout, B);
    this.#backend.linearForward({
      ...this.#linear(features, B),
      bias: this.#view('fc.bias'),
      outputs: workspace.logits,
    });
    this.#pass = { batch, workspace, inputs, head, dropout };
    return workspace.logits.subarray(0, B * config.numClasses);
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
    const { batch, workspace, dropout, head } = pass;
    const { layers, scratch, features } = workspace;
    if (!workspace.gradients) throw new Error('network: backward needs a workspace for training');
    let [dOutputs, dBelow] = workspace.gradients;
    const outputs = batch.rows * directionsOf(config) * config.hiddenSize;
    const dFeatures = features;
    this.#backend.linearBackward({
      ...this.#linear(features, batch.batchSize),
      dOutputs: dLogits,
      dInputs: dFeatures,
      dWeight: this.#layout.view(gradients, 'fc.weight'),
      dBias: this.#layout.view(gradients, 'fc.bias'),
      scratch,
    });
    if (dropout && config.dropout > 0) this.#dropFeatures(dFeatures, dropout, batch.batchSize);

    this.#backend.clear(dOutputs, outputs);
    for (let layer = config.numLayers - 1; layer >= 0; layer--) {
      for (const { layer: from, sourceOffsets, targetOffsets, ...rows } of head.copies) {
        if (from !== layer) continue;
        const back = { sourceOffsets: targetOffsets, targetOffsets: sourceOffsets, accumulate: true };
        this.#backend.copyRows({ ...rows, ...back, source: dFeatures, target: dOutputs });
      }
      const below = layer === 0 ? dInputs : dBelow;
      if (layer > 0) this.#backend.clear(dBelow, outputs);
      for (let direction = 0; direction < directionsOf(config); direction++) {
        this.#backend.lstmBackward({
          ...this.#shape(batch, layer, direction),
          panels: this.#panelsOf(layer, direction, this.#precision === 'mixed'),
          inputs: pass.inputs[layer],
          outputs: layers[layer].outputs,
          cells: layers[layer].cells[direction],
          gates: layers[layer].gates[direction]!,
          dOutputs,
          dInputs: below,
          dWeights: this.#layout.lstm(gradients, layer, direction),
          scratch,
        });
      }
      if (layer > 0 && dropout && config.layerDropout > 0) this.#drop(dBelow, dropout, batch.rows, layer - 1);
      [dOutputs, dBelow] = [dBelow, dOutputs];
    }
  }

  /** [layer] outputs [N, D·H] and, by direction, cells [N, H], of the last pass. */
  states(): Workspace['layers'] {
    if (!this.#pass) throw new Error('network: there has been no pass yet');
    return this.#pass.workspace.layers;
  }

  /**
   * Brings the panels up to date; `forward` calls it. Threads whose networks share panels each write some of them, and
   * wait for each other before they compute.
   *
   * @param thread which of how many threads this is
   */
  writePanels(training: boolean, thread = { index: 0, of: 1 }): void {
    const half = training && this.#precision === 'mixed';
    const wanted = training ? 'training' : 'inference';
    if (this.#panelsFor === wanted) return;
    if (this.#panelsFor === 'training' && this.#precision === 'float32') return; // holds what inference reads
    const directions = directionsOf(this.config);
    for (let n = thread.index; n < this.config.numLayers * directions; n += thread.of) {
      const [layer, direction] = [Math.floor(n / directions), n % directions];
      this.#backend.lstmPanels({
        inputSize: layerInputSize(this.config, layer),
        hiddenSize: this.config.hiddenSize,
        weights: this.#layout.lstm(this.#parameters, layer, direction),
        panels: this.#panelsOf(layer, direction, half),
        backward: training,
      });
    }
    this.#panelsFor = wanted;
  }

  #panelsOf(layer: number, direction: number, half: boolean): Stored {
    const { floats, halves } = this.#panels[layer][direction];
    return half ? halves : floats;
  }

  /** The batch's inputs as halves. */
  #halves(batch: PackedInputs, { inputs, start }: Workspace): Stored {
    if (!inputs) throw new Error('network: mixed precision needs a workspace for it');
    const width = batch.rows * this.config.inputSize;
    start.fill(0);
    this.#backend.copyRows({
      rows: 1,
      width,
      source: batch.inputs,
      sourceOffsets: start,
      target: inputs,
      targetOffsets: start,
      scales: null,
      accumulate: false,
    });
    return inputs;
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

  /** A key and a first counter for every row: the sequence's key, and a counter that grows with the step. */
  #dropoutRows(batch: PackedInputs, sequenceKeys: Int32Array, { keys, offsets }: DropoutRows): void {
    const width = directionsOf(this.config) * this.config.hiddenSize;
    let row = 0;
    batch.batchSizes.forEach((running, t) => {
      for (let k = 0; k < 2 * running; k++) keys[2 * row + k] = sequenceKeys[k];
      offsets.fill(t * width, row, row + running);
      row += running;
    });
  }

  /** A layer's outputs, dropped out for the next. */
  #dropLayer(outputs: Stored, dropped: Stored, rows: DropoutRows, N: number, layer: number): void {
    dropped.set(outputs.subarray(0, N * directionsOf(this.config) * this.config.hiddenSize));
    this.#drop(dropped, rows, N, layer);
  }

  #drop(values: Stored, rows: DropoutRows, N: number, layer: number): void {
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
  #dropFeatures(values: Float32Array, rows: DropoutRows, B: number): void {
    const width = featuresOf(this.config);
    this.#backend.dropout({ ...rows, rows: B, width, values, rate: this.config.dropout, stream: 0 });
  }
}

/** Floats of the panels of a layer and direction, enough for training and for inference. */
function panelsLengthOf(
  config: ResolvedClassifierConfig,
  backend: Backend,
  layer: number,
  precision: Precision,
): number {
  const length = (backward: boolean) =>
    backend.lstmPanelsLength(layerInputSize(config, layer), config.hiddenSize, backward);
  return precision === 'mixed' ? Math.max(length(false), Math.ceil(length(true) / 2)) : length(true);
}
