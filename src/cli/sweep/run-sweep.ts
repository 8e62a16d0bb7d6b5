/**
 * Trains the trials of a sweep, several at a time. What each has reached is read from its run folder, so a sweep goes on
 * after any interruption: trials that have finished are not trained again, others continue from their checkpoints.
 */
import { type Sweep, type Trial, trialFolder, writeSweep } from '../../runs/sweep/sweep-folder.js';
import { byAccuracy, readTrial, resultAfter, type TrialResult } from '../../runs/sweep/sweep-results.js';
import { UserError } from '../../user-error.js';
import { OptunaStudy } from './optuna.js';
import { resolveTrial } from './search-space.js';
import { survivors } from './sweep-plan.js';
import type { SweepView } from './sweep-view.js';
import { runTrial, type TrialEnd, type TrialJob } from './trial-runner.js';

export interface SweepControl {
  /** The folder of the sweep. */
  folder: string;
  /** Trials at a time. */
  jobs: number;
  /** Threads of a trial; null: as its configuration says. */
  threads: number | null;
  /** Numbers of the trials to train; null for all. */
  only: readonly number[] | null;
  /** Ends the running trials with checkpoints. */
  stop: AbortSignal;
  view: SweepView;
  /** Trains a trial; replaced in tests. */
  train?: (job: TrialJob) => Promise<TrialEnd>;
  /** Replaced in tests. */
  openStudy?: (study: { storage: string; name: string }) => OptunaStudy;
}

export interface SweepOutcome {
  sweep: Sweep;
  results: TrialResult[];
}

/**
 * @returns null after an interruption
 * @throws UserError if no trial can begin, with the reason of the first, and if Optuna fails
 */
export async function runSweep(sweep: Sweep, control: SweepControl): Promise<SweepOutcome | null> {
  const training = new SweepTraining(sweep, control);
  if (sweep.study !== null) await training.askAndTell(sweep.study);
  else if (sweep.halving !== null) await training.halve(sweep.halving.factor, sweep.halving.rungs);
  else await training.trainAll(sweep.trials.filter(({ trial }) => control.only?.includes(trial) ?? true));
  return control.stop.aborted ? null : { sweep: training.sweep, results: await training.results() };
}

class SweepTraining {
  readonly #control: SweepControl;
  readonly #failures = new Map<number, string>();
  readonly #stopped = new Set<number>();
  /** Aborted by an error, which ends the trials that are training. */
  readonly #broken = new AbortController();
  readonly #stop: AbortSignal;
  #anyBegan = false;
  sweep: Sweep;

  constructor(sweep: Sweep, control: SweepControl) {
    this.sweep = sweep;
    this.#control = control;
    this.#stop = AbortSignal.any([control.stop, this.#broken.signal]);
  }

  /** What the trials have reached. */
  async results(): Promise<TrialResult[]> {
    const { folder } = this.#control;
    return Promise.all(
      this.sweep.trials.map(async (trial) => {
        const result = await readTrial(folder, trial);
        const failure = this.#failures.get(trial.trial) ?? null;
        if (failure !== null) return { ...result, state: 'failed' as const, failure };
        return this.#stopped.has(trial.trial) ? { ...result, state: 'stopped' as const } : result;
      }),
    );
  }

