/**
 * Runs inputs in a child process and watches it: an input that computes or waits too long, takes too much memory, or
 * ends the process is a finding. The child is then killed and replaced. Linux only: it reads /proc.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeNote, NOTE_BYTES, type Note, type Order, type Report } from './child-protocol.js';
import type { Counts } from './tally.js';
import { type FindingKind, type Input, LIMITS, type Limits, type Outcome } from './target.js';
import { targetNamed } from './targets.js';

const CHILD = fileURLToPath(new URL('./fuzz-child.js', import.meta.url));
const LOOK_MS = 50;
/** Heap of the child, in MiB. Beyond it, Node.js ends the process. */
const HEAP_MIB = 1024;
/** A child whose memory has grown beyond this between inputs is replaced. */
const MAX_RESIDENT_BYTES = 1.5 * 2 ** 30;
/** USER_HZ of Linux: the unit of processor time in /proc. */
const TICK_MS = 10;
const PAGE_BYTES = 4096;
/** Opening a target, a server for example. */
const OPEN_MS = 60_000;

/** Why a child ended, in place of a report. */
class ChildEnded extends Error {
  constructor(
    readonly finding: FindingKind,
    message: string,
    /** The input that ran; -1 if none did. */
    readonly index: number,
  ) {
    super(message);
  }
}

/** A child process that is replaced when it ends. Carries out one order at a time. */
export class Watchdog {
  readonly #folder: string;
  /** Ends the order that the child carries out; undefined if it has none. */
  #giveUp: (() => void) | undefined;
  #child: { process: ChildProcess; folder: string; note: number; stderr: string } | undefined;

  /** @param parent a folder for the files of the targets, in memory if possible */
  constructor(parent: string) {
    this.#folder = mkdtempSync(join(parent, 'scanstroke-fuzz-'));
  }

