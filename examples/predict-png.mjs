// Recognises the digit in a PNG: node examples/predict-png.mjs examples/seven.png
// First, once: npx scanstroke train --saving-path runs/my-run
import { readFile } from 'node:fs/promises';
import { decode } from 'fast-png'; // in your project: npm install fast-png
import { openBackend, openRecognizer } from 'scanstroke';

const [file = 'examples/seven.png'] = process.argv.slice(2);
const backend = await openBackend();
const checkpoint = await readFile('runs/my-run/best.safetensors');
const recognizer = openRecognizer(checkpoint, backend, { name: 'my-run' });

// 8-bit grey or colours; of colours, the first channel is enough. The picture has any size. It is dark on light, and
// the network reads 0 as paper, 255 as ink.
const { width, height, channels, data } = decode(await readFile(file));
const pixels = Uint8Array.from({ length: width * height }, (_, i) => 255 - data[i * channels]);

const [answer] = await recognizer.recognize([{ kind: 'picture', width, height, pixels }]);
if (answer === null) console.log('there is nothing to recognise in this picture');
else for (const guess of answer.top) console.log(guess.class, `${(100 * guess.probability).toFixed(1)} %`);

recognizer.close();
backend.close();
