/** Tables of the results of a benchmark run. A dash means that a figure was not measured. */
import type { Activity, Measurement, Party } from '../measure/measurement.js';
import { best, type Figures, figures, find, type Results, shareOf } from '../measure/results.js';
import { medianRatio } from '../measure/statistics.js';
import { modelWords, WORKLOADS, type Workload } from '../measure/workload.js';
import { duration, NOTHING, number, percent, type Table, whole } from './table.js';

/** The measured workloads, in the order of WORKLOADS. */
function measured({ measurements }: Results): Workload[] {
  return WORKLOADS.filter(({ name }) => measurements.some(({ workload }) => workload === name));
}

function nameOf(workload: Workload): string {
  return `\`${workload.name}\`, ${modelWords(workload)}`;
}

/** Our measurements of an activity, for every workload and number of threads. */
function ours(results: Results, activity: Activity, party: Party): [Workload, Measurement, Figures][] {
  return measured(results).flatMap((workload) =>
    results.measurements
      .filter(
        (entry) => entry.workload === workload.name && entry.activity === activity && entry.party === party,
      )
      .map((entry): [Workload, Measurement, Figures] => [workload, entry, figures(entry)]),
  );
}

/** Columns of the yardsticks. `optional`: left out if it was not measured. */
const YARDSTICKS: { title: string; activity: Activity; party: Party; optional?: boolean }[] = [
  { title: 'FMA limit', activity: 'limit', party: 'cpu' },
  { title: 'bfloat16 limit', activity: 'bf16-limit', party: 'cpu', optional: true },
  { title: 'OpenBLAS', activity: 'product', party: 'openblas' },
  { title: 'our product, cpu', activity: 'product', party: 'cpu' },
  { title: '128-bit SIMD limit', activity: 'limit', party: 'wasm' },
  { title: 'our product, wasm', activity: 'product', party: 'wasm' },
];

/** Rates of the yardsticks: medians over the rounds of all workloads. */
export function yardstickTable({ measurements }: Results): Table {
  const isRate = ({ activity }: Measurement) => YARDSTICKS.some((column) => column.activity === activity);
  const rates = measurements.filter(isRate);
  const threadCounts = [...new Set(rates.map(({ threads }) => threads))].sort((a, b) => a - b);
  const of = ({ activity, party }: { activity: Activity; party: Party }) =>
    rates.filter((entry) => entry.activity === activity && entry.party === party);
  const columns = YARDSTICKS.filter((column) => !column.optional || of(column).length > 0);
  return {
    header: ['threads', ...columns.map(({ title }) => title)],
    rows: threadCounts.map((threads) => [
      String(threads),
      ...columns.map((column) => {
        const same = of(column).filter((entry) => entry.threads === threads);
        const seconds = same.flatMap((entry) => entry.seconds);
        return same.length === 0 ? NOTHING : number(figures({ ...same[0], seconds }).gflops);
      }),
    ]),
  };
}

const FMA_LIMIT = { activity: 'limit', party: 'cpu' } as const;

/** A training update with the native kernels, on one thread and on the most. */
export function updateTable(results: Results): Table {
  const { measurements } = results;
  const most = Math.max(...measurements.map(({ threads }) => threads));
  return {
    header: [
      'model',
      'batch',
      'threads',
      'update',
      'samples/s',
      'GFLOP/s',
      'of FMA limit',
      'of OpenBLAS',
      'PyTorch, samples/s',
      'times PyTorch',
    ],
    rows: ours(results, 'update', 'cpu')
      .filter(([, { threads }]) => threads === 1 || threads === most)
      .map(([workload, measurement, own]) => {
        const pytorch = best(measurements, { workload: workload.name, activity: 'update', party: 'pytorch' });
        return [
          nameOf(workload),
          whole(own.batchSize),
          String(own.threads),
          duration(own.seconds),
          number(own.samplesPerSecond),
          number(own.gflops),
          percent(shareOf(measurements, measurement, FMA_LIMIT)),
          percent(shareOf(measurements, measurement, { activity: 'product', party: 'openblas' })),
          pytorch ? `${number(pytorch.samplesPerSecond)} (${plural(pytorch.threads, 'thread')})` : NOTHING,
          pytorch ? number(own.samplesPerSecond / pytorch.samplesPerSecond) : NOTHING,
        ];
      }),
  };
}

/** A training update of a batch against the number of threads, with the native kernels. */
export function threadTable(results: Results): Table {
  const { measurements } = results;
  const rows = ours(results, 'update', 'cpu')
    .filter(([{ batchSize }]) => batchSize > 1)
    .sort(
      ([a, one], [b, other]) => WORKLOADS.indexOf(a) - WORKLOADS.indexOf(b) || one.threads - other.threads,
    )
    .map(([workload, measurement, own]) => {
      const wanted = { workload: workload.name, activity: 'update', party: 'cpu', threads: 1 } as const;
      const one = find(measurements, wanted);
      return [
        nameOf(workload),
        whole(own.batchSize),
        String(own.threads),
        duration(own.seconds),
        number(own.samplesPerSecond),
        number(own.gflops),
        percent(shareOf(measurements, measurement, FMA_LIMIT)),
        number(one ? medianRatio(one.seconds, measurement.seconds) : null),
      ];
    });
  return {
    header: [
      'model',
      'batch',
      'threads',
      'update',
      'samples/s',
      'GFLOP/s',
      'of FMA limit',
      'times one thread',
    ],
    rows,
  };
}

