/** Protects `scanstroke info`: layers in the order of the network, correct totals, no control characters from files. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { info } from '#src/cli/commands/info-command.js';
import type { Preprocessing } from '#src/data/input-kind.js';
import { resolveClassifierConfig } from '#src/model/classifier-config.js';
import { ParameterLayout } from '#src/model/parameters.js';
import { encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import { appendMetrics, writeSummary } from '#src/runs/run-files.js';
import { lockRun } from '#src/runs/run-lock.js';
import { UserError } from '#src/user-error.js';
import { ROWS, STROKES } from '../../recognize/checkpoint-bytes.js';
import { sampleInput } from '../../report/sample.js';
import { fakeTerminal, summaryOf } from './fake-run.js';

const root = mkdtempSync(join(tmpdir(), 'scanstroke-info-'));
after(() => rmSync(root, { recursive: true }));

const CONFIG = { hiddenSize: 2, numLayers: 11, bidirectional: true, numClasses: 10, head: 'last' } as const;

/** All weights are zero. */
function checkpointFor(inputSize: number, preprocessing: Preprocessing) {
  const model = resolveClassifierConfig({ ...CONFIG, inputSize });
  const layout = new ParameterLayout(model);
  const parameters = layout.toStateDict(new Float32Array(layout.length));
  return { parameters, model, preprocessing, classes: [...'abcdefghij'] };
}

const checkpoint = checkpointFor(3, { ...ROWS, inputSize: 3, width: 3 });
const { parameters } = checkpoint;
const TOTAL = [...parameters.values()].reduce((sum, { data }) => sum + data.length, 0);
const training = {
  optimizer: new Map([['mean', { shape: [TOTAL], data: new Float32Array(TOTAL) }]]),
  state: {
    epoch: 2,
    losses: [0.5],
    lossScale: null,
    best: { accuracy: 0.5, bestName: '\u001b[1m' },
    steps: new Array(9).fill(1),
  },
};

async function show(path: string, json = false): Promise<string> {
  const terminal = fakeTerminal();
  await info(path, json, terminal);
  return terminal.out.text;
}

