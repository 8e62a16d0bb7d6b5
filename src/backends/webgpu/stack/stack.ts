/**
 * A stack: a small network whose layers all run in one kernel. A workgroup computes one sequence. At stage s of a pass,
 * layer l computes step s - l, so all layers work at the same time. The training kernel runs forward pass, head, loss
 * and backward pass; a second kernel adds the gradients of the weights over all rows.
 *
 * For networks in one direction without dropout, of few inputs and units, e.g. 6 layers of 32 units.
 */
import type { BatchCapacity } from '../batch-layout.js';
import type { GpuDevice } from '../device.js';
import { type Dispatch, dispatch, type Slice } from '../kernel.js';
import type { BatchOnDevice, Head, LstmLayer, PartialGradients } from '../verbs.js';
import { forwardKernel, stepsKernel } from './inference-kernels.js';
import { laneBytes, usesShuffles } from './lanes.js';
import { panelsKernel } from './panels-kernel.js';
import { activationWords, PANEL_ROWS, type StackSizes, stackSizes } from './stack-sizes.js';
import { trainingKernel } from './training-kernel.js';
import { weightGradientGroups, weightGradientsKernel } from './weight-gradients-kernel.js';

/** A network, and where its tensors begin in the parameters [P]. */
export interface StackNetwork {
  /** [L] of one direction and one hidden size. */
  layers: readonly LstmLayer[];
  head: Head;
  /** K */ classes: number;
  /** fc.weight [K, F] and fc.bias [K] */
  tensors: { weight: number; bias: number };
  /** P */ parameters: number;
  /** Rates in training. */ dropout: { features: number; outputs: number };
}

/** What decides whether, and how, a device runs a stack. */
export type StackDevice = Pick<GpuDevice, 'limits' | 'features' | 'subgroupSize'>;

export interface StackTrainArguments {
  batch: BatchOnDevice;
  /** Written by `panels` with `backward`. */ panels: Slice;
  /** [N, I'] floats. Rows past the end of a sequence are not read. */ inputs: Slice;
  /** [B] in packed order. */ labels: Slice;
  labelSmoothing: number;
  /** [1] floats: the loss scale of mixed precision. Null: 1. */ scale: Slice | null;
  /** [B] out: the loss of each sequence, not scaled. */ losses: Slice;
  /** [B] out: 1 where the largest logit (the first of equal ones) is that of the label, else 0. */ correct: Slice;
  /** `trainScratchWords` words. Their content before and after means nothing. */ scratch: Slice;
  /** Out: all tensors of all parts. Part s is the sum over rows ⌊s · N / S⌋ … in multiples of 16. */
  gradients: PartialGradients;
}

export interface StackForwardArguments {
  batch: BatchOnDevice;
  /** Written by `panels`. */ panels: Slice;
  /** [N, I'] floats */ inputs: Slice;
  /** [B, K] out. */ logits: Slice;
}

export interface StackStepsArguments {
  batch: BatchOnDevice;
  /** Written by `panels`. */ panels: Slice;
  /** [N, I'] floats */ inputs: Slice;
  /** [N, K] out: row (b, t) has the logits of the first t + 1 steps of sequence b; other rows are not written. */
  logits: Slice;
  /** `stepsScratchWords` words. */ scratch: Slice;
}

/** Largest padded hidden size and most classes of a stack. */
const MAX_UNITS = 64;
const MAX_CLASSES = 1024;

/**
 * Whether a device can run a network as a stack.
 * @param training a network with dropout is a stack only where it is not trained
 */
export function stackFits(network: StackNetwork, device: StackDevice, training: boolean): boolean {
  const { layers, head, classes, dropout } = network;
  const [{ hiddenSize, inputs, tensors }] = layers;
  if (head.name === 'flatten' || head.directions !== 1 || tensors.length !== 1) return false;
  if (training && (dropout.features > 0 || dropout.outputs > 0)) return false;
  if (hiddenSize > MAX_UNITS || classes > MAX_CLASSES) return false;
  const sizes = stackSizes(network);
  const { limits } = device;
  return (
    // The first layer's inputs take the place of the output of a layer below.
    inputs.size <= sizes.units &&
    sizes.threads <= limits.maxComputeInvocationsPerWorkgroup &&
    sizes.threads <= limits.maxComputeWorkgroupSizeX &&
    workgroupBytes(sizes, shuffleSize(device)) <= limits.maxComputeWorkgroupStorageSize
  );
}

