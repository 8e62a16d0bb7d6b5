/** Protects the boundary to the kernels: what would crash there, or take memory that is not there, is refused before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SequenceClassifier, UserError } from 'scanstroke';
import { availableIsas, openCpu } from '#src/backends/cpu/cpu.js';
import { openBackend } from '#src/backends/open-node.js';
import { openWasm } from '#src/backends/wasm/load.js';

/** Where a compiler is, cpu.test.ts fails without them. */
const native = availableIsas().length > 0;
const opened = [...(native ? [openCpu()] : []), await openWasm(), await openWasm({ shared: false })];

test('memory that is not to be had is a mistake of the user', () => {
  for (const backend of opened) {
    assert.throws(
      () => backend.allocate(2 ** 40),
      (error) => error instanceof UserError && /MB/.test(error.message),
    );
  }
});

test('a buffer of another type never reaches a kernel', () => {
  const doubles = new Float64Array(4) as unknown as Float32Array;
  for (const backend of opened) {
    assert.throws(() => backend.add(backend.allocate(4), doubles), /buffer/);
  }
});

test('a model that is too large is refused with its number of parameters', () => {
  const config = { inputSize: 4, hiddenSize: 60_000, numClasses: 10 };
  assert.throws(
    () => new SequenceClassifier(config, opened[0]),
    (error) => error instanceof UserError && /14402040010 parameters/.test(error.message),
  );
});

test('the instruction set can be forced, and one that is not there is refused', { skip: !native }, () => {
  for (const isa of availableIsas()) assert.ok(openCpu({ isa }).description.length > 0);
  assert.throws(
    () => openCpu({ isa: 'mmx' }),
    (error) => error instanceof UserError && /mmx/.test(error.message),
  );
});

test('auto takes the native kernels where there are any; an unknown backend is refused', async () => {
  assert.equal((await openBackend('auto', () => {})).name, native ? 'cpu' : 'wasm');
  await assert.rejects(
    openBackend('gpu' as 'auto'),
    (error) => error instanceof UserError && /cpu/.test(error.message),
  );
});
