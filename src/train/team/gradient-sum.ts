/**
 * First part of an update: the gradients of a batch. Threads take units of it and compute each unit's gradients into
 * a buffer of its own; the buffers are added in their order, each thread its slices (parameter-slices.ts).
 *
 * **The same bits for any number of threads.** A batch is cut into sums of a few sequences, and into passes of up to
 * 32 sequences, which are several sums; both cuts follow from the size of the batch. A pass is the chain of its sums,
 * and the batch a tree of its passes (sum-tree.ts). With few threads a unit is a pass, whose sums the kernels add in this
 * order. With many threads a unit is a sum; then the threads add them in this order.
 */
import type { Backend } from '../../backends/backend.js';
import { isAugmenting } from '../../data/augmentation.js';
import { type PackedBatch, packBatch } from '../../data/sequences/batch.js';
import type { AugmentedSource, SequenceSource } from '../../data/sequences/sequence.js';
import { openAugmented } from '../../data/sources.js';
import { firstIndices } from '../../data/split.js';
import { sumWeights } from '../../model/class-weights.js';
import type { Network } from '../../model/network.js';
import type { Workspace } from '../../model/workspace.js';
import { deriveKey } from '../../random.js';
import { answerTo } from '../evaluation.js';
import { type BatchPlan, planBatch } from './batch-plan.js';
import type { Control } from './control.js';
import type { Exchange } from './exchange.js';
import type { ParameterSlices } from './parameter-slices.js';
import { PASS_SIZE, type TeamMember, type TrainCommand, type TrainingMember } from './team-protocol.js';
import type { Units } from './units.js';

/** Separates the keys of dropout from other random numbers of the same seed. */
export const DROPOUT_STREAM = 0x64726f70; // 'drop'

/** A batch of the epoch: places begin … end - 1 of the order. */
export interface BatchRange {
  begin: number;
  end: number;
}

export class GradientSum {
  readonly #member: TeamMember;
  readonly #training: TrainingMember;
  readonly #backend: Backend;
  readonly #control: Control;
  readonly #network: Network;
  readonly #workspace: Workspace;
  readonly #source: SequenceSource;
  readonly #slices: ParameterSlices;
  /** Null without augmentation. */
  readonly #augmented: AugmentedSource | null;
  /** 0, 1, 2 …: places of drawn sequences in their source. */
  readonly #places: Int32Array;
  /** By the size of the batch: of whole ones, and of the last one of an epoch. */
  readonly #plans = new Map<number, BatchPlan>();

  constructor(
    member: TeamMember,
    training: TrainingMember,
    parts: {
      backend: Backend;
      control: Control;
      network: Network;
      workspace: Workspace;
      source: SequenceSource;
      slices: ParameterSlices;
    },
  ) {
    this.#member = member;
    this.#training = training;
    this.#backend = parts.backend;
    this.#control = parts.control;
    this.#network = parts.network;
    this.#workspace = parts.workspace;
    this.#source = parts.source;
    this.#slices = parts.slices;
    const { augmentation, settings } = training;
    const data = member.parts.train;
    this.#augmented =
      data && isAugmenting(augmentation) ? openAugmented(data, augmentation, settings.seed) : null;
    this.#places = firstIndices(PASS_SIZE);
  }

  /**
   * Computes units of the batch until none is left, and adds this thread's slices. Then these slices of the sum hold the
   * gradients of the mean loss, times `scale`, and all losses of the batch are there. In an MPI job these are the slices
   * of the rank's range.
   * @param exchange in thread 0 of a rank of an MPI job
   * @returns the weight of the batch: the mean loss is the sum of the losses over it
   */
  run(command: TrainCommand, batch: BatchRange, scale: number, exchange: Exchange | null): number {
    const { threads } = command;
    const { units, waves, sum, shared } = this.#planOf(batch.end - batch.begin, threads);
    const weight = this.#weightOf(command, batch);
    let before = 0; // units of earlier waves
    for (const [n, { first, end, buffers, additions }] of waves.entries()) {
      if (n > 0) this.#control.barrier(threads);
      const after = before + end - first;
      for (let taken = this.#control.take(after); taken < after; taken = this.#control.take(after)) {
        const place = taken - before;
        const work = { units, unit: first + place, scale: scale / weight };
        this.#compute(command, batch, work, this.#training.gradients[buffers[place]]);
      }
      before = after;
      this.#control.barrier(threads);
      this.#slices.add(threads, additions);
    }
    if (shared) {
      this.#control.barrier(threads);
      exchange?.sums(shared);
      this.#control.barrier(threads);
      this.#slices.addInRange(threads, shared.additions);
    }
    this.#slices.sum = sum;
    return weight;
  }

