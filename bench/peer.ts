/**
 * A conversation with a program that runs the same workload in another way: PyTorch, OpenBLAS … It stays alive, so
 * that rounds can alternate, and takes the time itself.
 *
 * It is started with its task as JSON in its argument. It says `{"version": "…"}`, or `{"missing": "…"}` and ends.
 * From then on it answers each line on its standard input, `{"ask": "step", "threads": 2, "times": 5}`, with a line
 * like `{"seconds": 0.1}`: the mean of one.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

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

  /** Starts one. @returns why not, where what it needs is not installed */
  static async start(command: string, args: readonly string[]): Promise<Peer | string> {
    const process = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const failed = once(process, 'error').then(([error]) => ({ missing: (error as Error).message }));
    const reader: Interface = createInterface({ input: process.stdout });
    const lines = reader[Symbol.asyncIterator]();
    const greeting: Reply = await Promise.race([read(lines, command), failed]);
    if (typeof greeting.version === 'string') return new Peer(process, lines, greeting.version);
    return String(greeting.missing);
  }

  /** Asks and waits for the answer; one question at a time. @throws Error when it has ended */
  async ask(request: Reply): Promise<Reply> {
    this.#process.stdin.write(`${JSON.stringify(request)}\n`);
    return read(this.#lines, this.version);
  }

  /** Seconds of one operation, the mean of `times`. */
  async seconds(ask: string, threads: number, times: number): Promise<number> {
    return (await this.ask({ ask, threads, times })).seconds as number;
  }

  async close(): Promise<void> {
    this.#process.stdin.end();
    if (this.#process.exitCode === null) await once(this.#process, 'exit');
  }
}

async function read(lines: AsyncIterator<string>, name: string): Promise<Reply> {
  const { value, done } = await lines.next();
  if (done) throw new Error(`bench: ${name} ended without an answer; its message stands above`);
  return JSON.parse(value) as Reply;
}
