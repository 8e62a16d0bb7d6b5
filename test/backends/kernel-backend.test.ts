/** Protects the boundary to the kernels: arguments that would crash a kernel or exceed the memory are refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SequenceClassifier, UserError } from 'scanstroke';
import { availableIsas, openCpu } from '#src/backends/cpu/cpu.js';
import { requireVerbs } from '#src/backends/kernel-backend.js';
import { viewIn } from '#src/backends/stored.js';
import { openWasm } from '#src/backends/wasm/load.js';

/** Whether there are native kernels. cpu.test.ts fails if a compiler runs and they are missing. */
const native = availableIsas().length > 0;
const opened = [...(native ? [openCpu()] : []), await openWasm(), await openWasm({ shared: false })];

test('memory that cannot be allocated gives a UserError', () => {
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
    for (const precision of ['float16', 'bfloat16'] as const) {
      const halves = viewIn(precision, backend.allocate(2));
      const call = (verb: 'add' | 'sumSquares', ...args: unknown[]) =>
        Reflect.apply(backend[verb], backend, args);
      assert.throws(() => call('add', backend.allocate(4), halves), /a buffer does not hold floats/);
      assert.throws(() => call('sumSquares', halves), /a buffer does not hold floats/);
    }
  }
});

test('kernels of another version are refused with the name of the missing verb', () => {
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

test('the instruction set can be forced; an unsupported one is refused', { skip: !native }, () => {
  for (const isa of availableIsas()) assert.ok(openCpu({ isa }).description.length > 0);
  assert.throws(
    () => openCpu({ isa: 'mmx' }),
    (error) => error instanceof UserError && /mmx/.test(error.message),
  );
});
