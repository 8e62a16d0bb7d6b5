/**
 * First part of an update: the sum of a batch's gradients. Threads take shards; a shard goes forward and backward in
 * passes; shards are added in their order, so the sums are the same additions for any number of threads.
 */
import type { Backend } from '../../backends/backend.js';
import { isAugmenting } from '../../data/augmentation.js';
import { type PackedBatch, packBatch } from '../../data/batch.js';
import type { AugmentedSource, SequenceSource } from '../../data/sequence.js';
import { openAugmented } from '../../data/sources.js';
import { firstIndices } from '../../data/split.js';
import type { Network } from '../../model/network.js';
import type { Workspace } from '../../model/workspace.js';
import { deriveKey } from '../../random.js';
import type { Control } from './control.js';
import {
  PASS_SIZE,
  shardCount,
  type TeamMember,
  type TrainCommand,
  type TrainingMember,
} from './team-protocol.js';

/** Separates the keys of dropout from other random numbers of the same seed. */
export const DROPOUT_STREAM = 0x64726f70; // 'drop'

export class GradientSum {
  readonly #member: TeamMember;
  readonly #training: TrainingMember;
  readonly #backend: Backend;
  readonly #control: Control;
  readonly #network: Network;
  readonly #workspace: Workspace;
  readonly #source: SequenceSource;
  /** Null without augmentation. */
  readonly #augmented: AugmentedSource | null;
  /** 0, 1, 2 …: places of drawn sequences in their source. */
  readonly #places: Int32Array;

  constructor(
    member: TeamMember,
    training: TrainingMember,
    parts: {
      backend: Backend;
      control: Control;
      network: Network;
      workspace: Workspace;
      source: SequenceSource;
    },
  ) {
    this.#member = member;
    this.#training = training;
    this.#backend = parts.backend;
    this.#control = parts.control;
    this.#network = parts.network;
    this.#workspace = parts.workspace;
    this.#source = parts.source;
    const { augmentation, settings } = training;
    const data = member.parts.train;
    this.#augmented =
      data && isAugmenting(augmentation) ? openAugmented(data, augmentation, settings.seed) : null;
    this.#places = firstIndices(PASS_SIZE);
  }

  /**
   * Runs shards of the batch until none is left. When all threads have, `total` holds the sum of the gradients of the
   * mean loss, times `scale`, and `sums` the sum of the losses and the number of correct answers.
   * @param batch of the epoch, from 0
   * @returns sequences of the batch
   */
  run(command: TrainCommand, batch: number, scale: number): number {
    const { settings, shardSize, sums, total, own } = this.#training;
    const begin = batch * settings.batchSize;
    const end = Math.min(command.order.length, begin + settings.batchSize);
    const count = end - begin;
    const shards = shardCount(count, shardSize);
    for (let shard = this.#control.takeShard(); shard < shards; shard = this.#control.takeShard()) {
      const shardEnd = Math.min(end, begin + (shard + 1) * shardSize);
      let loss = 0;
      let correct = 0;
      this.#backend.clear(own.gradients, own.gradients.length);
      for (let from = begin + shard * shardSize; from < shardEnd; from += PASS_SIZE) {
        const indices = command.order.subarray(from, Math.min(shardEnd, from + PASS_SIZE));
        const packed = this.#pack(indices, command.epoch);
        const dropoutKeys = this.#dropoutKeys(command.epoch, indices, packed);
        const logits = this.#network.forward(packed, this.#workspace, { dropoutKeys });
        loss += this.#loss(packed, logits, scale / count);
        this.#network.backward(own.dLogits.subarray(0, logits.length), own.gradients);
        correct += countCorrect(logits, packed);
      }
      this.#control.inTurn(shard, () => {
        if (shard === 0) {
          this.#backend.clear(total, total.length);
          sums.fill(0);
        }
        this.#backend.add(total, own.gradients);
        sums[0] += loss;
        sums[1] += correct;
      });
    }
    return count;
  }

  #pack(indices: Int32Array, epoch: number): PackedBatch {
    const { buffers } = this.#member.own;
    if (!this.#augmented) return packBatch(this.#source, indices, buffers);
    const drawn = this.#augmented.draw(indices, epoch);
    return packBatch(drawn, this.#places.subarray(0, indices.length), buffers);
  }

  /** The sum of a pass's losses; their gradient, times `scale`, goes to dLogits. */
  #loss(packed: PackedBatch, logits: Float32Array, scale: number): number {
    const { losses } = this.#member.own;
    this.#backend.crossEntropy({
      rows: packed.batchSize,
      classes: this.#member.model.numClasses,
      logits,
      labels: packed.labels,
      labelSmoothing: this.#training.settings.labelSmoothing,
      losses,
      dLogits: this.#training.own.dLogits,
      gradientScale: scale,
    });
    let sum = 0;
    for (let b = 0; b < packed.batchSize; b++) sum += losses[b];
    return sum;
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

function countCorrect(logits: Float32Array, { batchSize, labels }: PackedBatch): number {
  const classes = logits.length / batchSize;
  let correct = 0;
  for (let b = 0; b < batchSize; b++) {
    let best = 0;
    for (let k = 1; k < classes; k++) if (logits[b * classes + k] > logits[b * classes + best]) best = k;
    if (best === labels[b]) correct++;
  }
  return correct;
}
