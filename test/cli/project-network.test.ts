/** Protects the use of a project file as a network: in every command that takes a checkpoint for recognition. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from '#src/cli/program.js';
import { writeProject } from '#src/data/pens/project.js';
import { decodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import { readTrainedModel } from '#src/runs/checkpoint/checkpoint-file.js';
import { checkpointBytes, STROKES } from '../recognize/checkpoint-bytes.js';
import { letterProject } from '../teach/hands.js';
import { temporaryFolder } from '../train/small-mnist.js';
import { fakeTerminal } from './commands/fake-run.js';

const folder = temporaryFolder();
const write = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const project = letterProject(['A', 'E'], 3);
const checkpoint = checkpointBytes(STROKES, { numClasses: 2 }, ['A', 'E']);
const summary = { classes: ['A', 'E'], drawings: 6, epochs: 4, seconds: 1 };
const network = {
  checkpoint,
  taught: '2026-11-28T12:00:00Z',
  summary: { ...summary, heldOut: { correct: 1, count: 2 }, confusions: [], none: null },
};
const TAUGHT = write('signs.json', writeProject({ ...project, network }));
const UNTAUGHT = write('drawings.json', writeProject(project));
const CHECKPOINT = write('signs.safetensors', checkpoint);
const DRAWING = write(
  'one.json',
  JSON.stringify({
    strokes: [
      [
        [10, 8],
        [52, 9],
        [30, 71],
      ],
    ],
  }),
);
const FLAGS = ['--backend', 'reference'];

async function scanstroke(...args: string[]) {
  const terminal = fakeTerminal();
  const code = await run(args, terminal);
  return { code, out: terminal.out.text, err: terminal.err.text };
}

test('predict: the first argument is the network, with the answers of its checkpoint', async () => {
  const asProject = await scanstroke('predict', TAUGHT, DRAWING, UNTAUGHT, '--json', ...FLAGS);
  const asFile = await scanstroke('predict', CHECKPOINT, DRAWING, UNTAUGHT, '--json', ...FLAGS);
  assert.deepEqual([asProject.code, asProject.err], [0, '']);
  assert.equal(JSON.parse(asProject.out).length, 7);
  assert.equal(asProject.out, asFile.out);
});

test('predict: alone, its own network answers to its drawings, and says so', async () => {
  const { code, out, err } = await scanstroke('predict', TAUGHT, '--json', ...FLAGS);
  assert.equal(code, 0);
  assert.deepEqual(new Set(Object.keys(JSON.parse(out)[0])), new Set(['file', ...Object.keys(ANSWER)]));
  assert.equal(JSON.parse(out).length, 6);
  assert.match(err, /^the project's own network answers to its drawings; .*\n$/);
  const untaught = await scanstroke('predict', UNTAUGHT, '--json', ...FLAGS);
  assert.match(untaught.err, /the network digits of the package answers/);
});
const ANSWER = { class: '', probability: 0, unsure: false, top: [], probabilities: [] };

test('evaluate: on its own drawings, with the word that they were taught', async () => {
  const { code, out, err } = await scanstroke('evaluate', TAUGHT, '--json', ...FLAGS);
  assert.equal(code, 0, err);
  assert.equal(JSON.parse(out).count, 2);
  assert.match(err, /was taught with these drawings, so this accuracy is too high; .* 1 of 2 were right/);
  const others = await scanstroke('evaluate', TAUGHT, '--data', UNTAUGHT, ...FLAGS);
  assert.deepEqual([others.code, others.err], [0, '']);
});

test('info and export: as of its checkpoint', async () => {
  const about = async (path: string) => JSON.parse((await scanstroke('info', path, '--json')).out);
  const [one, other] = [await about(TAUGHT), await about(CHECKPOINT)];
  assert.deepEqual({ ...one, path: '', checkpoint: '' }, { ...other, path: '', checkpoint: '' });
  const out = join(folder, 'out.safetensors');
  const { code, err } = await scanstroke('export', TAUGHT, '--out', out);
  assert.equal(code, 0, err);
  const [exported, held] = [await readTrainedModel(TAUGHT), decodeCheckpoint(checkpoint, 'a')];
  assert.deepEqual(exported.parameters, held.parameters);
});

test('a project without a network says how to get one; other JSON is no checkpoint', async () => {
  for (const command of ['evaluate', 'info']) {
    const { code, err } = await scanstroke(command, UNTAUGHT);
    assert.equal(code, 2);
    assert.match(err, /drawings\.json: this project has drawings, but no network yet; open it in the page/);
    assert.equal(err.trim().split('\n').length, 1);
  }
  const broken = write('broken.json', writeProject({ ...project, network }).replace('"taught":', '"then":'));
  assert.match((await scanstroke('info', broken)).err, /broken\.json: .*taught/);
  const { code, err } = await scanstroke('info', DRAWING);
  assert.equal(code, 2);
  assert.match(err, /one\.json/);
});
