/**
 * The network on packed batches: the order of the backend's calls, forward and back, and where each buffer lies. No
 * arithmetic here.
 *
 *   inputs [N, I] → LSTM layers → outputs [N, D·H] → (head) features [B, F] → dropout → linear → logits [B, K]
 *
 * In float16 and bfloat16 a pass stores activations and copies of the LSTM's weights in 16 bits. Parameters, gradients,
 * sums and the linear layer stay float32. Inference is float32, whatever the training is, unless asked otherwise.
 */
import type { Backend, GradientSums, Precision, Stored } from '../backends/backend.js';
import { viewIn } from '../backends/stored.js';
import {
  directionsOf,
  eachDirection,
  eachLayer,
  featuresOf,
  layerInputSize,
  type ResolvedClassifierConfig,
} from './classifier-config.js';
import { placeHeadRows } from './head.js';
import { type NetworkCalls, networkCalls } from './network-calls.js';
import type { ParameterLayout, ParameterViews } from './parameters.js';
import { countFloats, floatsIn, type PassPrecisions, type Workspace } from './workspace.js';

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
  calls: NetworkCalls;
  dropout: DropoutRows | null;
}

type DropoutRows = NonNullable<Workspace['dropout']>;

export class Network {
  readonly config: ResolvedClassifierConfig;
  readonly #backend: Backend;
  readonly #layout: ParameterLayout;
  readonly #parameters: ParameterViews;
  readonly #precisions: Required<PassPrecisions>;
  /** [layer][direction] panels of passes of inference and of the training, on the same bytes. */
  readonly #panels: { inference: Stored; training: Stored }[][];
  #panelsFor: 'nothing' | 'inference' | 'training' = 'nothing';
  readonly #callsIn = new WeakMap<Workspace, NetworkCalls>();
  #pass: Pass | null = null;

