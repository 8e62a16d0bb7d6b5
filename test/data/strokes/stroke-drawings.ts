/** Drawings for tests: strokes as lists of places, to rows and back, and random ones. */
import fc from 'fast-check';
import { type Augmentation, NO_AUGMENTATION } from '#src/data/augmentation.js';
import type { SequenceSource } from '#src/data/sequence.js';
import { AugmentedStrokes } from '#src/data/strokes/stroke-augment.js';
import { concatenateStrokes } from '#src/data/strokes/stroke-examples.js';
import { DEFAULT_STROKE_PREPROCESSING } from '#src/data/strokes/stroke-preprocessing.js';
import type { StrokeSequencesData } from '#src/data/strokes/stroke-sequences.js';

export type Place = [x: number, y: number];
/** Strokes of one place or more; none for a drawing of nothing. */
export type Drawing = Place[][];

/** Rows `dx dy eos eod` as the archive has them. */
export function rowsOf(drawing: Drawing): Int16Array {
  const rows: number[] = [];
  let [x, y] = [0, 0];
  drawing.forEach((stroke, s) => {
    if (s > 0) rows.push(0, 0, 1, 0);
    for (const [toX, toY] of stroke) {
      rows.push(toX - x, toY - y, 0, 0);
      [x, y] = [toX, toY];
    }
  });
  return Int16Array.from([...rows, 0, 0, 1, 1]);
}

/** What rows draw. Throws if they are not as the archive's: breaks between strokes only, an end at the end only. */
export function drawingOf(rows: ArrayLike<number>): Drawing {
  const drawing: Drawing = [];
  const steps = rows.length / 4;
  let [x, y] = [0, 0];
  let stroke: Place[] = [];
  for (let t = 0; t < steps; t++) {
    const [dx, dy, eos, eod] = [rows[4 * t], rows[4 * t + 1], rows[4 * t + 2], rows[4 * t + 3]];
    const fail = (why: string) => new Error(`row ${t} of ${steps} (${dx} ${dy} ${eos} ${eod}): ${why}`);
    if (!Number.isFinite(dx) || !Number.isFinite(dy)) throw fail('not finite');
    if ((t === steps - 1) !== (eod === 1)) throw fail('the end row stands at the end');
    if (eos === 1) {
      if (dx !== 0 || dy !== 0) throw fail('a lifted pen does not move');
      if (stroke.length === 0 && !(steps === 1)) throw fail('a stroke of nothing');
      if (stroke.length > 0) drawing.push(stroke);
      stroke = [];
    } else {
      if (eos !== 0 || eod !== 0) throw fail('flags are 0 or 1');
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
): StrokeSequencesData {
  return {
    name: 'test',
    examples: concatenateStrokes(
      drawings.map(rowsOf),
      drawings.map((_, i) => i % 7),
      'test',
    ),
    preprocessing: { ...DEFAULT_STROKE_PREPROCESSING, ...preprocessing },
  };
}

/** Sequence i alone, as rows [N, 4]. */
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

/** Drawings with steps of up to `reach`, also of no strokes, of strokes of one place, and large ones. */
export function anyDrawing(reach: number): fc.Arbitrary<Drawing> {
  const step = fc.tuple(fc.integer({ min: -reach, max: reach }), fc.integer({ min: -reach, max: reach }));
  const start = fc.tuple(fc.integer({ min: 1, max: 28 }), fc.integer({ min: 1, max: 28 }));
  const strokeOf = (maxLength: number) =>
    fc.tuple(start, fc.array(step, { maxLength, size: 'max' })).map(([first, steps]): Place[] => {
      const stroke: Place[] = [first];
      for (const [dx, dy] of steps) {
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

/** Sequences of `data`, varied. */
export function openVaried(
  data: StrokeSequencesData,
  amounts: Partial<Augmentation>,
  seed = 1,
): AugmentedStrokes {
  return new AugmentedStrokes({ data, augmentation: { ...NO_AUGMENTATION, ...amounts }, seed });
}

/** What a drawing, alone in a data set, becomes in so many epochs. */
export function draws(drawing: Drawing, amounts: Partial<Augmentation>, epochs: number, seed = 1): Drawing[] {
  const source = openVaried(dataOf([drawing]), amounts, seed);
  return Array.from({ length: epochs }, (_, epoch) => drawingOf(source.movesOf(0, epoch)));
}

/** A line of places, one step apart. */
export function line(length: number, from: Place = [1, 1], step: Place = [1, 0]): Place[] {
  return Array.from({ length }, (_, n): Place => [from[0] + n * step[0], from[1] + n * step[1]]);
}
