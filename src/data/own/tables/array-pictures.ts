/** Pictures and labels in arrays of NumPy: which belong together, and each picture with its label. */
import { quote } from '../../../formats/quotation.js';
import { UserError } from '../../../user-error.js';
import { meaningOf } from '../name-words.js';
import type { LeaveOut, OwnPart, OwnPicture, OwnSource } from '../own-picture.js';
import { type ArrayBytes, headerOf, numberRows, textRows } from './npy-array.js';
import type { NpyHeader } from './npy-header.js';
import { arrayShape, interleaved, type PictureShape } from './picture-shape.js';
import { labelOfNumber, PixelRange, SAMPLE_PICTURES, toPixels } from './pixel-scale.js';

/** An array by its name: `x_train`. */
export interface NamedArray {
  name: string;
  bytes: ArrayBytes;
}

/** Arrays of pictures and labels that belong together. */
export interface ArrayPair {
  part: OwnPart | null;
  pictures: ArrayBytes;
  labels: ArrayBytes;
}

/** Most labels: they are in memory. */
const MAX_ARRAY_LABELS = 2 ** 26;
/** Most columns of labels that are rows with a single 1. */
const MAX_ONE_HOT = 256;
const NAMED = 12;
const EXPECTED =
  'x_train, y_train, x_test, y_test; train_images, train_labels, test_images, test_labels; images, labels; or arr_0, arr_1 ' +
  'and perhaps arr_2, arr_3';

/**
 * Finds pairs by the names of the arrays (name-words.ts); without telling names, arr_0 and arr_1 are pictures and labels,
 * arr_2 and arr_3 those of the test.
 * @throws UserError for names that say nothing, or say the same twice
 */
export function pairArrays(arrays: readonly NamedArray[], name: string): ArrayPair[] {
  const numbered = arrays.filter((array) => /^arr_[0-3]$/.test(array.name));
  if (numbered.length === arrays.length && (arrays.length === 2 || arrays.length === 4)) {
    const [x, y, testX, testY] = numbered
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ bytes }) => bytes);
    if (!testX) return [{ part: null, pictures: x, labels: y }];
    return [
      { part: 'train', pictures: x, labels: y },
      { part: 'test', pictures: testX, labels: testY },
    ];
  }
  const found = new Map<OwnPart | null, Partial<Record<'pictures' | 'labels', NamedArray>>>();
  for (const array of arrays) {
    const { part, role } = meaningOf(array.name);
    if (role === null) continue;
    const pair = found.get(part) ?? {};
    const other = pair[role];
    if (other) {
      throw new UserError(
        `${name}: ${quote(other.name)} and ${quote(array.name)} could both be the ${role}${part ? ` for ${part}` : ''}; keep one of them`,
      );
    }
    found.set(part, { ...pair, [role]: array });
  }
  const names = arrays.slice(0, NAMED).map((array) => array.name);
  const shown = quote(names.join(', ') + (arrays.length > NAMED ? ', …' : ''), 200);
  const pairs: ArrayPair[] = [];
  for (const [part, { pictures, labels }] of found) {
    if (!pictures || !labels) {
      const one = (pictures ?? labels) as NamedArray;
      throw new UserError(
        `${name}: the array ${quote(one.name)} has no ${pictures ? 'labels' : 'pictures'} beside it; found ${shown}, expected ${EXPECTED}`,
      );
    }
    pairs.push({ part, pictures: pictures.bytes, labels: labels.bytes });
  }
  if (pairs.length === 0) throw new UserError(`${name}: expected arrays named ${EXPECTED}; found ${shown}`);
  return pairs;
}

interface OpenedPair extends ArrayPair {
  shape: PictureShape;
  count: number;
  factor: number;
  labelHeader: NpyHeader;
}

/**
 * The pictures of pairs of arrays, one pair after the other.
 * @throws UserError for arrays of other shapes, of different lengths, and for numbers that are no pixels
 */
