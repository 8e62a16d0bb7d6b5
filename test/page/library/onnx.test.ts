/** Protects ONNX files in a page: onnxruntime-web (WebAssembly) in Chromium gives our logits. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { writeOnnx } from '#src/exchange/onnx/write-onnx.js';
import { CASES, compare } from '../../exchange/onnx/cases.js';
import { type DigitBatch, SIDE, testDigits } from '../../exchange/onnx/digits.js';
import { furthest, TOLERANCE } from '../../exchange/onnx/examples.js';
import type { Outputs, Runtime, RuntimeFile } from '../../exchange/onnx/run-file.js';
import { after, before, launch, suite, test } from '../browser.js';
import { type StaticServer, serveFolder } from '../static-server.js';

/** The repository: the page loads the runtime from node_modules, and run-file.js from build. */
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const RUNTIME = 'node_modules/onnxruntime-web/dist/ort.wasm.min.mjs';
const RUN_FILE = 'build/test/exchange/onnx/run-file.js';

type RunFile = typeof import('../../exchange/onnx/run-file.js');

suite('ONNX files in a page', () => {
  let browser: Browser;
  let server: StaticServer;
  let page: Page;
  const errors: Error[] = [];

  before(async () => {
    browser = await launch();
    server = await serveFolder(ROOT);
    page = await browser.newPage();
    page.on('pageerror', (error) => errors.push(error));
    await page.goto(`${server.url}${RUN_FILE}`); // any document will do
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  function runInPage(files: RuntimeFile[]): Promise<Outputs[]> {
    return page.evaluate(
      async ({ files, runtime, runFile }) => {
        const ort = (await import(runtime)) as Runtime;
        const module = (await import(runFile)) as RunFile;
        const outputs: Outputs[] = [];
        for (const file of files) outputs.push(await module.runFile(ort, file));
        return outputs;
      },
      { files, runtime: server.url + RUNTIME, runFile: server.url + RUN_FILE },
    );
  }

  for (const [topic, casesOf] of Object.entries(CASES)) {
    test(topic, async () => {
      const cases = await casesOf();
      const outputs = await runInPage(cases.map(({ file }) => file));
      for (const [n, each] of cases.entries()) compare(each, outputs[n]);
      assert.deepEqual(errors, []);
    });
  }

  /** A session of a file, in the page. */
  function openInPage(file: Uint8Array) {
    return page.evaluateHandle(
      async ({ file, runtime }) => {
        const ort = (await import(runtime)) as Runtime;
        const bytes = Uint8Array.from(atob(file), (character) => character.charCodeAt(0));
        return { ort, session: await ort.InferenceSession.create(bytes) };
      },
      { file: Buffer.from(file).toString('base64'), runtime: server.url + RUNTIME },
    );
  }

  /** The session's logits [count, 10] for digits as pictures. */
  function logitsInPage(opened: Awaited<ReturnType<typeof openInPage>>, { count, images }: DigitBatch) {
    return opened.evaluate(
      async ({ ort, session }, { images, count, side }) => {
        const bytes = Uint8Array.from(atob(images), (character) => character.charCodeAt(0));
        const pictures = new ort.Tensor('uint8', bytes, [count, 1, side, side]);
        const { logits } = await session.run({ images: pictures });
        return Array.from(logits.data as Float32Array);
      },
      { images: Buffer.from(images).toString('base64'), count, side: SIDE },
    );
  }

  test("MNIST's 10,000 test digits", async () => {
    const { model, batches } = await testDigits(128);
    const [{ bytes }] = writeOnnx(model, { withPreprocessing: true });
    const opened = await openInPage(bytes);
    let digits = 0;
    for (const batch of batches) {
      const difference = furthest(await logitsInPage(opened, batch), batch.logits);
      assert.ok(difference < TOLERANCE, `digits from ${digits}: ${difference}`);
      digits += batch.count;
    }
    assert.equal(digits, 10_000);
    assert.deepEqual(errors, []);
  });
});
