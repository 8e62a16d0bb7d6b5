/**
 * The pieces of a picture: connected components of its ink. Specks beside a component belong to it. A component that is
 * wide may be several symbols that touch: it is cut at its thinnest columns, and grouping joins the slices again if they
 * read better together.
 */

import { type Box, type GreyPicture, type Ink, inkOf } from '../../data/inputs/ink.js';
import { checkedPicture } from '../../data/inputs/input.js';
import { withoutNoise } from '../../data/inputs/noise.js';
import { resampled } from '../../data/inputs/resample.js';
import { labelComponents } from '../../ink/label-components.js';
import { UserError } from '../../user-error.js';
import type { InputPicture, RecognizerInput } from '../prepare-input.js';
import {
  boxAround,
  distanceBetween,
  type InkPart,
  MAX_PIECES,
  type Piece,
  type SegmentedInk,
  typicalHeight,
} from './segmented-ink.js';

/** Larger pictures are reduced to this. */
const MAX_SIDE = 2048;
/** Pixels with at least this share of ink found a component. */
const INK = 0.15;
/** Pixels with a smaller share are paper. */
const FAINT = 0.5 / 255;
/** Smaller components, in heights of a symbol, are specks; as near as this to a component, they belong to it. */
const SPECK = 0.25;
const BESIDE = 0.12;
/** A component that is wider, in heights, may be several symbols. */
const WIDE = 0.9;
/** Least width of a slice, in heights, and most cuts of a component. */
const SLICE = 0.25;
const MOST_CUTS = 4;
/** Symbols touch where a column has at most this share of the component's height. */
const THIN = 0.35;
/** More components, with specks, are no number and no word. */
const MAX_COMPONENTS = 1000;
/** Paper around a symbol's picture. */
const MARGIN = 4;

/** The pieces of a picture; null if it has no ink. @throws UserError for a picture that is malformed or has colours */
export function pictureInk(input: InputPicture): SegmentedInk | null {
  const picture = checkedPicture(input);
  if (picture.channels !== 1) {
    throw new UserError(
      `read symbols: a picture of ${picture.channels} channels; give one channel, 0 for paper and 255 for ink`,
    );
  }
  const ink = cleanInk(picture);
  return ink && new PictureInk(ink, picture.width / ink.width);
}

function cleanInk(picture: GreyPicture): Ink | null {
  const ink = inkOf(picture);
  if (ink === null) return null;
  const isLarge = Math.max(ink.width, ink.height) > MAX_SIDE;
  return withoutNoise(isLarge ? resampled(ink, MAX_SIDE) : ink).ink;
}

class PictureInk implements SegmentedInk {
  readonly of = 'components';
  readonly pieces: Piece[];
  readonly height: number;
  readonly #ink: Ink;
  readonly #labels: Int32Array;
  /** The picture's pixels for one of the ink. */
  readonly #scale: number;
  /** [components] in pixels of the ink. */
  readonly #boxes: Box[];

