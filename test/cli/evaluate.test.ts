/** Protects `scanstroke evaluate`: its output and options, with a fake measurement. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type EvaluateFlags, type EvaluateOptions, evaluate } from '#src/cli/commands/evaluate-command.js';
import { UserError } from '#src/user-error.js';
import { FakeOutput, fakeTerminal } from './fake-run.js';

const MEASURED = {
  score: { correct: 5, count: 6 },
  loss: 0.25,
  confusionMatrix: [
    [2, 1],
    [0, 3],
  ],
  classes: ['cat', '\u001b[2Jdog'],
  notices: ['WASM computes instead'],
};

async function run(flags: Partial<EvaluateFlags> = {}, columns?: number) {
  const terminal = { ...fakeTerminal(), out: new FakeOutput(false, columns) };
  const asked: [string, EvaluateOptions][] = [];
  await evaluate('runs/a', { part: 'test', ...flags }, terminal, async (path, options) => {
    asked.push([path, options]);
    return MEASURED;
  });
  assert.equal(terminal.err.text, 'WASM computes instead\n', 'notices go to standard error with any output');
  return { out: terminal.out.text, asked };
}

describe('evaluate', () => {
  it('prints accuracy, loss, recalls and the confusion matrix', async () => {
    const { out } = await run();
    assert.match(out, /^runs\/a on the test samples\n\n {2}accuracy {2}5\/6 = 83\.33 %\n {2}loss {6}0\.25\n/);
    assert.match(out, /\n {2}cat +2 +1\n/);
    assert.match(out, /dog +· +3\n$/);
    assert.ok(!out.includes('\u001b'), 'class names cannot control the terminal');
  });

  it('leaves out a matrix that is wider than the terminal', async () => {
    assert.ok(!(await run({}, 10)).out.includes('Confusion'));
  });

  it('--json prints the four values of the contract', async () => {
    const { out } = await run({ json: true });
    assert.deepEqual(JSON.parse(out), {
      accuracy: 5 / 6,
      loss: 0.25,
      count: 6,
      confusion_matrix: [
        [2, 1],
        [0, 3],
      ],
    });
  });

  it('passes the given options and the defaults to the measurement', async () => {
    const [defaults] = (await run()).asked;
    assert.deepEqual(defaults, [
      'runs/a',
      { data: null, part: 'test', backend: 'auto', threads: null, precision: 'float32' },
    ]);
    const flags = { part: 'validation', data: 'x', backend: 'wasm', threads: '3' } as const;
    const [[, options]] = (await run(flags)).asked;
    assert.deepEqual(options, {
      data: 'x',
      part: 'validation',
      backend: 'wasm',
      threads: 3,
      precision: 'float32',
    });
    const [[, inBfloat16]] = (await run({ part: 'test', precision: 'bfloat16' })).asked;
    assert.equal((inBfloat16 as { precision: string }).precision, 'bfloat16');
  });

  it('refuses an unknown backend and 0 threads', async () => {
    await assert.rejects(
      run({ backend: 'gpu' }),
      new UserError(
        'evaluate: --backend must be one of auto, cpu, wasm, reference, webgpu, found "gpu"; did you mean webgpu?',
      ),
    );
    await assert.rejects(run({ threads: '0' }), /^UserError: evaluate: --threads must be/);
  });
});
