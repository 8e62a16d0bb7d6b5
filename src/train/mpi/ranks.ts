/**
 * The processes (ranks) of an MPI job, as the main thread of one of them sees them: it starts the thread that speaks
 * MPI (mpi-worker.ts), sends values and vectors, and ends the job.
 */
import { Worker } from 'node:worker_threads';
import { UserError } from '../../user-error.js';
import type { Link } from '../team/rank-member.js';
import { checkOpenFile, findLauncher, type Launcher } from './launcher.js';
import { findMpiAddon, loadMpi, type Place } from './mpi-addon.js';
import type { MpiReply, MpiRequest, MpiStart, WireMessage } from './mpi-protocol.js';

/** A rank that has not answered for this long counts as hanging. */
const HANGING_SECONDS = 300;
/** A rank that works alone says so this often, and several times in the time after which it counts as hanging. */
const SIGN_MS = 20_000;
const SIGNS = 4;
/** MPI ends the processes of a job within this time, or this one ends itself. */
const ABORT_MS = 3000;
/** MPI ends in all processes within this time, or they end without it. */
const FINALIZE_MS = 10_000;

/**
 * Settings of MPI's libraries. UCX and Open MPI would patch the memory functions of libc while other threads of Node.js
 * run them, and UCX would take the signals with which V8 catches accesses out of bounds. Values of the user remain.
 */
const LIBRARY_SETTINGS = {
  UCX_MEM_EVENTS: 'no',
  UCX_ERROR_SIGNALS: '',
  UCX_HANDLE_ERRORS: 'none',
  OMPI_MCA_memory: '^patcher',
};

/**
 * Joins the job of the launcher that started this process.
 * @returns null if none did
 * @throws UserError if there is no addon, or if its MPI is not that of the launcher. With several ranks only the first one
 * reports it: the others end without a word
 */
export async function joinRanks(env: NodeJS.ProcessEnv = process.env): Promise<Ranks | null> {
  const launcher = findLauncher(env);
  if (!launcher) return null;
  let ranks: Ranks | null = null;
  try {
    const seconds = hangingSeconds(env);
    checkOpenFile(env);
    for (const [name, value] of Object.entries(LIBRARY_SETTINGS)) process.env[name] ??= value;
    ranks = new Ranks(findMpiAddon(launcher), seconds);
    await ranks.ready;
    refuseOtherMpi(launcher, ranks);
    return ranks;
  } catch (error) {
    await ranks?.finalize(2).catch(() => {});
    if (error instanceof UserError && (launcher.rank ?? 0) > 0) throw new SilentEnd(2);
    throw error;
  }
}

/** Thrown in a rank that ends without a word, because another one says why. */
export class SilentEnd extends Error {
  override readonly name = 'SilentEnd';
  constructor(readonly code: number) {
    super(`ends with code ${code}`);
  }
}

/** Each process of another MPI's launcher believes to be alone. */
function refuseOtherMpi({ ranks }: Launcher, { place }: Ranks): void {
  if (ranks === null || ranks === place.size) return;
  const library = inOneLine(place.library.replace(/\0/g, '').split(/[\n,]/)[0]).replace(' Version:', '');
  throw new UserError(
    `train: the launcher started ${ranks} processes, but ${library} sees ${place.size}: the launcher is of another MPI; ` +
      'use the mpirun of that library, or compile for the other one (MPICC=… npx scanstroke build --mpi)',
  );
}

/** @throws UserError */
function hangingSeconds({ SCANSTROKE_MPI_TIMEOUT: text = '' }: NodeJS.ProcessEnv): number {
  if (text === '') return HANGING_SECONDS;
  const seconds = Number(text);
  if (seconds > 0 && seconds <= 1e6) return seconds;
  throw new UserError(
    `train: SCANSTROKE_MPI_TIMEOUT must be a number of seconds above 0, got ${JSON.stringify(text)}`,
  );
}

/** Who waits for a reply. */
interface Waiting {
  resolve(reply: MpiReply): void;
  reject(error: Error): void;
}

export class Ranks {
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #cancel = new Int32Array(new SharedArrayBuffer(4));
  readonly #seconds: number;
  readonly #path: string;
  #place: Place | null = null;
  #waiting: Waiting[] = [];
  #ended = false;