  async trainAll(trials: readonly Trial[]): Promise<void> {
    const left = [...trials];
    await this.#inParallel(async () => {
      const trial = left.shift();
      if (trial !== undefined) await this.#train(trial, null);
      return trial !== undefined;
    });
  }

  /** Successive halving: all trials reach a rung, the best of them go on to the next. */
  async halve(factor: number, rungs: readonly number[]): Promise<void> {
    const { folder, view } = this.#control;
    let running = [...this.sweep.trials];
    for (const [n, rung] of rungs.entries()) {
      const isLast = n === rungs.length - 1;
      const left = [...running];
      await this.#inParallel(async () => {
        const trial = left.shift();
        if (trial !== undefined) await this.#train(trial, isLast ? null : rung);
        return trial !== undefined;
      });
      if (isLast || this.#stop.aborted) return;
      const reached = await Promise.all(
        running
          .filter(({ trial }) => !this.#failures.has(trial))
          .map(async (trial) => resultAfter(await readTrial(folder, trial), rung)),
      );
      const kept = reached.sort(byAccuracy).slice(0, survivors(running.length, factor));
      const numbers = kept.map(({ trial }) => trial).sort((a, b) => a - b);
      for (const { trial } of reached) if (!numbers.includes(trial)) this.#stopped.add(trial);
      running = running.filter(({ trial }) => numbers.includes(trial));
      view.rung(rung, numbers);
      if (running.length === 0) return;
    }
  }

  /** Optuna chooses the settings of each trial from the accuracies of those before it. */
  async askAndTell(named: { storage: string; name: string }): Promise<void> {
    const { folder, openStudy = (study) => new OptunaStudy(study) } = this.#control;
    const study = openStudy(named);
    await study.open();
    const begun = [...this.sweep.trials];
    const finish = async (trial: Trial) => {
      const before = await readTrial(folder, trial);
      if (before.state !== 'finished') await this.#train(trial, null);
      if (this.#stop.aborted) return;
      const { bestValAccuracy } = await readTrial(folder, trial);
      const failed = this.#failures.has(trial.trial);
      await study.tell(trial.asked ?? 0, failed ? null : bestValAccuracy);
    };
    let asked = this.sweep.trials.length;
    await this.#inParallel(async () => {
      const trial = begun.shift();
      if (trial !== undefined) {
        await finish(trial);
        return true;
      }
      if (asked >= this.sweep.count) return false;
      asked++;
      const { seed, axes } = this.sweep;
      const answer = await study.ask(axes, seed === null ? null : seed + asked - 1);
      const next = { trial: this.sweep.trials.length + 1, ...answer };
      this.sweep = { ...this.sweep, trials: [...this.sweep.trials, next] };
      // Before the training: a trial that was asked for is told, whatever happens to this process.
      await writeSweep(folder, this.sweep);
      await finish(next);
      return true;
    });
  }

  /** Does `next` again and again, in several chains, until it returns false or the sweep is interrupted. */
  async #inParallel(next: () => Promise<boolean>): Promise<void> {
    const chain = async () => {
      try {
        while (!this.#stop.aborted && (await next()));
      } catch (error) {
        this.#broken.abort();
        throw error;
      }
    };
    const ends = await Promise.allSettled(Array.from({ length: this.#control.jobs }, chain));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  /** Trains a trial to its end, or to an epoch. @throws UserError if it cannot begin, as no trial before could */
  async #train(trial: Trial, pauseAfter: number | null): Promise<void> {
    const { folder, view, threads, train = runTrial } = this.#control;
    const before = await readTrial(folder, trial);
    const isThere = before.state === 'finished' || (pauseAfter !== null && before.epochs >= pauseAfter);
    if (isThere) {
      this.#anyBegan = true;
      view.ended(before, pauseAfter);
      return;
    }
    const { config } = resolveTrial(this.sweep, trial.settings, trial.trial);
    view.begins(trial);
    const end = await train({
      folder: trialFolder(folder, trial.trial),
      config,
      threads,
      pauseAfter,
      stop: this.#stop,
      onMessage: (message) => {
        if (message.type === 'start') this.#anyBegan = true;
        view.follow(trial, message);
      },
    });
    if (end.type === 'failed') {
      if (end.atBeginning && !this.#anyBegan) {
        throw new UserError(end.message.replace(/^train: /, `sweep: trial ${trial.trial}: `));
      }
      this.#failures.set(trial.trial, end.message);
      view.failed(trial, end.message);
    } else if (!this.#stop.aborted) {
      view.ended(await readTrial(folder, trial), pauseAfter);
    }
  }
}
