/**
 * Asks Optuna for the settings of trials, and tells it their accuracies, through Optuna's own command line. The study
 * is in a storage that Optuna keeps, which several machines may share.
 */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { isPlainObject, parseJson } from '../../formats/json.js';
import { camelCase, snakeCase } from '../../formats/key-case.js';
import { quote } from '../../formats/quotation.js';
import type { Axis, Settings, SettingValue } from '../../runs/sweep/sweep-folder.js';
import { UserError } from '../../user-error.js';

/** The program, so that tests can replace it. */
export type RunOptuna = (args: readonly string[]) => Promise<string>;

/** A call waits for a storage that other machines use. */
const TIMEOUT_MS = 120_000;
const MAX_OUTPUT_BYTES = 2 ** 20;
/** To make the study. */
const MAX_ATTEMPTS = 5;
const PAUSE_MS = 500;

export class OptunaStudy {
  readonly #run: RunOptuna;
  readonly #study: readonly string[];
  /** Calls follow each other: a file of SQLite has one writer. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor({ storage, name }: { storage: string; name: string }, run: RunOptuna = runOptuna) {
    this.#run = run;
    this.#study = ['--storage', storage, '--study-name', name];
  }

  /**
   * Makes the study, unless it exists. In an empty database Optuna first makes tables, and fails if another machine
   * makes them at the same moment; so it is asked again.
   * @throws UserError if Optuna is missing, or cannot use the storage
   */
  async open(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#call('create-study', '--direction', 'maximize', '--skip-if-exists');
        return;
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || !/already exists|duplicate/i.test((error as Error).message))
          throw error;
        await sleep(PAUSE_MS);
      }
    }
  }

  /**
   * Settings that Optuna suggests, by its sampler TPE.
   * @param seed of the sampler; null: Optuna chooses one
   */
  async ask(axes: readonly Axis[], seed: number | null): Promise<{ asked: number; settings: Settings }> {
    const space = Object.fromEntries(axes.map((axis) => [snakeCase(axis.option), distributionOf(axis)]));
    const sampler =
      seed === null ? [] : ['--sampler', 'TPESampler', '--sampler-kwargs', JSON.stringify({ seed })];
    const flags = ['--search-space', JSON.stringify(space), '--format', 'json', ...sampler];
    return readAnswer(await this.#call('ask', ...flags));
  }

  /** @param accuracy on the validation samples; null for a trial that failed */
  async tell(asked: number, accuracy: number | null): Promise<void> {
    const result = accuracy === null ? ['--state', 'fail'] : ['--values', String(accuracy)];
    await this.#call('tell', '--trial-number', String(asked), ...result, '--skip-if-finished');
  }

  #call(command: string, ...flags: string[]): Promise<string> {
    const call = this.#queue.then(() => this.#run([command, ...this.#study, ...flags]));
    this.#queue = call.catch(() => {});
    return call;
  }
}

/** Optuna's distribution of an axis, as its `distribution_to_json` writes it. */
function distributionOf(axis: Axis): unknown {
  if ('values' in axis) return { name: 'CategoricalDistribution', attributes: { choices: axis.values } };
  const { low, high, scale, whole } = axis;
  return {
    name: whole ? 'IntDistribution' : 'FloatDistribution',
    attributes: { low, high, log: scale === 'log', step: whole ? 1 : null },
  };
}

function readAnswer(output: string): { asked: number; settings: Settings } {
  const answer = parseJson(output, 'the answer of optuna ask');
  if (isPlainObject(answer) && Number.isSafeInteger(answer.number) && isPlainObject(answer.params)) {
    const settings = Object.entries(answer.params).map(([key, value]) => [camelCase(key), value]);
    return {
      asked: Number(answer.number),
      settings: Object.fromEntries(settings) as Record<string, SettingValue>,
    };
  }
  throw new UserError(`sweep: optuna ask answered ${quote(output, 200)}; a number and params were expected`);
}

function runOptuna(args: readonly string[]): Promise<string> {
  const options = { timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES, encoding: 'utf8' as const };
  return new Promise((resolve, reject) => {
    execFile('optuna', args, options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      if (error.code === 'ENOENT') {
        return reject(
          new UserError(
            'sweep: --engine optuna needs the command optuna, which is not installed; pip install optuna, or on Debian apt-get install python3-optuna; without it, --trials alone tries random settings',
          ),
        );
      }
      const reason =
        lastLine(stderr) ?? (error.killed ? `no answer in ${TIMEOUT_MS / 1000} s` : error.message);
      reject(new UserError(`sweep: optuna ${args[0]} failed: ${reason}`, { cause: error }));
    });
  });
}

/** The cause, after Python's traceback. */
function lastLine(stderr: string): string | undefined {
  const lines = stderr
    .split('\n')
    .filter((line) => /^(\w+\.)*\w*(Error|Exception): |^(\w+\.)+\w+: /.test(line));
  return lines.at(-1)?.slice(0, 300);
}