  /**
   * Runs the inputs `from` … `end` - 1.
   * @param onCounts called several times, with the counts since the last call; every input is counted once
   */
  async batch(
    order: Omit<Order & { kind: 'batch' }, 'kind'>,
    onCounts: (counts: Counts, cpuMs: number) => void,
  ): Promise<void> {
    let { from } = order;
    while (from < order.end) {
      try {
        await this.#carryOut({ kind: 'batch', ...order, from }, (report) => {
          if (report.kind !== 'counts') return false;
          onCounts(report.counts, report.cpuMs);
          from = report.upTo;
          const isShort = !report.done && report.counts.findings.some(({ kind }) => kind === 'memory');
          return report.done || isShort;
        });
        if (from < order.end) this.#kill();
      } catch (error) {
        if (!(error instanceof ChildEnded)) throw error;
        // The child had counted the inputs before, but not yet told: they run again, without the one at which it ended.
        // If it ended between two inputs, an earlier one is the cause; the next one stands for it.
        const index = Math.max(error.index, from);
        await this.batch({ ...order, from, end: index }, onCounts);
        const { target, seed } = order;
        const finding = { target, seed, index, kind: error.finding, message: error.message };
        onCounts({ accepted: 0, refused: {}, findings: [finding] }, 0);
        from = index + 1;
      }
    }
    if (this.#residentBytes() > MAX_RESIDENT_BYTES) this.#kill();
  }

  /**
   * Runs one input in a process that may have run others.
   * @param again whether to run it twice more, to see whether it leaves files open
   */
  async try(target: string, input: Input, again = false): Promise<Outcome> {
    let outcome: Outcome | undefined;
    try {
      await this.#carryOut({ kind: 'try', target, input, again }, (report) => {
        if (report.kind === 'outcome') outcome = report.outcome;
        return report.kind === 'outcome';
      });
    } catch (error) {
      if (!(error instanceof ChildEnded)) throw error;
      return { kind: error.finding, message: error.message };
    }
    if (outcome === undefined) throw new Error('the child sent no outcome');
    if (outcome.kind === 'memory') this.#kill();
    return outcome;
  }

  /** The input at an index. */
  async make(target: string, seed: number, index: number): Promise<Input> {
    let input: Input | undefined;
    await this.#carryOut({ kind: 'make', target, seed, index }, (report) => {
      if (report.kind === 'input') input = report.input;
      return report.kind === 'input';
    });
    if (input === undefined) throw new Error('the child sent no input');
    return input;
  }

  /** Ends the child; the next order starts another. */
  restart(): void {
    this.#kill();
  }

  close(): void {
    this.#kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** @param take returns whether the report was the last one of the order */
  async #carryOut(order: Order, take: (report: Report) => boolean): Promise<void> {
    // A child may end while it has nothing to do.
    if (this.#child?.process.connected === false) this.#kill();
    const child = this.#child ?? (await this.#start());
    const { process: running } = child;
    const limits = { ...LIMITS, ...targetNamed(order.target).limits };
    await new Promise<void>((resolve, reject) => {
      let last = { turn: -1, since: performance.now() };
      const end = (error?: Error) => {
        clearInterval(timer);
        this.#giveUp = undefined;
        running.off('message', onMessage);
        running.off('close', onExit);
        if (error === undefined) return resolve();
        this.#kill();
        reject(error);
      };
      const onMessage = (report: Report) => {
        if (report.kind === 'failed') end(new Error(`target ${order.target}: ${report.message}`));
        else if (take(report)) end();
      };
      const onExit = (code: number | null, signal: string | null) => {
        const { index } = readNote(child.note);
        const how = signal ? `signal ${signal}` : `exit code ${code}`;
        const isMemory = /heap out of memory|Allocation failed/i.test(child.stderr);
        end(
          isMemory
            ? new ChildEnded('memory', `the process ran out of its ${HEAP_MIB} MiB of heap`, index)
            : new ChildEnded('crash', `the process ended with ${how}: ${child.stderr.slice(-500)}`, index),
        );
      };
      const look = () => {
        const note = readNote(child.note);
        if (note.turn !== last.turn) last = { turn: note.turn, since: performance.now() };
        const waited = performance.now() - last.since;
        const excess = note.index < 0 ? null : excessOf(running.pid as number, note, waited, limits);
        if (excess) end(new ChildEnded(excess.kind, excess.message, note.index));
        else if (waited > OPEN_MS) end(new Error(`target ${order.target} does not begin`));
      };
      const timer = setInterval(look, LOOK_MS);
      this.#giveUp = () => end(new Error('the child was ended before it had answered'));
      running.on('message', onMessage);
      running.on('close', onExit);
      running.send(order);
    });
  }

  async #start() {
    mkdirSync(this.#folder, { recursive: true });
    const folder = mkdtempSync(join(this.#folder, 'child-'));
    const running = fork(CHILD, [folder], {
      execArgv: [`--max-old-space-size=${HEAP_MIB}`, '--expose-gc', '--enable-source-maps'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      cwd: folder,
      // A killed child cannot remove its temporary files.
      env: { ...process.env, TMPDIR: folder, NO_COLOR: '1' },
    });
    const child = { process: running, folder, note: -1, stderr: '' };
    running.stderr?.on('data', (piece: Buffer) => {
      child.stderr = (child.stderr + piece.toString('latin1')).slice(-4000);
    });
    await new Promise<void>((resolve, reject) => {
      running.once('message', () => resolve());
      running.once('exit', (code) =>
        reject(new Error(`the child does not start (${code}): ${child.stderr}`)),
      );
    });
    child.note = openSync(join(folder, 'note'), 'r');
    this.#child = child;
    return child;
  }

  #kill(): void {
    if (this.#child === undefined) return;
    const { process: running, folder, note } = this.#child;
    this.#child = undefined;
    running.removeAllListeners();
    running.kill('SIGKILL');
    this.#giveUp?.();
    closeSync(note);
    rmSync(folder, { recursive: true, force: true });
  }

  #residentBytes(): number {
    const pid = this.#child?.process.pid;
    return pid === undefined ? 0 : residentBytes(pid);
  }
}

/** The limit that the current input exceeds, if any. */
function excessOf(pid: number, note: Note, waitedMs: number, limits: Limits) {
  const cpuMs = processorMs(pid) - note.cpuMs;
  if (cpuMs > limits.cpuMs) {
    return { kind: 'hang' as const, message: `computes for more than ${limits.cpuMs} ms` };
  }
  if (waitedMs > limits.wallMs)
    return { kind: 'hang' as const, message: `waits for more than ${limits.wallMs} ms` };
  const grown = residentBytes(pid) - note.peakBytes;
  if (grown > 2 * limits.memoryBytes) {
    return { kind: 'memory' as const, message: `takes more than ${2 * (limits.memoryBytes / 2 ** 20)} MiB` };
  }
  return null;
}

function readNote(file: number): Note {
  const values = new Float64Array(NOTE_BYTES / 8);
  readSync(file, new Uint8Array(values.buffer), 0, NOTE_BYTES, 0);
  return decodeNote(values);
}

function processorMs(pid: number): number {
  const fields = procFile(pid, 'stat').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * TICK_MS;
}

function residentBytes(pid: number): number {
  return Number(procFile(pid, 'statm').split(' ')[1] ?? 0) * PAGE_BYTES;
}

function procFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
