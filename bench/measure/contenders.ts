/** Opens the contenders of a measurement: the yardsticks, and our own and the peers' contenders of each workload. */
import type { HostChoice } from '#src/backends/open-node.js';
import type { Peer } from '../peers/peer.js';
import type { Peers } from '../peers/peers.js';
import type { Activity, Contender, Party } from './measurement.js';
import { ClassifierBench, EngineBench } from './own-contenders.js';
import { Peak, type PeakTask, PRODUCT_SIZE } from './peak.js';
import { forwardFlops, lengthsOf, randomData, type Workload } from './workload.js';

export const BACKENDS = ['cpu', 'wasm'] as const satisfies HostChoice[];
export type OurBackend = (typeof BACKENDS)[number];

/** The backends, thread counts and peers of a run. */
export interface Scope {
  backends: readonly OurBackend[];
  /** Each contender is measured with each of these thread counts. */
  threads: readonly number[];
  /** Further thread counts, only for the native training update of a batch and its limit. */
  moreThreads?: readonly number[];
  peers: Peers;
}

/** Contenders that are ready to run. `close` frees their threads and processes. */
export interface Contenders {
  list: Contender[];
  /** Null if PyTorch does not take part. */
  pytorch: Peer | null;
  close(): Promise<void>;
}

class OpenContenders implements Contenders {
  readonly list: Contender[] = [];
  pytorch: Peer | null = null;
  readonly #closers: (() => Promise<void>)[] = [];
  readonly #workload: string;

  constructor(workload: string) {
    this.#workload = workload;
  }

