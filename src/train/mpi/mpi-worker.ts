/**
 * The script of the thread that speaks MPI: the only one of a process that calls it (MPI_THREAD_FUNNELED). It carries
 * out requests of the main thread, and while a team trains the exchanges of its thread 0 (team/exchange.ts). It only
 * moves bytes.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { LINK, MESSAGE_WIDTH } from '../team/exchange.js';
import type { Link } from '../team/rank-member.js';
import { loadMpi } from './mpi-addon.js';
import type { MpiReply, MpiRequest, MpiStart, WireMessage } from './mpi-protocol.js';

/** Numbers of a message in the addon's plan: direction, rank, address, bytes. */
const WIRE_WIDTH = 4;
/** MPI counts bytes in 32 bits. */
const MOST_BYTES = 2 ** 30;
/** While no exchange is asked for, this thread looks this often whether the job is to end. */
const CANCEL_CHECK_MS = 200;

const port = parentPort;
if (!port) throw new Error('train/mpi/mpi-worker.js runs in a worker thread, started by ranks.js');
const { path, cancel, seconds } = workerData as MpiStart;
const mpi = loadMpi(path);
const addresses = new WeakMap<object, number>();
let plan = new Float64Array(64);

function addressOf(array: ArrayBufferView): number {
  let address = addresses.get(array);
  if (address === undefined) {
    address = mpi.address(array);
    addresses.set(array, address);
  }
  return address;
}

/** Adds a message to the plan, in pieces. @returns the number of messages in the plan */
function push(count: number, direction: number, peer: number, address: number, bytes: number): number {
  let at = count;
  for (let from = 0; from < bytes; from += MOST_BYTES) {
    if ((at + 1) * WIRE_WIDTH > plan.length) {
      const longer = new Float64Array(2 * plan.length);
      longer.set(plan);
      plan = longer;
    }
    plan[WIRE_WIDTH * at] = direction;
    plan[WIRE_WIDTH * at + 1] = peer;
    plan[WIRE_WIDTH * at + 2] = address + from;
    plan[WIRE_WIDTH * at + 3] = Math.min(MOST_BYTES, bytes - from);
    at++;
  }
  return at;
}

/** What went wrong in a transfer; null: nothing. */
type Failure = Pick<MpiReply, 'missing' | 'error'> | null;

function run(messages: number): Failure {
  const missing = mpi.transfer(plan, messages, seconds, cancel);
  return missing && { missing };
}

function transfer(messages: readonly WireMessage[]): Failure {
  let count = 0;
  for (const { receives, peer, bytes } of messages) {
    if (bytes.byteLength > 0)
      count = push(count, Number(receives), peer, mpi.address(bytes), bytes.byteLength);
  }
  return run(count);
}

/** Carries out a team's exchanges until it closes the link. */
function serve({ words, plan: asked, buffers }: Link): Failure {
  for (let done = 0; ; ) {
    if (Atomics.load(words, LINK.asked) === done) {
      if (Atomics.load(words, LINK.closed) === 1) return null;
      if (Atomics.load(cancel, 0) === 1) return { missing: [] };
      Atomics.wait(words, LINK.asked, done, CANCEL_CHECK_MS);
      continue;
    }
    const failure = attempt(() => exchange(words[LINK.messages], asked, buffers));
    if (failure) Atomics.store(words, LINK.failed, 1);
    Atomics.store(words, LINK.done, ++done);
    Atomics.notify(words, LINK.done);
    if (failure) return failure;
  }
}

function exchange(messages: number, asked: Float64Array, buffers: Link['buffers']): Failure {
  let count = 0;
  for (let at = 0; at < messages * MESSAGE_WIDTH; at += MESSAGE_WIDTH) {
    const address = addressOf(buffers[asked[at + 2]]) + asked[at + 3];
    count = push(count, asked[at], asked[at + 1], address, asked[at + 4]);
  }
  return run(count);
}

function attempt(work: () => Failure): Failure {
  try {
    return work();
  } catch (error) {
    return { error: (error as Error).message };
  }
}

function carryOut(request: MpiRequest): Failure {
  switch (request.type) {
    case 'transfer':
      return transfer(request.messages);
    case 'serve':
      return serve(request.link);
    case 'finalize':
      mpi.finalize();
      return null;
    case 'abort':
      mpi.abort(request.code);
      return null;
  }
}

port.on('message', (request: MpiRequest) => {
  const failure = attempt(() => carryOut(request));
  port.postMessage({ type: 'reply', ...failure } satisfies MpiReply);
});
port.postMessage({ type: 'ready', place: mpi.init() } satisfies MpiReply);
