/** Protects the native backend: it passes the table of cases on every instruction set that this processor supports. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCompiler } from '#src/backends/cpu/compile-addon.js';
import { availableIsas, openCpu } from '#src/backends/cpu/cpu.js';
import { GuardedMemory } from '../cases/memory.js';
import { lstmCases } from '../cases/oracle/lstm.js';
import { runCases } from '../cases/run.js';

/** The reason to skip these tests, in one line; undefined if a compiler runs, so that the kernels must be built. */
function noCompiler(): string | undefined {
  if (process.env.SCANSTROKE_NO_SKIPS) return undefined;
  try {
    findCompiler();
    return undefined;
  } catch (error) {
    return `the native kernels are not tested: ${(error as Error).message}`;
  }
}

const missing = availableIsas().length > 0 ? undefined : noCompiler();
test('the native kernels are built', { skip: missing }, () => assert.notEqual(availableIsas().length, 0));
for (const isa of availableIsas()) await runCases(() => openCpu({ isa }));

const withAndWithout = process.arch === 'arm64' ? ['baseline', 'bf16'] : ['avx512', 'avx512bf16'];
const both = withAndWithout.every((isa) => availableIsas().includes(isa));
test(`${withAndWithout.join(' and ')} give the same bits in float32 and in float16`, {
  skip: both ? undefined : 'this processor does not multiply bfloat16',
}, async () => {
  const backends = withAndWithout.map((isa) => openCpu({ isa }));
  const cases = lstmCases().filter(({ precision }, n) => precision !== 'bfloat16' && n % 5 === 0);
  for (const { name, run } of cases) {
    const [without, with16] = await Promise.all(
      backends.map((backend) => run(backend, new GuardedMemory(backend))),
    );
    assert.deepEqual(with16, without, name);
  }
  for (const backend of backends) backend.close();
});
