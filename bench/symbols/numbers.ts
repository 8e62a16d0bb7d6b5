/** Numbers of test digits side by side, as pictures and as drawings, with the places of their digits. */
import type { ImageExamples } from '#src/data/images/image-examples.js';
import { drawingOf } from '#src/data/inputs/input.js';
import type { Stroke } from '#src/ink/drawing.js';
import { imageToStrokes } from '#src/ink/image-to-strokes.js';
import type { Random } from '#src/random.js';
import type { RecognizerInput } from '#src/recognize/prepare-input.js';

/** How digits are set beside each other, in pixels; MNIST's digits are 20 high or wide. */
export interface Spacing {
  /** Least and largest distance between the ink of neighbours; negative: they may touch. */
  gaps: readonly [least: number, most: number];
  /** Largest offset upwards and downwards. */
  offset: number;
}

/** A number to read. */
export interface NumberSample {
  input: RecognizerInput;
  text: string;
  /** First column and column past the last of each digit. */
  places: { left: number; right: number }[];
  /** The digits one by one, as the network reads them without grouping. */
  alone: RecognizerInput[];
}

const SIDE = 28;
const MARGIN = 10;

/** A number of digits drawn from the examples. @param form as a picture, or as the strokes of the thinned digits */
export function numberSample(
  examples: ImageExamples,
  form: 'picture' | 'drawing',
  digits: number,
  { gaps, offset }: Spacing,
  random: Random,
): NumberSample {
  const between = (least: number, most: number) => least + random.below(most - least + 1);
  const chosen = Array.from({ length: digits }, () => random.below(examples.count));
  const high = SIDE + 2 * (MARGIN + offset);
  const images = chosen.map((index) =>
    examples.pixels.subarray(index * SIDE * SIDE, (index + 1) * SIDE * SIDE),
  );
  const inks = images.map(columnsOf);
  let x = MARGIN;
  const placed = inks.map(({ left, right }, n) => {
    if (n > 0) x += between(...gaps);
    const shift = x - left;
    x += right - left;
    return {
      shift,
      down: MARGIN + offset + between(-offset, offset),
      left: shift + left,
      right: shift + right,
    };
  });
  const width = x + MARGIN;
  const text = chosen.map((index) => examples.labels[index]).join('');
  const places = placed.map(({ left, right }) => ({ left, right }));
  if (form === 'picture') {
    const pixels = new Uint8Array(width * high);
    images.forEach((image, n) => {
      const { shift, down } = placed[n];
      image.forEach((value, i) => {
        if (value === 0) return;
        const at = (Math.floor(i / SIDE) + down) * width + (i % SIDE) + shift;
        pixels[at] = Math.max(pixels[at], value);
      });
    });
    const alone = images.map(
      (image): RecognizerInput => ({ kind: 'picture', width: SIDE, height: SIDE, pixels: image }),
    );
    return { input: { kind: 'picture', width, height: high, pixels }, text, places, alone };
  }
  const drawings = images.map((image) => drawingOf(imageToStrokes(image, SIDE, SIDE)));
  const strokes = drawings.flatMap(({ strokes: own }, n) =>
    own.map(
      ({ xs, ys }): Stroke => ({
        xs: Array.from(xs, (value) => value + placed[n].shift),
        ys: Array.from(ys, (value) => value + placed[n].down),
      }),
    ),
  );
  const alone = drawings.map((drawing): RecognizerInput => ({ kind: 'drawing', ...drawing }));
  // The strokes of a thinned digit are narrower than the digit.
  let first = 0;
  const drawn = drawings.map(({ strokes: own }) => {
    const xs = strokes.slice(first, first + own.length).flatMap((stroke) => Array.from(stroke.xs));
    first += own.length;
    return { left: Math.min(...xs), right: Math.max(...xs) };
  });
  return { input: { kind: 'drawing', strokes }, text, places: drawn, alone };
}

/** The columns with ink. */
function columnsOf(image: Uint8Array): { left: number; right: number } {
  let [left, right] = [SIDE, 0];
  image.forEach((value, i) => {
    if (value === 0) return;
    left = Math.min(left, i % SIDE);
    right = Math.max(right, (i % SIDE) + 1);
  });
  return { left, right };
}
