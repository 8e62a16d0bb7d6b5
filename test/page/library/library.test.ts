/**
 * Protects the library in a page (Chromium): the build loads without changes, computes the same numbers as
 * Node.js, and trains in Web Workers or, without shared memory, in the page itself.
 */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { SequenceClassifier } from 'scanstroke';
import { openWasm } from '#src/backends/wasm/load.js';
import { WAVES_CONFIG, waves } from '../../train/examples.js';
import { after, before, launch, suite, test } from '../browser.js';
import { serveFolder } from '../static-server.js';

const DIST = fileURLToPath(new URL('../../../../dist/', import.meta.url));

type Library = typeof import('#src/index.js');
type OpenWeb = typeof import('#src/backends/open-web.js');

const { inputs, batchSize, steps, lengths, labels } = waves(60);
/** The examples as plain arrays, which can be passed to a page. */
const EXAMPLES = {
  inputs: [...inputs],
  batchSize,
  steps,
  lengths: [...(lengths as Int32Array)],
  labels: [...labels],
};

interface Computed {
  description: string;
  loss: number;
  logits: number[];
  gradients: number[];
}

/** Computes loss, logits and gradients in the page. */
function compute(page: Page, relaxed: boolean | undefined): Promise<Computed> {
  return page.evaluate(
    async ({ config, examples, relaxed }) => {
      const [library, openWeb] = ['./index.js', './backends/open-web.js'].map(
        (path) => new URL(path, document.baseURI).href,
      );
      const { SequenceClassifier } = (await import(library)) as Library;
      const { openWasm } = (await import(openWeb)) as OpenWeb;
      const backend = await openWasm({ relaxed });
      const model = new SequenceClassifier(config, backend, { seed: 5 });
      const result = await model.gradients({
        batchSize: examples.batchSize,
        steps: examples.steps,
        inputs: Float32Array.from(examples.inputs),
        lengths: Int32Array.from(examples.lengths),
        labels: Int32Array.from(examples.labels),
      });
      return {
        description: backend.description,
        loss: result.loss,
        logits: [...result.logits],
        gradients: [...result.gradients.values()].flatMap(({ data }) => [...data]),
      };
    },
    { config: WAVES_CONFIG, examples: EXAMPLES, relaxed },
  );
}

/** Computes the same in Node.js. */
async function computeHere(): Promise<Computed> {
  const backend = await openWasm({ relaxed: false });
  const model = new SequenceClassifier(WAVES_CONFIG, backend, { seed: 5 });
  const { loss, logits, gradients } = await model.gradients(waves(60));
  return {
    description: backend.description,
    loss,
    logits: [...logits],
    gradients: [...gradients.values()].flatMap(({ data }) => [...data]),
  };
}

/** Trains three epochs in the page. */
function train(page: Page, threads: number) {
  return page.evaluate(
    async ({ config, examples, threads }) => {
      const library = document.baseURI;
      const { openTrainer } = (await import(library)) as Library;
      const trainer = await openTrainer(
        config,
        {
          steps: examples.steps,
          inputs: Float32Array.from(examples.inputs),
          lengths: Int32Array.from(examples.lengths),
          labels: Int32Array.from(examples.labels),
        },
        { optimizer: { name: 'adam', lr: 0.01 }, batchSize: 40, threads, maxNorm: 1, seed: 2 },
      );
      const losses: number[] = [];
      for (let epoch = 0; epoch < 3; epoch++) losses.push((await trainer.epoch()).loss);
      const weights = [...(await trainer.stateDict()).values()].flatMap(({ data }) => [...data]);
      await trainer.close();
      return { threads: trainer.threads, losses, weights };
    },
    { config: WAVES_CONFIG, examples: EXAMPLES, threads },
  );
}