/** A training update with the WASM kernels. */
export function wasmTable(results: Results): Table {
  const { measurements } = results;
  return {
    header: [
      'model',
      'batch',
      'threads',
      'update',
      'samples/s',
      'GFLOP/s',
      'of the limit',
      'TensorFlow.js, GFLOP/s',
      'times TensorFlow.js',
    ],
    rows: ours(results, 'update', 'wasm').map(([workload, measurement, own]) => {
      const tfjs = best(measurements, { workload: workload.name, activity: 'update', party: 'tfjs' });
      return [
        nameOf(workload),
        whole(own.batchSize),
        String(own.threads),
        duration(own.seconds),
        number(own.samplesPerSecond),
        number(own.gflops),
        percent(shareOf(measurements, measurement, { activity: 'limit', party: 'wasm' })),
        tfjs ? `${number(tfjs.gflops)} (batch ${tfjs.batchSize})` : NOTHING,
        tfjs ? number(own.gflops / tfjs.gflops) : NOTHING,
      ];
    }),
  };
}

/** The forward pass of a batch, compared with ONNX Runtime on the same number of threads. */
export function forwardTable(results: Results): Table {
  return {
    header: [
      'model',
      'batch',
      'threads',
      'samples/s',
      'GFLOP/s',
      'ONNX Runtime, samples/s',
      'times ONNX Runtime',
    ],
    rows: ours(results, 'forward', 'cpu').map(([workload, , own]) => {
      const wanted = { workload: workload.name, activity: 'forward', party: 'onnxruntime' } as const;
      const entry = find(results.measurements, { ...wanted, threads: own.threads });
      const peer = entry ? figures(entry) : null;
      return [
        nameOf(workload),
        whole(own.batchSize),
        String(own.threads),
        number(own.samplesPerSecond),
        number(own.gflops),
        number(peer?.samplesPerSecond),
        number(peer ? own.samplesPerSecond / peer.samplesPerSecond : null),
      ];
    }),
  };
}

/** One sample, and one more point of a drawing. Each party has its fastest number of threads. */
export function latencyTable(results: Results): Table {
  const parties = ['cpu', 'wasm', 'onnxruntime', 'pytorch'] as const;
  const activities = [
    ['sample', ''],
    ['point', 'one more point of '],
  ] as const;
  const rows = activities.flatMap(([activity, words]) =>
    ours(results, activity, 'cpu').map(([workload]) => {
      const times = parties.map((party) =>
        best(results.measurements, { workload: workload.name, activity, party }),
      );
      return [
        `${words}${nameOf(workload)}`,
        String(activity === 'point' ? 1 : workload.steps),
        ...times.map((entry) => duration(entry?.seconds)),
      ];
    }),
  );
  return { header: ['forward pass of', 'steps', 'cpu', 'wasm', 'ONNX Runtime', 'PyTorch'], rows };
}

/** Mixed precision compared with float32, native kernels. */
export function mixedTable(results: Results): Table {
  const { measurements, memory } = results;
  return {
    header: [
      'model',
      'batch',
      'threads',
      'float32',
      'mixed',
      'times the speed',
      'memory, float32',
      'memory, mixed',
    ],
    rows: ours(results, 'mixed', 'cpu').map(([workload, measurement, own]) => {
      const { threads, batchSize } = own;
      const update = find(measurements, {
        workload: workload.name,
        activity: 'update',
        party: 'cpu',
        threads,
      });
      const peak = (precision: string) =>
        memory.find(
          (entry) =>
            entry.workload === workload.name &&
            entry.party === 'cpu' &&
            entry.precision === precision &&
            entry.batchSize === batchSize,
        );
      return [
        nameOf(workload),
        whole(batchSize),
        String(threads),
        duration(update ? figures(update).seconds : null),
        duration(own.seconds),
        number(update ? medianRatio(update.seconds, measurement.seconds) : null),
        ...['float32', 'mixed'].map((precision) => megabytes(peak(precision)?.megabytes)),
      ];
    }),
  };
}

function megabytes(value: number | undefined): string {
  return value === undefined ? NOTHING : `${number(value)} MB`;
}

export function memoryTable({ memory }: Results): Table {
  const names = { cpu: 'cpu', wasm: 'wasm', pytorch: 'PyTorch' };
  return {
    header: ['model', 'batch', 'by', 'threads', 'peak memory'],
    rows: memory
      .filter(({ precision }) => precision === 'float32')
      .map((entry) => [
        `\`${entry.workload}\``,
        whole(entry.batchSize),
        names[entry.party],
        String(entry.threads),
        megabytes(entry.megabytes),
      ]),
  };
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