  /** @param path of the addon; seconds after which a rank that does not answer counts as hanging */
  constructor(path: string, seconds: number) {
    this.#seconds = seconds;
    this.#path = path;
    const start: MpiStart = { path, cancel: this.#cancel, seconds };
    this.#worker = new Worker(new URL('./mpi-worker.js', import.meta.url), { workerData: start });
    this.#worker.on('message', (reply: MpiReply) => this.#settle((waiting) => waiting.resolve(reply)));
    this.#worker.on('error', (error) =>
      this.#fail(
        new UserError(
          `train: MPI does not start: ${inOneLine(error.message)}; remove ${path} and compile it for the MPI of this machine: \`npx scanstroke build --mpi\``,
          { cause: error },
        ),
      ),
    );
    this.#worker.on('exit', () => {
      if (!this.#ended) this.#fail(new Error('train: the thread that speaks MPI ended unexpectedly'));
    });
    this.ready = this.#reply().then(({ place = null }) => {
      this.#place = place;
    });
  }

  get place(): Place {
    if (!this.#place) throw new Error('train: MPI has not started');
    return this.#place;
  }
  get rank(): number {
    return this.place.rank;
  }
  get size(): number {
    return this.place.size;
  }
  /** `rank 1 on node7` */
  nameOf(rank: number): string {
    return `rank ${rank} on ${this.place.hosts[rank]}`;
  }
  get others(): number[] {
    return Array.from({ length: this.size }, (_, rank) => rank).filter((rank) => rank !== this.rank);
  }

  /** Sends and receives. Messages between two ranks arrive in the order in which both name them. */
  async transfer(messages: WireMessage[]): Promise<void> {
    await this.#request({ type: 'transfer', messages });
  }

  /** Sends a JSON value to ranks. */
  async send(value: unknown, peers: readonly number[] = this.others): Promise<void> {
    const bytes = shared(new TextEncoder().encode(JSON.stringify(value)));
    const length = shared(new Uint8Array(new Float64Array([bytes.byteLength]).buffer));
    await this.transfer(
      peers.flatMap((peer) => [
        { receives: false, peer, bytes: length },
        { receives: false, peer, bytes },
      ]),
    );
  }

  /** Receives a JSON value that `peer` sends. */
  async receive(peer: number): Promise<unknown> {
    const length = new Float64Array(new SharedArrayBuffer(8));
    await this.transfer([{ receives: true, peer, bytes: length }]);
    const bytes = new Uint8Array(new SharedArrayBuffer(length[0]));
    await this.transfer([{ receives: true, peer, bytes }]);
    return JSON.parse(new TextDecoder().decode(bytes.slice()));
  }

  /**
   * Sends a JSON value to ranks again and again, while this rank does something for which they wait: without a sign it
   * would count as hanging. Call `end` before anything else is sent; it throws what went wrong.
   */
  signs(value: unknown, peers: readonly number[] = this.others): { end(): Promise<void> } {
    let sent = Promise.resolve();
    const timer = setInterval(
      () => {
        sent = this.send(value, peers);
        sent.catch(() => {}); // for `end`
      },
      Math.min(SIGN_MS, (1000 * this.#seconds) / SIGNS),
    );
    return {
      end: () => {
        clearInterval(timer);
        return sent;
      },
    };
  }

  /** Moves the bytes of a team's exchanges until the link is closed. */
  async serve(link: Link): Promise<void> {
    await this.#request({ type: 'serve', link });
  }

  /**
   * Ends MPI in this process. All ranks call it.
   * @param code with which the process ends if MPI does not
   */
  async finalize(code: number): Promise<void> {
    const bytes = new Uint8Array(new SharedArrayBuffer(this.size));
    const meet = this.others.flatMap((peer) => [
      { receives: false, peer, bytes: bytes.subarray(this.rank, this.rank + 1) },
      { receives: true, peer, bytes: bytes.subarray(peer, peer + 1) },
    ]);
    await this.transfer(meet);
    if (!(await within(this.#request({ type: 'finalize' }), FINALIZE_MS))) loadMpi(this.#path).leave(code);
    this.#ended = true;
    await this.#worker.terminate();
  }

  /** Ends all processes of the job, this one too, with an exit code. */
  async abort(code: number): Promise<never> {
    Atomics.store(this.#cancel, 0, 1);
    await within(
      this.#request({ type: 'abort', code }).catch(() => {}),
      ABORT_MS,
    );
    return loadMpi(this.#path).leave(code);
  }

  async #request(request: MpiRequest): Promise<void> {
    if (this.#ended) throw new Error('train: MPI has ended');
    const reply = this.#reply();
    this.#worker.postMessage(request);
    const { error, missing } = await reply;
    if (error !== undefined) throw new UserError(`train: ${inOneLine(error)}; has another rank ended?`);
    if (missing) throw new UserError(this.#hanging(missing));
  }

  #hanging(missing: number[]): string {
    if (missing.length === 0) return 'train: the job was ended';
    const names = missing.map((rank) => this.nameOf(rank)).join(', ');
    return (
      `train: ${names} did not answer for ${this.#seconds} s, so the job ends; ` +
      'is the process stopped, or the network down? (SCANSTROKE_MPI_TIMEOUT sets the seconds)'
    );
  }

  #reply(): Promise<MpiReply> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }
  #settle(settle: (waiting: Waiting) => void): void {
    const [next] = this.#waiting.splice(0, 1);
    if (next) settle(next);
  }
  #fail(error: Error): void {
    this.#ended = true;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** @returns whether the work ended in time */
async function within(work: Promise<void>, milliseconds: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

function inOneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** A copy on shared memory. */
function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
  copy.set(bytes);
  return copy;
}
