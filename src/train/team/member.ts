/**
 * A thread of the team, on its own side. It runs shards of a step forward and back through the whole model, adds their gradients up in
 * a fixed order, and updates its slice of the parameters.
 *
 * A step, in every thread:
 *   take shards until none is left; of a shard, a pass at a time: forward, loss, backward; in the shard's turn add to
 *   the sum of gradients
 *   barrier; norm of the sum in fixed chunks; barrier; update chunks of the parameters; barrier; pack a share of the
 *   weights in the kernels' order; barrier
 * Which thread computes a shard or a chunk changes nothing in the result: shards and chunks are cut the same way for
 * any number of threads, and sums run in the order of shards and chunks.
 */
import type { Backend } from '../../backends/backend.js';
import { isAugmenting } from '../../data/augmentation.js';
import { type PackedBatch, packBatch } from '../../data/batch.js';
import type { AugmentedSource, SequenceSource } from '../../data/sequence.js';
import { openAugmented, openSequences } from '../../data/sources.js';
import { firstIndices } from '../../data/split.js';
import { Network } from '../../model/network.js';
import { ParameterLayout } from '../../model/parameters.js';
import { openWorkspace, type Workspace } from '../../model/workspace.js';
import { deriveKey } from '../../random.js';
import { LossScaler, readLossScale, writeLossScale } from '../loss-scale.js';
import { clipScale, type SliceUpdate, updateSlice } from '../optimizer.js';
import { Control } from './control.js';
import {
  CHUNK,
  type Command,
  type EvaluateCommand,
  PASS,
  passCapacity,
  type Reply,
  type SourceName,
  shardCount,
  type TeamMember,
  type TrainCommand,
} from './team-protocol.js';

/** Tells the keys of dropout from other random numbers of the same seed. */
const DROPOUT_STREAM = 0x64726f70; // 'drop'

/** Views of CHUNK parameters. */
type Chunk = Pick<SliceUpdate, 'parameters' | 'gradients' | 'state'>;

export class Member {
  readonly #me: TeamMember;
  readonly #backend: Backend;
  readonly #control: Control;
  readonly #network: Network;
  /** Both in the same memory. */
  readonly #workspaces: { training: Workspace; inference: Workspace };
  readonly #sources: Map<SourceName, SequenceSource>;
  readonly #augmented: AugmentedSource | null;
  /** 0, 1, 2 … for the sequences of a shard. */
  readonly #positions: Int32Array;
  readonly #chunks: Chunk[];

