// Reads a drawing while it is drawn, with an answer after each point: node examples/stream-strokes.mjs
// First, once: npx scanstroke train --data strokes --bidirectional false --head last --num-epochs 2 --saving-path runs/my-strokes
import { readFile } from 'node:fs/promises';
import { openBackend, openRecognizer } from 'scanstroke';

const backend = await openBackend();
const checkpoint = await readFile('runs/my-strokes/best.safetensors');
const recognizer = openRecognizer(checkpoint, backend, { name: 'my-strokes' });
const { classes } = recognizer.info;

// A 7, as the events of a pen bring it: x to the right, y downwards, in any unit.
const strokes = [{ xs: [20, 40, 60, 80, 72, 63, 54, 45], ys: [20, 20, 20, 20, 45, 70, 95, 120] }];

// The answers after each point of the pen. Every network can be asked.
const { moments, probabilities } = await recognizer.trace({ kind: 'drawing', strokes });
moments.forEach((points, m) => {
  const answer = probabilities.subarray(m * classes.length, (m + 1) * classes.length);
  const best = answer.indexOf(Math.max(...answer)); // all are 0 while there is only a dot
  console.log(`after ${points} points: ${classes[best]}, ${(100 * answer[best]).toFixed(1)} %`);
});

// Underneath, a network reads moves: dx, dy, end of stroke, end of drawing. A network that reads in one direction
// keeps its states, so that one more move costs the same however long the drawing is.
const { steps, sequence } = recognizer.prepare({ kind: 'drawing', strokes });
const answers = Array.from({ length: steps }, (_, t) => {
  const logits = recognizer.stepper.step(sequence.subarray(4 * t, 4 * t + 4));
  return classes[logits.indexOf(Math.max(...logits))];
});
console.log(`after each of ${steps} moves: ${answers.join(' ')}`);

recognizer.close();
backend.close();
