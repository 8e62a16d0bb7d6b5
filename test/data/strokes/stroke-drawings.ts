/** Drawings for tests: strokes as lists of places, converted to moves and back, and random drawings. */
import fc from 'fast-check';
import { type Augmentation, NO_AUGMENTATION } from '#src/data/augmentation.js';
import type { SequenceSource } from '#src/data/sequences/sequence.js';
import { AugmentedStrokes } from '#src/data/strokes/stroke-augment.js';
import { concatenateStrokes, type StrokesInMemory } from '#src/data/strokes/stroke-examples.js';
import { DEFAULT_STROKE_PREPROCESSING } from '#src/data/strokes/stroke-preprocessing.js';
import type { StrokeSequencesData } from '#src/data/strokes/stroke-sequences.js';

export type Place = [x: number, y: number];
/** Strokes of one place or more; none in an empty drawing. */
export type Drawing = Place[][];

/** Moves `dx dy eos eod`, as in the archive. */
export function movesFrom(drawing: Drawing): Int16Array {
  const moves: number[] = [];
  let [x, y] = [0, 0];
  drawing.forEach((stroke, s) => {
    if (s > 0) moves.push(0, 0, 1, 0);
    for (const [toX, toY] of stroke) {
      moves.push(toX - x, toY - y, 0, 0);
      [x, y] = [toX, toY];
    }
  });
  return Int16Array.from([...moves, 0, 0, 1, 1]);
}

/** Decodes moves. Throws unless breaks are only between strokes and the only end is the last move, as in the archive. */
export function drawingOf(moves: ArrayLike<number>): Drawing {
  const drawing: Drawing = [];
  const count = moves.length / 4;
  let [x, y] = [0, 0];
  let stroke: Place[] = [];
  for (let n = 0; n < count; n++) {
    const [dx, dy, eos, eod] = [moves[4 * n], moves[4 * n + 1], moves[4 * n + 2], moves[4 * n + 3]];
    const fail = (why: string) => new Error(`move ${n} of ${count} (${dx} ${dy} ${eos} ${eod}): ${why}`);
    if (!Number.isFinite(dx) || !Number.isFinite(dy)) throw fail('not finite');
    if ((n === count - 1) !== (eod === 1)) throw fail('eod must be 1 in the last move only');
    if (eos === 1) {
      if (dx !== 0 || dy !== 0) throw fail('a break must not move the pen');
      if (stroke.length === 0 && !(count === 1)) throw fail('an empty stroke');
      if (stroke.length > 0) drawing.push(stroke);
      stroke = [];
    } else {
      if (eos !== 0 || eod !== 0) throw fail('flags must be 0 or 1');
      x += dx;
      y += dy;
      stroke.push([x, y]);
    }
  }
  return drawing;
}

export function dataOf(
  drawings: Drawing[],
  preprocessing: Partial<StrokeSequencesData['preprocessing']> = {},
): StrokeSequencesData & { examples: StrokesInMemory } {
  return {
    name: 'test',
    examples: concatenateStrokes(
      drawings.map(movesFrom),
      drawings.map((_, i) => i % 7),
      'test',
    ),
    preprocessing: { ...DEFAULT_STROKE_PREPROCESSING, ...preprocessing },
  };
}

/** [N, 4] the moves of sequence i. */
export function readAlone(source: SequenceSource, i: number): Float32Array {
  const steps = source.lengthOf(i);
  const target = new Float32Array(steps * 4);
  source.read(
    i,
    target,
    Int32Array.from({ length: steps }, (_, t) => t),
    0,
  );
  return target;
}

/** Random drawings with moves of up to `reach`; also empty and large ones, and strokes of one place. */
export function anyDrawing(reach: number): fc.Arbitrary<Drawing> {
  const move = fc.tuple(fc.integer({ min: -reach, max: reach }), fc.integer({ min: -reach, max: reach }));
  const start = fc.tuple(fc.integer({ min: 1, max: 28 }), fc.integer({ min: 1, max: 28 }));
  const strokeOf = (maxLength: number) =>
    fc.tuple(start, fc.array(move, { maxLength, size: 'max' })).map(([first, moves]): Place[] => {
      const stroke: Place[] = [first];
      for (const [dx, dy] of moves) {
        const [x, y] = stroke[stroke.length - 1];
        stroke.push([x + dx, y + dy]);
      }
      return stroke;
    });
  return fc.oneof(
    { weight: 8, arbitrary: fc.array(strokeOf(12), { maxLength: 6 }) },
    { weight: 1, arbitrary: fc.array(strokeOf(0), { minLength: 1, maxLength: 9 }) },
    { weight: 1, arbitrary: fc.array(strokeOf(900), { minLength: 1, maxLength: 2 }) },
  );
}

/** The augmented sequences of `data`. */
export function openVaried(
  data: StrokeSequencesData,
  amounts: Partial<Augmentation>,
  seed = 1,
): AugmentedStrokes {
  return new AugmentedStrokes({ data, augmentation: { ...NO_AUGMENTATION, ...amounts }, seed });
}

/** The variations of a drawing in the first `epochs` epochs; the data set has no other drawing. */
export function draws(drawing: Drawing, amounts: Partial<Augmentation>, epochs: number, seed = 1): Drawing[] {
  const source = openVaried(dataOf([drawing]), amounts, seed);
  return Array.from({ length: epochs }, (_, epoch) => drawingOf(source.movesOf(0, epoch)));
}

/** A straight stroke of places at the distance `move`. */
export function straight(length: number, from: Place = [1, 1], move: Place = [1, 0]): Place[] {
  return Array.from({ length }, (_, n): Place => [from[0] + n * move[0], from[1] + n * move[1]]);
}