  add(subject: Omit<Contender, 'workload' | 'run'>, run: Contender['run']): void {
    this.list.push({ workload: this.#workload, ...subject, run });
  }

  /** Registers a resource that `close` closes. */
  keep<T extends { close(): Promise<void> }>(open: T): T {
    this.#closers.push(() => open.close());
    return open;
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
  }
}

const YARDSTICKS = ['limit', 'bf16-limit', 'product'] as const satisfies PeakTask['activity'][];

/** The yardsticks: the limits of the registers, and the largest matrix product by OpenBLAS and by us. */
export async function openYardsticks(
  { backends, threads: counts, moreThreads = [], peers }: Scope,
  wanted: readonly PeakTask['activity'][] = YARDSTICKS,
): Promise<Contenders> {
  const contenders = new OpenContenders('');
  const openblas = wanted.includes('product') ? await peers.openblas() : null;
  if (openblas) contenders.keep(openblas);
  const add = async (party: OurBackend, activity: PeakTask['activity'], threads: number) => {
    const peak = await Peak.open({ backend: party, activity }, threads);
    const { flops } = peak;
    if (flops === 0) return peak.close();
    contenders.keep(peak);
    contenders.add({ activity, party, threads, batchSize: 0, flops }, (times) => peak.run(times));
  };
  for (const threads of counts) {
    if (openblas) {
      const subject = { activity: 'product', party: 'openblas', threads, batchSize: 0 } as const;
      contenders.add({ ...subject, flops: 2 * PRODUCT_SIZE ** 3 }, (times) =>
        openblas.seconds('product', threads, times),
      );
    }
    for (const activity of wanted) for (const party of backends) await add(party, activity, threads);
  }
  if (backends.includes('cpu') && wanted.includes('limit'))
    for (const threads of moreThreads) await add('cpu', 'limit', threads);
  return contenders;
}

/** Adds our training update on each backend, and the forward pass on cpu. */
async function addUpdates(
  contenders: OpenContenders,
  workload: Workload,
  { backends, threads: counts, moreThreads = [] }: Scope,
): Promise<void> {
  for (const party of backends) {
    const smaller = party === 'wasm' ? workload.smallBatch?.wasm : undefined;
    const own = { ...workload, batchSize: smaller ?? workload.batchSize };
    // One sequence cannot be shared out.
    const more = party === 'cpu' && own.batchSize > 1 ? moreThreads : [];
    for (const threads of [...counts, ...more]) {
      const team = contenders.keep(await EngineBench.openTeam(own, party, threads));
      const subject = { party, threads, batchSize: own.batchSize };
      const flops = team.forwardFlops;
      contenders.add({ ...subject, activity: 'update', flops: 3 * flops }, (times) => team.update(times));
      if (party === 'cpu' && counts.includes(threads))
        contenders.add({ ...subject, activity: 'forward', flops }, (times) => team.forward(times));
    }
  }
}

/** Opens only our training update and forward pass. */
export async function openUpdates(workload: Workload, scope: Scope): Promise<Contenders> {
  const contenders = new OpenContenders(workload.name);
  await addUpdates(contenders, workload, scope);
  return contenders;
}

/** Opens all parties: training update, forward pass, one sample, one point. */
export async function openContenders(workload: Workload, scope: Scope): Promise<Contenders> {
  const { backends, threads: counts, peers } = scope;
  const { batchSize } = workload;
  const contenders = new OpenContenders(workload.name);
  await addUpdates(contenders, workload, scope);
  if (backends.includes('cpu')) {
    const threads = Math.max(...counts);
    const mixed = contenders.keep(await EngineBench.openTeam(workload, 'cpu', threads, 'mixed'));
    const subject = { activity: 'mixed', party: 'cpu', threads, batchSize } as const;
    contenders.add({ ...subject, flops: 3 * mixed.forwardFlops }, (times) => mixed.update(times));
  }

  const addPeer = (
    peer: Peer,
    party: Party,
    activity: Activity,
    sizes: { batchSize: number; flops: number },
  ) => {
    for (const threads of counts) {
      const run = (times: number) => peer.seconds(activity, threads, times);
      contenders.add({ activity, party, threads, ...sizes }, run);
    }
  };
  const flops = forwardFlops(workload, lengthsOf(randomData(workload)));
  const one = { batchSize: 1, flops: 0 };
  // The model of a workload with batch size 1 has been measured on one sample already.
  const single = batchSize > 1;
  const pointwise = single && workload.kind === 'strokes';

  const classifiers = await Promise.all(backends.map((party) => ClassifierBench.open(workload, party)));
  classifiers.forEach((classifier, index) => {
    const subject = { party: backends[index], threads: 1, ...one };
    if (single) contenders.add({ ...subject, activity: 'sample' }, (times) => classifier.sample(times));
    if (pointwise) contenders.add({ ...subject, activity: 'point' }, classifier.point());
  });
  contenders.pytorch = await peers.pytorch(workload);
  if (contenders.pytorch) {
    contenders.keep(contenders.pytorch);
    addPeer(contenders.pytorch, 'pytorch', 'update', { batchSize, flops: 3 * flops });
    if (single) addPeer(contenders.pytorch, 'pytorch', 'sample', one);
    if (pointwise) addPeer(contenders.pytorch, 'pytorch', 'point', one);
  }
  const onnxruntime = await peers.onnxruntime(workload, classifiers[0].model);
  if (onnxruntime) {
    contenders.keep(onnxruntime);
    addPeer(onnxruntime, 'onnxruntime', 'forward', { batchSize, flops });
    if (single) addPeer(onnxruntime, 'onnxruntime', 'sample', one);
  }
  if (workload.kind === 'images') await addTfjs(contenders, workload, peers);
  return contenders;
}

/** TensorFlow.js: one round, with a batch that takes it seconds. */
async function addTfjs(contenders: OpenContenders, workload: Workload, peers: Peers): Promise<void> {
  const own = { ...workload, batchSize: workload.smallBatch?.tfjs ?? workload.batchSize };
  const peer = await peers.tfjs(own);
  if (!peer) return;
  contenders.keep(peer);
  const flops = 3 * forwardFlops(own, lengthsOf(randomData(own)));
  contenders.add(
    { activity: 'update', party: 'tfjs', threads: 1, batchSize: own.batchSize, flops, once: true },
    (times) => peer.seconds('update', 1, times),
  );
}
