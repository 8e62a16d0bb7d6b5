/** A sweep for tests of charts and reports: a list, a range, options without an effect, every state. */
import type { Axis } from '#src/runs/sweep/sweep-folder.js';
import { byAccuracy, type TrialResult, type TrialState } from '#src/runs/sweep/sweep-results.js';

export const SAMPLE_AXES: Axis[] = [
  { option: 'hiddenSize', low: 16, high: 64, scale: 'linear', whole: true },
  { option: 'optimizer', values: ['adam', 'sgd'] },
  { option: 'momentum', values: [0.5, 0.9] },
  { option: 'learningRate', low: 1e-4, high: 1e-2, scale: 'log', whole: false },
];

/** The best first. */
export function sampleTrials(): TrialResult[] {
  const trial = (
    number: number,
    settings: TrialResult['settings'],
    accuracy: number | null,
    state: TrialState = 'finished',
  ): TrialResult => ({
    trial: number,
    settings,
    asked: null,
    folder: `runs/sweep/trial-00${number}`,
    state,
    epochs: accuracy === null ? 0 : state === 'finished' ? 3 : 1,
    bestValAccuracy: accuracy,
    bestEpoch: accuracy === null ? null : 1,
    testAccuracy: state === 'finished' && accuracy !== null ? accuracy - 0.001 : null,
    trainSeconds: 12 * number,
    failure: state === 'failed' ? 'the loss became NaN in epoch 1, update 7' : null,
  });
  return [
    trial(1, { hiddenSize: 16, optimizer: 'adam', learningRate: 1e-3 }, 0.971),
    trial(2, { hiddenSize: 40, optimizer: 'sgd', momentum: 0.9, learningRate: 5e-3 }, 0.984),
    trial(3, { hiddenSize: 64, optimizer: 'sgd', momentum: 0.5, learningRate: 2e-4 }, 0.82, 'stopped'),
    trial(4, { hiddenSize: 33, optimizer: 'adam', learningRate: 9e-3 }, null, 'failed'),
    trial(5, { hiddenSize: 21, optimizer: 'adam', learningRate: 4e-4 }, 0.93, 'stopped'),
  ].sort(byAccuracy);
}
