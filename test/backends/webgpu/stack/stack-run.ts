/** Runs the kernels of a stack on a GPU under test, and reads everything that they write. */
import { type BatchCapacity, capacityFor, layOut, layoutWords } from '#src/backends/webgpu/batch-layout.js';
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import type { Dispatch, Slice } from '#src/backends/webgpu/kernel.js';
import { Stack, type StackDevice } from '#src/backends/webgpu/stack/stack.js';
import type { StackNetwork } from '#src/backends/webgpu/stack/stack-network.js';
import { epochWords } from '#src/backends/webgpu/update/training-state.js';
import { padded, type Storage } from '#src/backends/webgpu/verbs.js';
import { numberToHalf } from '#src/half.js';
import { layerInputSize } from '#src/model/classifier-config.js';
import type { NetworkCase } from '../oracle-network.js';

export function stackNetwork({ config, layout }: NetworkCase): StackNetwork {
  const offset = (name: string) => layout.places.find((place) => place.name === name)!.offset;
  return {
    layers: Array.from({ length: config.numLayers }, (_, l) => ({
      inputs: { parts: 1, size: layerInputSize(config, l) },
      hiddenSize: config.hiddenSize,
      tensors: [
        {
          weightIh: offset(`lstm.weight_ih_l${l}`),
          weightHh: offset(`lstm.weight_hh_l${l}`),
          biasIh: offset(`lstm.bias_ih_l${l}`),
          biasHh: offset(`lstm.bias_hh_l${l}`),
        },
      ],
    })),
    head: {
      name: config.head,
      layers: config.numLayers,
      directions: 1,
      hiddenSize: config.hiddenSize,
      steps: 1,
    },
    classes: config.numClasses,
    tensors: { weight: offset('fc.weight'), bias: offset('fc.bias') },
    parameters: layout.length,
    dropout: { features: config.dropout, outputs: config.layerDropout },
  };
}

export interface RunOptions {
  capacity?: BatchCapacity;
  splits?: number;
  /** Loss scale of a training's state; without, there is no state. */
  scale?: number;
  /** The sequences are those from `first` on of a batch of `total`. */
  part?: { first: number; total: number };
  storage?: Storage;
  /** Without training. */ inference?: boolean;
  /** Changes dispatches. */ rewrite?: (dispatch: Dispatch) => Dispatch;
  /** How the kernels are made. Default: as for the device. */
  device?: Partial<StackDevice>;
}

const SGD = {
  name: 'sgd',
  momentum: 0,
  nesterov: false,
  betas: [0, 0],
  eps: 0,
  weightDecay: 0,
} as const;

/** Runs every kernel of a stack, in memory that is full of NaN. */
export async function runStack(device: GpuDevice, network: NetworkCase, options: RunOptions = {}) {
  const { config, lengths, sequences, labels, parameters, labelSmoothing } = network;
  const { storage = 'float32', scale } = options;
  const [B, I, K, P] = [lengths.length, config.inputSize, config.numClasses, parameters.length];
  const { first, total } = options.part ?? { first: 0, total: B };
  const capacity = options.capacity ?? capacityFor(B, lengths[0]);
  const laidOut = layOut(capacity, lengths, total, first);
  const { limits, features, subgroupSize, isSoftware } = device;
  const stack = new Stack(stackNetwork(network), {
    limits,
    features,
    subgroupSize,
    isSoftware,
    ...options.device,
  });
  const slices: Slice[] = [];
  const allocate = (words: number, values?: Float32Array | Int32Array | Uint32Array) => {
    const slice = device.allocate(words);
    slices.push(slice);
    device.write(slice, new Float32Array(slice.size / 4).fill(Number.NaN));
    if (values) device.write(slice, values);
    return slice;
  };
  const width = padded(I);
  const inputs = new Float32Array(capacity.rows * width);
  sequences.forEach((sequence, b) => {
    for (let t = 0; t < lengths[b]; t++) {
      inputs.set(sequence.subarray(t * I, (t + 1) * I), laidOut.rowOf(b, t) * width);
    }
  });
  const stored =
    storage === 'float32' ? inputs : new Uint32Array(Uint16Array.from(inputs, numberToHalf).buffer);
  const splits = options.splits ?? capacity.blocks;
  const epoch = scale === undefined ? null : epochWords(1, SGD, epochWith(scale));
  const state = epoch && { batches: 1, words: allocate(epoch.length, epoch) };
  const shared = {
    batch: { capacity, words: allocate(layoutWords(capacity), laidOut.words) },
    panels: allocate(stack.panelsWords(true)),
    inputs: allocate(stored.length, stored),
    storage,
  };
  const outputs = {
    losses: allocate(total),
    correct: allocate(total),
    logits: allocate(B * K),
    partials: allocate(splits * P),
    stepLogits: allocate(capacity.rows * K),
  };
  const lists = {
    panels: stack.panels({ parameters: allocate(P, parameters), panels: shared.panels, backward: true }),
    training: stack.train({
      ...shared,
      labels: allocate(B, labels),
      labelSmoothing,
      state,
      losses: outputs.losses,
      correct: outputs.correct,
      scratch: allocate(stack.trainScratchWords(capacity)),
      gradients: { partials: outputs.partials, splits, parameters: P },
    }),
    forward: stack.forward({ ...shared, logits: outputs.logits }),
    steps: stack.steps({
      ...shared,
      logits: outputs.stepLogits,
      scratch: allocate(stack.stepsScratchWords(capacity)),
    }),
  };
  const { training, ...others } = lists;
  const dispatches = [...Object.values(others).flat(), ...(options.inference ? [] : training)];
  await device.run(options.rewrite ? dispatches.map(options.rewrite) : dispatches);
  const { losses, correct, logits, partials, stepLogits } = outputs;
  const read = await device.read(
    losses,
    correct,
    logits,
    partials,
    stepLogits,
    ...(state ? [state.words] : []),
  );
  for (const slice of slices) device.release(slice);
  const [lossValues, , logitValues, partialValues, stepValues] = read.map((bytes) => new Float32Array(bytes));
  const gradients = new Float64Array(P);
  for (let n = 0; n < splits * P; n++) gradients[n % P] += partialValues[n];
  return {
    losses: lossValues.subarray(first, first + B),
    correct: new Uint32Array(read[1]).subarray(first, first + B),
    logits: logitValues.subarray(0, B * K),
    partials: partialValues,
    gradients,
    state: state && new Uint32Array(read[5]),
    /** Logits [K] after step t of sequence b. */
    stepLogits: (b: number, t: number) => {
      const row = laidOut.rowOf(b, t);
      return stepValues.subarray(row * K, (row + 1) * K);
    },
    dispatches: Object.entries(lists).map(([name, list]) => `${name} ${list.length}`),
  };
}

const epochWith = (scale: number) => ({
  firstBatch: 0,
  learningRates: [1],
  updatesBefore: 0,
  lossScale: { scale, steadySteps: 0, skippedSteps: 0 },
});

/** The same dispatch of a kernel with other code. */
export function withCode(dispatch: Dispatch, change: (code: string) => string): Dispatch {
  const { kernel } = dispatch;
  return { ...dispatch, kernel: { ...kernel, code: change(kernel.code) } };
}
