/**
 * `npm run bench:mpi`: what an update costs on several ranks. It measures updates on one and two ranks of one thread and
 * compares them with the model on paper (cost-model.ts); then updates of all cores of this machine without MPI, from
 * which it calculates the time of an update on several such machines. Needs `scanstroke build --mpi` and Open MPI.
 *
 *   npm run bench:mpi -- [--models quick,mnist-lstm,quickdraw] [--turns 3] [--chart PATH.svg]
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { count, failForUsers, names } from '../bench-flags.js';
import { duration, markdown, number, whole } from '../report/table.js';
import { bytesSent, type Job, NETWORKS, type Network, updateSeconds } from './cost-model.js';
import { secondsOfUpdate, thisMachine, type Update } from './mpi-runs.js';
import { type Scaling, scalingChart } from './scaling-chart.js';

interface Model {
  flags: readonly string[];
  /** Of the comparison with two ranks. */
  batches: readonly number[];
  /** Of the tables and the chart: the model's own. */
  batch: number;
  /** Of an epoch that is measured, at least. */
  samples: number;
}

/** `quickdraw`: the preset's layers on rows of pictures, 28 steps of 28 values and 10 classes. */
const MODELS: Readonly<Record<string, Model>> = {
  quick: { flags: ['--preset', 'quick'], batches: [128, 1024], batch: 128, samples: 4096 },
  'mnist-lstm': { flags: ['--preset', 'mnist-lstm'], batches: [256, 1024], batch: 1024, samples: 1024 },
  quickdraw: {
    flags: ['--hidden-size', '128', '--num-layers', '3', '--head', 'mean', '--use-amp'],
    batches: [256, 1024],
    batch: 256,
    samples: 2048,
  },
};
const RANKS = [2, 4, 8, 16];
const SMALLEST_BATCH = 32;
const LARGEST_BATCH = 16384;

const threads = availableParallelism();

/** Measures an update without and with MPI in turns. */
async function compare(model: Model, batch: number, turns: number, network: Network): Promise<string[]> {
  const updates = updatesOf(model, batch);
  const shared = { flags: model.flags, threads: 1 };
  const [alone, half, both]: [Update[], Update[], Update[]] = [[], [], []];
  for (let turn = 0; turn < turns; turn++) {
    alone.push(await secondsOfUpdate({ ...shared, batch, ranks: 1, updates }));
    half.push(await secondsOfUpdate({ ...shared, batch: batch / 2, ranks: 1, updates: 2 * updates }));
    both.push(await secondsOfUpdate({ ...shared, batch, ranks: 2, updates }));
  }
  const job: Job = { ranks: 2, threads: 1, batch, parameters: alone[0].parameters };
  const calculated = updateSeconds(job, median(half), network);
  const measured = median(both);
  return [
    whole(batch),
    duration(median(alone)),
    duration(measured),
    `${number(median(alone) / measured)} ×`,
    duration(calculated),
    `${Math.round(100 * (calculated / measured - 1))} %`,
  ];
}

/** Of an epoch. */
function updatesOf({ samples }: Model, batch: number): number {
  return Math.max(2, Math.ceil(samples / batch));
}

function median(updates: readonly Update[]): number {
  const sorted = updates.map(({ seconds }) => seconds).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Seconds of an update without MPI, as a line through two measured batch sizes: seconds = start + each × batch. */
interface Computing {
  parameters: number;
  start: number;
  each: number;
}

async function computing(model: Model): Promise<Computing> {
  const { flags, batch } = model;
  const [small, large] = [Math.max(32, batch / 16), batch];
  const measure = (size: number) =>
    secondsOfUpdate({ flags, batch: size, threads, ranks: 1, updates: updatesOf(model, size) });
  const [at, to] = [await measure(small), await measure(large)];
  const each = (to.seconds - at.seconds) / (large - small);
  return { parameters: to.parameters, start: Math.max(0, at.seconds - each * small), each };
}

const alone = ({ start, each }: Computing, batch: number) => start + each * batch;

function onRanks(model: Computing, ranks: number, batch: number, network: Network): number {
  if (ranks === 1) return alone(model, batch);
  const job = { ranks, threads, batch, parameters: model.parameters };
  return updateSeconds(job, alone(model, batch / ranks), network);
}

/** The smallest batch, a power of two, from which on ranks are faster than one; null if there is none. */
function gainsFrom(model: Computing, ranks: number, network: Network): number | null {
  let smallest: number | null = null;
  for (let batch = LARGEST_BATCH; batch >= SMALLEST_BATCH; batch /= 2) {
    if (onRanks(model, ranks, batch, network) >= alone(model, batch)) break;
    smallest = batch;
  }
  return smallest;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      models: { type: 'string', default: Object.keys(MODELS).join(',') },
      turns: { type: 'string', default: '3' },
      chart: { type: 'string' },
    },
  });
  const turns = count('--turns', values.turns);
  const wanted = names('--models', values.models, Object.keys(MODELS));
  const machine = thisMachine();
  console.log(
    `Two ranks of this machine (${threads} cores of ${cpus()[0].model.trim()}) exchange ` +
      `${number(machine.bytesPerSecond / 1e9)} GB/s each way; a few bytes take ${duration(machine.latency)}.\n`,
  );

  const compared: string[][] = [];
  for (const name of wanted) {
    for (const batch of MODELS[name].batches)
      compared.push([name, ...(await compare(MODELS[name], batch, turns, machine))]);
  }
  const header = ['model', 'batch', 'one rank', 'two ranks', 'gain', 'calculated', 'difference'];
  console.log(`${markdown({ header, rows: compared })}\n`);

  const times: string[][] = [];
  const gains: string[][] = [];
  for (const name of wanted) {
    const model = await computing(MODELS[name]);
    const { batch } = MODELS[name];
    const scalings = NETWORKS.map((network): Scaling => {
      const at = (ranks: number): [number, number] => [ranks, onRanks(model, ranks, batch, network)];
      return { network: network.name, points: [1, ...RANKS].map(at) };
    });
    for (const { network, points } of scalings)
      times.push([`${name}, ${network}`, ...points.map(([, seconds]) => duration(seconds))]);
    const megabytes = RANKS.map(
      (ranks) => bytesSent({ ranks, threads, batch, parameters: model.parameters }) / 1e6,
    );
    times.push([`${name}, MB sent`, '0', ...megabytes.map(number)]);
    for (const network of NETWORKS) {
      const from = RANKS.map((ranks) => gainsFrom(model, ranks, network));
      gains.push([`${name}, ${network.name}`, ...from.map((size) => (size === null ? 'none' : whole(size)))]);
    }
    if (values.chart !== undefined && name === wanted[wanted.length - 1])
      writeFileSync(values.chart, scalingChart(name, `${threads} cores`, scalings));
  }
  const machines = RANKS.map((ranks) => `${ranks} machines`);
  console.log(`${markdown({ header: ['an update of', '1 machine', ...machines], rows: times })}\n`);
  console.log(markdown({ header: ['smallest batch that gains', ...machines], rows: gains }));
}

await failForUsers(main);
