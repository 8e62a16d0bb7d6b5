/** Protects examples/web-page: a page with the exported ONNX file recognises what is drawn, as scanstroke does. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import type { Backend } from '#src/backends/backend.js';
import { openBackend } from '#src/backends/open-node.js';
import type { ImagePreprocessing } from '#src/data/images/image-preprocessing.js';
import { openRecognizer, type Recognizer } from '#src/recognize/recognizer.js';
import { decodeCheckpoint, encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import { scanstroke } from '../../e2e/command.js';
import { temporaryFolder, writeSmallMnist } from '../../train/small-mnist.js';
import { after, before, launch, test, type Visit, visit } from '../browser.js';
import { type Drawing, drawingOfDigit } from '../pen.js';

const example = fileURLToPath(new URL('../../../../examples/web-page/', import.meta.url));
const folder = temporaryFolder();
const run = join(folder, 'my-run');
const model = join(folder, 'digits.onnx');
let browser: Browser | undefined;
let server: ChildProcess | undefined;
let url: string;

async function succeed(args: string[]): Promise<void> {
  const { code, stderr } = await scanstroke(args);
  assert.equal(code, 0, stderr);
}

/** Starts the example's server on a free port. */
async function startServer(): Promise<string> {
  const child = spawn(process.execPath, [join(example, 'server.mjs'), model, '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  server = child;
  const [address] = (await once(child.stdout as Readable, 'data')) as [Buffer];
  return String(address).trim();
}

before(async () => {
  writeSmallMnist(folder, 2400, 200);
  const small = ['--hidden-size', '32', '--batch-size', '32', '--num-epochs', '4', '--chart-format', 'none'];
  await succeed(['train', '--data', folder, ...small, '--saving-path', run]);
  // The flags of examples/README.md.
  await succeed(['export', run, '--out', model, '--with-preprocessing', '--probabilities']);
  url = await startServer();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  server?.kill();
});

/** Draws with the mouse, in the middle of the canvas. */
async function draw({ page }: Visit, drawing: Drawing): Promise<void> {
  const box = (await page.locator('#digit').boundingBox())!;
  for (const stroke of drawing) {
    for (const [n, [x, y]] of stroke.entries()) {
      await page.mouse.move(box.x + x * box.width, box.y + y * box.height);
      if (n === 0) await page.mouse.down();
    }
    await page.mouse.up();
  }
}

/** The 28 × 28 pixels that the page shows as what the network sees. */
async function seenPixels({ page }: Visit): Promise<number[]> {
  return page.evaluate(() => {
    const seen = document.querySelector<HTMLCanvasElement>('#seen')?.getContext('2d');
    const { data } = seen!.getImageData(0, 0, 28, 28);
    return Array.from({ length: 784 }, (_, i) => data[4 * i]);
  });
}

/** The run's network, reading pictures as they are: the page has prepared them, in its own way. */
function openUnprepared(backend: Backend): Recognizer {
  const checkpoint = decodeCheckpoint(readFileSync(join(run, 'best.safetensors')), 'my-run');
  const preprocessing = { ...(checkpoint.preprocessing as ImagePreprocessing), fitted: false };
  return openRecognizer(encodeCheckpoint({ ...checkpoint, preprocessing }), backend, { name: 'my-run' });
}

/** The answer of the run to the same pixels, in the page's words. */
async function expected(recognizer: Recognizer, pixels: number[]): Promise<string> {
  const [answer] = await recognizer.recognize([
    { kind: 'picture', width: 28, height: 28, pixels: Uint8Array.from(pixels) },
  ]);
  const [best] = answer!.top;
  return `${best.class}, ${(100 * best.probability).toFixed(1)} %`;
}

test('drawn digits get the answers of scanstroke, and most of them are right', async () => {
  const visited = await visit(browser!, url);
  const { page, troubles } = visited;
  const backend = await openBackend('auto');
  const recognizer = openUnprepared(backend);
  const images = readFileSync(join(folder, 't10k-images-idx3-ubyte'));
  const labels = readFileSync(join(folder, 't10k-labels-idx1-ubyte'));
  await page.getByText('Ready.').waitFor();
  let right = 0;
  for (let n = 0; n < 10; n++) {
    await page.getByRole('button', { name: 'Clear' }).click();
    await draw(visited, drawingOfDigit(images.subarray(16 + 784 * n, 16 + 784 * (n + 1))));
    const answer = await expected(recognizer, await seenPixels(visited));
    await page.getByText(answer, { exact: true }).waitFor();
    if (answer.startsWith(`${labels[8 + n]},`)) right++;
  }
  assert.ok(right >= 7, `${right} of 10 digits are right`);
  assert.deepEqual(troubles, []);
  recognizer.close();
  backend.close();
  await visited.close();
});

test('the server sends only its own files', async () => {
  const answers = [
    'server.mjs',
    '..%2f..%2fpackage.json',
    'onnxruntime-web/..%2fpackage.json',
    'nothing',
  ].map(async (path) => (await fetch(url + path)).status);
  assert.deepEqual(await Promise.all(answers), [404, 404, 404, 404]);
});
