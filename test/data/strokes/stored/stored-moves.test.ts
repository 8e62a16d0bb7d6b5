/** Protects moves in a file: two bytes a move give the moves back, forwards and redrawn, for any drawing of points. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { redrawnStrokes } from '#src/data/strokes/redrawn-strokes.js';
import '#src/data/strokes/stored/stored-file.js';
import { decodeMoves, encodeMoves } from '#src/data/strokes/stored/moves-codec.js';
import { concatenateStrokes, movesOf, type StrokeExamples } from '#src/data/strokes/stroke-examples.js';
import { pointMoves } from '#src/ink/simplify.js';
import { UserError } from '#src/user-error.js';

const folder = mkdtempSync(join(tmpdir(), 'stored-moves-'));
after(() => rmSync(folder, { recursive: true }));

const coordinate = fc.integer({ min: 0, max: 255 });
const stroke = fc.array(fc.tuple(coordinate, coordinate), { minLength: 1, maxLength: 20 });
const anyMoves = fc.array(stroke, { minLength: 1, maxLength: 6 }).map((strokes) =>
  pointMoves({
    strokes: strokes.map((points) => ({ xs: points.map(([x]) => x), ys: points.map(([, y]) => y) })),
  }),
);

/** The sequences in a file, behind three other bytes. */
function stored(sequences: Int16Array[]): StrokeExamples {
  const path = join(folder, 'rows');
  const inMemory = concatenateStrokes(sequences, new Uint8Array(sequences.length), 'test');
  const bytes = new Uint8Array(3 + inMemory.moves.length / 2);
  encodeAll(sequences, bytes);
  writeFileSync(path, bytes);
  return { ...inMemory, moves: { path, start: 3 } };
}

function encodeAll(sequences: Int16Array[], bytes: Uint8Array): void {
  let at = 3;
  for (const moves of sequences) {
    encodeMoves(moves, bytes, at);
    at += moves.length / 2;
  }
}

test('moves come back from a file, in any order, also redrawn', () => {
  fc.assert(
    fc.property(fc.array(anyMoves, { minLength: 1, maxLength: 5 }), (sequences) => {
      const examples = stored(sequences);
      const memory = concatenateStrokes(sequences, new Uint8Array(sequences.length), 'test');
      for (let i = sequences.length - 1; i >= 0; i--) {
        assert.deepEqual(movesOf(examples, i).slice(), sequences[i]);
        for (const how of ['reversed', 'reordered'] as const) {
          const expected = movesOf(redrawnStrokes(memory, how), i).slice();
          assert.deepEqual(movesOf(redrawnStrokes(examples, how), i).slice(), expected);
        }
      }
    }),
    { seed: 1, numRuns: 100 },
  );
});

test('any bytes are a drawing of that many moves which ends', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2, maxLength: 60 }), (bytes) => {
      const length = Math.floor(bytes.length / 2);
      const moves = new Int16Array(4 * length);
      decodeMoves(bytes, length, moves);
      assert.deepEqual([...moves.subarray(-4)], [0, 0, 1, 1]);
      let [x, y] = [0, 0];
      for (let at = 0; at < moves.length - 4; at += 4) {
        [x, y] = [x + moves[at], y + moves[at + 1]];
        assert.ok(x >= 1 && x <= 256 && y >= 1 && y <= 256, `${x}, ${y}`);
        assert.ok(moves[at + 3] === 0);
      }
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('a file that has become shorter is named', () => {
  const examples = stored([pointMoves({ strokes: [{ xs: [0, 255], ys: [0, 9] }] })]);
  truncateSync(join(folder, 'rows'), 4);
  assert.throws(
    () => movesOf(examples, 0),
    (error) =>
      error instanceof UserError && /cannot read the cache .*rows: it has become shorter/.test(error.message),
  );
});