  constructor(ink: Ink, scale: number) {
    const { labels, count } = labelComponents(ink, INK, FAINT);
    if (count > MAX_COMPONENTS) throw tooMany(count);
    this.#ink = ink;
    this.#scale = scale;
    this.#labels = labels;
    this.#boxes = boxesOf(labels, ink.width, count);
    const height = typicalHeight(this.#boxes);
    this.height = height * scale;
    this.pieces = this.#pieces(height);
    if (this.pieces.length > MAX_PIECES) throw tooMany(this.pieces.length);
  }

  partAt(part: InkPart): InkPart | null {
    const box = this.#boxes[part.index];
    const scale = this.#scale;
    const [first, end] = [Math.round(part.from / scale), Math.round(part.to / scale)];
    if (box === undefined || !(first >= box.left && first < end && end <= box.right)) return null;
    return { ...part, from: first * scale, to: end * scale };
  }

  boxOf(parts: readonly InkPart[]): Box {
    const { left, top, right, bottom } = this.#inkBox(parts);
    const scale = this.#scale;
    return { left: left * scale, top: top * scale, right: right * scale, bottom: bottom * scale };
  }

  inputOf(parts: readonly InkPart[]): RecognizerInput {
    const box = this.#inkBox(parts);
    const [wide, high] = [box.right - box.left + 2 * MARGIN, box.bottom - box.top + 2 * MARGIN];
    // A picture of exactly the network's size might be read as it is: a margin more, and it is fitted.
    const width = wide === 28 && high === 28 ? wide + 1 : wide;
    const pixels = new Uint8Array(width * high);
    this.#eachPixel(parts, (x, y, value) => {
      pixels[(y - box.top + MARGIN) * width + x - box.left + MARGIN] = Math.round(255 * value);
    });
    return { kind: 'picture', width, height: high, pixels };
  }

  cutsOf(part: InkPart): [InkPart, InkPart][] {
    const box = this.#inkBox([part]);
    const profile = this.#profile(part, box);
    const least = Math.max(1, 0.15 * profile.length);
    return minimaOf(profile, least)
      .slice(0, MOST_CUTS)
      .map((column) => this.#cut(part, box.left + column));
  }

  #cut(part: InkPart, column: number): [InkPart, InkPart] {
    const at = column * this.#scale;
    return [
      { ...part, to: at },
      { ...part, from: at },
    ];
  }

  #pieces(height: number): Piece[] {
    const whole = this.#boxes.map(
      (box, index): InkPart => ({ index, from: box.left * this.#scale, to: box.right * this.#scale }),
    );
    const sizeOf = ({ left, top, right, bottom }: Box) => Math.max(right - left, bottom - top);
    const isSpeck = this.#boxes.map((box) => sizeOf(box) < SPECK * height);
    const groups: InkPart[][] = whole.map((part) => [part]);
    this.#boxes.forEach((box, n) => {
      if (!isSpeck[n]) return;
      let [nearest, distance] = [-1, BESIDE * height];
      this.#boxes.forEach((other, m) => {
        if (isSpeck[m] || distanceBetween(box, other) > distance) return;
        [nearest, distance] = [m, distanceBetween(box, other)];
      });
      if (nearest < 0) return;
      groups[nearest].push(whole[n]);
      groups[n] = [];
    });
    const pieces: Piece[] = [];
    for (const parts of groups.filter((each) => each.length > 0)) {
      const slices = this.#slices(parts, height);
      const first = pieces.length;
      slices.forEach((slice, n) => {
        const touching = [n - 1, n + 1].filter((k) => k >= 0 && k < slices.length).map((k) => first + k);
        pieces.push({ parts: slice, box: this.boxOf(slice), touching });
      });
    }
    return pieces;
  }

  /** A wide component's slices; the specks beside it stay with the slice whose columns they share. */
  #slices(parts: InkPart[], height: number): InkPart[][] {
    const [part, ...specks] = parts;
    const box = this.#boxes[part.index];
    if (box.right - box.left <= WIDE * height) return [parts];
    const profile = this.#profile(part, box);
    const limit = THIN * (box.bottom - box.top);
    const columns = minimaOf(profile, SLICE * height)
      .filter((column) => profile[column] <= limit)
      .slice(0, MOST_CUTS)
      .sort((a, b) => a - b);
    const slices: InkPart[][] = [];
    let rest = part;
    for (const column of columns) {
      const [left, right] = this.#cut(rest, box.left + column);
      slices.push([left]);
      rest = right;
    }
    slices.push([rest]);
    for (const speck of specks) {
      const middle = (speck.from + speck.to) / 2;
      (slices.find(([{ to }]) => middle < to) ?? slices[slices.length - 1]).push(speck);
    }
    return slices;
  }

  /** [columns of the box] ink of each column of a part, in pixels. */
  #profile(part: InkPart, box: Box): Float64Array {
    const profile = new Float64Array(box.right - box.left);
    this.#eachPixel([part], (x, _, value) => {
      profile[x - box.left] += value;
    });
    return profile;
  }

  #inkBox(parts: readonly InkPart[]): Box {
    const isWhole = parts.every(({ index, from, to }) => {
      const { left, right } = this.#boxes[index];
      return from <= left * this.#scale && to >= right * this.#scale;
    });
    if (isWhole) return boxAround(parts.map(({ index }) => this.#boxes[index]));
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    this.#eachPixel(parts, (x, y) => {
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y + 1);
    });
    return { left, top, right, bottom };
  }

  #eachPixel(parts: readonly InkPart[], visit: (x: number, y: number, value: number) => void): void {
    const { width, values } = this.#ink;
    for (const { index, from, to } of parts) {
      const box = this.#boxes[index];
      const first = Math.max(box.left, Math.round(from / this.#scale));
      const end = Math.min(box.right, Math.round(to / this.#scale));
      for (let y = box.top; y < box.bottom; y++) {
        for (let x = first; x < end; x++) {
          const i = y * width + x;
          if (this.#labels[i] === index + 1) visit(x, y, values[i]);
        }
      }
    }
  }
}

function tooMany(count: number): UserError {
  return new UserError(
    `read symbols: ${count} separate pieces of ink in the picture; at most ${MAX_PIECES} are accepted; ` +
      'cut the number or word out of the picture',
  );
}

/** The columns with the least ink, thinnest first, at least `apart` from each other and from both ends. */
function minimaOf(profile: Float64Array, apart: number): number[] {
  const columns = Array.from(profile.keys()).filter(
    (x) => x >= apart && x <= profile.length - apart && x > 0 && x < profile.length,
  );
  columns.sort((a, b) => profile[a] - profile[b] || a - b);
  const chosen: number[] = [];
  for (const x of columns) if (chosen.every((other) => Math.abs(other - x) >= apart)) chosen.push(x);
  return chosen;
}

function boxesOf(labels: Int32Array, width: number, count: number): Box[] {
  const boxes = Array.from({ length: count }, () => ({
    left: width,
    top: labels.length,
    right: 0,
    bottom: 0,
  }));
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] === 0) continue;
    const box = boxes[labels[i] - 1];
    const x = i % width;
    const y = (i - x) / width;
    if (x < box.left) box.left = x;
    if (x >= box.right) box.right = x + 1;
    if (y < box.top) box.top = y;
    box.bottom = Math.max(box.bottom, y + 1);
  }
  return boxes;
}
