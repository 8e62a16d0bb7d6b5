/** Runs a model over sequences and scores its answers. */

import type { Dataset } from '../data/input-kind.js';
import { kindOf } from '../data/kinds.js';
import type { Mistake, Score } from '../runs/run-folder.js';
import { sharedBytes, shareInts } from '../shared-memory.js';
import type { Team } from './team/team.js';
import type { SourceName } from './team/team-protocol.js';

export interface Scores {
  score: Score;
  /** Mean cross-entropy. */
  loss: number;
  /** [true class][predicted class] */
  confusionMatrix: number[][];
}

/** Answers to `indices` of a data set: logits [n, K] and losses [n], in that order. */
export interface Answers {
  indices: Int32Array;
  classes: number;
  logits: Float32Array;
  losses: Float32Array;
}

/** Stands for the loss of what has not been answered yet; losses are not negative. */
const UNANSWERED = -1;
/** At most this many mistakes are kept. */
const MAX_MISTAKES = 30;

/** Buffers for the answers to `indices`, to be filled by the team. */
export function answersFor(indices: Int32Array, classes: number): Answers {
  const shared = (floats: number) => new Float32Array(sharedBytes(4 * floats));
  return {
    indices: shareInts(indices),
    classes,
    logits: shared(indices.length * classes),
    losses: shared(indices.length).fill(UNANSWERED),
  };
}

/** Has the team fill in the answers. */
export function evaluateWith(team: Team, source: SourceName, answers: Answers): Promise<void> {
  const { indices, logits, losses } = answers;
  return team.evaluate({ source, indices, logits, losses });
}

/** Scores of what has been answered so far. */
export function scoresOf(answers: Answers, labels: Uint8Array): Scores {
  const { indices, classes, losses } = answers;
  const confusionMatrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const score = { correct: 0, count: 0 };
  let loss = 0;
  indices.forEach((index, n) => {
    if (losses[n] === UNANSWERED) return;
    const predicted = answerTo(answers, n);
    confusionMatrix[labels[index]][predicted]++;
    if (predicted === labels[index]) score.correct++;
    score.count++;
    loss += losses[n];
  });
  return { score, loss: loss / score.count, confusionMatrix };
}

/** The wrong answers on the test set of which the network was surest, surest first, with their pictures. */
export function mistakesOf(answers: Answers, dataset: Dataset): Mistake[] {
  const { labels } = dataset.test;
  const { indices, classes, logits } = answers;
  const mistakes: Omit<Mistake, 'picture'>[] = [];
  indices.forEach((index, n) => {
    const label = labels[index];
    const predicted = answerTo(answers, n);
    if (predicted === label) return;
    const probabilities = softmax(logits.subarray(n * classes, (n + 1) * classes));
    mistakes.push({
      index,
      label,
      predicted,
      confidence: probabilities[predicted],
      labelProbability: probabilities[label],
    });
  });
  mistakes.sort((a, b) => b.confidence - a.confidence || a.index - b.index);
  const kind = kindOf(dataset);
  return mistakes
    .slice(0, MAX_MISTAKES)
    .map((mistake) => ({ ...mistake, picture: kind.exampleAt(dataset.test, mistake.index) }));
}

function answerTo({ classes, logits }: Answers, n: number): number {
  let best = 0;
  for (let k = 1; k < classes; k++) if (logits[n * classes + k] > logits[n * classes + best]) best = k;
  return best;
}

function softmax(logits: Float32Array): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const powers = Float64Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}
