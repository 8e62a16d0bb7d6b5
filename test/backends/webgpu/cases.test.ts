/**
 * Protects the verbs of the GPU: they pass the table of cases, through verbs-on-host.ts. A software GPU takes seconds to
 * compile the kernels of a case, so a few cases of each kind are run.
 *
 * Not run: `initial` states, which the GPU does not have; copyRows, clear, add, sumSquares and the optimisers, which are
 * parts of other verbs there (head.test.ts, update.test.ts); dropout of rows at any place (dropout is in head.test.ts);
 * misuse and memory, which are about buffers of the host.
 */
import { suite, test } from 'node:test';
import { loopRecurrence } from '#src/backends/webgpu/loop/loop-recurrence.js';
import { chain } from '#src/backends/webgpu/lstm/chain.js';
import { stepTable } from '#src/backends/webgpu/lstm/chain-steps.js';
import { lstmKernels } from '#src/backends/webgpu/lstm/lstm.js';
import { tilesOf } from '#src/backends/webgpu/tuning.js';
import { classifierTests } from '../../cases/classifier.js';
import { goldenTests } from '../../cases/goldens.js';
import { activationTests } from '../../cases/oracle/activations.js';
import { type Case, compareAll } from '../../cases/oracle/comparison.js';
import { linearCases } from '../../cases/oracle/linear.js';
import { lossCases, lossTests } from '../../cases/oracle/loss.js';
import { lstmCases } from '../../cases/oracle/lstm.js';
import { testGpu } from './software-gpu.js';
import { VerbsOnHost } from './verbs-on-host.js';

const gpu = await testGpu();
if (typeof gpu === 'string') test('a GPU', (t) => t.skip(gpu));
else {
  const { device } = gpu;
  const tiles = tilesOf(device).choose;
  const looped = new VerbsOnHost(device, () => lstmKernels(loopRecurrence(device), tiles));
  const chained = new VerbsOnHost(device, (_, { steps }, table) =>
    lstmKernels(chain(table(stepTable(steps)), tiles), tiles),
  );
  const layers = lstmCases({ initial: false, bfloats: false });
  const some = (cases: Case[], count: number) =>
    cases.filter((_, n) => n % Math.ceil(cases.length / count) === 0);
  suite('activations', () => activationTests(looped));
  suite('LSTM as loops', () =>
    compareAll(
      looped,
      some(
        layers.filter(({ name }) => !/H (100|128|256)/.test(name)),
        5,
      ),
    ));
  suite('LSTM as chains', () => compareAll(chained, some(layers, 5)));
  suite('linear layers', () => compareAll(looped, some(linearCases(), 5)));
  suite('loss', () => {
    compareAll(looped, some(lossCases(), 20));
    lossTests(looped);
  });
  suite('networks as PyTorch computes them', () => goldenTests(gpu));
  suite('independence of the batch', () => classifierTests(gpu));
}
