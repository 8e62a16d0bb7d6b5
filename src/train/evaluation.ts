/** Evaluates a model on a part of the data: answers and their scores. */

import type { Part } from '../data/sources.js';
import type { Score } from '../runs/run-folder.js';
import { UserError } from '../user-error.js';
import type { Answers, Engine } from './engine.js';
import type { ProgressEvent } from './events.js';

export interface Scores {
  score: Score;
  /** Mean cross-entropy. */
  loss: number;
  /** [true class][predicted class] */
  confusionMatrix: number[][];
}

/** Answers to the sequences `indices` of a part, in their order. */
export interface AnswerSheet {
  indices: Int32Array;
  classes: number;
  /** [n, K] */
  logits: Float32Array;
  /** Of all answers so far, also of those that the sheet leaves out. */
  scores: Scores;
}

/** Logits of a sheet, and of a call of the engine: 64 MB. Of more answers, the sheet has evenly spaced ones. */
const MAX_LOGITS = 2 ** 24;
/** Sequences of a call, except for the last: a multiple of this many. */
const CALL_SEQUENCES = 1024;

/** Progress counts batches of this many sequences. */
const PROGRESS_BATCH = 32;

export interface EvaluationOptions {
  engine: Engine;
  part: Part;
  /** Which sequences of the part. */
  indices: Int32Array;
  /** [sequences of the part] */
  labels: ArrayLike<number>;
  classes: number;
  stop: AbortSignal;
  /** What progress events say besides. */
  event: Pick<ProgressEvent, 'phase' | 'part' | 'epoch' | 'learningRate'>;
  /** Expected seconds of what comes after this evaluation. */
  secondsAfter: number;
}

/**
 * Evaluates sequences and reports progress. Of millions of answers the sheet has some, and the scores are of all.
 * @returns null when it was stopped
 * @throws UserError if an answer is not finite: the model's weights are not numbers, or so large that sums overflow
 */
export async function* evaluatePart(
  options: EvaluationOptions,
): AsyncGenerator<ProgressEvent, AnswerSheet | null> {
  const { part, indices, classes, stop, secondsAfter } = options;
  const every = Math.ceil((indices.length * classes) / MAX_LOGITS);
  const kept = every === 1 ? indices : indices.filter((_, n) => n % every === 0);
  const sheet: AnswerSheet = {
    indices: kept,
    classes,
    logits: new Float32Array(kept.length * classes),
    scores: {
      score: { correct: 0, count: 0 },
      loss: 0,
      confusionMatrix: Array.from({ length: classes }, () => new Array<number>(classes).fill(0)),
    },
  };
  const losses = new Float32Array(indices.length);
  const batches = Math.ceil(indices.length / PROGRESS_BATCH);
  const began = performance.now();
  let batch = 0;
  let lossSum = 0;
  for await (const answers of answersTo(options)) {
    keep(sheet, answers, every);
    losses.set(answers.losses, answers.first);
    refuseInfinite(answers.losses, part);
    lossSum += countAnswers(sheet.scores, answers, indices, options.labels);
    const { score } = sheet.scores;
    const samplesPerSecond = (1000 * score.count) / (performance.now() - began);
    const ended = Math.ceil(score.count / PROGRESS_BATCH);
    if (ended === batch) continue;
    batch = ended;
    yield {
      ...options.event,
      type: 'progress',
      batch,
      batches,
      loss: lossSum / score.count,
      accuracy: score.correct / score.count,
      samples: score.count,
      samplesPerSecond,
      secondsLeft: (indices.length - score.count) / samplesPerSecond + secondsAfter,
    };
  }
  if (stop.aborted) return null;
  // Answers arrive in any order; the sum must not depend on it.
  sheet.scores.loss = losses.reduce((sum, loss) => sum + loss, 0) / indices.length;
  return sheet;
}

/** The engine's answers, by calls whose answers fit into memory. `first` is a place in the indices. */
async function* answersTo({
  engine,
  part,
  indices,
  classes,
  stop,
}: EvaluationOptions): AsyncGenerator<Answers> {
  const most = Math.max(1, Math.floor(MAX_LOGITS / classes / CALL_SEQUENCES)) * CALL_SEQUENCES;
  for (let from = 0; from < indices.length && !stop.aborted; from += most) {
    for await (const answers of engine.evaluate(part, indices.subarray(from, from + most), stop)) {
      yield from === 0 ? answers : { ...answers, first: from + answers.first };
    }
  }
}

/** Copies every `every`-th answer to the sheet. */
function keep({ classes, logits }: AnswerSheet, answers: Answers, every: number): void {
  if (every === 1) {
    logits.set(answers.logits, answers.first * classes);
    return;
  }
  const count = answers.losses.length;
  for (let n = (every - (answers.first % every)) % every; n < count; n += every) {
    const to = ((answers.first + n) / every) * classes;
    logits.set(answers.logits.subarray(n * classes, (n + 1) * classes), to);
  }
}

function refuseInfinite(losses: Float32Array, part: Part): void {
  const bad = losses.find((loss) => !Number.isFinite(loss));
  if (bad === undefined) return;
  throw new UserError(
    `evaluation: an answer to the part ${part} is not a number (its loss is ${bad}), because the weights are too large; ` +
      'use a checkpoint of an earlier epoch, or train with a lower learning rate',
    { settings: ['learningRate'] },
  );
}

/** Adds answers to the scores; returns the sum of their losses. */
function countAnswers(
  { score, confusionMatrix }: Scores,
  { first, logits, losses }: Answers,
  indices: Int32Array,
  labels: ArrayLike<number>,
): number {
  const classes = confusionMatrix.length;
  let sum = 0;
  losses.forEach((loss, n) => {
    const label = labels[indices[first + n]];
    const predicted = answerTo({ classes, logits }, n);
    confusionMatrix[label][predicted]++;
    if (predicted === label) score.correct++;
    score.count++;
    sum += loss;
  });
  return sum;
}

/** The class with the largest logit for sequence `n` of the sheet. */
export function answerTo({ classes, logits }: Pick<AnswerSheet, 'classes' | 'logits'>, n: number): number {
  let best = 0;
  for (let k = 1; k < classes; k++) if (logits[n * classes + k] > logits[n * classes + best]) best = k;
  return best;
}