suite('in a page', () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser?.close());

  /** Runs `body` in a page; uncaught exceptions in the page fail the test. */
  async function inPage<R>(isolated: boolean, body: (page: Page) => Promise<R>): Promise<R> {
    const server = await serveFolder(DIST, { isolated });
    const page = await browser.newPage();
    const errors: Error[] = [];
    page.on('pageerror', (error) => errors.push(error));
    try {
      await page.goto(`${server.url}index.js`); // any document will do
      assert.equal(await page.evaluate(() => crossOriginIsolated), isolated);
      const result = await body(page);
      assert.deepEqual(errors, []);
      return result;
    } finally {
      await page.close();
      await server.close();
    }
  }

  for (const isolated of [true, false]) {
    const where = isolated ? 'cross-origin isolated' : 'not isolated';

    test(`${where}: logits and gradients are bit-identical to those of Node.js`, () =>
      inPage(isolated, async (page) => {
        assert.equal(await page.evaluate(() => typeof SharedArrayBuffer !== 'undefined'), isolated);
        assert.deepEqual(await compute(page, false), await computeHere());
      }));

    test(`${where}: the default is relaxed SIMD, equal to Node.js within float32 precision`, () =>
      inPage(isolated, async (page) => {
        const [found, expected] = [await compute(page, undefined), await computeHere()];
        assert.equal(found.description, 'WebAssembly relaxed SIMD, 128 bits');
        for (const key of ['logits', 'gradients'] as const) {
          // Sums of a few hundred terms below 1; relaxed SIMD rounds each term once instead of twice.
          assert.ok(
            expected[key].every((value, i) => Math.abs(found[key][i] - value) < 1e-6),
            key,
          );
        }
      }));
  }

  test('a GPU gives the logits, gradients and losses of the processor', () =>
    inPage(true, async (page) => {
      const found = await page.evaluate(
        async ({ config, examples }) => {
          const { openBackend, openTrainer, SequenceClassifier } = (await import(
            document.baseURI
          )) as Library;
          const labelled = {
            steps: examples.steps,
            inputs: Float32Array.from(examples.inputs),
            lengths: Int32Array.from(examples.lengths),
            labels: Int32Array.from(examples.labels),
          };
          const results = [];
          for (const name of ['wasm', 'webgpu'] as const) {
            const backend = await openBackend(name);
            const model = new SequenceClassifier(config, backend, { seed: 5 });
            const result = await model.gradients({ batchSize: examples.batchSize, ...labelled });
            const trainer = await openTrainer(config, labelled, { batchSize: 40, seed: 2, backend: name });
            const { loss } = await trainer.epoch();
            results.push({
              description: trainer.description,
              logits: [...result.logits],
              gradients: [...result.gradients.values()].flatMap(({ data }) => [...data]),
              losses: [result.loss, loss],
            });
            await trainer.close();
            model.close();
            backend.close();
          }
          return results;
        },
        { config: WAVES_CONFIG, examples: EXAMPLES },
      );
      const [host, gpu] = found;
      assert.match(host.description, /^wasm /);
      assert.match(gpu.description, /^webgpu /);
      for (const key of ['logits', 'gradients', 'losses'] as const) {
        assert.ok(host[key].length > 0);
        const apart = Math.max(...host[key].map((value, n) => Math.abs(value - gpu[key][n])));
        assert.ok(apart <= 1e-5, `${key}: ${apart}`);
      }
    }));

  test('a trainer in a page passes over a GPU that computes on the processor', () =>
    inPage(true, async (page) => {
      const { description } = await page.evaluate(
        async ({ config, examples }) => {
          const { openTrainer } = (await import(document.baseURI)) as Library;
          const inputs = Float32Array.from(examples.inputs);
          const labels = Int32Array.from(examples.labels);
          const trainer = await openTrainer(config, { steps: examples.steps, inputs, labels });
          await trainer.close();
          return { description: trainer.description };
        },
        { config: WAVES_CONFIG, examples: EXAMPLES },
      );
      assert.match(description, /^wasm /);
    }));

  test('training gives the same weights in one Web Worker, in two, and in a page without workers', async () => {
    const trained = (isolated: boolean, threads: number) =>
      inPage(isolated, async (page) => {
        let started = 0;
        page.on('worker', () => started++);
        return { ...(await train(page, threads)), started };
      });
    const one = await trained(true, 1);
    assert.deepEqual([one.threads, one.started], [1, 1]);
    assert.ok(one.losses[2] < 0.9 * one.losses[0], `${one.losses}`);
    const two = await trained(true, 2);
    assert.deepEqual([two.threads, two.started], [2, 2]);
    const alone = await trained(false, 2);
    assert.deepEqual([alone.threads, alone.started], [1, 0]);
    for (const other of [two, alone]) {
      assert.deepEqual(other.losses, one.losses);
      assert.deepEqual(other.weights, one.weights);
    }
  });
});
