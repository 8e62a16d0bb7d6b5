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
import type { TrainingState } from '../update/training-state.js';
import type { BatchOnDevice, PartialGradients, Storage } from '../verbs.js';
import { laneBytes, usesShuffles } from './lanes.js';
import { panelsKernel } from './panels-kernel.js';
import {
  forwardKernel,
  type SequenceSetting,
  sequenceGroups,
  stepsKernel,
  trainingKernel,
} from './sequence-kernel.js';
import type { StackNetwork } from './stack-network.js';
import { type StackSizes, stackSizes, trainingScratch } from './stack-sizes.js';
import { weightGradientGroups, weightGradientsKernel } from './weight-gradients-kernel.js';

/** What decides whether, and how, a device runs a stack. */
export type StackDevice = Pick<GpuDevice, 'limits' | 'features' | 'subgroupSize' | 'isSoftware'>;

/** What all passes read. */
interface PassArguments {
  batch: BatchOnDevice;
  /** Written by `panels`. */ panels: Slice;
  /** [N, I'] Rows past the end of a sequence are not read. */ inputs: Slice;
  /** Of the inputs. All else is computed and stored as float32. */ storage: Storage;
}

export interface StackTrainArguments extends PassArguments {
  /** [B] of the pass, in packed order. */ labels: Slice;
  labelSmoothing: number;
  /** As in `CrossEntropyArguments`. */ classWeights?: Slice | null;
  /** Losses, `correct` and the state are those of `CrossEntropyArguments`. */ state: TrainingState | null;
  /** [batchSequences()] out, from firstSequence() on. */ losses: Slice;
  /** [batchSequences()] out, from firstSequence() on. */ correct: Slice;
  /** `trainScratchWords` words. Their content before and after means nothing. */ scratch: Slice;
  /** Out: all tensors of all parts. */
  gradients: PartialGradients;
}

export interface StackForwardArguments extends PassArguments {
  /** [B, K] out. */ logits: Slice;
}

export interface StackStepsArguments extends PassArguments {
  /** [N, K] out: row (b, t) has the logits of the first t + 1 steps of sequence b; other rows are not written. */
  logits: Slice;
  /** `stepsScratchWords` words. Their content before and after means nothing. */ scratch: Slice;
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
  const sizes = stackSizes(network, device.isSoftware);
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
    this.#sizes = stackSizes(network, device.isSoftware);
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

  trainScratchWords(batch: BatchCapacity): number {
    return 4 * trainingScratch(this.#sizes, batch).quads;
  }

  /** Losses and gradients of a batch, in two dispatches. */
  train(args: StackTrainArguments): Dispatch[] {
    const { batch, labels, classWeights, state, losses, correct, scratch, gradients } = args;
    const { capacity, words } = batch;
    const training = trainingKernel(this.#setting(args), args);
    const slices = {
      ...sources(args),
      labels,
      scratch,
      losses,
      correct,
      ...(state && { state: state.words }),
      ...(classWeights && { classWeights }),
    };
    const adding = weightGradientsKernel(this.#network, this.#sizes, capacity, gradients);
    const groups = weightGradientGroups(this.#network, this.#sizes);
    const { partials, splits } = gradients;
    return [
      dispatch(training, slices, sequenceGroups(capacity)),
      dispatch(adding, { batch: words, scratch, partials }, [groups, splits]),
    ];
  }

  /** Logits of a batch, in one dispatch. */
  forward(args: StackForwardArguments): Dispatch[] {
    const kernel = forwardKernel(this.#setting(args));
    return [dispatch(kernel, { ...sources(args), logits: args.logits }, sequenceGroups(args.batch.capacity))];
  }

  stepsScratchWords({ rows }: BatchCapacity): number {
    return rows * this.#sizes.features;
  }

  /** Logits after every step, in one dispatch. */
  steps(args: StackStepsArguments): Dispatch[] {
    const { logits, scratch } = args;
    const slices = { ...sources(args), stepFeatures: scratch, logits };
    return [dispatch(stepsKernel(this.#setting(args)), slices, sequenceGroups(args.batch.capacity))];
  }

  #setting({ batch, storage }: PassArguments): SequenceSetting {
    return {
      sizes: this.#sizes,
      head: this.#network.head,
      capacity: batch.capacity,
      storage,
      subgroupSize: this.#subgroupSize,
    };
  }
}

function sources({ batch, panels, inputs }: PassArguments) {
  return { panels, batch: batch.words, inputs };
}
