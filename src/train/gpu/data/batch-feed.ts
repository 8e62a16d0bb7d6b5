/**
 * The batches of an epoch, or of an evaluation, on the device. The host sorts the sequences of many batches ahead and
 * uploads the plan (a window of batches); a dispatch of `gather` then puts the batch together that the counter on the
 * device says. Within a window nothing crosses the bus.
 *
 * A batch that does not fit the capacity is cut into passes: pass p has the sequences p · S … of the sorted batch, S
 * sequences of the capacity. A short batch may leave its last passes empty.
 */
import { type BatchCapacity, layOut } from '../../../backends/webgpu/batch-layout.js';
import {
  gather,
  gatherSettings,
  PLAN_HEADER,
  recordWords,
  SEQUENCE_WORDS,
  SETTINGS_WORDS,
} from '../../../backends/webgpu/data/gather.js';
import type { Variation } from '../../../backends/webgpu/data/image-variation.js';
import type { GpuDevice } from '../../../backends/webgpu/device.js';
import type { Dispatch, Slice } from '../../../backends/webgpu/kernel.js';
import type { Storage } from '../../../backends/webgpu/verbs.js';
import { isAugmenting } from '../../../data/augmentation.js';
import { CELLS } from '../../../data/images/displacement.js';
import { AUGMENT_STREAM, STREAM } from '../../../data/sample-words.js';
import { openSequences, type SequencesData } from '../../../data/sources.js';
import { sumWeights } from '../../../model/class-weights.js';
import { deriveKey } from '../../../random.js';
import { DROPOUT_STREAM } from '../../team/gradient-sum.js';
import type { DeviceExamples } from './device-examples.js';
import { mostStepsOf, type TrainingDraws } from './most-steps.js';
import { type Fetched, ResidentSequences, type SequenceMemory, StagedSequences } from './sequence-memory.js';
import { readHere, type StartReader } from './sequence-reader.js';

export interface FeedSettings {
  /** Sequences of a batch. */
  batchSize: number;
  /** Of a pass. */
  capacity: BatchCapacity;
  /** Passes of a batch: enough for its sequences. */
  passes: number;
  storage: Storage;
  /** Word 0: the batch of the epoch, from 0. In a buffer that no dispatch of `gather` writes. */
  counters: Slice;
  /** Where `gather` writes a pass. */
  targets: GatherTargets;
  training: TrainingDraws;
  /** Bytes of batches that are uploaded at once, unless one batch needs more. */
  windowBytes?: number;
  /** Reads sequences that the device does not have. Default: the calling thread. */
  startReader?: StartReader;
}

export interface GatherTargets {
  /** The layout's words: `BatchOnDevice.words`. */ words: Slice;
  /** [B] */ labels: Slice;
  /** [B, 2] keys of dropout; null: not computed. */ keys: Slice | null;
  /** [N, I'] */ inputs: Slice;
}

/** Sequences in an order, from which batches are cut. */
export interface FeedPlan {
  /** From 1; of an evaluation any. */
  epoch: number;
  /** Indices into the part. */
  order: Int32Array;
  /** Default 0. */
  firstBatch?: number;
  /** Default: all batches. */
  endBatch?: number;
}

/** Some milliseconds of sorting and drawing on the host, while the device computes the window before. */
const WINDOW_BYTES = 2 ** 21;

export class BatchFeed {
  readonly #device: GpuDevice;
  readonly #settings: FeedSettings;
  readonly #memory: SequenceMemory;
  readonly #variation: Variation | null;
  /** [passes] */
  readonly #passSettings: readonly Slice[];
  readonly #plan: Slice;
  readonly #planWords: Uint32Array;
  /** Batches of a window. */
  readonly #windowBatches: number;
  #work: Required<FeedPlan> = { epoch: 0, order: new Int32Array(0), firstBatch: 0, endBatch: 0 };
  /** Batches on the device. */
  #window = { first: 0, end: 0 };
  /** The window after it, where threads read ahead. */
  #ahead: { first: number; fetched: Promise<Fetched> } | null = null;
  /** [window, batchSize] place in `order` of each sequence, in packed order. */
  readonly #places: Int32Array;

