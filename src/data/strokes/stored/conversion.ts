/**
 * Converts files of drawings, of any size, into the two parts of a stored data set, on all cores. The files are read in
 * turns, some drawings of each in a round, and the drawings of a round are shuffled: so every block of the result has
 * drawings of all classes, also where each class has a file of its own. The result depends on the files and the counts
 * alone, not on the number of threads. Memory holds two rounds and six bytes a drawing.
 */

// Imported as an object, so that tests can replace its functions.
import fs from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Random } from '../../../random.js';
import { UserError } from '../../../user-error.js';
import { byNumberThenName, MAX_CLASSES } from '../../class-names.js';
import type { DrawingFile } from '../../pens/drawing-files.js';
import type { PerClass } from '../../per-class.js';
import type { OnProgress } from '../files/stroke-archive.js';
import { type ConvertedDrawings, MEANT_FOR } from './conversion-protocol.js';
import { ConversionThreads } from './conversion-threads.js';
import { Division } from './division.js';
import { PartWriter } from './part-writer.js';
import { ROW_BYTES } from './stored-moves.js';

/** Drawings of a round; of each file at least so many, and at most. */
const ROUND = 2 ** 15;
const OF_A_FILE = { least: 16, most: 2 ** 13 };
/** Separates these random numbers from all others. */
const ROUND_STREAM = 0x726f756e; // 'roun'
/** More than this share of lines that are no drawings is an error; asked after so many lines, and at the end. */
const MOST_PROBLEMS = 0.1;
const EARLY_LINES = 2000;
const NAMED_PROBLEMS = 3;

export interface ConversionOptions {
  /** Null: all, every seventh of a class for the test. */
  perClass: PerClass | null;
  /** Default: one a core. */
  threads?: number;
  onProgress?: OnProgress;
  signal?: AbortSignal;
}

/** What a stored data set says of itself, besides its parts. */
export interface ConvertedSummary {
  classes: string[];
  /** Lines and records that are no drawings, and the first of them with the reason. */
  problemCount: number;
  problems: string[];
  /** Which classes have fewer drawings than were asked for; null if none. */
  shortage: string | null;
}

/**
 * @param name of the data set, for messages
 * @param folder gets train.safetensors and test.safetensors
 * @param about what is noted in their metadata
 * @throws UserError if the files cannot be read, more than a tenth of their lines are no drawings, or a part is empty
 */
export async function convertDrawings(
  files: readonly DrawingFile[],
  name: string,
  folder: string,
  options: ConversionOptions,
  about: (summary: ConvertedSummary) => Record<string, string>,
): Promise<void> {
  const scratch = join(folder, 'unpacked');
  await fs.mkdir(scratch);
  const threads = new ConversionThreads(
    files,
    scratch,
    options.threads ?? availableParallelism(),
    options.signal,
  );
  const parts: Record<'train' | 'test', PartWriter | null> = { train: null, test: null };
  try {
    parts.train = await PartWriter.open(join(folder, 'train.safetensors'), name);
    parts.test = await PartWriter.open(join(folder, 'test.safetensors'), name);
    const conversion = new Conversion(
      files,
      name,
      threads,
      { train: parts.train, test: parts.test },
      options,
    );
    const summary = await conversion.run();
    for (const part of [parts.train, parts.test])
      await part.end(conversion.labels(summary.classes), about(summary));
  } finally {
    await threads.close();
    await fs.rm(scratch, { recursive: true, force: true });
    await parts.train?.close();
    await parts.test?.close();
  }
}

class Conversion {
  readonly #division: Division;
  readonly #classes = new Map<string, number>();
  /** Of each file: bytes read, and whether drawings are still wanted. */
  readonly #bytes: Float64Array;
  readonly #open: Set<number>;
  #lines = 0;
  #problemCount = 0;
  readonly #problems: string[] = [];

  constructor(
    readonly files: readonly DrawingFile[],
    readonly name: string,
    readonly threads: ConversionThreads,
    readonly parts: Record<'train' | 'test', PartWriter>,
    readonly options: ConversionOptions,
  ) {
    this.#division = new Division(files, options.perClass);
    this.#bytes = new Float64Array(files.length);
    this.#open = new Set(files.keys());
  }

