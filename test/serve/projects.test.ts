/**
 * Protects teaching by the server: it is off unless it is allowed; what comes out is a run like any other; a training
 * disturbs nothing else, whatever its client or its worker does.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { drawingsToNdjson, readProject, writeProject } from '#src/data/pens/project.js';
import type {
  ModelList,
  PredictResponse,
  ProjectList,
  ProjectTraining,
  RunList,
  SampleList,
} from '#src/serve/api.js';
import { checkProject } from '#src/serve/projects/project-check.js';
import { projectTraining } from '#src/serve/projects/project-schema.js';
import type { TrainWork } from '#src/serve/projects/train-worker.js';
import { Training } from '#src/serve/projects/training.js';
import { dataOf, readModel, uncleanPart } from '#src/train/run/evaluate/evaluation-data.js';
import { letterProject } from '../teach/hands.js';
import { temporaryFolder } from '../train/small-mnist.js';
import { getJson, serve } from './served-runs.js';

// Not in the order of the alphabet, in which drawings are sorted as data.
const project = letterProject(['E', 'A'], 4);
const FILE = writeProject(project);
const LINES = drawingsToNdjson(project);
/** A second of processor time. */
const QUICK = '?epochs=1&none=false';
/** Longer than any test. */
const LONG = '?epochs=500&none=false';

const runs = join(temporaryFolder(), 'runs');
const server = await serve({ runs, allowTraining: true });
after(() => server.close());
const api = `${server.url}api/`;

interface Failed {
  error: { status: number; message: string };
}

function post(name: string, body: string, query = QUICK, type = 'application/json', headers = {}) {
  const init = { method: 'POST', headers: { 'content-type': type, ...headers }, body };
  return getJson<ProjectTraining & Failed>(`${api}projects/${name}/train${query}`, init);
}
const stateOf = async (name: string) => (await getJson<ProjectTraining>(`${api}projects/${name}`)).json;
const cancel = (name: string) =>
  getJson<ProjectTraining & Failed>(`${api}projects/${name}/train`, { method: 'DELETE' });

async function ended(name: string): Promise<ProjectTraining> {
  for (;;) {
    const training = await stateOf(name);
    if (training.ended !== null) return training;
    await sleep(20);
  }
}

/** The events of a project until one for which `isLast` holds. */
async function eventsOf(name: string, isLast: (event: string, data: ProjectTraining) => boolean, from = api) {
  const stop = new AbortController();
  const response = await fetch(`${from}projects/${name}/events`, { signal: stop.signal });
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
  const events: { event: string; data: ProjectTraining }[] = [];
  let text = '';
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/m.exec(block) ?? [];
      if (event) events.push({ event, data: JSON.parse(data) });
    }
    const last = events.at(-1);
    if (last && isLast(last.event, last.data)) break;
  }
  stop.abort();
  return events;
}

test('without --allow-training every request is refused, and says how to allow it', async () => {
  const closed = await serve({ runs });
  try {
    for (const [method, path] of [
      ['POST', 'projects/a/train'],
      ['GET', 'projects'],
      ['GET', 'projects/a'],
      ['GET', 'projects/a/events'],
      ['DELETE', 'projects/a/train'],
    ]) {
      const { status, json } = await getJson<Failed>(`${closed.url}api/${path}`, { method });
      assert.equal(status, 403, path);
      assert.match(json.error.message, /serve --allow-training/);
    }
  } finally {
    await closed.close();
  }
  assert.ok(!existsSync(runs));
});

