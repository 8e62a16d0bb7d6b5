/**
 * Protects the lists of runs: a bad run harms no other, whatever its files hold; a thousand runs are not read anew for
 * every request; changes are found.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { namedRuns } from '#src/runs/find-runs.js';
import type { PredictResponse, RunDetails, RunEntry, RunList } from '#src/serve/api.js';
import { RunScan } from '#src/serve/runs/run-scan.js';
import { RunStore } from '#src/serve/runs/run-store.js';
import { checkpointBytes, ROWS } from '../recognize/checkpoint-bytes.js';
import { temporaryFolder } from '../train/small-mnist.js';
import { CLASSES, getJson, makeRuns, metricsOf, metricsText, serve, summaryText } from './served-runs.js';

const checkpoint = checkpointBytes(ROWS, { numClasses: 10 }, CLASSES);

describe('a bad run', () => {
  test('is shown as bad and harms no other', async () => {
    const { runs, write } = makeRuns();
    const line = (epoch: number) =>
      `{"epoch":${epoch},"train_loss":1,"train_accuracy":0.5,"validation_loss":1,"validation_accuracy":0.5,"learning_rate":1,"seconds":1,"samples_per_second":1,"curve":[]}\n`;
    write('long', 'config.json', '{}');
    write('long', 'metrics.jsonl', Array.from({ length: 150_000 }, (_, n) => line(n + 1)).join(''));
    const header = (length: number, size: number) => {
      const bytes = Buffer.alloc(size, 0x20);
      bytes.writeBigUInt64LE(BigInt(length));
      return bytes;
    };
    const bad: [string, string, string | Uint8Array, RegExp][] = [
      ['deep', 'config.json', '['.repeat(2 ** 16), /nested deeper/],
      ['large', 'config.json', ' '.repeat(2 ** 16 + 1), /at most 65536 are accepted/],
      ['twice', 'metrics.jsonl', line(3) + line(3), /metrics\.jsonl:2: epoch 3 follows epoch 3/],
      ['objects', 'summary.json', `[${'{},'.repeat(5 * 2 ** 20)}{}]`, /5242882 brackets and colons/],
      ['lists', 'summary.json', `{"a":[${'[],'.repeat(5 * 2 ** 20)}[]]}`, /5242884 brackets and colons/],
      ['header', 'best.safetensors', header(2 ** 21, 2 ** 22), /header of 2097152 bytes/],
      ['lie', 'best.safetensors', header(2 ** 40, 100), /cut short/],
      ['short', 'best.safetensors', Buffer.alloc(3), /at least 8 bytes, found 3/],
      [
        'names',
        'best.safetensors',
        checkpointBytes(
          ROWS,
          { numClasses: 90 },
          Array.from({ length: 90 }, (_, n) => String(n).padStart(1000, 'x')),
        ),
        /class names of 90000/,
      ],
    ];
    for (const [run, name, content] of bad) {
      write(run, 'config.json', '{}');
      write(run, name, content);
    }
    write('sparse', 'config.json', '{}');
    for (const [name, bytes] of [
      ['metrics.jsonl', 2 ** 26],
      ['summary.json', 2 ** 40],
      ['best.safetensors', 2 ** 41],
    ] as const) {
      truncateSync(write('sparse', name, ''), bytes);
    }
    write('pipes', 'config.json', '{}');
    for (const name of ['metrics.jsonl', 'summary.json', 'best.safetensors'])
      execFileSync('mkfifo', [join(runs, 'pipes', name)]);
    write('devices', 'last.safetensors', '');
    for (const name of ['config.json', 'metrics.jsonl', 'summary.json', 'best.safetensors']) {
      symlinkSync('/dev/zero', join(runs, 'devices', name));
    }
    const server = await serve({ runs });
    try {
      const byId = new Map<string, RunEntry>();
      // On a slow machine the list is complete only after a while.
      while (!bad.every(([run]) => byId.has(run)) || !byId.has('sparse') || !byId.has('long')) {
        const { status, json } = await getJson<RunList>(`${server.url}api/runs`);
        assert.equal(status, 200);
        for (const run of json.runs) byId.set(run.id, run);
      }
      for (const [run, , , message] of bad) assert.match(byId.get(run)?.problem ?? '', message, run);
      assert.match(byId.get('sparse')?.problem ?? '', /metrics\.jsonl:1: longer than/);
      for (const id of ['pipes', 'devices']) {
        const { problem, model, epochs } = byId.get(id)!;
        assert.deepEqual([problem, model, epochs], [null, false, 0], id);
      }
      const long = byId.get('long')!;
      assert.deepEqual([long.epochs, long.best_val_accuracy, long.train_seconds], [150_000, 0.5, 150_000]);
      assert.deepEqual([byId.get('rows')?.epochs, byId.get('rows')?.problem], [2, null]);
      const { json: details } = await getJson<RunDetails>(`${server.url}api/runs/long`);
      assert.equal(details.metrics.length, 150_000);
      assert.equal(details.metrics[149_999].epoch, 150_000);
      for (const id of [...bad.map(([run]) => run), 'sparse', 'pipes', 'devices']) {
        const answer = await getJson<RunDetails>(`${server.url}api/runs/${id}`);
        assert.equal(answer.status, 200, id);
        assert.equal(answer.json.problem, byId.get(id)?.problem, id);
      }
      const answer = await getJson<PredictResponse>(
        `${server.url}api/predict?model=rows&width=28&height=28`,
        {
          method: 'POST',
          headers: { 'content-type': 'application/octet-stream' },
          body: new Uint8Array(784).fill(255, 300, 400),
        },
      );
      assert.equal(answer.json.results.length, 1);
      assert.deepEqual(server.defects, []);
    } finally {
      await server.close();
    }
  });

  test('with times beyond any date is listed', () => {
    const runs = temporaryFolder();
    mkdirSync(join(runs, 'a'));
    writeFileSync(join(runs, 'a/config.json'), '{}');
    // Some file systems store the last time that they know instead.
    utimesSync(join(runs, 'a/config.json'), 1e14, 1e14);
    const scan = new RunScan([], runs);
    scan.refresh(10_000);
    assert.equal(scan.list().runs.length, 1);
  });
});

describe('a run of the command line', () => {
  test('hides no other of its folder, and is listed as long as it exists', async () => {
    const runs = temporaryFolder();
    mkdirSync(join(runs, 'one'));
    writeFileSync(join(runs, 'one/config.json'), '{}');
    for (const name of ['best', 'last']) writeFileSync(join(runs, `one/${name}.safetensors`), checkpoint);
    const scan = new RunScan(await namedRuns('serve', [join(runs, 'one/last.safetensors')]), runs);
    const look = () => {
      scan.refresh(10_000);
      return [scan.list().runs, scan.models().models].map((list) => list.map(({ id }) => id).sort());
    };
    assert.deepEqual(look(), [
      ['one', 'one~last'],
      ['one', 'one~last'],
    ]);
    rmSync(join(runs, 'one'), { recursive: true });
    assert.deepEqual(look(), [[], []]);
  });
});

describe("a stranger's run", () => {
  test('of very many seeds, also within one another, counts as those that a training can have', () => {
    const runs = temporaryFolder();
    for (let n = 0; n < 1100; n++) {
      const path = join(runs, `a/seed-${n}`);
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, 'config.json'), '{}');
    }
    mkdirSync(join(runs, 'b/seed-0/seed-1/seed-2'), { recursive: true });
    writeFileSync(join(runs, 'b/seed-0/seed-1/seed-2/config.json'), '{}');
    const scan = new RunScan([], runs);
    scan.refresh(60_000);
    assert.equal(scan.list().runs.length, 1000);
  });

  test('that takes long to read does not hold up the health report', async () => {
    const runs = temporaryFolder();
    mkdirSync(join(runs, 'long'));
    writeFileSync(join(runs, 'long/config.json'), '{}');
    const [line] = metricsText(metricsOf(1)).split('\n');
    const lines = Array.from(
      { length: Math.floor((60 * 2 ** 20) / (line.length + 8)) },
      (_, n) => `${line.replace(/"epoch":\d+/, `"epoch":${n + 1}`)}\n`,
    );
    writeFileSync(join(runs, 'long/metrics.jsonl'), lines.join(''));
    const store = new RunStore([], runs);
    const reading = store.list();
    const began = performance.now();
    assert.equal(await store.modelCount(), 0);
    assert.ok(performance.now() - began < 1000);
    await reading;
    await store.close();
    assert.equal(await store.modelCount(), 0);
  });

  test('that is removed before its files are read does not exist', async () => {
    const store = new RunStore([], null);
    const folder = join(temporaryFolder(), 'gone');
    const gone = { id: 'gone', folder, checkpoint: join(folder, 'best.safetensors') };
    await assert.rejects(store.details(gone), {
      status: 404,
      message: 'the run "gone" was removed a moment ago',
    });
    await store.close();
  });
});

describe('many runs', () => {
  const runs = temporaryFolder();
  const COUNT = 1200;
  const names = Array.from({ length: COUNT }, (_, n) => `run-${String(n).padStart(5, '0')}`);
  for (const name of names) {
    mkdirSync(join(runs, name));
    writeFileSync(join(runs, name, 'config.json'), '{"num_epochs": 3}');
    utimesSync(join(runs, name, 'config.json'), 1.7e9, 1.7e9);
    writeFileSync(join(runs, name, 'best.safetensors'), checkpoint);
    writeFileSync(join(runs, name, 'metrics.jsonl'), metricsText(metricsOf(1)));
  }

  /** Writes a file anew in place: same length, same time. Only who reads it again sees this. */
  const change = (name: string) => {
    const path = join(runs, name, 'config.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('3', '7'));
    utimesSync(path, 1.7e9, 1.7e9);
  };

  test('are read once', async () => {
    const server = await serve({ runs });
    try {
      const list = async () => (await getJson<RunList>(`${server.url}api/runs`)).json.runs;
      assert.equal((await list()).length, COUNT);
      change(names[0]);
      change(names[COUNT - 1]);
      await new Promise((resolve) => setTimeout(resolve, 1200));
      // What else has changed is found.
      appendFileSync(join(runs, names[7], 'config.json'), ' ');
      const found = await list();
      assert.deepEqual([...new Set(found.map((run) => run.num_epochs))], [3]);
    } finally {
      await server.close();
    }
  });

  test('are followed: new, changed, replaced and removed ones, and those that grow', () => {
    const scan = new RunScan([], runs);
    const look = () => {
      scan.refresh(60_000);
      return new Map(scan.list().runs.map((run): [string, RunEntry] => [run.id, run]));
    };
    const wait = (milliseconds: number) =>
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
    look();
    // From now on the folders' own times tell what has changed.
    wait(2100);
    look();
    const before = { ...scan.versions };
    look();
    assert.deepEqual(scan.versions, before, 'nothing has changed');

    mkdirSync(join(runs, 'new/seed-0'), { recursive: true });
    writeFileSync(join(runs, 'new/seed-0/config.json'), '{}');
    assert.ok(look().has('new~seed-0'));
    writeFileSync(join(runs, names[1000], 'summary.json'), summaryText());
    assert.equal(look().get(names[1000])?.state, 'done');
    writeFileSync(join(runs, names[1001], 'new'), '{"num_epochs": 9}');
    execFileSync('mv', [join(runs, names[1001], 'new'), join(runs, names[1001], 'config.json')]);
    assert.equal(look().get(names[1001])?.num_epochs, 9);
    rmSync(join(runs, 'new'), { recursive: true });
    assert.ok(!look().has('new~seed-0'));

    // Appending changes no folder: the file's turn comes within a few looks, and then at every look.
    const lines = metricsText(metricsOf(3)).split(/(?<=\n)/);
    appendFileSync(join(runs, names[1100], 'metrics.jsonl'), lines[1]);
    let looks = 0;
    while (look().get(names[1100])?.epochs !== 2) assert.ok(++looks < 5, 'it is found in turn');
    appendFileSync(join(runs, names[1100], 'metrics.jsonl'), lines[2]);
    assert.equal(look().get(names[1100])?.epochs, 3);
  });

  test('share the time: what is not read in time is listed later', () => {
    const scan = new RunScan([], runs);
    assert.equal(scan.refresh(20), false);
    const first = scan.list().runs.length;
    assert.ok(first < COUNT, `${first}`);
    assert.equal(scan.places.length, COUNT, 'all are known');
    assert.equal(scan.refresh(60_000), true);
    assert.equal(scan.list().runs.length, COUNT);
  });
});
