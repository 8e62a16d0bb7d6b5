/**
 * A network on a GPU, layer by layer. The counterpart of network.ts: the order of the verbs, forward and back, and where
 * each buffer lies.
 *
 *   inputs [N, I'] → LSTM layers → outputs [N, D·H'] → (head) features [B, F'] → dropout → linear → logits [B, K]
 */
import type { GpuDevice } from '../../backends/webgpu/device.js';
import { crossEntropy } from '../../backends/webgpu/head/cross-entropy.js';
import { dropout } from '../../backends/webgpu/head/dropout.js';
import { headBackward, headForward } from '../../backends/webgpu/head/head.js';
import { linearBackward, linearForward } from '../../backends/webgpu/head/linear.js';
import type { Dispatch, Slice } from '../../backends/webgpu/kernel.js';
import {
  type BatchOnDevice,
  deviceColumns,
  featureColumns,
  type Head,
  type LinearArguments,
  type LstmForwardArguments,
  type LstmKernels,
  type LstmLayer,
  padded,
  type Storage,
  storageWords,
} from '../../backends/webgpu/verbs.js';
import { directionsOf } from '../classifier-config.js';
import type { ParameterLayout } from '../parameters.js';
import { chooseLstm } from './choose-lstm.js';
import {
  type Allocate,
  type BatchBuffers,
  type DevicePlan,
  deviceHead,
  deviceLayers,
  linearTensors,
  storageOf,
} from './device-plan.js';
import type { ForwardOptions, NetworkPasses, TrainingOptions } from './network-passes.js';

/** The buffers of a layer: floats or, in mixed precision, halves in pairs. */
export interface LayerBuffers {
  layer: LstmLayer;
  kernels: LstmKernels;
  panels: Slice;
  /** [N, D·H'] */ outputs: Slice;
  /** [N, D·H'] outputs after dropout, where there is any before the next layer. */ dropped: Slice | null;
  /** [N, D·H'] */ cells: Slice;
  /** [N, D·H', 4]; in inference one buffer for all layers. */ gates: Slice;
}

/** Buffers of the backward pass. */
interface GradientBuffers {
  /** [B, K] */ dLogits: Slice;
  /** [N, D·H'] floats: the gradient of a layer's outputs, then of its inputs, the outputs of the layer below. */
  dOutputs: Slice;
  /** [N, I'] floats; null: not computed. */ dInputs: Slice | null;
}

export class LayeredNetwork implements NetworkPasses {
  readonly layers: readonly LayerBuffers[];
  readonly gradients: GradientBuffers | null;
  readonly #plan: DevicePlan;
  readonly #parameters: Slice;
  readonly #buffers: BatchBuffers;
  /** [B, F'] floats; the backward pass overwrites them with their gradient. */
  readonly #features: Slice;
  /** For one verb at a time. */
  readonly #scratch: Slice;
  readonly #storage: Storage;
  readonly #head: Head;
  readonly #tensors: { weight: number; bias: number };