describe('info', () => {
  const file = join(root, 'last.safetensors');
  writeFileSync(file, encodeCheckpoint({ ...checkpoint, training }));

  it('lists layers from input to output, in numerical order', async () => {
    const out = await show(file);
    const layers = [...out.matchAll(/^ {2}(LSTM \d+ \w+|linear) /gm)].map(([, layer]) => layer);
    const lstm = Array.from({ length: 11 }, (_, index) => [
      `LSTM ${index + 1} forward`,
      `LSTM ${index + 1} backward`,
    ]);
    assert.deepEqual(layers, [...lstm.flat(), 'linear']);
    const tensors = [...out.matchAll(/ lstm\.(\w+)_l0 /g)].map(([, name]) => name);
    assert.deepEqual(tensors, ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh']);
    assert.match(out, /fc\.weight +10 × 4 +40\n +fc\.bias +10 +10\n {2}total +[\d,]+\n/);
    assert.match(out, new RegExp(`total +${TOTAL.toLocaleString('en-US')}\n`));
  });

  it('shows model, input and training state, and no control characters', async () => {
    const out = await show(file);
    for (const line of [
      'hidden_size      2',
      'sequence_length  none',
      'permutation_seed  none',
      'loss_scale  none',
      'losses      0.5',
      'accuracy 0.5, best_name ',
      'steps       9 values',
    ])
      assert.ok(out.includes(line), line);
    assert.ok(!out.includes('\u001b') && !out.includes('null'));
  });

  it('shows the preprocessing of drawings', async () => {
    const path = join(root, 'strokes.safetensors');
    const preprocessing = { ...STROKES, scale: 0.25 };
    writeFileSync(path, encodeCheckpoint(checkpointFor(4, preprocessing)));
    const input = /\nInput\n([\s\S]*?)\n\n/.exec(await show(path))?.[1] ?? '';
    assert.deepEqual(
      input.split('\n').map((line) => line.trim().split(/ {2,}/)),
      [
        ['kind', 'strokes'],
        ['width', '28'],
        ['height', '28'],
        ['order', 'tour'],
        ['scale', '0.25'],
      ],
    );
    assert.deepEqual(JSON.parse(await show(path, true)).preprocessing, preprocessing);
  });

  it('--json prints the same, in snake_case', async () => {
    const value = JSON.parse(await show(file, true));
    assert.equal(value.parameters, TOTAL);
    assert.equal(value.tensors.length, parameters.size);
    assert.deepEqual(value.tensors[0], {
      layer: 'LSTM 1 forward',
      name: 'lstm.weight_ih_l0',
      shape: [8, 3],
      parameters: 24,
    });
    assert.deepEqual([value.model.input_size, value.model.hidden_size, value.model.num_layers], [3, 2, 11]);
    assert.deepEqual(value.training.losses, [0.5]);
    assert.equal(value.summary, null);
  });

  it('names the process that trains the run', async () => {
    const folder = join(root, 'in use');
    const lock = await lockRun(folder);
    writeFileSync(join(folder, 'last.safetensors'), encodeCheckpoint({ ...checkpoint, training }));
    assert.match(await show(folder), new RegExp(`\n {2}process ${process.pid} trains it \\(on host .+\\)\n`));
    const { pid, since } = JSON.parse(await show(folder, true)).process;
    assert.equal(pid, process.pid);
    assert.ok(Math.abs(Date.now() - Date.parse(since)) < 60_000, since);
    await appendMetrics(folder, sampleInput().metrics[0]);
    assert.match(await show(folder), /\n {2}so far: 1 epoch done/);
    await lock.release();
    assert.match(await show(folder), /last\.safetensors\n {2}not finished: 1 epoch done/);
    assert.equal(JSON.parse(await show(folder, true)).process, null);
  });

  it('reads more epochs than a function takes arguments', async () => {
    const folder = join(root, 'long');
    mkdirSync(folder);
    writeFileSync(join(folder, 'last.safetensors'), encodeCheckpoint({ ...checkpoint, training }));
    const epoch = { ...sampleInput().metrics[0], curve: [] };
    await appendMetrics(folder, epoch);
    const line = readFileSync(join(folder, 'metrics.jsonl'), 'utf8');
    const lines = Array.from({ length: 150_000 }, (_, n) => line.replace('"epoch":1,', `"epoch":${n + 1},`));
    writeFileSync(join(folder, 'metrics.jsonl'), lines.join(''));
    assert.match(await show(folder), /not finished: 150,000 epochs done/);
  });

  it('reads the best checkpoint of a run folder and shows the progress of the run', async () => {
    const folder = join(root, 'run');
    mkdirSync(folder);
    await assert.rejects(show(folder), /run holds no checkpoint/);
    writeFileSync(join(folder, 'last.safetensors'), encodeCheckpoint({ ...checkpoint, training }));
    assert.match(await show(folder), /run last\.safetensors\n\nParameters/);
    writeFileSync(join(folder, 'best.safetensors'), encodeCheckpoint(checkpoint));
    const [epoch] = sampleInput().metrics;
    await appendMetrics(folder, { ...epoch, validationAccuracy: 0.97 });
    assert.match(
      await show(folder),
      /run best\.safetensors\n {2}not finished: 1 epoch done, best validation 97\.00 %\n/,
    );
    await writeSummary(folder, summaryOf(0));
    assert.match(
      await show(folder),
      /\n {2}test accuracy \d+\/1000 = \d\d\.\d\d %, best validation .* in epoch \d of \d\n/,
    );
    assert.equal(JSON.parse(await show(folder, true)).summary.preset, 'quick');
    assert.ok(!(await show(folder)).includes('drawn in reverse'), 'images have no scores for strokes');
    const testScore = { correct: 950, count: 1000 };
    const reversedScore = { correct: 947, count: 1000 };
    await writeSummary(folder, { ...summaryOf(0), testScore, reversedScore, reorderedScore: testScore });
    assert.match(
      await show(folder),
      /\n {2}drawn in reverse 947\/1000 = 94\.70 %, −0\.30 points\n {2}strokes in reverse order .* %, 0\.00 points\n/,
    );
  });

  it('refuses a file that is not a checkpoint', async () => {
    const other = join(root, 'other');
    writeFileSync(other, 'hello');
    await assert.rejects(show(other), UserError);
    await assert.rejects(show(join(root, 'nowhere')), UserError);
  });
});
