/**
 * The table of cases: everything that a backend must do. test/backends runs it on every backend: comparisons with the
 * oracle, finite differences and PyTorch, between guard words, for single sequences and for batches.
 */

import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import type { Backend } from '#src/backends/backend.js';
import { classifierTests, stepperTests } from './classifier.js';
import { definitionTests } from './definitions.js';
import { goldenTests } from './goldens.js';
import { gradientTests } from './gradients.js';
import { independenceTests } from './independence.js';
import { misuseTests } from './misuse.js';
import { activationTests } from './oracle/activations.js';
import { compareAll } from './oracle/comparison.js';
import { linearCases, matmulCases } from './oracle/linear.js';
import { lossCases, lossTests } from './oracle/loss.js';
import { lstmCases } from './oracle/lstm.js';
import { optimizerCases, optimizerTests } from './oracle/optimizers.js';
import { conversionTests, dropoutTests, rowCases } from './oracle/rows.js';

/** Drawn once in a process, though several backends run them. */
let lstm: ReturnType<typeof lstmCases> | null = null;

/**
 * Opens a backend and registers every case for it.
 * @param options.shared whether threads can share its memory
 */
export async function runCases(
  open: () => Backend | Promise<Backend>,
  { shared = true }: { shared?: boolean } = {},
): Promise<void> {
  const backend = await open();
  lstm ??= lstmCases();
  const layers = lstm;
  suite(`${backend.name} (${backend.description})`, () => {
    after(() => backend.close());
    suite('against the oracle', () => {
      compareAll(backend, [
        ...layers,
        ...linearCases(),
        ...matmulCases(),
        ...rowCases(),
        ...lossCases(),
        ...optimizerCases(),
      ]);
    });
    suite('by definition', () => definitionTests(backend));
    suite('activations', () => activationTests(backend));
    suite('finite differences', () => gradientTests(backend));
    suite('networks as PyTorch computes them', () => goldenTests(backend));
    suite('independence of the batch', () => {
      independenceTests(backend);
      stepperTests(backend);
      classifierTests(backend);
    });
    suite('16-bit floats', () => conversionTests(backend));
    suite('dropout', () => dropoutTests(backend));
    suite('loss', () => lossTests(backend));
    suite('optimisers', () => optimizerTests(backend));
    suite('misuse', () => misuseTests(backend));
    suite('memory', () => memoryTests(backend, shared));
  });
}

/** Properties of `allocate`. */
function memoryTests(backend: Backend, shared: boolean): void {
  test('memory is zeroed, also after use, and can be shared if the backend says so', () => {
    for (const length of [0, 1, 17, 4096]) {
      const first = backend.allocate(length).fill(7);
      const ints = backend.allocateInts(length).fill(7);
      backend.release(first);
      backend.release(ints);
      const again = backend.allocate(length);
      const intsAgain = backend.allocateInts(length);
      assert.deepEqual([again.length, intsAgain.length], [length, length]);
      assert.ok(again.every((value) => value === 0) && intsAgain.every((value) => value === 0));
      for (const { buffer } of [again, intsAgain]) assert.equal(buffer instanceof SharedArrayBuffer, shared);
      backend.release(again);
      backend.release(intsAgain);
    }
  });

  test('the handle can be posted to a thread, if the memory can be shared', () => {
    if (shared) assert.equal(structuredClone(backend.handle()).name, backend.name);
    else assert.throws(() => backend.handle(), /not shared/);
  });
}
