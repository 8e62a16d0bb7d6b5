/**
 * A peer: a process that runs the same workload with another library, such as PyTorch or OpenBLAS. It stays alive between
 * rounds and measures its own time.
 *
 * Protocol: the task is a JSON argument. The process prints `{"version": "…"}`, or `{"missing": "…"}` and exits. Then it
 * answers every line of standard input, such as `{"ask": "update", "threads": 2, "times": 5}`, with a line such as
 * `{"seconds": 0.1}`, the mean time of one operation.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { isPlainObject } from '#src/formats/json.js';

type Reply = Record<string, unknown>;
type Child = ChildProcessByStdio<Writable, Readable, null>;

export class Peer {
  readonly version: string;
  readonly #process: Child;
  readonly #lines: AsyncIterator<string>;

  private constructor(process: Child, lines: AsyncIterator<string>, version: string) {
    this.#process = process;
    this.#lines = lines;
    this.version = version;
  }

  /** Starts a peer. @returns a reason instead if something that it needs is not installed */
  static async start(command: string, args: readonly string[]): Promise<Peer | string> {
    const process = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const failed = once(process, 'error').then(([error]): Reply => ({ missing: String(error?.message) }));
    const reader: Interface = createInterface({ input: process.stdout });
    const lines = reader[Symbol.asyncIterator]();
    const greeting: Reply = await Promise.race([read(lines, command), failed]);
    if (typeof greeting.version === 'string') return new Peer(process, lines, greeting.version);
    return String(greeting.missing);
  }

  /** Sends a request and waits for the reply; one request at a time. @throws Error if the process has ended */
  async ask(request: Reply): Promise<Reply> {
    this.#process.stdin.write(`${JSON.stringify(request)}\n`);
    return read(this.#lines, this.version);
  }

  /** The number `name` in the reply to a request. @throws Error if the reply has no such number */
  async askNumber(request: Reply, name: string): Promise<number> {
    const value = (await this.ask(request))[name];
    if (typeof value === 'number') return value;
    throw new Error(`bench: ${this.version} replied without the number ${name}`);
  }

  /** Mean seconds of one operation. */
  seconds(ask: string, threads: number, times: number): Promise<number> {
    return this.askNumber({ ask, threads, times }, 'seconds');
  }

  async close(): Promise<void> {
    this.#process.stdin.end();
    if (this.#process.exitCode === null) await once(this.#process, 'exit');
  }
}

async function read(lines: AsyncIterator<string>, name: string): Promise<Reply> {
  const { value, done } = await lines.next();
  if (done) throw new Error(`bench: ${name} ended without a reply; see its message above`);
  const reply: unknown = JSON.parse(value);
  if (!isPlainObject(reply)) throw new Error(`bench: ${name} replied ${value}, which is not a JSON object`);
  return reply;
}
