/**
 * Protects the API of runs: contents of their files, also while they are written or if they are damaged; complete event
 * streams, also after a restart of client or server; samples with the network's answers.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBackend } from '#src/backends/open-node.js';
import { loadImages } from '#src/data/images/image-datasets.js';
import { strokesFromImages } from '#src/data/strokes/files/stroke-conversion.js';
import { movesOf } from '#src/data/strokes/stroke-examples.js';
import type { RecognizerInput } from '#src/recognize/prepare-input.js';
import { openRecognizer } from '#src/recognize/recognizer.js';
import { LOCK, lockRun } from '#src/runs/run-lock.js';
import type { RunDetails, RunList, SampleDetails, SampleList } from '#src/serve/api.js';
import { RunScan } from '#src/serve/runs/run-scan.js';
import { trainRun } from '#src/train/run/run.js';
import { checkpointBytes, ROWS, STROKES } from '../recognize/checkpoint-bytes.js';
import { smallConfig, temporaryFolder } from '../train/small-mnist.js';
import {
  CLASSES,
  getJson,
  makeRuns,
  metricsOf,
  metricsText,
  serve,
  summaryText,
  TEST_SAMPLES,
} from './served-runs.js';

process.env.SCANSTROKE_CACHE = temporaryFolder();
const made = makeRuns();
const server = await serve({ runs: made.runs, dataRoots: [made.data] });
after(() => server.close());
const api = `${server.url}api/runs`;

const details = async (id: string) => (await getJson<RunDetails>(`${api}/${id}`)).json;

describe('runs', () => {
  test('are listed newest first, each with the contents of its files', async () => {
    const started = { rows: 5, strokes: 4, fresh: 9, 'many/seed-0': 3, 'many/seed-1': 2, damaged: 1 };
    for (const [run, minutes] of Object.entries(started)) {
      const time = Date.now() / 1000 - 86_400 + 60 * minutes;
      utimesSync(join(made.runs, run, 'config.json'), time, time);
    }
    const { json } = await getJson<RunList>(api);
    const ids = json.runs.map(({ id }) => id);
    assert.deepEqual(ids, ['fresh', 'rows', 'strokes', 'many~seed-0', 'many~seed-1', 'damaged', 'leak']);
    const [fresh, rows, strokes] = json.runs;
    assert.deepEqual(
      [rows.state, rows.kind, rows.epochs, rows.num_epochs, rows.test_accuracy],
      ['done', 'images', 2, 2, 0.95],
    );
    assert.deepEqual([rows.preset, rows.model, strokes.kind], ['quick', true, 'strokes']);
    assert.deepEqual([fresh.epochs, fresh.model, fresh.test_accuracy], [0, false, null]);
    assert.equal(fresh.state, 'stopped', 'no training holds it');
    assert.match(json.runs[5].problem ?? '', /metrics\.jsonl:1: /);
  });

  test('have the kind from the checkpoint, or else from the name of the data, or none', async () => {
    const runs = temporaryFolder();
    const put = (run: string, name: string, content: string | Uint8Array) => {
      mkdirSync(join(runs, run), { recursive: true });
      writeFileSync(join(runs, run, name), content);
    };
    const begun = (run: string, data: string) =>
      put(run, 'config.json', JSON.stringify({ data, input_size: 4, sequence_length: 196 }));
    begun('a-folder', '/data/anything');
    begun('b-mnist', 'mnist');
    begun('c-strokes', 'strokes:/data/anything');
    begun('d-images', '/data/anything');
    put('d-images', 'best.safetensors', checkpointBytes({ ...ROWS, inputSize: 4, sequenceLength: 196 }));
    begun('e-strokes', '/data/anything');
    put('e-strokes', 'best.safetensors', checkpointBytes(STROKES));
    begun('f-damaged', 'strokes');
    put('f-damaged', 'best.safetensors', checkpointBytes(ROWS).subarray(0, 600));
    const scan = new RunScan([], runs);
    scan.refresh(10_000);
    const kinds = Object.fromEntries(scan.list().runs.map(({ id, kind }) => [id, kind]));
    assert.deepEqual(kinds, {
      'a-folder': null,
      'b-mnist': 'images',
      'c-strokes': 'strokes',
      'd-images': 'images',
      'e-strokes': 'strokes',
      'f-damaged': 'strokes',
    });
  });

  test('have configuration, metrics and summary as on disk', async () => {
    const { config, metrics, summary, state } = await details('rows');
    assert.equal(state, 'done');
    assert.equal(config?.hidden_size, 12);
    assert.deepEqual(
      metrics.map(({ epoch }) => epoch),
      [1, 2],
    );
    assert.deepEqual(Object.keys(metrics[0]).slice(0, 3), ['epoch', 'train_loss', 'train_accuracy']);
    assert.equal((summary!.confusion_matrix as number[][]).length, 10);
    const { status, json } = await getJson<{ error: { message: string } }>(`${api}/nobody`);
    assert.deepEqual(
      [status, json.error.message],
      [404, 'there is no run "nobody"; GET /api/runs lists all of them'],
    );
  });

  test('are live while a training holds their lock, and stopped as soon as it does not', async () => {
    const folder = join(made.runs, 'held');
    made.write('held', 'config.json', '{"num_epochs": 3}');
    made.write('held', 'metrics.jsonl', metricsText(metricsOf(1)));
    const listed = async () => (await getJson<RunList>(api)).json.runs.find(({ id }) => id === 'held')?.state;
    const states = async () => [(await details('held')).state, await listed()];
    const becomes = async (state: string, milliseconds: number) => {
      const began = performance.now();
      while ((await states()).some((each) => each !== state)) {
        assert.ok(performance.now() - began < milliseconds, `${await states()} after ${milliseconds} ms`);
        await sleep(50);
      }
    };
    await becomes('stopped', 5000);
    const lock = await lockRun(folder);
    await becomes('live', 5000);
    const told = listen('held', (all) => all.some(({ data }) => data.state === 'stopped'));
    await sleep(700);
    await lock.release();
    await becomes('stopped', 2000);
    assert.deepEqual(
      (await told).filter(({ name }) => name === 'state').map(({ data }) => data.state),
      ['live', 'stopped'],
    );

    // Killed trainings leave the lock behind; strangers' folders may have anything of its name.
    const path = join(folder, LOCK);
    const silentFor = async (seconds: number, state: string) => {
      writeFileSync(path, 'no record');
      const time = Date.now() / 1000 - seconds;
      utimesSync(path, time, time);
      await becomes(state, 5000);
    };
    await silentFor(25, 'live');
    await silentFor(50, 'stopped');
    await silentFor(-3600, 'stopped');
    for (const make of [
      () => symlinkSync(join(folder, 'config.json'), path),
      () => execFileSync('mkfifo', [path]),
      () => mkdirSync(path),
    ]) {
      rmSync(path, { recursive: true });
      make();
      await sleep(300);
      assert.deepEqual(await states(), ['stopped', 'stopped']);
    }
    rmSync(folder, { recursive: true });
  });

  test('are live while they are written, also with a torn last line', async () => {
    const lines = metricsText(metricsOf(3));
    made.write('growing', 'config.json', '{"num_epochs": 3}');
    const lock = await lockRun(join(made.runs, 'growing'));
    assert.equal((await details('growing')).state, 'live');
    for (let length = 0; length < lines.length; length += 97) {
      made.write('growing', 'metrics.jsonl', lines.slice(0, length));
      const { metrics, problem } = await details('growing');
      assert.equal(problem, null);
      const whole = lines.slice(0, length).split('\n').length - 1;
      assert.ok(metrics.length === whole || metrics.length === whole + 1, `${metrics.length} of ${whole}`);
    }
    await lock.release();
    rmSync(join(made.runs, 'growing'), { recursive: true });
  });
});

interface Told {
  id: string | null;
  name: string;
  data: Record<string, unknown>;
}

/** Reads events until `enough` returns true. */
async function listen(id: string, enough: (told: Told[]) => boolean, seen?: number): Promise<Told[]> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), 10_000);
  const headers: Record<string, string> = seen === undefined ? {} : { 'last-event-id': String(seen) };
  const response = await fetch(`${api}/${id}/events`, { headers, signal: stop.signal });
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
  const told: Told[] = [];
  let text = '';
  const decoder = new TextDecoder();
  for await (const piece of response.body!) {
    const blocks = (text + decoder.decode(piece, { stream: true })).split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? null;
      const name = field('event');
      if (name !== null) told.push({ id: field('id'), name, data: JSON.parse(field('data') ?? '') });
    }
    if (enough(told)) break;
  }
  clearTimeout(timer);
  return told;
}