export async function arraySource(pairs: readonly ArrayPair[], name: string): Promise<OwnSource> {
  const opened: OpenedPair[] = [];
  for (const pair of pairs) opened.push(await openPair(pair));
  async function* pictures(signal: AbortSignal | undefined, leaveOut: LeaveOut): AsyncGenerator<OwnPicture> {
    for (const pair of opened) yield* picturesOf(pair, signal, leaveOut);
  }
  return { name, pictures, total: opened.reduce((sum, { count }) => sum + count, 0) };
}

async function openPair(pair: ArrayPair): Promise<OpenedPair> {
  const { where } = pair.pictures;
  const header = await headerOf(pair.pictures);
  const labelHeader = await labelHeaderOf(pair);
  const [count = 0] = header.shape;
  const shape = arrayShape(header.shape, where);
  const [labels = 0, columns = 1] = labelHeader.shape;
  if (labelHeader.shape.length > 2 || columns > MAX_ONE_HOT || columns === 0 || labels > MAX_ARRAY_LABELS) {
    throw new UserError(
      `${pair.labels.where}: expected labels [N], or [N, classes] with a single 1 in each row, found the shape [${labelHeader.shape.join(', ')}]`,
    );
  }
  if (columns > 1 && isText(labelHeader)) {
    throw new UserError(
      `${pair.labels.where}: expected text labels [N] or [N, 1], found the shape [${labelHeader.shape.join(', ')}]; save the column of the classes`,
    );
  }
  if (labels !== count) {
    throw new UserError(
      `${where} has ${count} pictures, ${pair.labels.where} ${labels} labels; both must be of the same pictures, in the same order`,
    );
  }
  const range = new PixelRange();
  let seen = 0;
  for await (const row of numberRows(pair.pictures)) {
    range.add(row);
    if (++seen === SAMPLE_PICTURES) break;
  }
  const factor = count === 0 ? 1 : range.factor(where);
  return { ...pair, shape, count, factor, labelHeader };
}

/** @throws UserError that also names the pictures, whose file may be the only one that was given */
async function labelHeaderOf({ pictures, labels }: ArrayPair): Promise<NpyHeader> {
  try {
    return await headerOf(labels);
  } catch (error) {
    if (!(error instanceof UserError) || !error.message.startsWith(`${labels.where}: `)) throw error;
    const problem = error.message.slice(`${labels.where}: `.length);
    throw new UserError(`${labels.where}, the labels of ${pictures.where}: ${problem}`);
  }
}

async function* picturesOf(
  pair: OpenedPair,
  signal: AbortSignal | undefined,
  leaveOut: LeaveOut,
): AsyncGenerator<OwnPicture> {
  const { part, shape, factor } = pair;
  const { width, height, channels } = shape;
  const labels = labelsOf(pair, signal);
  let index = 0;
  try {
    for await (const row of numberRows(pair.pictures, signal)) {
      const next = await labels.next();
      const label = next.done ? '' : next.value;
      const where = `${pair.pictures.where}:${++index}`;
      const pixels = new Uint8Array(row.length);
      const problem = toPixels(row, factor, pixels);
      if (problem !== null) leaveOut(where, problem);
      else yield { label, part, where, width, height, channels, pixels: interleaved(pixels, shape) };
    }
  } finally {
    await labels.return(undefined);
  }
}

function isText({ type }: NpyHeader): boolean {
  return type === 'S' || type === 'U';
}

/** The labels one by one; '' for a row without a single 1. */
async function* labelsOf({ labels, labelHeader }: OpenedPair, signal?: AbortSignal): AsyncGenerator<string> {
  if (isText(labelHeader)) {
    yield* textRows(labels, signal);
    return;
  }
  for await (const row of numberRows(labels, signal)) {
    if (row.length === 1) yield labelOfNumber(row[0]);
    else yield row.filter((value) => value === 1).length === 1 ? String(row.indexOf(1)) : '';
  }
}