  #planOf(count: number, threads: number): BatchPlan {
    let plan = this.#plans.get(count);
    if (!plan) {
      const { settings, ranks } = this.#training;
      const shape = { batchSize: settings.batchSize, threads, parameters: this.#member.parameters.length };
      plan = planBatch(count, shape, ranks);
      this.#plans.set(count, plan);
    }
    return plan;
  }

  /** Of the batch's sequences, in their order. */
  #weightOf({ order }: TrainCommand, { begin, end }: BatchRange): number {
    const { classWeights } = this.#training;
    if (!classWeights) return end - begin;
    const labels = order.slice(begin, end);
    for (let b = 0; b < labels.length; b++) labels[b] = this.#source.labelOf(labels[b]);
    return sumWeights(labels, classWeights);
  }

  #compute(
    command: TrainCommand,
    { begin, end }: BatchRange,
    { units, unit, scale }: { units: Units; unit: number; scale: number },
    gradients: Float32Array,
  ): void {
    const from = begin + unit * units.size;
    const indices = command.order.subarray(from, Math.min(end, from + units.size));
    const packed = this.#pack(indices, command.epoch);
    const dropoutKeys = this.#dropoutKeys(command.epoch, indices, packed);
    const logits = this.#network.forward(packed, this.#workspace, { dropoutKeys });
    this.#loss(packed, logits, from - begin, scale);
    this.#backend.clear(gradients, gradients.length);
    this.#network.backward(this.#training.own.dLogits, gradients, { sumOf: this.#sumOf(packed, units) });
  }

  #pack(indices: Int32Array, epoch: number): PackedBatch {
    const { buffers } = this.#member.own;
    if (!this.#augmented) return packBatch(this.#source, indices, buffers);
    const drawn = this.#augmented.draw(indices, epoch);
    return packBatch(drawn, this.#places.subarray(0, indices.length), buffers);
  }

  /** Loss and correctness of each sequence go to its place in the batch, the gradient, times `scale`, to dLogits. */
  #loss(packed: PackedBatch, logits: Float32Array, place: number, scale: number): void {
    const { losses } = this.#member.own;
    const { settings, own, batchLosses, batchCorrect } = this.#training;
    this.#backend.crossEntropy({
      rows: packed.batchSize,
      classes: this.#member.model.numClasses,
      logits,
      labels: packed.labels,
      labelSmoothing: settings.labelSmoothing,
      classWeights: this.#training.classWeights,
      losses,
      dLogits: own.dLogits,
      gradientScale: scale,
    });
    for (let b = 0; b < packed.batchSize; b++) {
      batchLosses[place + packed.order[b]] = losses[b];
      batchCorrect[place + packed.order[b]] = Number(isCorrect(logits, b, packed));
    }
  }

  /** [B] null where the unit is one sum. */
  #sumOf({ batchSize, order }: PackedBatch, { size, perPass, sumSize }: Units): Int32Array | null {
    if (perPass > 1 || size === sumSize || batchSize <= sumSize) return null;
    const { sumOf } = this.#training.own;
    for (let b = 0; b < batchSize; b++) sumOf[b] = Math.floor(order[b] / sumSize);
    return sumOf;
  }

  /** Null when the model drops nothing. */
  #dropoutKeys(epoch: number, indices: Int32Array, packed: PackedBatch): Int32Array | null {
    const { model } = this.#member;
    if (model.dropout === 0 && model.layerDropout === 0) return null;
    const keys = this.#training.own.dropoutKeys.subarray(0, 2 * packed.batchSize);
    for (let b = 0; b < packed.batchSize; b++) {
      const { seed } = this.#training.settings;
      const [first, second] = deriveKey(seed, DROPOUT_STREAM, epoch, indices[packed.order[b]]);
      keys[2 * b] = first;
      keys[2 * b + 1] = second;
    }
    return keys;
  }
}

function isCorrect(logits: Float32Array, b: number, { batchSize, labels }: PackedBatch): boolean {
  return answerTo({ classes: logits.length / batchSize, logits }, b) === labels[b];
}
