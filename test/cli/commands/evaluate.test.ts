/** Protects `scanstroke evaluate`: its output and options, with a fake measurement. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { chartName, drawReliability } from '#src/cli/commands/evaluate/evaluate-calibration.js';
import {
  type EvaluateFlags,
  type EvaluateOptions,
  type EvaluateParts,
  evaluate,
} from '#src/cli/commands/evaluate/evaluate-command.js';
import type { CalibrationBin } from '#src/runs/calibration.js';
import type { MeasuredCalibration } from '#src/train/run/evaluate/evaluate-run.js';
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

const bins = (confidence: number): CalibrationBin[] => [
  { from: 0, to: 0.5, count: 0, confidence: null, accuracy: null },
  { from: 0.5, to: 1, count: 6, confidence, accuracy: 5 / 6 },
];
const CALIBRATION: MeasuredCalibration = {
  temperature: 1.5,
  source: 'checkpoint',
  checkpoint: 'runs/a/best.safetensors',
  folder: 'runs/a',
  before: {
    expectedCalibrationError: 0.11,
    negativeLogLikelihood: 0.25,
    confidence: 0.94,
    accuracy: 5 / 6,
    bins: bins(0.94),
  },
  after: {
    expectedCalibrationError: 0.02,
    negativeLogLikelihood: 0.2,
    confidence: 0.85,
    accuracy: 5 / 6,
    bins: bins(0.85),
  },
};

/** With --calibration; the diagram is not drawn. */
async function calibrated(
  about: Partial<MeasuredCalibration>,
  flags: Partial<EvaluateFlags> = {},
  parts: Pick<EvaluateParts, 'changed'> = {},
) {
  const terminal = { ...fakeTerminal(), out: new FakeOutput(false) };
  const calibration = { ...CALIBRATION, ...about };
  const measure = async (_: string, options: EvaluateOptions) => {
    assert.equal(options.calibration, true);
    return { ...MEASURED, notices: [], calibration };
  };
  const draw = async () => ({ files: ['runs/a/charts/reliability-test.svg'], notices: ['no PNG'] });
  await evaluate('runs/a', { part: 'test', calibration: true, ...flags }, terminal, measure, {
    draw,
    ...parts,
  });
  return { out: terminal.out.text, err: terminal.err.text };
}

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

  it('says how many samples were answered “none of these”, if the network can', async () => {
    const terminal = fakeTerminal();
    const measure = async () => ({ ...MEASURED, refused: { refused: 2, count: 6 } });
    await evaluate('runs/a', { part: 'test' }, terminal, measure);
    assert.match(terminal.out.text, /\n {2}refused {3}2\/6 = 33\.33 % answered “none of these”\n/);
    const asJson = fakeTerminal();
    await evaluate('runs/a', { part: 'test', json: true }, asJson, measure);
    assert.equal(JSON.parse(asJson.out.text).refused, 2);
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

describe('evaluate --calibration', () => {
  it('with --robustness both are printed, or are one JSON value', async () => {
    const changed = async ({ part }: EvaluateOptions) => ({ json: { part, rows: [] }, text: 'a table\n' });
    const { out } = await calibrated({}, {}, { changed });
    assert.match(out, /expected calibration error[\s\S]*\n\nRobustness\na table\n$/);
    const { calibration, robustness, accuracy } = JSON.parse(
      (await calibrated({}, { json: true }, { changed })).out,
    );
    assert.deepEqual([robustness, typeof accuracy], [{ part: 'test', rows: [] }, 'number']);
    assert.equal(calibration.after.expected_calibration_error, 0.02);
  });

  it('prints the figures before and after, and a table of the bins', async () => {
    const { out, err } = await calibrated({});
    assert.match(out, /\nCalibration temperature 1\.5, in the checkpoint\n/);
    assert.match(out, /\n +T = 1 +T = 1\.5\n {2}expected calibration error +11\.00 % +2\.00 %\n/);
    assert.match(
      out,
      /\n {2}negative log-likelihood +0\.25 +0\.2\n {2}mean confidence +94\.00 % +85\.00 %\n/,
    );
    assert.match(out, /\n {2}0\.0 % to 50\.0 % +· +·\n/);
    assert.match(
      out,
      /\n {2}50\.0 % to 100\.0 % +6 +94\.00 % +83\.33 % +−10\.67 +6 +85\.00 % +83\.33 % +−1\.67\n/,
    );
    assert.match(out, /\n {2}runs\/a\/charts\/reliability-test\.svg\n$/);
    assert.equal(err, 'no PNG\n');
  });

  it('says how an older checkpoint got its temperature', async () => {
    const fitted = await calibrated({ source: 'validation' });
    assert.match(fitted.out, /temperature 1\.5, fitted to the validation part now\n/);
    assert.match(
      fitted.err,
      /^best\.safetensors holds no temperature: one was fitted to the validation part now, /,
    );
    const unknown = await calibrated({ source: 'none', temperature: 1 });
    assert.match(
      unknown.err,
      /^best\.safetensors holds no temperature, and without config\.json .*: T = 1\n/,
    );
  });

  it('--json has all of it', async () => {
    const { calibration, ...rest } = JSON.parse((await calibrated({}, { json: true })).out);
    assert.deepEqual(Object.keys(rest), ['accuracy', 'loss', 'count', 'confusion_matrix']);
    const { before, after, files, ...about } = calibration;
    assert.deepEqual(about, { temperature: 1.5, temperature_from: 'checkpoint' });
    assert.deepEqual(files, ['runs/a/charts/reliability-test.svg']);
    assert.deepEqual(before.bins[0], { from: 0, to: 0.5, count: 0, confidence: null, accuracy: null });
    const { bins: _, ...figures } = after;
    assert.deepEqual(figures, {
      expected_calibration_error: 0.02,
      negative_log_likelihood: 0.2,
      confidence: 0.85,
      accuracy: 5 / 6,
    });
  });

  it('names the diagram by part, checkpoint and data', () => {
    assert.equal(chartName('test', 'a/best.safetensors', null), 'reliability-test');
    assert.equal(chartName('train', 'a/last.safetensors', null), 'reliability-train-last');
    assert.equal(
      chartName('test', 'best.safetensors', '../Fashion MNIST/'),
      'reliability-test-fashion-mnist',
    );
    assert.equal(chartName('test', 'best.safetensors', 'Ü'), 'reliability-test-other');
  });

  it('draws SVG and PNG into the charts of the run; a diagram that cannot be drawn loses no figures', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'scanstroke-evaluate-'));
    try {
      const { files, notices } = await drawReliability(
        { ...CALIBRATION, folder },
        { part: 'test', data: null },
      );
      const paths = ['svg', 'png'].map((format) => join(folder, 'charts', `reliability-test.${format}`));
      assert.deepEqual([files, notices], [paths, []]);
      assert.match(readFileSync(files[0], 'utf8'), /^<svg .*Test calibration error 2\.00 %/);
      assert.equal(readFileSync(files[1]).subarray(1, 4).toString(), 'PNG');
      writeFileSync(join(folder, 'file'), '');
      const nowhere = { ...CALIBRATION, folder: join(folder, 'file') };
      const refused = await drawReliability(nowhere, { part: 'test', data: null });
      assert.deepEqual(refused.files, []);
      assert.match(refused.notices[0], /^no diagram: cannot write /);
    } finally {
      rmSync(folder, { recursive: true });
    }
    const alone = await drawReliability({ ...CALIBRATION, folder: null }, { part: 'test', data: null });
    assert.match(alone.notices[0], /^no diagram: the checkpoint is in no run folder/);
  });
});