/** Workgroup memory of the training kernel, the largest of a stack's kernels. */
function workgroupBytes({ layers, units, threads, features, classes }: StackSizes, subgroupSize: number) {
  const operands = 2 * (layers + 1) * units;
  const dGates = 2 * (layers + 1) * units * 4;
  return 4 * (operands + dGates + features + 2 * classes) + laneBytes(threads, subgroupSize);
}

/** Threads that can exchange values by shuffles; 1 for none. */
function shuffleSize({ features, subgroupSize }: StackDevice): number {
  return features.has('subgroups') && subgroupSize !== null && usesShuffles(subgroupSize) ? subgroupSize : 1;
}

/** The kernels of a stack. */
export class Stack {
  readonly #network: StackNetwork;
  readonly #sizes: StackSizes;
  readonly #subgroupSize: number;

  /** @param device one on which the network fits */
  constructor(network: StackNetwork, device: StackDevice) {
    this.#network = network;
    this.#sizes = stackSizes(network);
    this.#subgroupSize = shuffleSize(device);
  }

  /** Words of the panels: the parameters in the order in which the kernels read them. */
  panelsWords(backward: boolean): number {
    const { panels } = this.#sizes;
    return 4 * (backward ? panels.quads : panels.backward);
  }

  /** One dispatch. @param backward also write what `train` reads */
  panels(args: { parameters: Slice; panels: Slice; backward: boolean }): Dispatch[] {
    const { parameters, backward } = args;
    const panels = { ...args.panels, size: 4 * this.panelsWords(backward) };
    const { kernel, groups } = panelsKernel(this.#network, this.#sizes, backward);
    return [dispatch(kernel, { parameters, panels }, [groups])];
  }

  /** S that suits a batch: as many parts as keep a large GPU busy, and rows enough for each. */
  splits({ rows }: BatchCapacity): number {
    return Math.max(1, Math.min(20, Math.floor(rows / (4 * PANEL_ROWS))));
  }

  trainScratchWords(batch: BatchCapacity): number {
    return activationWords(this.#sizes, batch) + batch.blocks * batch.lanes * this.#sizes.summaryFloats;
  }

  /** Losses and gradients of a batch, in two dispatches. */
  train(args: StackTrainArguments): Dispatch[] {
    const { panels, inputs, labels, labelSmoothing, scale, losses, correct, scratch, gradients } = args;
    const { capacity, words } = args.batch;
    const [activations, summaries] = this.#trainScratch(scratch, capacity);
    const options = { labelSmoothing, scaled: scale !== null, subgroupSize: this.#subgroupSize };
    const training = trainingKernel(this.#network, this.#sizes, capacity, options);
    const slices = { panels, batch: words, inputs, labels, activations, summaries, losses, correct };
    const scaling: Record<string, Slice> = scale ? { scale } : {};
    const adding = weightGradientsKernel(this.#network, this.#sizes, capacity, gradients);
    return [
      dispatch(training, { ...slices, ...scaling }, [capacity.blocks * capacity.lanes]),
      dispatch(adding, { batch: words, activations, summaries, partials: gradients.partials }, [
        weightGradientGroups(this.#network, this.#sizes),
        gradients.splits,
      ]),
    ];
  }

  /** Logits of a batch, in one dispatch. */
  forward({ batch, panels, inputs, logits }: StackForwardArguments): Dispatch[] {
    const { capacity, words } = batch;
    const kernel = forwardKernel(this.#network, this.#sizes, capacity, this.#subgroupSize);
    return [dispatch(kernel, { panels, batch: words, inputs, logits }, [capacity.blocks * capacity.lanes])];
  }

  stepsScratchWords({ rows }: BatchCapacity): number {
    return rows * this.#sizes.features;
  }

  /** Logits after every step, in one dispatch. */
  steps({ batch, panels, inputs, logits, scratch }: StackStepsArguments): Dispatch[] {
    const { capacity, words } = batch;
    const kernel = stepsKernel(this.#network, this.#sizes, capacity, this.#subgroupSize);
    const slices = { panels, batch: words, inputs, stepFeatures: scratch, logits };
    return [dispatch(kernel, slices, [capacity.blocks * capacity.lanes])];
  }

  /** The activations [N, L] and the summaries of sequences [B', F' + K]. */
  #trainScratch({ buffer, offset, size }: Slice, capacity: BatchCapacity): [Slice, Slice] {
    const bytes = 4 * activationWords(this.#sizes, capacity);
    return [
      { buffer, offset, size: bytes },
      { buffer, offset: offset + bytes, size: size - bytes },
    ];
  }
}
