/** Protects the boundary to the kernels: what would crash there, or take memory that is not there, is refused before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SequenceClassifier, UserError } from 'scanstroke';
import { availableIsas, openCpu } from '#src/backends/cpu/cpu.js';
import { requireVerbs } from '#src/backends/kernel-backend.js';
import { openWasm } from '#src/backends/wasm/load.js';

/** Where a compiler is, cpu.test.ts fails without them. */
const native = availableIsas().length > 0;
const opened = [...(native ? [openCpu()] : []), await openWasm(), await openWasm({ shared: false })];

test('memory that cannot be allocated is a mistake of the user', () => {
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

test('kernels of another version are refused, naming the verb that they lack', () => {
  assert.throws(
    () => requireVerbs({ lstm_pack() {} }, 'wasm'),
    /wasm: the kernels have no verb lstm_panels_length/,
  );
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
