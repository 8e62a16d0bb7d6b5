// Makes a data set of your own, drawings of three shapes: node examples/make-shapes.mjs
// Then: npx scanstroke train --data strokes:my-shapes --batch-size 32 --num-epochs 5 --saving-path runs/my-shapes
import { mkdirSync, writeFileSync } from 'node:fs';

/** A shape is a list of strokes; a stroke is a list of points [x, y], x to the right, y downwards, in any unit. */
const SHAPES = {
  triangle: () => [[0, 1, 2, 3].map((n) => onCircle(n / 3))],
  cross: () => [
    [onCircle(1 / 8), onCircle(5 / 8)],
    [onCircle(3 / 8), onCircle(7 / 8)],
  ],
  circle: () => [Array.from({ length: 17 }, (_, n) => onCircle(n / 16))],
};

/** A point on a circle, at a share of one turn; no two drawings are alike. */
function onCircle(turn) {
  const angle = 2 * Math.PI * (turn + 0.05 * random());
  return [Math.round(60 * Math.cos(angle) + 10 * random()), Math.round(60 * Math.sin(angle) + 10 * random())];
}

/** Numbers in [0, 1), the same ones every time. */
let seed = 1;
function random() {
  seed = (seed * 48271) % 2147483647; // Park and Miller's generator
  return seed / 2147483647;
}

// A file has one drawing per line. A name that begins with test- makes it the test set.
mkdirSync('my-shapes', { recursive: true });
for (const [file, count] of Object.entries({ 'train-shapes.ndjson': 3000, 'test-shapes.ndjson': 300 })) {
  const labels = Array.from({ length: count }, (_, n) => Object.keys(SHAPES)[n % 3]);
  const lines = labels.map((label) => JSON.stringify({ label, strokes: SHAPES[label]() }));
  writeFileSync(`my-shapes/${file}`, lines.map((line) => `${line}\n`).join(''));
  console.log(`my-shapes/${file}: ${count} drawings, such as ${lines[1]}`);
}