describe('events', () => {
  const epochs = (told: Told[]) => told.filter(({ name }) => name === 'epoch').map(({ id }) => Number(id));

  test('arrive when epochs end; the summary is the last', async () => {
    made.write('live', 'config.json', '{"num_epochs": 4}');
    made.write('live', 'metrics.jsonl', metricsText(metricsOf(1)));
    const lock = await lockRun(join(made.runs, 'live'));
    const told = listen('live', (all) => all.some(({ name }) => name === 'summary'));
    await sleep(700);
    made.write('live', 'metrics.jsonl', metricsText(metricsOf(3)));
    await sleep(700);
    made.write('live', 'metrics.jsonl', metricsText(metricsOf(4)));
    made.write('live', 'summary.json', summaryText({ epochs: 4 }));
    await lock.release();
    const all = await told;
    assert.deepEqual(epochs(all), [1, 2, 3, 4]);
    assert.deepEqual(
      all.filter(({ name }) => name === 'state').map(({ data }) => data.state),
      ['live', 'done'],
    );
    assert.equal(all.at(-1)?.data.epochs, 4);
    assert.ok('train_loss' in all[0].data);
  });

  test('continue after Last-Event-ID, also after a restart of the server', async () => {
    const done = (all: Told[]) => all.some(({ name }) => name === 'state');
    assert.deepEqual(epochs(await listen('live', done, 2)), [3, 4]);
    assert.deepEqual(epochs(await listen('live', done, 4)), []);
    const other = await serve({ runs: made.runs });
    const response = await fetch(`${other.url}api/runs/live/events`, { headers: { 'last-event-id': '3' } });
    const reader = response.body!.getReader();
    let text = '';
    while (!text.includes('event: state')) text += new TextDecoder().decode((await reader.read()).value);
    assert.deepEqual(
      [...text.matchAll(/^id: (\d+)$/gm)].map((match) => match[1]),
      ['4'],
    );
    await other.close();
    assert.equal((await reader.read()).done, true, 'a closing server ends its events');
  });

  test('of a real training arrive one by one, and then its samples have answers', async () => {
    const config = smallConfig(join(made.runs, '../data'), join(made.runs, 'trained'), { numEpochs: 3 });
    const training = (async () => {
      for await (const _ of trainRun(config, { stop: new AbortController().signal }));
    })();
    while ((await fetch(`${api}/trained`)).status === 404) await sleep(5);
    const told = await listen('trained', (all) => all.some(({ name }) => name === 'summary'));
    await training;
    assert.deepEqual(epochs(told), [1, 2, 3]);
    const states = told.filter(({ name }) => name === 'state').map(({ data }) => data.state);
    assert.equal(states.at(-1), 'done');
    const { test_accuracy: accuracy } = told.at(-1)!.data;
    const { matching } = await samples<SampleList>('trained/samples?correct=true');
    assert.equal(matching / TEST_SAMPLES, accuracy, 'the answers are those that training counted');
  });

  test('report that a run went back to an earlier epoch', async () => {
    made.write('back', 'config.json', '{}');
    made.write('back', 'metrics.jsonl', metricsText(metricsOf(3)));
    const told = listen('back', (all) => all.some(({ name }) => name === 'reset'));
    await sleep(700);
    made.write('back', 'metrics.jsonl', metricsText(metricsOf(1)));
    const all = await told;
    assert.deepEqual(all.at(-1), { id: null, name: 'reset', data: { epoch: 1 } });
    const { status, json } = await getJson<{ error: { message: string } }>(`${api}/back/events`, {
      headers: { 'last-event-id': 'x' },
    });
    assert.equal(status, 400);
    assert.match(json.error.message, /Last-Event-ID: expected the number of an epoch, found "x"/);
    const head = await fetch(`${api}/rows/events`, { method: 'HEAD' });
    assert.equal(head.status, 404);
  });
});

