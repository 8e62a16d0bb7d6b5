/** Runs many cases of the command line in a few processes, with a watchdog: a case that hangs is named and ended. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Case, CaseOutcome } from './command-server.js';

const SERVER = fileURLToPath(new URL('./command-server.js', import.meta.url));
/** A case that takes longer hangs. The slowest loads a module for the first time on a busy machine. */
const HANGS_MS = 15_000;

export class Commands {
  readonly #folder: string;
  readonly #env: Record<string, string>;
  #child: ChildProcess | undefined;

  /** @param folder the working folder of the commands */
  constructor(folder: string, env: Record<string, string> = {}) {
    this.#folder = folder;
    this.#env = env;
  }

  /** The outcome; `'hangs'` if there is none in time, `'dies'` if the process ends. */
  run(each: Case): Promise<CaseOutcome | 'hangs' | 'dies'> {
    this.#child ??= fork(SERVER, { cwd: this.#folder, env: { ...process.env, ...this.#env } });
    const child = this.#child;
    return new Promise((resolve) => {
      const end = (outcome: CaseOutcome | 'hangs' | 'dies') => {
        clearTimeout(timer);
        child.removeAllListeners();
        if (typeof outcome === 'string') this.close();
        resolve(outcome);
      };
      const timer = setTimeout(() => end('hangs'), HANGS_MS);
      child.once('message', (outcome: CaseOutcome) => end(outcome));
      child.once('exit', () => end('dies'));
      child.send(each);
    });
  }

  close(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}