  /** @throws UserError if the examples do not fit the preprocessing */
  constructor(device: GpuDevice, examples: DeviceExamples, data: SequencesData, settings: FeedSettings) {
    const { batchSize, capacity, passes, windowBytes = WINDOW_BYTES } = settings;
    if (passes * capacity.blocks * capacity.lanes < batchSize) {
      throw new Error(`gather: ${passes} passes have no room for ${batchSize} sequences`);
    }
    this.#device = device;
    this.#settings = settings;
    this.#memory = openMemory(device, examples, data, settings);
    this.#variation = this.#memory instanceof ResidentSequences ? variationOf(data, settings.training) : null;
    const { format, room } = this.#memory;
    this.#passSettings = Array.from({ length: passes }, (_, pass) => {
      const slice = device.allocate(SETTINGS_WORDS);
      device.write(slice, gatherSettings(format, pass, passes));
      return slice;
    });
    const batchWords = passes * recordWords(capacity);
    const batches = Math.ceil(openSequences(data).count / batchSize);
    this.#windowBatches = Math.max(
      1,
      Math.min(batches, Math.floor(windowBytes / 4 / batchWords), Math.floor(room / batchSize)),
    );
    this.#planWords = new Uint32Array(PLAN_HEADER.words + this.#windowBatches * batchWords);
    this.#places = new Int32Array(this.#windowBatches * batchSize);
    this.#plan = device.allocate(this.#planWords.length);
  }

  /** Writes pass `pass` of the batch that the counter says to the targets. */
  gather(pass: number): Dispatch[] {
    const { capacity, storage, counters, targets } = this.#settings;
    const { values, format, inputSize } = this.#memory;
    return gather({
      capacity,
      storage,
      inputSize,
      values,
      format,
      variation: this.#variation,
      plan: this.#plan,
      counters,
      settings: this.#passSettings[pass],
      ...targets,
    });
  }

  /** Begins an epoch or an evaluation. */
  begin({ epoch, order, firstBatch = 0, endBatch }: FeedPlan): void {
    const batches = Math.ceil(order.length / this.#settings.batchSize);
    this.#work = { epoch, order, firstBatch, endBatch: endBatch ?? batches };
    this.#window = { first: firstBatch, end: firstBatch };
    this.#ahead = null;
  }

  /** Whether `require` has nothing to do for a batch. */
  has(batch: number): boolean {
    return batch >= this.#window.first && batch < this.#window.end;
  }

  /**
   * Makes a batch ready for commands that are submitted afterwards. Call it for one batch after the other, when the
   * commands of the batches before are submitted: the device's queue keeps both in this order.
   */
  async require(batch: number): Promise<void> {
    if (this.has(batch)) return;
    const { fetched } = this.#ahead?.first === batch ? this.#ahead : this.#fetch(batch);
    this.#ahead = null;
    this.#upload(batch, await fetched);
    const { end } = this.#window;
    if (this.#memory.isConcurrent && end < this.#work.endBatch) this.#ahead = this.#fetch(end);
  }

  /** [B] the place in `order` of each sequence of a batch that is ready, in packed order. */
  placesOf(batch: number): Int32Array {
    const { batchSize } = this.#settings;
    const at = (batch - this.#window.first) * batchSize;
    return this.#places.slice(at, at + this.#sizeOf(batch));
  }

  close(): void {
    this.#memory.close();
    for (const slice of [this.#plan, ...this.#passSettings]) this.#device.release(slice);
  }

  #sizeOf(batch: number): number {
    const { batchSize } = this.#settings;
    return Math.min(batchSize, this.#work.order.length - batch * batchSize);
  }

  /** The end of the window that begins with a batch. */
  #endOf(first: number): number {
    return Math.min(this.#work.endBatch, first + this.#windowBatches);
  }

  /** The sequences of the window that begins with a batch. */
  #indicesOf(first: number): Int32Array {
    const { order } = this.#work;
    const { batchSize } = this.#settings;
    return order.subarray(first * batchSize, Math.min(order.length, this.#endOf(first) * batchSize));
  }

  #fetch(first: number): { first: number; fetched: Promise<Fetched> } {
    const { epoch, endBatch } = this.#work;
    if (first >= endBatch) throw new Error(`gather: batch ${first} of ${endBatch}`);
    const fetched = this.#memory.fetch(this.#indicesOf(first), epoch);
    fetched.catch(() => {}); // Thrown where it is awaited.
    return { first, fetched };
  }

  /** Sorts and uploads the window that begins with a batch. */
  #upload(first: number, fetched: Fetched): void {
    const { batchSize, capacity, passes, training } = this.#settings;
    const { epoch } = this.#work;
    const end = this.#endOf(first);
    const begin = first * batchSize;
    const indices = this.#indicesOf(first);
    const { lengths, starts, labels } = fetched.place();
    const words = this.#planWords;
    words[PLAN_HEADER.firstBatch] = first;
    words[PLAN_HEADER.batches] = end - first;
    if (training) {
      words.set(deriveKey(training.seed, DROPOUT_STREAM, epoch), PLAN_HEADER.dropoutKey);
      words.set(deriveKey(training.seed, AUGMENT_STREAM, epoch), PLAN_HEADER.variationKey);
      words[PLAN_HEADER.isPlain] = isAugmenting(training.augmentation, epoch) ? 0 : 1;
    }
    const sequences = capacity.blocks * capacity.lanes;
    let at: number = PLAN_HEADER.words;
    for (let from = 0; from < indices.length; from += batchSize) {
      const count = Math.min(batchSize, indices.length - from);
      const sorted = longestFirst(lengths, from, count);
      const weight = sumWeights(labels.subarray(from, from + count), training?.classWeights ?? null);
      for (let n = 0; n < count; n++) this.#places[from + n] = begin + sorted[n];
      for (let pass = 0; pass < passes; pass++) {
        const own = sorted.subarray(pass * sequences, (pass + 1) * sequences);
        const ownLengths = Int32Array.from(own, (n) => lengths[n]);
        const before = Math.min(count, pass * sequences);
        const layout = layOut(capacity, ownLengths, count, before, weight).words;
        words.set(layout, at);
        let to = at + layout.length;
        at += recordWords(capacity);
        for (const n of own) {
          words[to] = indices[n];
          words[to + 1] = starts[n];
          words[to + 2] = labels[n];
          to += SEQUENCE_WORDS;
        }
        words.fill(0, to, at);
      }
    }
    this.#device.write(this.#plan, words.subarray(0, at));
    this.#window = { first, end };
  }
}

/** Indices from … from + count − 1 sorted by length, longest first, stable: a counting sort as in data/sequences/batch.ts. */
function longestFirst(lengths: Int32Array, from: number, count: number): Int32Array {
  const end = from + count;
  let longest = 0;
  for (let n = from; n < end; n++) longest = Math.max(longest, lengths[n]);
  // How many are longer than each length: where those of the length begin.
  const places = new Int32Array(longest + 1);
  for (let n = from; n < end; n++) places[lengths[n] - 1]++;
  for (let length = longest; length > 0; length--) places[length - 1] += places[length];
  const sorted = new Int32Array(count);
  for (let n = from; n < end; n++) sorted[places[lengths[n]]++] = n;
  return sorted;
}

function openMemory(
  device: GpuDevice,
  examples: DeviceExamples,
  data: SequencesData,
  { training, batchSize, windowBytes = WINDOW_BYTES, startReader = readHere }: FeedSettings,
): SequenceMemory {
  const source = openSequences(data);
  const isVaried = training !== null && isAugmenting(training.augmentation);
  // The device varies images, but not their thickness.
  const isVariedThere = data.kind === 'images' && training?.augmentation.thickness === 0;
  if (!isVaried || isVariedThere) {
    const resident = examples.open(data);
    if (resident) return new ResidentSequences(resident, source);
  }
  const { inputSize } = source;
  const mostSteps = mostStepsOf(data, training);
  const shape = { batchSize, inputSize, mostSteps, windowBytes };
  return new StagedSequences(device, startReader(data, training), shape);
}

/** The variation that the device computes. */
function variationOf(data: SequencesData, training: TrainingDraws): Variation | null {
  if (data.kind !== 'images' || !training || !isAugmenting(training.augmentation)) return null;
  const { channels, height, width } = data.preprocessing;
  const { rotation, scale, shear, shift, elastic } = training.augmentation;
  const streams = { shape: STREAM.shape, elastic: STREAM.elastic };
  return { channels, height, width, rotation, scale, shear, shift, elastic, cells: CELLS, streams };
}
