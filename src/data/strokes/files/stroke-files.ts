/**
 * Builds a data set from the files of the stroke archive, which come from a folder or a tar file in any order: `trainimg-N-inputdata.txt` and `testimg-N-inputdata.txt` with N from 0, `trainlabels.txt` and `testlabels.txt`
 * with a label a line, and `classes.txt`, which may be missing. Everything else (`-targetdata.txt`, `-points.txt`, a
 * README) is ignored.
 */

import { quote } from '../../../formats/quotation.js';
import { UserError } from '../../../user-error.js';
import { CLASS_NAMES_FILE, MAX_CLASS_NAMES_BYTES, parseClassNames } from '../../class-names.js';
import { concatenateStrokes, MAX_CLASSES, type StrokeDataset } from '../stroke-examples.js';
import { parseLabels, parseStrokes } from './stroke-text.js';

export type StrokePart = 'train' | 'test';

/** Limit of a file with one sequence: about 100,000 moves. */
export const MAX_SEQUENCE_BYTES = 2 ** 20;
/** Limit of a file with labels, two bytes each: about 500 times MNIST's. */
export const MAX_LABEL_BYTES = 2 ** 26;

/** The published strokes are those of MNIST; the files do not store the size of the pictures. */
const ARCHIVE_SIZE = { width: 28, height: 28 };

const SEQUENCE_FILE = /^(train|test)img-(.*)-inputdata\.txt$/;
const LABEL_FILE = /^(train|test)labels\.txt$/;
/** Numbers without leading zeros. */
const NUMBER = /^(0|[1-9][0-9]{0,8})$/;

/** The part that `train` or `test` in a file's name means. */
function partNamed(name: string): StrokePart {
  return name === 'train' ? 'train' : 'test';
}

export function sequenceFileName(part: StrokePart, number: number): string {
  return `${part}img-${number}-inputdata.txt`;
}
export function labelFileName(part: StrokePart): string {
  return `${part}labels.txt`;
}

/** Whether a file of this name marks a folder or an archive of strokes. */
export function isStrokeFile(name: string): boolean {
  return SEQUENCE_FILE.test(name) || LABEL_FILE.test(name);
}

/** Size limit of a file of this name; 0 if the file is not read. */
export function strokeFileLimit(name: string): number {
  if (SEQUENCE_FILE.test(name)) return MAX_SEQUENCE_BYTES;
  if (name === CLASS_NAMES_FILE) return MAX_CLASS_NAMES_BYTES;
  return LABEL_FILE.test(name) ? MAX_LABEL_BYTES : 0;
}

/** Collects the files one by one, in any order. */
export class StrokeFiles {
  readonly #source: string;
  readonly #sequences = { train: new Map<number, Int16Array>(), test: new Map<number, Int16Array>() };
  readonly #labels: Partial<Record<StrokePart, number[]>> = {};
  #classNames: Uint8Array | undefined;

  /** @param source the folder or archive, as messages name it */
  constructor(source: string) {
    this.#source = source;
  }

  /**
   * Adds a file.
   * @param name without folders
   * @param bytes may be overwritten after the call
   * @throws UserError naming file and line
   */
  add(name: string, bytes: Uint8Array): void {
    const where = `${this.#source}: ${name}`;
    if (name === CLASS_NAMES_FILE) {
      this.#classNames = bytes.slice();
      return;
    }
    const labels = LABEL_FILE.exec(name);
    if (labels !== null) {
      const part = partNamed(labels[1]);
      if (this.#labels[part] !== undefined) throw twice(where);
      this.#labels[part] = parseLabels(bytes, where);
      return;
    }
    const sequence = SEQUENCE_FILE.exec(name);
    if (sequence === null) return;
    const [, which, number] = sequence;
    const part = partNamed(which);
    if (!NUMBER.test(number)) {
      throw new UserError(
        `${this.#source}: ${quote(name)} is misnumbered: ${quote(number)} is no whole number from 0 without zeros in ` +
          `front; sequences are numbered ${sequenceFileName(part, 0)}, ${sequenceFileName(part, 1)} …`,
      );
    }
    if (this.#sequences[part].has(Number(number))) throw twice(where);
    this.#sequences[part].set(Number(number), parseStrokes(bytes, where));
  }

  /**
   * The data set, after the last file.
   * @throws UserError naming a missing file, or an extra one
   */
  finish(name: string): StrokeDataset {
    const [trainLabels, testLabels] = [this.#labelsOf('train'), this.#labelsOf('test')];
    const seen = [...new Set(trainLabels)].sort((a, b) => a - b);
    if (seen.length > MAX_CLASSES) {
      throw new UserError(
        `${this.#source}: ${labelFileName('train')} has ${seen.length} different labels; ` +
          `at most ${MAX_CLASSES} are accepted`,
      );
    }
    const classOf = new Map(seen.map((label, index) => [label, index]));
    const unknown = testLabels.findIndex((label) => !classOf.has(label));
    if (unknown >= 0) {
      throw new UserError(
        `${this.#source}: ${labelFileName('test')}:${unknown + 1}: the label ${testLabels[unknown]}, which no ` +
          'training sequence has',
      );
    }
    const classes =
      this.#classNames === undefined
        ? seen.map(String)
        : parseClassNames(this.#classNames, `${this.#source}: ${CLASS_NAMES_FILE}`, seen.length);
    const concatenate = (part: StrokePart, labels: number[]) =>
      concatenateStrokes(
        labels.map((_, number) => this.#sequences[part].get(number) as Int16Array),
        labels.map((label) => classOf.get(label) as number),
        this.#source,
      );
    const [train, test] = [concatenate('train', trainLabels), concatenate('test', testLabels)];
    return { name, ...ARCHIVE_SIZE, train, test, classes };
  }

  /** The labels of a part, if there is exactly one sequence for each. */
  #labelsOf(part: StrokePart): number[] {
    const sequences = this.#sequences[part];
    const labels = this.#labels[part];
    if (labels === undefined) {
      throw new UserError(
        `${this.#source}: ${labelFileName(part)} is missing; expected it beside ${sequenceFileName(part, 0)} …, with ` +
          `a label a line (${sequences.size} such sequences were found)`,
      );
    }
    const missing: number[] = [];
    for (let n = 0; n < labels.length; n++) if (!sequences.has(n)) missing.push(n);
    if (missing.length > 0) {
      const others = missing.length > 1 ? ` and ${missing.length - 1} more are missing` : ' is missing';
      throw new UserError(
        `${this.#source}: ${sequenceFileName(part, missing[0])}${others}: ${labelFileName(part)} has ` +
          `${labels.length} labels, numbers 0 to ${labels.length - 1}, and ${sequences.size} sequences were found`,
      );
    }
    if (sequences.size > labels.length) {
      const extra = [...sequences.keys()]
        .filter((n) => n >= labels.length)
        .reduce((least, n) => Math.min(least, n));
      throw new UserError(
        `${this.#source}: ${sequenceFileName(part, extra)} has no label: ${labelFileName(part)} has ` +
          `${labels.length} labels, numbers 0 to ${labels.length - 1}`,
      );
    }
    return labels;
  }
}

function twice(where: string): UserError {
  return new UserError(`${where} exists twice; keep one of them`);
}