  /** @param backend opened in this thread */
  constructor(me: TeamMember, backend: Backend) {
    this.#me = me;
    this.#backend = backend;
    this.#control = new Control(me.control);
    const layout = new ParameterLayout(me.model);
    this.#network = new Network(me.model, layout, this.#backend, me.parameters, me.packed, me.precision);
    const workspaceFor = (training: boolean) => {
      const capacity = passCapacity(me.own.buffers.batchSizes.length, training);
      return openWorkspace(
        { config: me.model, backend, precision: me.precision, capacity },
        me.own.workspace,
      );
    };
    this.#workspaces = { training: workspaceFor(true), inference: workspaceFor(false) };
    this.#sources = new Map(
      Object.entries(me.data).map(([name, data]) => [name as SourceName, openSequences(data)]),
    );
    this.#augmented = isAugmenting(me.augmentation)
      ? openAugmented(me.data.train, me.augmentation, me.seed)
      : null;
    this.#positions = firstIndices(PASS);
    this.#chunks = cutInChunks(me);
  }

  /** Carries a command out, and says if that failed. */
  answer(command: Command): Reply {
    try {
      for (const _ of this.run(command));
      return { error: null };
    } catch (error) {
      this.#control.fail();
      return { error };
    }
  }

  /** Carries a command out as it is iterated, a step or a pass at a time. */
  *run(command: Command): Generator<void> {
    this.#pack(command);
    if (command.type === 'train') yield* this.#train(command);
    else yield* this.#evaluate(command);
  }

  /** After the parameters have changed: each thread packs its share of the weights. */
  #pack({ type, threads }: Command): void {
    this.#network.parametersChanged();
    this.#network.pack(type === 'train', { index: this.#me.index, of: threads });
    this.#control.barrier(threads);
  }

  *#train(command: TrainCommand): Generator<void> {
    const { learningRates, firstStep, steps, threads } = command;
    const scaler = new LossScaler(command.lossScale ? readLossScale(command.lossScale) : null);
    let updates = command.updatesBefore;
    for (let step = firstStep; step < steps; step++) {
      const { scale } = scaler;
      const count = this.#gradients(command, step, scale);
      this.#control.barrier(threads);
      const norm = this.#norm(threads) / scale;
      const sums = this.#me.sums;
      if (this.#me.index === 0) {
        this.#control.nextStep();
        command.losses[step] = sums[0] / count;
        command.correct[step] = sums[1];
      }
      const verdict = Number.isFinite(sums[0]) ? scaler.judge(Number.isFinite(norm)) : 'diverged';
      if (verdict === 'diverged') {
        // Ends before an update that would spoil the parameters; the loss tells the main thread.
        if (this.#me.index === 0) command.losses[step] = Number.isFinite(sums[0]) ? norm : sums[0];
        return;
      }
      if (verdict === 'update') {
        this.#update(command, { lr: learningRates[step], norm, scale, step: ++updates });
      }
      this.#control.barrier(threads);
      if (verdict === 'update') this.#pack(command);
      if (this.#me.index === 0) {
        if (command.lossScale && scaler.state) writeLossScale(command.lossScale, scaler.state);
        this.#control.advance();
      }
      if (this.#control.stopping) return;
      yield;
    }
  }

  /** The sum of the step's gradients and losses; returns how many sequences there are in the step. */
  #gradients(command: TrainCommand, step: number, scale: number): number {
    const { own, sums, total, shardSize } = this.#me;
    const begin = step * command.batchSize;
    const end = Math.min(command.order.length, begin + command.batchSize);
    const count = end - begin;
    const shards = shardCount(count, shardSize);
    for (let shard = this.#control.takeShard(); shard < shards; shard = this.#control.takeShard()) {
      const shardEnd = Math.min(end, begin + (shard + 1) * shardSize);
      let loss = 0;
      let correct = 0;
      this.#backend.clear(own.gradients, own.gradients.length);
      for (let from = begin + shard * shardSize; from < shardEnd; from += PASS) {
        const indices = command.order.subarray(from, Math.min(shardEnd, from + PASS));
        const batch = this.#trainBatch(indices, command.epoch);
        const keys = this.#dropoutKeys(command.epoch, indices, batch);
        const logits = this.#network.forward(batch, this.#workspaces.training, { dropoutKeys: keys });
        loss += this.#loss(batch, logits, this.#me.labelSmoothing, scale / count);
        this.#network.backward(own.dLogits.subarray(0, logits.length), own.gradients);
        correct += countCorrect(logits, batch);
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

  #source(name: SourceName): SequenceSource {
    const source = this.#sources.get(name);
    if (!source) throw new Error(`train: there are no sequences called ${name}`);
    return source;
  }

  #trainBatch(indices: Int32Array, epoch: number): PackedBatch {
    const { buffers } = this.#me.own;
    if (!this.#augmented) return packBatch(this.#source('train'), indices, buffers);
    const drawn = this.#augmented.draw(indices, epoch);
    return packBatch(drawn, this.#positions.subarray(0, indices.length), buffers);
  }

  /** The sum of the losses of a batch; their gradient, times `scale`, goes to own.dLogits. */
  #loss(batch: PackedBatch, logits: Float32Array, labelSmoothing: number, scale: number): number {
    const { losses, dLogits } = this.#me.own;
    this.#backend.crossEntropy({
      rows: batch.batchSize,
      classes: this.#me.model.numClasses,
      logits,
      labels: batch.labels,
      labelSmoothing,
      losses,
      dLogits,
      gradientScale: scale,
    });
    let sum = 0;
    for (let b = 0; b < batch.batchSize; b++) sum += losses[b];
    return sum;
  }

  #dropoutKeys(epoch: number, indices: Int32Array, batch: PackedBatch): Int32Array | null {
    const { model, seed, own } = this.#me;
    if (model.dropout === 0 && model.layerDropout === 0) return null;
    const keys = own.dropoutKeys.subarray(0, 2 * batch.batchSize);
    for (let b = 0; b < batch.batchSize; b++) {
      const [first, second] = deriveKey(seed, DROPOUT_STREAM, epoch, indices[batch.order[b]]);
      keys[2 * b] = first;
      keys[2 * b + 1] = second;
    }
    return keys;
  }

  /** The norm of the summed gradients, or 0 when nothing depends on it. */
  #norm(threads: number): number {
    const { partialNorms, maxNorm, precision } = this.#me;
    if (maxNorm === null && precision === 'float32') return 0;
    this.#eachChunk(threads, ({ gradients }, chunk) => {
      partialNorms[chunk] = this.#backend.sumSquares(gradients);
    });
    this.#control.barrier(threads);
    let sum = 0;
    for (const partial of partialNorms) sum += partial;
    return Math.sqrt(sum);
  }

  /** @param at the gradients' norm, the factor of the loss, and the update's number from 1 */
  #update(command: TrainCommand, at: { lr: number; norm: number; scale: number; step: number }): void {
    const { optimizer, maxNorm } = this.#me;
    const { lr, step } = at;
    const gradientScale = (maxNorm === null ? 1 : clipScale(at.norm, maxNorm)) / at.scale;
    this.#eachChunk(command.threads, (chunk) => {
      updateSlice(this.#backend, optimizer, { ...chunk, lr, gradientScale, step });
    });
  }

  /** This thread's share of the parameters, in chunks of fixed length. */
  #eachChunk(threads: number, visit: (chunk: Chunk, index: number) => void): void {
    const { length } = this.#chunks;
    const { index } = this.#me;
    const last = Math.floor(((index + 1) * length) / threads);
    for (let chunk = Math.floor((index * length) / threads); chunk < last; chunk++) {
      visit(this.#chunks[chunk], chunk);
    }
  }

  *#evaluate(command: EvaluateCommand): Generator<void> {
    const { own, model } = this.#me;
    const { indices, logits: allLogits, losses: allLosses } = command;
    const source = this.#source(command.source);
    const shards = shardCount(indices.length, PASS);
    for (let shard = this.#control.takeShard(); shard < shards; shard = this.#control.takeShard()) {
      const from = shard * PASS;
      const batch = packBatch(
        source,
        indices.subarray(from, Math.min(indices.length, from + PASS)),
        own.buffers,
      );
      const logits = this.#network.forward(batch, this.#workspaces.inference, null);
      this.#loss(batch, logits, 0, 1);
      for (let b = 0; b < batch.batchSize; b++) {
        const place = from + batch.order[b];
        const row = logits.subarray(b * model.numClasses, (b + 1) * model.numClasses);
        allLogits.set(row, place * model.numClasses);
        allLosses[place] = own.losses[b];
      }
      this.#control.advance();
      if (this.#control.stopWanted) return;
      yield;
    }
  }
}

function cutInChunks({ parameters, total, optimizerState }: TeamMember): Chunk[] {
  return Array.from({ length: Math.ceil(parameters.length / CHUNK) }, (_, chunk) => {
    const view = (vector: Float32Array) => vector.subarray(chunk * CHUNK, (chunk + 1) * CHUNK);
    return { parameters: view(parameters), gradients: view(total), state: optimizerState.map(view) };
  });
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