  constructor(
    device: GpuDevice,
    plan: DevicePlan,
    layout: ParameterLayout,
    parameters: Slice,
    buffers: BatchBuffers,
    allocate: Allocate,
  ) {
    const { config, capacity, training } = plan;
    this.#plan = plan;
    this.#parameters = parameters;
    this.#buffers = buffers;
    this.#storage = storageOf(plan);
    this.#head = deviceHead(config);
    this.#tensors = linearTensors(layout);
    const { rows: N } = capacity;
    const B = capacity.blocks * capacity.lanes;
    const columns = deviceColumns({ parts: directionsOf(config), size: config.hiddenSize });
    const stored = (values: number) => allocate(storageWords(this.#storage, values));
    const sharedGates = training ? null : stored(4 * N * columns);
    let scratch = 0;
    this.layers = deviceLayers(config, layout).map((layer, l) => {
      const kernels = chooseLstm(device, layer, capacity, allocate);
      const drops = training && config.layerDropout > 0 && l < config.numLayers - 1;
      scratch = Math.max(scratch, kernels.scratchWords(layer, capacity));
      return {
        layer,
        kernels,
        panels: allocate(kernels.panelsWords(layer, training)),
        outputs: stored(N * columns),
        dropped: drops ? stored(N * columns) : null,
        cells: stored(N * columns),
        gates: sharedGates ?? stored(4 * N * columns),
      };
    });
    this.#features = allocate(B * deviceColumns(featureColumns(this.#head)));
    this.#scratch = allocate(scratch);
    this.gradients = training
      ? {
          dLogits: allocate(B * config.numClasses),
          dOutputs: allocate(N * columns),
          dInputs: plan.inputGradient ? allocate(N * padded(config.inputSize)) : null,
        }
      : null;
  }

  panels(): Dispatch[] {
    const { training: backward, inputGradient } = this.#plan;
    const parameters = this.#parameters;
    return this.layers.flatMap(({ kernels, layer, panels }, l) =>
      kernels.panels({ layer, parameters, panels, backward, inputGradient: l > 0 || inputGradient }),
    );
  }

  forward({ dropout: drops }: ForwardOptions): Dispatch[] {
    const batch = this.#batch();
    const storage = this.#storage;
    const features = this.#features;
    const dispatches: Dispatch[] = [];
    this.layers.forEach(({ kernels, outputs, dropped }, l) => {
      dispatches.push(...kernels.forward({ ...this.#lstm(l, drops), scratch: this.#scratch }));
      if (drops && dropped) dispatches.push(...this.#dropOutputs(l, storage, outputs, dropped));
    });
    const outputs = this.layers.map((layer, l) => (this.#headReads(l) ? layer.outputs : null));
    dispatches.push(...headForward({ head: this.#head, batch, storage, features, outputs }));
    if (drops) dispatches.push(...this.#dropFeatures());
    dispatches.push(...linearForward({ ...this.#linear(), logits: this.#buffers.logits }));
    return dispatches;
  }

  trainingPass(options: TrainingOptions): Dispatch[] {
    if (this.gradients === null) throw new Error('network: a training pass needs a network for training');
    const { labelSmoothing, classWeights, state, losses, correct } = options;
    const { logits, labels } = this.#buffers;
    const { dLogits } = this.gradients;
    const batch = this.#batch();
    const classes = this.#plan.config.numClasses;
    const smoothed = { labels, labelSmoothing, classWeights };
    const loss = { batch, classes, logits, ...smoothed, losses, correct, dLogits, state };
    return [...this.forward(options), ...crossEntropy(loss), ...this.#backward(options, this.gradients)];
  }

  /** From dLogits to the gradients of all parameters. */
  #backward({ dropout: drops, gradients }: TrainingOptions, buffers: GradientBuffers): Dispatch[] {
    const { dLogits, dOutputs, dInputs } = buffers;
    const { layers } = this;
    const batch = this.#batch();
    const features = this.#features;
    const dispatches = linearBackward({ ...this.#linear(), dLogits, dFeatures: features, gradients });
    if (drops) dispatches.push(...this.#dropFeatures());
    for (let l = layers.length - 1; l >= 0; l--) {
      const isTop = l === layers.length - 1;
      const { kernels, dropped } = layers[l];
      // The gradient of this layer's outputs: from the layer above, and from the head.
      if (drops && dropped) dispatches.push(...this.#dropOutputs(l, 'float32', dOutputs, dOutputs));
      if (this.#headReads(l)) {
        const outputs = layers.map((_, n) => (n === l ? dOutputs : null));
        const target = { outputs, storage: this.#storage, accumulate: !isTop };
        dispatches.push(...headBackward({ head: this.#head, batch, features, ...target }));
      }
      dispatches.push(
        ...kernels.backward({
          ...this.#lstm(l, drops),
          dOutputs,
          dInputs: l === 0 ? dInputs : dOutputs,
          gradients,
          scratch: this.#scratch,
        }),
      );
    }
    return dispatches;
  }

  #batch(): BatchOnDevice {
    return { capacity: this.#plan.capacity, words: this.#buffers.words };
  }

  #lstm(l: number, drops: boolean): LstmForwardArguments {
    const { layer, panels, outputs, cells, gates } = this.layers[l];
    const below = l > 0 ? this.layers[l - 1] : null;
    const inputs = below === null ? this.#buffers.inputs : (drops && below.dropped) || below.outputs;
    return { layer, batch: this.#batch(), storage: this.#storage, panels, inputs, outputs, cells, gates };
  }

  #linear(): LinearArguments {
    return {
      columns: featureColumns(this.#head),
      classes: this.#plan.config.numClasses,
      batch: this.#batch(),
      tensors: this.#tensors,
      parameters: this.#parameters,
      features: this.#features,
    };
  }

  /** The head reads outputs of layer l: of every layer for `final`, else of the last. */
  #headReads(l: number): boolean {
    return this.#head.name === 'final' || l === this.layers.length - 1;
  }

  /** Drops outputs of layer l, or their gradient. */
  #dropOutputs(l: number, storage: Storage, source: Slice, target: Slice): Dispatch[] {
    const { config } = this.#plan;
    return dropout({
      of: 'outputs',
      batch: this.#batch(),
      columns: { parts: directionsOf(config), size: config.hiddenSize },
      storage,
      source,
      target,
      rate: config.layerDropout,
      keys: this.#buffers.dropoutKeys,
      stream: 1 + l,
    });
  }

  /** Drops features, or their gradient, in place. */
  #dropFeatures(): Dispatch[] {
    const { dropout: rate } = this.#plan.config;
    if (rate === 0) return [];
    return dropout({
      of: 'features',
      batch: this.#batch(),
      columns: featureColumns(this.#head),
      storage: 'float32',
      source: this.#features,
      target: this.#features,
      rate,
      keys: this.#buffers.dropoutKeys,
      stream: 0,
    });
  }
}
