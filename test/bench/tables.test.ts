/** Protects the tables of docs/performance.md: figures, shares and comparisons from known measurements. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Activity, Measurement, Party } from '#bench/measure/measurement.js';
import type { Results } from '#bench/measure/results.js';
import { page } from '#bench/report/performance-page.js';
import { duration, markdown, number, percent, type Table } from '#bench/report/table.js';
import {
  forwardTable,
  latencyTable,
  memoryTable,
  mixedTable,
  threadTable,
  updateTable,
  wasmTable,
  yardstickTable,
} from '#bench/report/tables.js';

function measurement(
  activity: Activity,
  party: Party,
  threads: number,
  rest: Partial<Measurement>,
): Measurement {
  return { workload: 'quick', activity, party, threads, batchSize: 128, flops: 4e9, seconds: [1], ...rest };
}

const results: Results = {
  machine: {
    processor: 'P',
    cores: 2,
    memoryGib: 8,
    system: 'Linux 6',
    node: 'v20.1.0',
    backends: { cpu: 'AVX2' },
  },
  date: '2026-11-22',
  command: 'npm run bench',
  versions: ['OpenBLAS 1'],
  missing: ['tfjs'],
  measurements: [
    measurement('limit', 'cpu', 2, { flops: 2e11, seconds: [1, 0.5, 2] }),
    measurement('product', 'openblas', 2, { flops: 1e11, seconds: [1, 0.5, 2] }),
    measurement('product', 'cpu', 2, { flops: 1e11, seconds: [1, 1, 1] }),
    measurement('limit', 'wasm', 2, { flops: 1e10, seconds: [1, 1, 1] }),
    measurement('update', 'cpu', 2, { seconds: [0.05, 0.025, 0.1] }),
    measurement('mixed', 'cpu', 2, { seconds: [0.04, 0.02, 0.08] }),
    measurement('update', 'wasm', 2, { seconds: [0.8, 0.8, 0.8] }),
    measurement('update', 'pytorch', 1, { seconds: [0.2] }),
    measurement('update', 'pytorch', 2, { seconds: [0.4] }),
    measurement('update', 'tfjs', 1, { batchSize: 16, flops: 5e8, seconds: [1] }),
    measurement('forward', 'cpu', 2, { seconds: [0.02] }),
    measurement('forward', 'onnxruntime', 1, { seconds: [0.001] }),
    measurement('forward', 'onnxruntime', 2, { seconds: [0.03] }),
    measurement('sample', 'cpu', 1, { batchSize: 1, seconds: [0.0002] }),
    measurement('sample', 'pytorch', 2, { batchSize: 1, seconds: [0.002] }),
  ],
  memory: [
    { workload: 'quick', party: 'cpu', precision: 'float32', threads: 2, batchSize: 8192, megabytes: 123.4 },
    { workload: 'quick', party: 'cpu', precision: 'mixed', threads: 2, batchSize: 128, megabytes: 61.7 },
  ],
};

/** The only row of a table, as cells by column title. */
function onlyRow({ header, rows }: Table): Record<string, string> {
  assert.equal(rows.length, 1);
  return Object.fromEntries(header.map((title, column) => [title, rows[0][column]]));
}

test('figures have three significant digits, or all digits of the integer part', () => {
  assert.deepEqual([4476.3, 128, 93.14, 5, 0.1874, 0, Number.NaN, null].map(number), [
    '4,476',
    '128',
    '93.1',
    '5.00',
    '0.187',
    '0',
    '–',
    '–',
  ]);
  assert.deepEqual([3.62, 0.0286, 0.000041, undefined].map(duration), ['3.62 s', '28.6 ms', '41.0 µs', '–']);
  assert.deepEqual([0.912, null].map(percent), ['91 %', '–']);
});

test('columns of tables are padded', () => {
  assert.equal(
    markdown({
      header: ['model', 'n'],
      rows: [
        ['a', '1,024'],
        ['longer', '1'],
      ],
    }),
    ['| model  |     n |', '| ------ | ----: |', '| a      | 1,024 |', '| longer |     1 |'].join('\n'),
  );
});