  /** @param panels `panelsLength` floats of the backend's memory; networks of the same parameters may share them. */
  constructor(
    config: ResolvedClassifierConfig,
    layout: ParameterLayout,
    backend: Backend,
    parameters: Float32Array,
    panels: Float32Array,
    { precision, inference = 'float32' }: PassPrecisions = { precision: 'float32' },
  ) {
    this.config = config;
    this.#precisions = { precision, inference };
    this.#backend = backend;
    this.#layout = layout;
    this.#parameters = layout.views(parameters);
    const arena = floatsIn(panels);
    this.#panels = eachLayer(config, (layer) =>
      eachDirection(config, () => {
        const floats = arena.take(panelsLengthOf(config, backend, layer, this.#precisions));
        return { inference: viewIn(inference, floats), training: viewIn(precision, floats) };
      }),
    );
  }

  /** Floats that the constructor's `panels` needs. */
  static panelsLength(
    config: ResolvedClassifierConfig,
    backend: Backend,
    precisions: PassPrecisions = { precision: 'float32' },
  ): number {
    const arena = countFloats();
    eachLayer(config, (layer) =>
      eachDirection(config, () => arena.take(panelsLengthOf(config, backend, layer, precisions))),
    );
    return arena.used;
  }

  /** Must be called after the parameters have changed. */
  parametersChanged(): void {
    this.#panelsFor = 'nothing';
  }

  /** [layer] the forward direction's panels of the present parameters, for inference. */
  forwardPanels(): readonly Stored[] {
    this.writePanels(false);
    return this.#panels.map(([forward]) => forward.inference);
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
    const precision = training ? this.#precisions.precision : this.#precisions.inference;
    const keys = training?.dropoutKeys;
    const dropout = keys ? workspace.dropout : null;
    if (keys && dropout) this.#dropoutRows(batch, keys, dropout);

    const calls = this.#calls(workspace);
    let inputs: Stored = precision === 'float32' ? batch.inputs : this.#narrowed(batch, workspace);
    for (let layer = 0; layer < config.numLayers; layer++) {
      const { outputs, dropped, gates } = layers[layer];
      for (let direction = 0; direction < directionsOf(config); direction++) {
        const call = calls.lstmForward[layer][direction];
        call.batchSizes = batch.batchSizes;
        call.rows = N;
        call.panels = this.#panelsOf(layer, direction, training !== null);
        call.inputs = inputs;
        call.gates = training ? gates[direction] : null;
        this.#backend.lstmForward(call);
      }
      const drops = dropout && dropped;
      if (drops) this.#dropLayer(outputs, dropped, dropout, N, layer);
      inputs = drops ? dropped : outputs;
    }

    const sparse = placeHeadRows(config, batch, calls.head);
    if (sparse) this.#backend.clear(features, B * featuresOf(config));
    for (let copy = 0; copy < calls.head.length; copy++) {
      calls.toFeatures[copy].rows = calls.head[copy].rows;
      this.#backend.copyRows(calls.toFeatures[copy]);
    }
    if (dropout && config.dropout > 0) this.#dropFeatures(features, dropout, B);
    calls.linearForward.rows = B;
    this.#backend.linearForward(calls.linearForward);
    this.#pass = { batch, workspace, calls, dropout };
    return B === capacity.batchSize ? workspace.logits : workspace.logits.subarray(0, B * config.numClasses);
  }

  /**
   * Adds the gradient of every parameter to `gradients` (flat, in the parameters' layout), after a forward pass with
   * `training` in the same workspace.
   *
   * @param dLogits [B, K]
   * @param options.dInputs [N, I] zeroed, if the inputs' gradient is wanted: added to
   * @param options.sumOf [B] where the gradients are several sums
   */
  backward(
    dLogits: Float32Array,
    gradients: Float32Array,
    { dInputs = null, sumOf = null }: { dInputs?: Float32Array | null } & GradientSums = {},
  ): void {
    const { config } = this;
    const pass = this.#pass;
    if (!pass) throw new Error('network: backward needs a forward pass first');
    const { batch, workspace, dropout, calls } = pass;
    const { features } = workspace;
    if (!workspace.gradients) throw new Error('network: backward needs a workspace for training');
    const outputs = batch.rows * directionsOf(config) * config.hiddenSize;
    const { lstm, linear } = this.#layout.views(gradients);
    const call = calls.linearBackward;
    call.rows = batch.batchSize;
    call.sumOf = sumOf;
    call.dOutputs = dLogits;
    call.dWeight = linear.weight;
    call.dBias = linear.bias;
    this.#backend.linearBackward(call);
    if (dropout && config.dropout > 0) this.#dropFeatures(features, dropout, batch.batchSize);

    let [dOutputs, dBelow] = workspace.gradients;
    this.#backend.clear(dOutputs, outputs);
    for (let layer = config.numLayers - 1; layer >= 0; layer--) {
      for (let copy = 0; copy < calls.head.length; copy++) {
        if (calls.head[copy].layer !== layer) continue;
        calls.toOutputs[copy].rows = calls.head[copy].rows;
        this.#backend.copyRows(calls.toOutputs[copy]);
      }
      if (layer > 0) this.#backend.clear(dBelow, outputs);
      for (let direction = 0; direction < directionsOf(config); direction++) {
        const call = calls.lstmBackward[layer][direction];
        call.batchSizes = batch.batchSizes;
        call.rows = batch.rows;
        call.panels = this.#panelsOf(layer, direction, true);
        call.inputs = calls.lstmForward[layer][direction].inputs;
        call.sumOf = sumOf;
        if (layer === 0) call.dInputs = dInputs;
        call.dWeights = lstm[layer][direction];
        this.#backend.lstmBackward(call);
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
    const wanted = training ? 'training' : 'inference';
    const { precision, inference } = this.#precisions;
    if (this.#panelsFor === wanted) return;
    if (this.#panelsFor === 'training' && precision === inference) return; // holds what inference reads
    const directions = directionsOf(this.config);
    for (let n = thread.index; n < this.config.numLayers * directions; n += thread.of) {
      const [layer, direction] = [Math.floor(n / directions), n % directions];
      this.#backend.lstmPanels({
        inputSize: layerInputSize(this.config, layer),
        hiddenSize: this.config.hiddenSize,
        weights: this.#parameters.lstm[layer][direction],
        panels: this.#panelsOf(layer, direction, training),
        backward: training,
      });
    }
    this.#panelsFor = wanted;
  }

  #panelsOf(layer: number, direction: number, training: boolean): Stored {
    const { inference, training: forTraining } = this.#panels[layer][direction];
    return training ? forTraining : inference;
  }

  /** The batch's inputs in 16 bits. */
  #narrowed(batch: PackedInputs, { inputs, start }: Workspace): Stored {
    if (!inputs) throw new Error('network: 16-bit precisions need a workspace for them');
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

  #calls(workspace: Workspace): NetworkCalls {
    let calls = this.#callsIn.get(workspace);
    if (!calls) {
      calls = networkCalls(this.config, workspace, this.#parameters);
      this.#callsIn.set(workspace, calls);
    }
    return calls;
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
  { precision, inference = 'float32' }: PassPrecisions,
): number {
  const floats = (backward: boolean, of: Precision) => {
    const length = backend.lstmPanelsLength(layerInputSize(config, layer), config.hiddenSize, backward, of);
    return of === 'float32' ? length : Math.ceil(length / 2);
  };
  return Math.max(floats(false, inference), floats(true, precision));
}
