// Runs in the page: a canvas to draw on, and the network in digits.onnx, which reads the drawing as a picture.
import * as ort from 'onnxruntime-web';

const digit = document.querySelector('#digit');
const seen = document.querySelector('#seen').getContext('2d', { willReadFrequently: true });
const output = document.querySelector('#answer');
let strokes = []; // each a list of points [x, y]
let questions = 0; // that the network was asked

const network = await ort.InferenceSession.create('digits.onnx');
output.value = 'Ready.';

digit.addEventListener('pointerdown', (event) => {
  digit.setPointerCapture(event.pointerId);
  strokes.push([[event.offsetX, event.offsetY]]);
  show();
});
digit.addEventListener('pointermove', (event) => {
  if (event.buttons === 0 || strokes.length === 0) return;
  strokes.at(-1).push([event.offsetX, event.offsetY]);
  show();
});
digit.addEventListener('pointerup', recognise);
document.querySelector('#clear').addEventListener('click', () => {
  strokes = [];
  questions++;
  show();
  output.value = 'Ready.';
});

/** Draws the strokes. */
function show() {
  const context = digit.getContext('2d');
  context.clearRect(0, 0, 280, 280);
  drawStrokes(context, { scale: 1, x: 0, y: 0, pen: 20 });
}

/** Asks the network, and shows its answer unless the drawing has changed since. */
async function recognise() {
  const question = ++questions;
  const pixels = pictureLikeMnist();
  const images = new ort.Tensor('uint8', pixels, [1, 1, 28, 28]); // batch, channels, height, width
  const { probabilities } = await network.run({ images });
  if (question !== questions) return;
  const shares = [...probabilities.data];
  const best = shares.indexOf(Math.max(...shares));
  output.value = `${best}, ${(100 * shares[best]).toFixed(1)} %`;
}

/** The drawing as MNIST has its digits: 20 pixels large, its centre of mass in the middle of 28 × 28 pixels. */
function pictureLikeMnist() {
  const xs = strokes.flat().map(([x]) => x);
  const ys = strokes.flat().map(([, y]) => y);
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const [width, height] = [Math.max(...xs) - left, Math.max(...ys) - top];
  const scale = 17.6 / Math.max(width, height, 1); // 20 pixels, less the width of the pen
  const place = { scale, x: 14 - (left + width / 2) * scale, y: 14 - (top + height / 2) * scale, pen: 2.4 };
  const first = drawSmall(place);
  // The middle of the box is not the centre of mass: draw again, moved by whole pixels.
  let [mass, massX, massY] = [0, 0, 0];
  first.forEach((ink, i) => {
    mass += ink;
    massX += ink * ((i % 28) + 0.5);
    massY += ink * (Math.floor(i / 28) + 0.5);
  });
  if (mass === 0) return first;
  const moved = { x: Math.round(14 - massX / mass), y: Math.round(14 - massY / mass) };
  return drawSmall({ ...place, x: place.x + moved.x, y: place.y + moved.y });
}

/** [28 * 28] the strokes in white on black: 0 is paper, 255 is ink. */
function drawSmall(place) {
  seen.fillStyle = '#000';
  seen.fillRect(0, 0, 28, 28);
  drawStrokes(seen, place);
  const { data } = seen.getImageData(0, 0, 28, 28); // red, green, blue, opacity
  return Uint8Array.from({ length: 28 * 28 }, (_, i) => data[4 * i]);
}

function drawStrokes(context, { scale, x, y, pen }) {
  context.strokeStyle = '#fff';
  context.lineWidth = pen;
  context.lineCap = context.lineJoin = 'round';
  for (const stroke of strokes) {
    context.beginPath();
    context.moveTo(stroke[0][0] * scale + x, stroke[0][1] * scale + y);
    for (const point of stroke) context.lineTo(point[0] * scale + x, point[1] * scale + y);
    context.stroke();
  }
}
