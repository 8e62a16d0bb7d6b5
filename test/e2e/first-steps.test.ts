/**
 * Protects what works right after installation, in an empty folder: `predict FILE` and `serve` answer with the networks
 * of the package, alike, and write nothing.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SHIPPED_MODELS, shippedFolder } from '#src/runs/shipped-models.js';
import type { ModelList, PredictResponse, RunDetails, RunList } from '#src/serve/api.js';
import { modelList, runList } from '#src/serve/openapi.js';
import { greyPng } from '../data/pictures/png-file.js';
import { digits } from '../ink/images.js';
import { checkpointBytes, ROWS } from '../recognize/checkpoint-bytes.js';
import { getJson } from '../serve/served-runs.js';
import { temporaryFolder } from '../train/small-mnist.js';
import { scanstroke, serveIn } from './command.js';

const inputs = temporaryFolder();
const empty = temporaryFolder();
const [image] = await digits(1);
const png = join(inputs, 'digit.png');
writeFileSync(png, greyPng(image.pixels, 28));
const drawing = { strokes: [{ x: [10, 52, 30], y: [8, 9, 71] }] };
const json = join(inputs, 'drawing.json');
writeFileSync(json, JSON.stringify(drawing));

/** The names of all files among the networks, with sums of their contents. */
function modelFiles(): string[] {
  const folder = join(shippedFolder('digits'), '..');
  return (readdirSync(folder, { recursive: true, withFileTypes: true }) as import('node:fs').Dirent[])
    .filter((each) => each.isFile())
    .map(({ name, parentPath }) => {
      const path = join(parentPath, name);
      return `${path} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
    })
    .sort();
}
const before = modelFiles();
after(() => {
  assert.deepEqual(readdirSync(empty), []);
  assert.deepEqual(modelFiles(), before, 'nothing was written among the networks of the package');
});

interface Answer {
  file: string;
  class: string;
  probabilities: number[];
}

async function predict(...args: string[]): Promise<{ answers: Answer[]; stderr: string }> {
  const { code, stdout, stderr } = await scanstroke(['predict', ...args, '--json'], { cwd: empty });
  assert.equal(code, 0, stderr);
  return { answers: JSON.parse(stdout) as Answer[], stderr };
}

test('predict FILE answers with the network digits, and says so in one line', async () => {
  const lone = await predict(png, json);
  const named = await predict('digits', png, json);
  assert.deepEqual(lone.answers, named.answers);
  assert.deepEqual(
    lone.answers.map(({ file }) => file),
    [png, json],
  );
  assert.equal(lone.answers[1].class, '7');
  assert.match(lone.stderr, /^the network digits of the package answers; to choose another, name [^\n]+\n$/);
  assert.equal(named.stderr, '');
  const strokes = await predict('digit-strokes', png);
  assert.notDeepEqual(strokes.answers[0].probabilities, lone.answers[0].probabilities);
});

test('other commands take the names, and write nothing among the networks', async () => {
  const { code, stdout, stderr } = await scanstroke(['info', 'digit-strokes', '--json'], { cwd: empty });
  assert.equal(code, 0, stderr);
  assert.deepEqual([JSON.parse(stdout).path, JSON.parse(stdout).process], ['digit-strokes', null]);
  const measure = ['evaluate', 'digits', '--robustness', '--limit', '2', '--threads', '1', '--json'];
  assert.equal((await scanstroke(measure, { cwd: empty })).code, 0);
  const train = ['train', '--load-cp', 'digits', '--saving-path', shippedFolder('digits')];
  const refused = await scanstroke(train, { cwd: empty });
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /digits is part of the package, and nothing is written there/);
});

test('serve without runs lists the networks of the package, and answers as predict does', async () => {
  const server = await serveIn(empty);
  try {
    const models = (await getJson<ModelList>(`${server.url}api/models`)).json;
    modelList.parse(models);
    assert.deepEqual(
      models.models.map(({ id, shipped, kind }) => [id, shipped, kind]),
      [
        ['digits', true, 'images'],
        ['digit-strokes', true, 'strokes'],
      ],
    );
    assert.equal(models.default, 'digits');
    const { json: listed } = await getJson<RunList>(`${server.url}api/runs`);
    runList.parse(listed);
    for (const [n, { id, shipped, state, problem }] of listed.runs.entries()) {
      assert.deepEqual([id, shipped, state, problem], [SHIPPED_MODELS[n], true, 'done', null]);
      const { json: run } = await getJson<RunDetails>(`${server.url}api/runs/${id}`);
      assert.equal(run.metrics.length, run.epochs);
      assert.equal(run.summary?.test_accuracy, run.test_accuracy);
    }
    assert.equal(listed.runs.length, 2);

    const { answers } = await predict(png, json);
    const ask = async (type: string, body: BodyInit) => {
      const init = { method: 'POST', headers: { 'content-type': type }, body };
      return (await getJson<PredictResponse>(`${server.url}api/predict`, init)).json.results[0];
    };
    const served = [
      await ask('image/png', new Uint8Array(readFileSync(png))),
      await ask('application/json', JSON.stringify({ drawing })),
    ];
    for (const [n, answer] of served.entries()) {
      assert.deepEqual([answer?.class, answer?.probabilities], [answers[n].class, answers[n].probabilities]);
    }
  } finally {
    await server.close();
  }
});

test('serve lists the runs of the user first; a run with the name of a network keeps its name', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'runs/digits'), { recursive: true });
  writeFileSync(join(folder, 'runs/digits/config.json'), '{"data": "mnist"}');
  writeFileSync(join(folder, 'runs/digits/best.safetensors'), checkpointBytes(ROWS));
  const server = await serveIn(folder);
  const named = await serveIn(folder, ['digit-strokes']);
  try {
    const idsOf = async (url: string) => {
      const { models } = (await getJson<ModelList>(`${url}api/models`)).json;
      const { runs } = (await getJson<RunList>(`${url}api/runs`)).json;
      assert.deepEqual(runs.map(({ id }) => id).sort(), models.map(({ id }) => id).sort());
      assert.equal(runs[0].id, 'digits');
      return models.map(({ id, shipped }) => [id, shipped]);
    };
    const own = ['digits', false];
    const shipped = ['digits~2', true];
    assert.deepEqual(await idsOf(server.url), [own, shipped, ['digit-strokes', true]]);
    assert.deepEqual(await idsOf(named.url), [['digit-strokes', true], own, shipped]);
  } finally {
    await Promise.all([server.close(), named.close()]);
  }
});