  async run(): Promise<ConvertedSummary> {
    let coming = this.#ask();
    for (let round = 0; coming.length > 0; round++) {
      this.options.signal?.throwIfAborted();
      const converted = await Promise.all(coming);
      const kept = converted.flatMap((each, reply) => this.#take(each, reply));
      this.#refuseMany(EARLY_LINES);
      // The threads go on while these are written.
      coming = this.#ask();
      for (const each of coming) each.catch(() => {}); // Awaited in the next round.
      await this.#write(converted, kept, round);
      this.#report();
    }
    this.options.signal?.throwIfAborted();
    this.#refuseMany(1);
    this.#division.check(this.name, this.#classes);
    const classes = [...this.#classes.keys()].sort(byNumberThenName);
    const shortage = this.#division.shortage(this.#classes);
    return { classes, problemCount: this.#problemCount, problems: this.#problems, shortage };
  }

  /** The labels of the classes by the numbers under which the parts know them. @param classes in their order */
  labels(classes: readonly string[]): number[] {
    const order = new Map(classes.map((word, label) => [word, label]));
    return [...this.#classes.keys()].map((word) => order.get(word) as number);
  }

  #ask(): Promise<ConvertedDrawings>[] {
    const share = Math.ceil(ROUND / Math.max(1, this.#open.size));
    const most = Math.min(OF_A_FILE.most, Math.max(OF_A_FILE.least, share));
    return Array.from(this.#open, (file) => this.threads.next(file, most));
  }

  /** Divides drawings among the parts. @returns those that are kept */
  #take(converted: ConvertedDrawings, reply: number): Kept[] {
    const { file, words, wordOf, meantFor, lengths, problemCount, problems, bytes, isEnded } = converted;
    this.#bytes[file] = bytes;
    this.#lines += wordOf.length + problemCount;
    this.#problemCount += problemCount;
    for (const each of problems) if (this.#problems.length < NAMED_PROBLEMS) this.#problems.push(each);
    const numbers = words.map((word) => this.#numberOf(word));
    const kept: Kept[] = [];
    let at = 0;
    for (let n = 0; n < wordOf.length; n++) {
      const bytesOf = lengths[n] * ROW_BYTES;
      const label = numbers[wordOf[n]];
      const part = this.#division.partFor(file, label, MEANT_FOR[meantFor[n]]);
      if (part !== null) kept.push({ reply, at, rows: lengths[n], label, part });
      at += bytesOf;
    }
    if (isEnded || this.#division.isFull(file, words, numbers)) this.#open.delete(file);
    return kept;
  }

  #numberOf(word: string): number {
    const known = this.#classes.get(word);
    if (known !== undefined) return known;
    if (this.#classes.size === MAX_CLASSES) {
      throw new UserError(`${this.name}: more than ${MAX_CLASSES} classes; at most so many are accepted`);
    }
    this.#classes.set(word, this.#classes.size);
    return this.#classes.size - 1;
  }

  /** Writes the drawings of a round in random order. */
  async #write(converted: readonly ConvertedDrawings[], kept: readonly Kept[], round: number): Promise<void> {
    const order = new Random(0, ROUND_STREAM, round).shuffle(Int32Array.from(kept.keys()));
    for (const name of ['train', 'test'] as const) {
      const chosen = Array.from(order, (n) => kept[n]).filter(
        ({ part }) => (part === 'test') === (name === 'test'),
      );
      const rows = new Uint8Array(chosen.reduce((sum, each) => sum + each.rows * ROW_BYTES, 0));
      let to = 0;
      for (const { reply, at, rows: length, label, part } of chosen) {
        rows.set(converted[reply].rows.subarray(at, at + length * ROW_BYTES), to);
        to += length * ROW_BYTES;
        this.parts[name].add(length, label, part === 'validation');
      }
      await this.parts[name].write(rows);
    }
  }

  #report(): void {
    const { perClass, onProgress } = this.options;
    const what = `converting ${this.name}`;
    if (perClass) {
      const { train, validation, test } = perClass;
      const total = this.#classes.size * (train + validation + test);
      onProgress?.({ what, done: Math.min(total, this.parts.train.count + this.parts.test.count), total });
      return;
    }
    const total = this.files.reduce((sum, { bytes }) => sum + bytes, 0);
    onProgress?.({ what, done: this.#bytes.reduce((sum, bytes) => sum + bytes, 0), total });
  }

  /** @param least lines that tell */
  #refuseMany(least: number): void {
    if (this.#lines < least || this.#problemCount <= MOST_PROBLEMS * this.#lines) return;
    const others = this.#problemCount - this.#problems.length;
    throw new UserError(
      `${this.name}: ${this.#problemCount} of the first ${this.#lines} lines or records are no drawings, more than a tenth: ` +
        `${this.#problems.join('; ')}${others > 0 ? `; and ${others} more` : ''}; repair or remove them`,
    );
  }
}

/** A drawing that goes into a part. */
interface Kept {
  /** Which reply of the round has it. */
  reply: number;
  /** Its first byte there. */
  at: number;
  rows: number;
  label: number;
  part: 'train' | 'validation' | 'test';
}