test('a training update: rates, shares by round, and PyTorch with its fastest number of threads', () => {
  const row = onlyRow(updateTable(results));
  assert.equal(row.model, '`quick`, 1×128, both directions');
  assert.equal(row.update, '50.0 ms');
  assert.equal(row['samples/s'], '2,560');
  assert.equal(row['GFLOP/s'], '80.0');
  // The update has 40 % of the limit's and 80 % of OpenBLAS's rate in every round.
  assert.equal(row['of FMA limit'], '40 %');
  assert.equal(row['of OpenBLAS'], '80 %');
  assert.equal(row['PyTorch, samples/s'], '640 (1 thread)');
  assert.equal(row['times PyTorch'], '4.00');
});

test('WASM: the share of its limit; TensorFlow.js is compared by GFLOP/s, as its batch differs', () => {
  const row = onlyRow(wasmTable(results));
  assert.equal(row['of the limit'], '50 %');
  assert.equal(row['TensorFlow.js, GFLOP/s'], '0.500 (batch 16)');
  assert.equal(row['times TensorFlow.js'], '10.0');
});

test('mixed precision and float32, each with the memory of the same batch size', () => {
  const row = onlyRow(mixedTable(results));
  assert.deepEqual([row.float32, row.mixed, row['times the speed']], ['50.0 ms', '40.0 ms', '1.25']);
  assert.deepEqual([row['memory, float32'], row['memory, mixed']], ['–', '61.7 MB']);
});

test('the forward pass is compared at equal threads; a sample at the fastest of each party', () => {
  const row = onlyRow(forwardTable(results));
  assert.equal(row['times ONNX Runtime'], '1.50');
  const sample = onlyRow(latencyTable(results));
  assert.deepEqual([sample.cpu, sample.wasm, sample.PyTorch], ['200 µs', '–', '2.00 ms']);
});

test('yardsticks are medians over all rounds; memory per batch size', () => {
  assert.deepEqual(onlyRow(yardstickTable(results)), {
    threads: '2',
    'FMA limit': '200',
    OpenBLAS: '100',
    'our product, cpu': '100',
    '128-bit SIMD limit': '10.0',
    'our product, wasm': '–',
  });
  assert.deepEqual(memoryTable(results).rows, [['`quick`', '8,192', 'cpu', '2', '123 MB']]);
});

test('the bfloat16 limit has a column where it was measured', () => {
  const bfloat16 = measurement('bf16-limit', 'cpu', 2, { flops: 4e11 });
  const measurements = [...results.measurements, bfloat16];
  assert.equal(onlyRow(yardstickTable({ ...results, measurements }))['bfloat16 limit'], '400');
  assert.ok(!yardstickTable(results).header.includes('bfloat16 limit'));
});

test('threads: each count with its own limit, in order; the table of updates has one and the most', () => {
  const limit = (threads: number, flops: number) => measurement('limit', 'cpu', threads, { flops });
  const update = (threads: number, seconds: number) =>
    measurement('update', 'cpu', threads, { seconds: [seconds, 3 * seconds] });
  const single = measurement('update', 'cpu', 1, { workload: 'strokes-1', batchSize: 1 });
  const measurements = [
    ...[limit(1, 2e11), limit(4, 7e11), limit(2, 4e11)],
    // In the order of a run: one, the most, those in between.
    ...[update(1, 0.05), update(4, 0.0125), update(2, 0.03), single],
  ];
  const { header, rows } = threadTable({ ...results, measurements });
  const columns = ['threads', 'GFLOP/s', 'of FMA limit', 'times one thread'].map((title) =>
    header.indexOf(title),
  );
  assert.deepEqual(
    rows.map((row) => columns.map((column) => row[column])),
    [
      ['1', '26.7', '40 %', '1.00'],
      ['2', '44.4', '33 %', '1.67'],
      ['4', '107', '46 %', '4.00'],
    ],
  );
  const updates = updateTable({ ...results, measurements }).rows.map(([, batch, threads]) => [
    batch,
    threads,
  ]);
  assert.deepEqual(updates, [
    ['128', '1'],
    ['128', '4'],
    ['1', '1'],
  ]);
});

test('the page names machine, date, command, versions and missing peers', () => {
  const text = page(results, null);
  for (const part of ['P, 2 cores, 8 GiB', '2026-11-22', '`npm run bench`', 'OpenBLAS 1', 'tfjs', '80.0']) {
    assert.ok(text.includes(part), part);
  }
  assert.ok(!/undefined|NaN|null/.test(text));
});
