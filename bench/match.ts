/** Who meets whom: the yardsticks that are the same for all workloads, and the contenders of each. */
import type { BackendChoice } from '#src/backends/open-node.js';
import type { Activity, Contender, Party } from './measurement.js';
import { ClassifierBench, TeamBench } from './ours.js';
import { compileSimdLimit, Peak, PRODUCT_SIZE } from './peak.js';
import type { Peer } from './peer.js';
import type { Peers } from './peers.js';
import { forwardFlops, lengthsOf, randomData, type Workload } from './workload.js';

export const BACKENDS = ['cpu', 'wasm'] as const satisfies BackendChoice[];
export type OurBackend = (typeof BACKENDS)[number];

/** What is to be measured. */
export interface Scope {
  backends: readonly OurBackend[];
  /** Thread counts, each of which is measured. */
  threads: readonly number[];
  peers: Peers;
}

/** Contenders, and what they hold open. */
export interface Match {
  contenders: Contender[];
  /** Where it takes part. */
  pytorch: Peer | null;
  close(): Promise<void>;
}

class OpenMatch implements Match {
  readonly contenders: Contender[] = [];
  pytorch: Peer | null = null;
  readonly #closers: (() => Promise<void>)[] = [];
  readonly #workload: string;

  constructor(workload: string) {
    this.#workload = workload;
  }

  add(who: Omit<Contender, 'workload' | 'run'>, run: Contender['run']): void {
    this.contenders.push({ workload: this.#workload, ...who, run });
  }

  keep<T extends { close(): Promise<void> }>(open: T): T {
    this.#closers.push(() => open.close());
    return open;
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
  }
}

/** The largest matrix product, OpenBLAS's and ours, and the limit of WASM's SIMD. */
export async function openYardsticks({ backends, threads: counts, peers }: Scope): Promise<Match> {
  const match = new OpenMatch('');
  const openblas = await peers.openblas();
  if (openblas) match.keep(openblas);
  const module = backends.includes('wasm') ? await compileSimdLimit() : null;
  for (const threads of counts) {
    const who = { activity: 'product', threads, batchSize: 0 } as const;
    if (openblas) {
      const flops = 2 * PRODUCT_SIZE ** 3;
      match.add({ ...who, party: 'openblas', flops }, (times) => openblas.seconds('product', threads, times));
    }
    for (const party of backends) {
      const peak = match.keep(await Peak.open({ product: party }, threads));
      match.add({ ...who, party, flops: peak.flops }, (times) => peak.run(times));
    }
    if (module) {
      const peak = match.keep(await Peak.open({ limit: module }, threads));
      match.add({ ...who, activity: 'limit', party: 'wasm', flops: peak.flops }, (times) => peak.run(times));
    }
  }
  return match;
}

/** Our training step on each backend. */
async function addSteps(
  match: OpenMatch,
  workload: Workload,
  { backends, threads: counts }: Scope,
): Promise<void> {
  for (const party of backends) {
    const smaller = party === 'wasm' ? workload.smallBatch?.wasm : undefined;
    const own = { ...workload, batchSize: smaller ?? workload.batchSize };
    for (const threads of counts) {
      const team = match.keep(await TeamBench.open(own, party, threads));
      const who = { party, threads, batchSize: own.batchSize };
      const flops = team.forwardFlops;
      match.add({ ...who, activity: 'step', flops: 3 * flops }, (times) => team.step(times));
      if (party === 'cpu') match.add({ ...who, activity: 'forward', flops }, (times) => team.forward(times));
    }
  }
}

/** Only our own training step and forward pass. */
export async function openSteps(workload: Workload, scope: Scope): Promise<Match> {
  const match = new OpenMatch(workload.name);
  await addSteps(match, workload, scope);
  return match;
}

/** Everyone's training step, forward pass, and one sample. */
export async function openMatch(workload: Workload, scope: Scope): Promise<Match> {
  const { backends, threads: counts, peers } = scope;
  const { batchSize } = workload;
  const match = new OpenMatch(workload.name);
  await addSteps(match, workload, scope);
  if (backends.includes('cpu')) {
    const threads = Math.max(...counts);
    const mixed = match.keep(await TeamBench.open(workload, 'cpu', threads, 'mixed'));
    const who = { activity: 'mixed', party: 'cpu', threads, batchSize } as const;
    match.add({ ...who, flops: 3 * mixed.forwardFlops }, (times) => mixed.step(times));
  }

  const enlist = (
    peer: Peer,
    party: Party,
    activity: Activity,
    sizes: { batchSize: number; flops: number },
  ) => {
    for (const threads of counts) {
      const run = (times: number) => peer.seconds(activity, threads, times);
      match.add({ activity, party, threads, ...sizes }, run);
    }
  };
  const flops = forwardFlops(workload, lengthsOf(randomData(workload)));
  const one = { batchSize: 1, flops: 0 };
  // A workload of batch 1 has a model that was measured on one sample before.
  const single = batchSize > 1;
  const stepped = single && workload.data === 'strokes';

  const classifiers = await Promise.all(backends.map((party) => ClassifierBench.open(workload, party)));
  classifiers.forEach((classifier, index) => {
    const who = { party: backends[index], threads: 1, ...one };
    if (single) match.add({ ...who, activity: 'sample' }, (times) => classifier.sample(times));
    if (stepped) match.add({ ...who, activity: 'point' }, classifier.point());
  });
  match.pytorch = await peers.pytorch(workload);
  if (match.pytorch) {
    match.keep(match.pytorch);
    enlist(match.pytorch, 'pytorch', 'step', { batchSize, flops: 3 * flops });
    if (single) enlist(match.pytorch, 'pytorch', 'sample', one);
    if (stepped) enlist(match.pytorch, 'pytorch', 'point', one);
  }
  const onnxruntime = await peers.onnxruntime(workload, classifiers[0].model);
  if (onnxruntime) {
    match.keep(onnxruntime);
    enlist(onnxruntime, 'onnxruntime', 'forward', { batchSize, flops });
    if (single) enlist(onnxruntime, 'onnxruntime', 'sample', one);
  }
  if (workload.data === 'rows') await addTfjs(match, workload, peers);
  return match;
}

/** TensorFlow.js, once, with a batch that it manages in seconds. */
async function addTfjs(match: OpenMatch, workload: Workload, peers: Peers): Promise<void> {
  const own = { ...workload, batchSize: workload.smallBatch?.tfjs ?? workload.batchSize };
  const peer = await peers.tfjs(own);
  if (!peer) return;
  match.keep(peer);
  const flops = 3 * forwardFlops(own, lengthsOf(randomData(own)));
  const who = {
    activity: 'step',
    party: 'tfjs',
    threads: 1,
    batchSize: own.batchSize,
    flops,
    once: true,
  } as const;
  match.add(who, (times) => peer.seconds('step', 1, times));
}
