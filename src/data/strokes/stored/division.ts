/** Divides drawings among training, validation and test, in the order in which they are read. */
import { basename } from 'node:path';
import { UserError } from '../../../user-error.js';
import { classInName, type DrawingFile } from '../../pens/drawing-files.js';
import type { PerClass } from '../../per-class.js';

export type DrawingPart = 'train' | 'validation' | 'test';
const PARTS: readonly DrawingPart[] = ['train', 'validation', 'test'];

/** Without counts and without files for the test, every seventh drawing of a class is for the test. */
const TEST_SHARE = 7;

/** Drawings of a class in each part. */
type Counts = Record<DrawingPart, number> & { seen: number };

export class Division {
  readonly #files: readonly DrawingFile[];
  readonly #perClass: PerClass | null;
  /** Whether names of files tell what is for the test. */
  readonly #isByFile: boolean;
  readonly #counts: Counts[] = [];
  /** Files that have drawings of a class that is not in their name. */
  readonly #isMixed: Uint8Array;

  constructor(files: readonly DrawingFile[], perClass: PerClass | null) {
    this.#files = files;
    this.#perClass = perClass;
    this.#isByFile = files.some(({ isTest }) => isTest);
    this.#isMixed = new Uint8Array(files.length);
  }

  /**
   * The part of the next drawing; null if there are enough of its class.
   * @param file number of its file
   * @param label number of its class
   * @param meant the part for which its file means it
   */
  partFor(file: number, label: number, meant: DrawingPart | 'any'): DrawingPart | null {
    const counts = this.#countsOf(label);
    counts.seen++;
    const part = this.#choose(counts, this.#partsOf(file), meant === 'any' ? this.#meantByName(file) : meant);
    if (part !== null) counts[part]++;
    return part;
  }

  #choose(counts: Counts, parts: readonly DrawingPart[], meant: DrawingPart | null): DrawingPart | null {
    const limits = this.#perClass;
    if (limits) {
      return (meant ? [meant] : parts).find((part) => counts[part] < limits[part]) ?? null;
    }
    return meant ?? (counts.seen % TEST_SHARE === 0 ? 'test' : 'train');
  }

  /** The parts that a file's drawings can be in. With files for the test, the others are for training and validation. */
  #partsOf(file: number): readonly DrawingPart[] {
    if (!this.#isByFile) return PARTS;
    return this.#files[file].isTest ? ['test'] : ['train', 'validation'];
  }

  #meantByName(file: number): DrawingPart | null {
    if (!this.#isByFile) return null;
    if (this.#files[file].isTest) return 'test';
    return this.#perClass ? null : 'train';
  }

  /**
   * Whether a file need not be read further: there are enough drawings of its class, and its name says that it has no
   * other one (`cat.ndjson`, `full_simplified_cat.ndjson`).
   * @param words the classes of the drawings that were read last, and their numbers
   */
  isFull(file: number, words: readonly string[], labels: readonly number[]): boolean {
    const limits = this.#perClass;
    const { name } = this.#files[file];
    if (!words.every((word) => isNamedFor(name, word))) this.#isMixed[file] = 1;
    if (!limits || words.length !== 1 || this.#isMixed[file] === 1) return false;
    const counts = this.#countsOf(labels[0]);
    return this.#partsOf(file).every((part) => counts[part] >= limits[part]);
  }

  /** @throws UserError if a part has too few drawings @param classes numbers by name */
  check(name: string, classes: ReadonlyMap<string, number>): void {
    const total = (part: DrawingPart) => this.#counts.reduce((sum, counts) => sum + counts[part], 0);
    const [train, validation, test] = PARTS.map(total);
    if (train === 0 || test === 0 || (this.#perClass && validation === 0)) {
      throw new UserError(
        `${name}: ${train} drawings are for training, ${validation} for validation and ${test} for the test; each part needs ` +
          `at least one. ${this.#wayOut(classes)}`,
        { settings: ['perClass'] },
      );
    }
    for (const [word, label] of classes) {
      if (this.#countsOf(label).train > 0) continue;
      throw new UserError(
        `${name}: no drawing of the class ${JSON.stringify(word)} is for training; add some`,
      );
    }
  }

  /** What to do where a part has no drawing. */
  #wayOut(classes: ReadonlyMap<string, number>): string {
    const limits = this.#perClass;
    if (!limits || classes.size === 0) {
      return 'Give at least 7 drawings of each class, or files for the test, named like test-cats.ndjson';
    }
    const [word, seen] = this.#fewest([...classes]);
    return (
      `The first ${limits.train} drawings of each class are for training, as was asked for, the next for validation ` +
      `(${limits.validation}) and test (${limits.test}); ${JSON.stringify(word)} has ${seen}. Ask for fewer, or for none: ` +
      'then every seventh drawing is for the test'
    );
  }

  /** The class of which the fewest drawings were seen, and their number. */
  #fewest(classes: readonly [word: string, label: number][]): [word: string, seen: number] {
    const seen = classes.map(([word, label]): [string, number] => [word, this.#countsOf(label).seen]);
    return seen.reduce((least, each) => (each[1] < least[1] ? each : least));
  }

  /** A line if classes have fewer drawings than were asked for; null otherwise. @param classes numbers by name */
  shortage(classes: ReadonlyMap<string, number>): string | null {
    const limits = this.#perClass;
    if (!limits) return null;
    const wanted = limits.train + limits.validation + limits.test;
    const short = [...classes].filter(([, label]) =>
      PARTS.some((part) => this.#countsOf(label)[part] < limits[part]),
    );
    if (short.length === 0) return null;
    const [word, seen] = this.#fewest(short);
    return (
      `${short.length} of ${classes.size} classes have fewer than the ${wanted} drawings that were asked for; ` +
      `${JSON.stringify(word)} has ${seen}`
    );
  }

  #countsOf(label: number): Counts {
    this.#counts[label] ??= { train: 0, validation: 0, test: 0, seen: 0 };
    return this.#counts[label];
  }
}

/** Whether a file's name says that it has drawings of this class only. */
function isNamedFor(file: string, word: string): boolean {
  return classInName(basename(file)).toLowerCase() === word.toLowerCase();
}