/** Repeats the request until the answers are computed. */
async function samples<T>(path: string): Promise<T> {
  for (;;) {
    const { status, json } = await getJson<T>(`${api}/${path}`);
    if (status === 200) return json;
    assert.equal(status, 202, JSON.stringify(json));
  }
}

describe('samples', () => {
  test('have the answers of the network', async () => {
    const { test: examples } = await loadImages(join(made.runs, '../data'), { channelsImg: 1 });
    const { labels, pixels } = examples;
    const drawn = await strokesFromImages(examples, 'data', { seed: 0, threads: 1 });
    const backend = await openBackend('auto');
    for (const [run, preprocessing] of [
      ['rows', ROWS],
      ['strokes', STROKES],
    ] as const) {
      const bytes = checkpointBytes(preprocessing, { numClasses: 10 }, CLASSES);
      const recognizer = openRecognizer(bytes, backend, { name: run });
      const inputs = Array.from(
        { length: TEST_SAMPLES },
        (_, i): RecognizerInput =>
          run === 'rows'
            ? { kind: 'picture', width: 28, height: 28, pixels: pixels.slice(784 * i, 784 * (i + 1)) }
            : { kind: 'strokes', moves: movesOf(drawn, i) },
      );
      const answers = await recognizer.recognize(inputs);
      const list = await samples<SampleList>(`${run}/samples?limit=200`);
      assert.deepEqual([list.total, list.matching, list.part], [TEST_SAMPLES, TEST_SAMPLES, 'test']);
      list.samples.forEach((sample, i) => {
        const [best] = answers[i]!.top;
        assert.deepEqual([sample.index, sample.label, sample.predicted], [i, labels[i], best.index]);
        assert.equal(sample.probability, best.probability);
        assert.equal(sample.label_probability, answers[i]!.probabilities[labels[i]]);
      });
      assert.equal(list.samples[3].picture === null, run === 'strokes');
      assert.deepEqual(list.samples[3].strokes, run === 'strokes' ? [...movesOf(drawn, 3)] : null);
      const one = await samples<SampleDetails>(`${run}/samples/3`);
      assert.deepEqual(one.probabilities, [...answers[3]!.probabilities]);
      assert.equal(one.inspection?.hidden.length, one.inspection?.steps);
      assert.equal(one.inspection?.hidden[0].length, one.inspection?.units);
      assert.equal(one.trace?.moments.at(-1), one.inspection?.steps);
      assert.equal(one.inspection?.input_gradient[0].length, one.inspection?.input_size);
    }
  });

  test('are filtered by class, answer and correctness, and divided into pages', async () => {
    const all = (await samples<SampleList>('rows/samples?limit=200')).samples;
    const pick = async (query: string) =>
      (await samples<SampleList>(`rows/samples?${query}`)).samples.map(({ index }) => index);
    const which = (fits: (sample: (typeof all)[number]) => boolean) =>
      all.filter(fits).map(({ index }) => index);
    assert.deepEqual(await pick('true=300'), [], 'a class of a data set with more classes');
    const { predicted } = all[0];
    assert.deepEqual(
      await pick(`predicted=${predicted}&limit=200`),
      which((each) => each.predicted === predicted),
    );
    assert.deepEqual(
      await pick('true=7&limit=200'),
      which((each) => each.label === 7),
    );
    assert.deepEqual(
      await pick('correct=false&limit=200'),
      which((each) => each.predicted !== each.label),
    );
    assert.deepEqual(await pick('offset=3&limit=4'), [3, 4, 5, 6]);
    const sure = (await samples<SampleList>('rows/samples?order=confidence&limit=200')).samples;
    sure.forEach(({ probability }, n) => {
      assert.ok(n === 0 || probability <= sure[n - 1].probability);
    });
    const validation = await samples<SampleList>('rows/samples?part=validation&limit=200');
    const train = await samples<SampleList>('rows/samples?part=train&limit=200');
    // A quarter of 60, and one sample each of two classes that chance had left out of the validation.
    assert.deepEqual([validation.total, train.total], [17, 43]);
    const places = [...validation.samples, ...train.samples].map(({ index }) => index);
    assert.equal(new Set(places).size, 60);
  });

  test('that do not exist are refused with a message', async () => {
    const refusals: [string, number, RegExp][] = [
      ['rows/samples/40', 404, /there is no sample 40 in this part, which has 40 samples/],
      ['rows/samples/x', 400, /expected the index of a sample/],
      ['rows/samples?limit=201', 400, /limit .*: expected a whole number up to 200, found "201"/],
      ['rows/samples?part=test&part=train', 400, /part .*: expected test or validation or train/],
      ['rows/samples?true=65536', 400, /true .*: expected a whole number up to 65535/],
      ['rows/samples?part=all', 400, /part .*: expected test or validation or train, found "all"/],
      ['fresh/samples', 404, /has no checkpoint yet/],
      ['damaged/samples', 400, /not a safetensors file|safetensors/],
    ];
    for (const [path, status, message] of refusals) {
      const { status: found, json } = await getJson<{ error: { message: string } }>(`${api}/${path}`);
      assert.match(json.error.message, message);
      assert.equal(found, status);
    }
    writeFileSync(join(made.runs, 'many/seed-1/config.json'), '{"data": "/no/such/data"}');
    const { status, json } = await getJson<{ error: { message: string } }>(`${api}/many~seed-1/samples`);
    assert.equal(status, 403);
    assert.match(json.error.message, /\/no\/such\/data/);
    assert.deepEqual(server.defects, []);
  });
});
