/** What the trials of a sweep have reached, read from their run folders. Node.js only. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../user-error.js';
import { readMetrics, readWholeSummary } from '../run-files.js';
import { type EpochMetrics, RUN_FILES } from '../run-folder.js';
import { type Trial, trialFolder } from './sweep-folder.js';

/** `stopped`: ended early. */
export type TrialState = 'waiting' | 'begun' | 'finished' | 'stopped' | 'failed';

export interface TrialResult extends Trial {
  folder: string;
  state: TrialState;
  /** Epochs that are complete. */
  epochs: number;
  /** Of the best epoch; null before the first has ended. */
  bestValAccuracy: number | null;
  bestEpoch: number | null;
  /** Null until the trial has finished. */
  testAccuracy: number | null;
  trainSeconds: number;
  /** Why it failed; null if it did not. */
  failure: string | null;
}

/** @param sweep the folder of the sweep */
export async function readTrial(sweep: string, trial: Trial): Promise<TrialResult> {
  const folder = trialFolder(sweep, trial.trial);
  const summary = await readWholeSummary(folder);
  if (summary) {
    const { epochs, bestValAccuracy, bestEpoch, testAccuracy, trainSeconds } = summary;
    const reached = { epochs, bestValAccuracy, bestEpoch, testAccuracy, trainSeconds };
    return { ...trial, folder, state: 'finished', ...reached, failure: null };
  }
  const metrics = await metricsIn(folder);
  const best = bestOf(metrics);
  return {
    ...trial,
    folder,
    state: existsSync(join(folder, RUN_FILES.config)) ? 'begun' : 'waiting',
    epochs: metrics.length,
    bestValAccuracy: best?.validationAccuracy ?? null,
    bestEpoch: best?.epoch ?? null,
    testAccuracy: null,
    trainSeconds: metrics.reduce((sum, { seconds }) => sum + seconds, 0),
    failure: null,
  };
}

/** What a trial had reached after its first `epochs` epochs; no accuracy if there are fewer, and the trial goes on. */
export async function resultAfter(result: TrialResult, epochs: number): Promise<TrialResult> {
  const isThere = result.epochs >= epochs || result.state === 'finished';
  const best = isThere ? bestOf((await metricsIn(result.folder)).slice(0, epochs)) : null;
  return { ...result, bestValAccuracy: best?.validationAccuracy ?? null, bestEpoch: best?.epoch ?? null };
}

/** As the training chooses its best epoch: of equal ones that with the lowest loss, then the first. */
function bestOf(metrics: readonly EpochMetrics[]): EpochMetrics | null {
  return metrics.reduce<EpochMetrics | null>(
    (best, each) => (best !== null && !isBetter(each, best) ? best : each),
    null,
  );
}

function isBetter(a: EpochMetrics, b: EpochMetrics): boolean {
  if (a.validationAccuracy !== b.validationAccuracy) return a.validationAccuracy > b.validationAccuracy;
  return a.validationLoss < b.validationLoss;
}

async function metricsIn(folder: string): Promise<EpochMetrics[]> {
  if (!existsSync(join(folder, RUN_FILES.metrics))) return [];
  try {
    return await readMetrics(folder);
  } catch (error) {
    if (error instanceof UserError) return []; // It is damaged; the training repairs it.
    throw error;
  }
}

/** Better trials first: higher validation accuracy, then fewer epochs to it, then the earlier trial; failed ones last. */
export function byAccuracy(a: TrialResult, b: TrialResult): number {
  const of = ({ state, bestValAccuracy }: TrialResult) => (state === 'failed' ? -2 : (bestValAccuracy ?? -1));
  return of(b) - of(a) || (a.bestEpoch ?? 0) - (b.bestEpoch ?? 0) || a.trial - b.trial;
}

/** The best of the trials that were trained to their end. @param results the best first */
export function bestFinished(results: readonly TrialResult[]): TrialResult | null {
  return results.find(({ state }) => state === 'finished') ?? null;
}
