/** Readers of large sets of drawings: Quick, Draw!'s binary form, sketch-rnn's arrays, moves in a file. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inflateRawSync } from 'node:zlib';
import { binaryDrawings, binaryRecord } from '#src/data/pens/binary-drawings.js';
import { parseDrawing } from '#src/data/pens/drawing-json.js';
import { decodeMoves, encodeMoves } from '#src/data/strokes/stored/moves-codec.js';
import { pickledArrays } from '#src/formats/pickle/numpy-arrays.js';
import type { Drawing } from '#src/ink/drawing.js';
import { MAX_POINT_MOVES, pointMoves } from '#src/ink/simplify.js';
import type { Random } from '#src/random.js';
import { UserError } from '#src/user-error.js';
import { decodeJson, encodeJson } from '../minimise.js';
import { chance, mutateBytes, pick } from '../mutations/byte-mutations.js';
import { type Json, mutateJson } from '../mutations/json-mutations.js';
import { mutatePickle } from '../mutations/pickle-mutations.js';
import type { Input, Openers } from '../target.js';

const RECORDS = [
  binaryRecord([
    { xs: [0, 9, 255], ys: [3, 4, 80] },
    { xs: [7], ys: [8] },
  ]),
  binaryRecord([{ xs: [0, 255], ys: [255, 0] }], { key: 2 ** 40, country: 'NL', seconds: 1e9 }),
];

/** Reads in pieces of a size that the first byte says. */
async function readBinary(input: Input): Promise<void> {
  const piece = 1 + (input[0] ?? 0);
  async function* pieces() {
    for (let at = 1; at < input.length; at += piece) yield input.slice(at, at + piece);
  }
  const named = ({ drawing }: { drawing: Drawing }) => ({ drawing, label: 'a', where: 'a' });
  for await (const { drawings } of binaryDrawings(pieces(), 'a.bin', named)) {
    for (const each of drawings) {
      if ('problem' in each) throw new UserError(each.problem);
      storedAndRead(each.drawing);
    }
  }
}

/** The moves of a drawing are the same after they were stored. */
function storedAndRead(drawing: Drawing): void {
  const moves = pointMoves(drawing);
  const length = moves.length / 4;
  assert.ok(length >= 1 && length <= MAX_POINT_MOVES);
  const rows = new Uint8Array(2 * length);
  encodeMoves(moves, rows, 0);
  const read = new Int16Array(moves.length);
  decodeMoves(rows, length, read);
  assert.deepEqual(read, moves);
}

/** The pickles in the files of test/fixtures/sketch-rnn. */
function sketchPickles(): Uint8Array[] {
  return ['python2', 'protocol2', 'protocol3', 'protocol4'].map((name) => {
    const path = fileURLToPath(new URL(`../../../../test/fixtures/sketch-rnn/${name}.npz`, import.meta.url));
    const file = readFileSync(path);
    // The first entry's local header: 30 bytes, its name, no extra field.
    const at = 30 + file.readUInt16LE(26) + file.readUInt16LE(28);
    const array = inflateRawSync(file.subarray(at, at + file.readUInt32LE(18)));
    return new Uint8Array(array.subarray(10 + array.readUInt16LE(8)));
  });
}

const DRAWINGS: Json[] = [
  {
    drawing: [
      [
        [0, 17, 255],
        [0, 3, 90],
      ],
      [[5], [5]],
    ],
    word: 'cat',
  },
  {
    strokes: [
      { x: [1.5, 1e9, -3], y: [0, 2, 1e-300] },
      { x: [0, 0, 0], y: [4, 4, 4] },
    ],
  },
];

export const OPENERS: Openers = {
  'binary-drawings': async () => ({
    make: (random: Random) => {
      const records = Array.from({ length: 1 + random.below(4) }, () => pick(random, RECORDS));
      return mutateBytes(random, new Uint8Array(Buffer.concat([Buffer.of(random.below(256)), ...records])));
    },
    run: readBinary,
  }),
  'sketch-arrays': async () => {
    const pickles = sketchPickles();
    return {
      make: (random: Random) => {
        const chosen = pick(random, pickles);
        return chance(random, 0.7) ? mutatePickle(random, chosen) : mutateBytes(random, chosen);
      },
      run: (input: Input) => {
        for (const array of pickledArrays(input, 'a.npz/train', 0)) array();
      },
    };
  },
  points: async () => ({
    make: (random: Random) => encodeJson(mutateJson(random, pick(random, DRAWINGS))),
    run: (input: Input) => storedAndRead(parseDrawing(decodeJson(input), 'a').drawing),
  }),
};
