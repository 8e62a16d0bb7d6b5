/** Protects `scanstroke serve signs.json`: what the page gets, the network in it, and that the file stays as it is. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeProject } from '#src/data/pens/project.js';
import type { ErrorJson, ModelList, PredictResponse, RunList } from '#src/serve/api.js';
import { UserError } from '#src/user-error.js';
import { checkpointBytes, STROKES } from '../recognize/checkpoint-bytes.js';
import { letterProject } from '../teach/hands.js';
import { temporaryFolder } from '../train/small-mnist.js';
import { getJson, serve } from './served-runs.js';

const folder = temporaryFolder();
const path = join(folder, 'signs.json');
const project = letterProject(['A', 'E'], 3);
const network = {
  checkpoint: checkpointBytes(STROKES, { numClasses: 2 }, ['A', 'E']),
  taught: '2026-11-28T12:00:00Z',
  summary: {
    classes: ['A', 'E'],
    drawings: 6,
    epochs: 4,
    seconds: 1,
    heldOut: { correct: 1, count: 2 },
    confusions: [],
    none: null,
  },
};
const FILE = writeProject({ ...project, network });

test('the list offers it, its network answers first, and nothing is written to it', async () => {
  writeFileSync(path, FILE);
  const { mtimeMs } = statSync(path);
  const server = await serve({ runs: null, project: path });
  let kept: string;
  try {
    const { json } = await getJson<ModelList>(`${server.url}api/models`);
    assert.equal(json.project?.name, 'signs.json');
    assert.match(json.project?.id ?? '', /^[0-9a-f]{16}$/);
    assert.deepEqual([json.default, json.models[0].classes], ['signs', ['A', 'E']]);
    const response = await fetch(`${server.url}models/signs.safetensors`);
    assert.deepEqual(new Uint8Array(await response.arrayBuffer()), network.checkpoint);
    const answer = await getJson<PredictResponse>(`${server.url}api/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        drawing: {
          strokes: [
            [
              [10, 8],
              [52, 9],
              [30, 71],
            ],
          ],
        },
      }),
    });
    assert.deepEqual([answer.json.model, answer.json.results[0]?.probabilities.length], ['signs', 2]);
    const { runs } = (await getJson<RunList>(`${server.url}api/runs`)).json;
    assert.equal(runs[0].state, 'done');
    kept = runs[0].folder;
    assert.equal(await (await fetch(`${server.url}api/project`)).text(), FILE);
    writeFileSync(path, writeProject(project));
    assert.equal(await (await fetch(`${server.url}api/project`)).text(), writeProject(project));
    const foreign = await fetch(`${server.url}api/project`, { headers: { 'sec-fetch-site': 'cross-site' } });
    assert.equal(foreign.status, 403);
    await foreign.body?.cancel();
    writeFileSync(path, FILE);
  } finally {
    await server.close();
  }
  assert.ok(!existsSync(kept));
  assert.equal(readFileSync(path, 'utf8'), FILE);
  assert.ok(mtimeMs > 0);
  assert.deepEqual(server.defects, []);
});

test("its network has the file's name without .json as its id, whatever the name; a removed file is not found", async () => {
  for (const name of ['記号', 'my signs é', 'best']) {
    const other = join(folder, `${name}.json`);
    writeFileSync(other, FILE);
    const server = await serve({ runs: null, project: other });
    const { json } = await getJson<ModelList>(`${server.url}api/models`);
    assert.equal(json.default, name);
    assert.equal((await fetch(`${server.url}models/${json.models[0].file}`)).status, 200);
    assert.equal((await fetch(`${server.url}api/runs/${encodeURIComponent(name)}`)).status, 200);
    rmSync(other);
    const gone = await getJson<ErrorJson>(`${server.url}api/project`);
    assert.deepEqual([gone.status, /was removed/.test(gone.json.error.message)], [404, true]);
    await server.close();
  }
});

test('without a network there is no model; without a project there is none', async () => {
  writeFileSync(path, writeProject(project));
  const drawings = await serve({ runs: null, project: path });
  const { json } = await getJson<ModelList>(`${drawings.url}api/models`);
  await drawings.close();
  assert.deepEqual([json.models, json.project?.name], [[], 'signs.json']);
  const none = await serve({ runs: null });
  const list = await getJson<ModelList>(`${none.url}api/models`);
  const { status } = await getJson(`${none.url}api/project`);
  await none.close();
  assert.deepEqual([list.json.project, status], [null, 404]);
});

test('a damaged project, and a network in it that is none, are refused at the start', async () => {
  writeFileSync(path, FILE.replace('"A"', '5'));
  await assert.rejects(serve({ runs: null, project: path }), UserError);
  writeFileSync(path, writeProject({ ...project, network: { ...network, checkpoint: Uint8Array.of(1, 2) } }));
  await assert.rejects(serve({ runs: null, project: path }), /signs\.json: the network in it/);
});