describe('a training', () => {
  let taught: ProjectTraining;

  test('tells its progress, and its network is at once in the lists and answers', async () => {
    const { status, json } = await post('letters', FILE);
    assert.deepEqual(
      [status, json.name, json.state, json.classes, json.drawings],
      [202, 'letters', 'running', 2, 8],
    );
    const events = await eventsOf('letters', (event, data) => event === 'state' && data.state === 'done');
    assert.ok(events.some(({ event }) => event === 'progress'));
    assert.equal(events[0].event, 'state');
    taught = projectTraining.parse(events.at(-1)?.data) as ProjectTraining;
    assert.deepEqual(taught, await stateOf('letters'));
    const { held_out: heldOut } = taught.summary as { held_out: { count: number } };
    assert.equal(heldOut.count, 2);
    const id = taught.run as string;
    assert.match(id, /^letters-\d{8}-\d{6}$/);
    const models = (await getJson<ModelList>(`${api}models`)).json;
    assert.equal(models.default, id);
    assert.deepEqual(models.models[0].classes, ['E', 'A']);
    const list = (await getJson<RunList>(`${api}runs`)).json;
    assert.deepEqual([list.runs[0].id, list.runs[0].state, list.runs[0].problem], [id, 'done', null]);
    const { drawing } = project.drawings[0];
    const strokes = drawing.map(([x, y]) => ({ x, y }));
    const answer = await getJson<PredictResponse>(`${api}predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: id, drawing: { strokes } }),
    });
    assert.ok(['A', 'E'].includes(answer.json.results[0]?.class ?? ''));
  });

  test('writes a run folder with the project, and leaves nothing else', async () => {
    const folder = join(runs, taught.run as string);
    assert.deepEqual(readdirSync(folder).sort(), [
      'best.safetensors',
      'config.json',
      'last.safetensors',
      'project.json',
    ]);
    const kept = readProject(readFileSync(join(folder, 'project.json')), 'project.json');
    assert.deepEqual(kept.drawings, project.drawings);
    assert.deepEqual(kept.network?.summary.classes, ['E', 'A']);
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
    assert.equal(config.data, join(folder, 'project.json'));
    assert.match(
      uncleanPart('test', config.data, await readModel(folder)) ?? '',
      /was taught with these drawings/,
    );
  });

  test('shows the drawings that were taught, with their own classes', async () => {
    const samplesOf = async (id: string | null) => {
      for (;;) {
        const found = await getJson<SampleList & Failed>(`${api}runs/${id}/samples?part=test`);
        if (found.status !== 202) return found;
      }
    };
    const answer = await samplesOf(taught.run);
    assert.equal(answer.status, 200, answer.json.error?.message);
    const { classes, samples } = answer.json;
    assert.deepEqual([classes, samples.length], [['E', 'A'], 2]);
    // The last drawing of each class, in the order of the file.
    assert.deepEqual(
      samples.map(({ label }) => classes[label]),
      ['E', 'A'],
    );
    // config.json names the project by the folder's old name.
    const moved = join(runs, 'moved');
    cpSync(join(runs, taught.run as string), moved, { recursive: true });
    const again = await samplesOf('moved');
    assert.deepEqual(again.json.samples, samples, again.json.error?.message);
    const model = await readModel(moved);
    assert.match(uncleanPart('test', dataOf(model), model) ?? '', /was taught with these drawings/);
    rmSync(moved, { recursive: true });
  });

  test('takes lines of drawings; the same drawings give the same network', async () => {
    await post('lines', LINES, QUICK, 'application/x-ndjson');
    const { state, problem, run } = await ended('lines');
    assert.deepEqual([state, problem], ['done', null]);
    await post('again', LINES, QUICK, 'application/x-ndjson');
    const again = await ended('again');
    const [one, other] = [run, again.run].map((id) =>
      readFileSync(join(runs, id as string, 'best.safetensors')),
    );
    assert.ok(one.equals(other));
    const { projects } = (await getJson<ProjectList>(`${api}projects`)).json;
    assert.deepEqual(
      projects.map(({ name }) => name),
      ['again', 'lines', 'letters'],
    );
  });

  test('keeps no other request from being answered', async () => {
    await post('beside', FILE, LONG);
    await eventsOf('beside', (event) => event === 'progress');
    const strokes = project.drawings[0].drawing.map(([x, y]) => ({ x, y }));
    const body = JSON.stringify({ model: taught.run, drawing: { strokes } });
    const headers = { 'content-type': 'application/json' };
    for (let n = 0; n < 10; n++) {
      const answer = await getJson<PredictResponse>(`${api}predict`, { method: 'POST', headers, body });
      assert.equal(answer.status, 200);
    }
    assert.equal((await stateOf('beside')).state, 'running');
    await cancel('beside');
  });

  test('is cancelled, also twice; an unknown one and one that has ended are not', async () => {
    await post('long', FILE, LONG);
    await eventsOf('long', (event) => event === 'progress');
    const first = await cancel('long');
    assert.deepEqual([first.status, first.json.state, first.json.run], [200, 'cancelled', null]);
    assert.deepEqual((await cancel('long')).json, first.json);
    const unknown = await cancel('unknown');
    assert.equal(unknown.status, 404);
    assert.match(unknown.json.error.message, /no training of a project "unknown"/);
    const done = await cancel('letters');
    assert.equal(done.status, 409);
    assert.match(done.json.error.message, /has ended already: done/);
    assert.ok(readdirSync(runs).every((name) => !name.startsWith('long')));
  });
});

test('mistakes have a status and a message, before anything is trained', async () => {
  const one = writeProject(letterProject(['A'], 4));
  const refusals: [Parameters<typeof post>, number, RegExp][] = [
    [['x', '{'], 400, /train: the body: not valid JSON/],
    [['x', '[]'], 400, /expected a project file, an object with "format"/],
    [['x', '['.repeat(100_000)], 400, /nested deeper than 32/],
    [
      ['x', '{"word":"a"}\n', '', 'application/x-ndjson'],
      400,
      /train: the body:1: expected a list "strokes"/,
    ],
    [['x', '', '', 'application/x-ndjson'], 400, /drawings of 0 classes/],
    [['x', one], 400, /has drawings of 1 class; draw at least 2/],
    [['x', FILE, '', 'text/plain'], 415, /found content-type "text\/plain"/],
    [['x', FILE, '?epochs=0'], 400, /epochs .*expected a whole number from 1, found "0"/],
    [['x', FILE, '?epochs=501'], 400, /a whole number up to 500/],
    [['x', FILE, '?base=/etc/passwd'], 400, /base .*expected digit-strokes or none/],
    [['x', FILE, '?speed=1'], 400, /unknown parameter "speed"; there are base, none, epochs, seed/],
    [['..%2fx', FILE], 400, /expected a name of 1 to 64 letters/],
    [['.x', FILE], 400, /expected a name/],
    [['x%00', FILE], 400, /expected a name/],
    [['x%20y', FILE], 400, /expected a name/],
    [['x'.repeat(65), FILE], 400, /expected a name/],
    [['x', ' '.repeat(2 ** 24 + 1)], 413, /at most 16777216 bytes/],
    [['x', FILE, QUICK, 'application/json', { origin: 'http://evil.example' }], 403, /other web pages/],
  ];
  for (const [request, status, message] of refusals) {
    const answer = await post(...request);
    assert.equal(answer.status, status, `${request[0]} ${request[1].slice(0, 20)} ${request[2]}`);
    assert.match(answer.json.error.message, message);
  }
  assert.equal((await getJson(`${api}projects/x`)).status, 404);
});

test('too many classes, drawings or points are refused', () => {
  const check = (value: typeof project) =>
    checkProject({ body: new TextEncoder().encode(writeProject(value)), type: 'project', name: 'x' });
  const many = (count: number) => Array.from({ length: count }, (_, n) => n);
  const point = [[[0], [0]]];
  const drawings = many(5001).map((n) => ({ id: `${n}`, class: 'A', drawing: point }));
  assert.throws(() => check({ ...project, drawings }), /train: 5001 drawings; at most 5000/);
  const classes = many(101).map((n) => ({ id: `${n}`, name: `${n}`, colour: '#000000' }));
  assert.throws(() => check({ ...project, classes, drawings: [] }), /train: 101 classes; at most 100/);
  const long = [[many(90_000), many(90_000)]];
  const six = many(6).map((n) => ({ id: `${n}`, class: 'A', drawing: long }));
  assert.throws(() => check({ ...project, drawings: six }), /train: 540000 points; at most 500000/);
});

test('of many requests at once one trains, some wait, and the others are told when to come back', async () => {
  const names = Array.from({ length: 12 }, (_, n) => `crowd${n}`);
  const answers = await Promise.all(
    [...names, ...names].map((name) =>
      fetch(`${api}projects/${name}/train${LONG}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: FILE,
      }),
    ),
  );
  const statuses = answers.map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === 202).length, 9);
  assert.ok(statuses.every((status) => [202, 409, 503].includes(status)));
  const refused = answers.filter(({ status }) => status === 503);
  assert.ok(refused.length > 0);
  for (const { headers } of refused) assert.ok(Number(headers.get('retry-after')) >= 1);
  for (const { body } of answers) await body?.cancel();
  const { projects } = (await getJson<ProjectList>(`${api}projects`)).json;
  const open = projects.filter(({ ended: when }) => when === null);
  assert.deepEqual(open.map(({ before }) => before).sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  // Those that wait first, so that none of them begins.
  const waiting = open.sort((a, b) => b.before - a.before);
  const told = eventsOf(waiting[0].name, (_, { before }) => before === 7);
  await sleep(100);
  assert.equal((await cancel((waiting.splice(1, 1)[0] as ProjectTraining).name)).json.state, 'cancelled');
  assert.deepEqual(
    (await told).map(({ data }) => data.before),
    [8, 7],
    'one before it was cancelled',
  );
  for (const { name } of waiting) {
    assert.equal((await cancel(name)).json.state, 'cancelled');
  }
});

test('a client that breaks off begins no training, and one that listens ends none', async () => {
  const { hostname, port } = new URL(server.url);
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      const head = ['POST /api/projects/broken/train HTTP/1.1', `host: ${hostname}`];
      const more = ['content-type: application/json', 'content-length: 1000000', '', FILE];
      socket.write([...head, ...more].join('\r\n'), () => setTimeout(() => socket.destroy(), 50));
    });
    socket.on('close', () => resolve());
  });
  await post('heard', FILE, LONG);
  await eventsOf('heard', (event) => event === 'progress');
  await sleep(100);
  assert.equal((await stateOf('heard')).state, 'running');
  assert.equal((await getJson(`${api}projects/broken`)).status, 404);
  await cancel('heard');
});

test('the end of the server ends a training, and leaves no half of a run', async () => {
  const folder = join(temporaryFolder(), 'runs');
  const ending = await serve({ runs: folder, allowTraining: true });
  const { status } = await fetch(`${ending.url}api/projects/long/train${LONG}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: FILE,
  });
  assert.equal(status, 202);
  await eventsOf('long', (event) => event === 'progress', `${ending.url}api/`);
  const began = performance.now();
  await ending.close();
  assert.ok(performance.now() - began < 3000);
  assert.ok(!existsSync(folder));
  assert.deepEqual(ending.defects, []);
});

describe('a worker', () => {
  const script = new URL('./vanishing-worker.js', import.meta.url);
  const training = (name: string, limitMs?: number) =>
    new Training({ name } as TrainWork, { classes: 2, drawings: 8 }, { script, limitMs });
  const defects: unknown[] = [];
  const listener = {
    onProgress() {},
    onDefect: (error: unknown) => defects.push(error),
    onRun: async (folder: string) => folder,
  };

  test('that dies fails its training and nothing else', async () => {
    const dies = training('dies');
    await dies.start(listener);
    assert.deepEqual([dies.state, dies.json(0).problem], ['failed', 'its worker ended with code 3']);
    const throws = training('throws');
    await throws.start(listener);
    assert.deepEqual([throws.state, defects.length], ['failed', 1]);
    assert.match(throws.json(0).problem ?? '', /a defect of the server/);
  });

  test('that hears nothing is ended, when it is cancelled and when its time is over', async () => {
    const [hangs, late] = [training('hangs'), training('late', 100)];
    const ended = [hangs.start(listener), late.start(listener)];
    await sleep(100);
    await hangs.cancel();
    assert.equal(hangs.state, 'cancelled');
    await Promise.all(ended);
    assert.deepEqual(
      [late.state, late.json(0).problem],
      ['failed', 'it took longer than 0.1 s; send fewer drawings or epochs'],
    );
  });
});

test('nothing of all this was a defect', () => {
  assert.deepEqual(server.defects, []);
});
