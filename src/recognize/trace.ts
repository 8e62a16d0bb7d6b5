/**
 * The answers of a network over time: after each point of the pen (the answer to the drawing so far), or after each step
 * of the network (the answer if the sequence ended there).
 */

import type { Ending, Preprocessing } from '../data/input-kind.js';
import { kindOf } from '../data/kinds.js';
import type { Sequence } from '../data/sequences/sequence.js';
import { requireNumber } from '../formats/argument.js';
import { shown } from '../formats/shape.js';
import type { Stroke } from '../ink/drawing.js';
import type { ResolvedClassifierConfig } from '../model/classifier-config.js';
import type { SequenceStepper } from '../model/stepper.js';
import { UserError } from '../user-error.js';
import { type PreparedInput, prepareInput, type RecognizerInput, type Seen } from './prepare-input.js';
import { softmax } from './softmax.js';

/** The members of a recogniser that a trace needs. */
export interface TracedNetwork {
  readonly info: {
    name: string;
    model: ResolvedClassifierConfig;
    preprocessing: Preprocessing;
    temperature: number;
  };
  /** Null for bidirectional networks, the head `flatten`, and on a GPU, which computes all prefixes as a batch. */
  readonly stepper: SequenceStepper | null;
  /** [K] each. */
  probabilitiesOf(sequences: readonly (Sequence & Pick<PreparedInput, 'views'>)[]): Promise<Float32Array[]>;
}

/** Options of `Recognizer.trace`. */
export interface TraceOptions {
  /** Ask after points of the pen, or after steps of the network. Default: `pen` for drawings, else `steps`. */
  over?: 'pen' | 'steps';
  /** Largest number of moments; they are spread evenly. Default 100. */
  moments?: number;
}

/** The answers of a network over time, at M moments. */
export interface Trace {
  /** What the moments count: points of the pen, or steps of the network. */
  over: 'pen' | 'steps';
  /** [M] numbers of points or steps after which there is an answer; the last is all of them. */
  moments: Int32Array;
  /**
   * [M, K] probabilities at each moment; zeros where there was nothing to recognise yet. Where an input has several views,
   * all of them after points of the pen; of the steps before the last, only the first view.
   */
  probabilities: Float32Array;
  /** The whole input in the form in which the network reads it. */
  saw: Seen;
}

const DEFAULT_MOMENTS = 100;

/** @throws UserError for another `over`, and for a number of moments that is not whole or below 1 */
function checkOptions({ over, moments }: TraceOptions): void {
  if (!['pen', 'steps'].includes(over ?? 'pen')) {
    throw new UserError(`trace: over must be pen or steps, found ${shown(over)}`);
  }
  requireNumber('trace: moments', moments ?? DEFAULT_MOMENTS, 'a whole number of at least 1', (n) => {
    return n >= 1 && (Number.isInteger(n) || n === Number.POSITIVE_INFINITY);
  });
}

/**
 * The trace of an input; null if it is empty. See Recognizer.trace.
 * @throws UserError as checkOptions and prepareInput
 */
export async function traceInput(
  network: TracedNetwork,
  input: RecognizerInput,
  options: TraceOptions,
): Promise<Trace | null> {
  checkOptions(options);
  const { over } = options;
  const { preprocessing, model } = network.info;
  const whole = prepareInput(input, preprocessing);
  if (whole === null) return null;
  const { saw, steps } = whole;
  const overPen = input.kind === 'drawing' && (over ?? 'pen') === 'pen';
  const moments = spread(overPen ? pointsOf(input.strokes) : steps, options.moments ?? DEFAULT_MOMENTS);
  const { stepper } = network;
  const { ending } = kindOf(preprocessing);
  const renew = kindOf(preprocessing).renewalOf(preprocessing);
  if (!overPen && stepper && ending && !renew && !whole.views) {
    const toProbabilities = (logits: Float32Array) => softmax(logits, network.info);
    return {
      over: 'steps',
      moments,
      probabilities: stepped(stepper, whole, moments, ending, toProbabilities),
      saw,
    };
  }
  const prefixes = Array.from(moments, (moment, m) => {
    if (m === moments.length - 1) return whole;
    return overPen
      ? prepareInput({ kind: 'drawing', strokes: firstPoints(input.strokes, moment) }, preprocessing)
      : firstSteps(whole, moment, ending, renew);
  });
  const answers = await network.probabilitiesOf(prefixes.filter((each) => each !== null));
  const probabilities = new Float32Array(moments.length * model.numClasses);
  let n = 0;
  prefixes.forEach((prefix, m) => {
    if (prefix !== null) probabilities.set(answers[n++], m * model.numClasses);
  });
  return { over: overPen ? 'pen' : 'steps', moments, probabilities, saw };
}

/** [M, K] the answers to `firstSteps` for each moment, computed by a stepper, which reads the sequence once. */
function stepped(
  stepper: SequenceStepper,
  { steps, sequence }: Sequence,
  moments: Int32Array,
  ending: Ending,
  toProbabilities: (logits: Float32Array) => Float32Array,
): Float32Array {
  const inputSize = sequence.length / steps;
  const answers: number[] = [];
  const answer = (logits: Float32Array) => answers.push(...toProbabilities(logits));
  stepper.reset();
  for (let t = 0, m = 0; t < steps; t++) {
    const isMoment = moments[m] === t + 1;
    const step = sequence.subarray(t * inputSize, (t + 1) * inputSize);
    const replaced = ending.replaces(step);
    if (isMoment && replaced) answer(stepper.peek(ending.after(step)));
    stepper.step(step);
    if (isMoment && !replaced) answer(stepper.peek(ending.after(step)));
    if (isMoment) m++;
  }
  return Float32Array.from(answers);
}

/** The numbers 1 to `count`, or `most` of them, evenly spread, the last included. */
function spread(count: number, most: number): Int32Array {
  const length = Math.max(1, Math.min(count, most));
  return Int32Array.from({ length }, (_, m) => Math.round(((m + 1) * count) / length));
}

function pointsOf(strokes: readonly Stroke[]): number {
  return strokes.reduce((sum, { xs }) => sum + xs.length, 0);
}

/** The strokes of the first `count` points. */
function firstPoints(strokes: readonly Stroke[], count: number): Stroke[] {
  const result: Stroke[] = [];
  let left = count;
  for (const { xs, ys } of strokes) {
    if (left <= 0) break;
    const length = Math.min(left, xs.length);
    result.push({ xs: Array.from(xs).slice(0, length), ys: Array.from(ys).slice(0, length) });
    left -= length;
  }
  return result;
}

/** The first steps of a sequence, with the ending of its kind. @param renew see InputKind.renewalOf */
function firstSteps(
  { steps, sequence }: Sequence,
  count: number,
  ending: Ending | null,
  renew: ((cut: Sequence) => void) | null,
): Sequence {
  const inputSize = sequence.length / steps;
  if (ending === null) return { steps: count, sequence: sequence.subarray(0, count * inputSize) };
  const last = sequence.subarray((count - 1) * inputSize, count * inputSize);
  const before = ending.replaces(last) ? count - 1 : count;
  const ended = new Float32Array((before + 1) * inputSize);
  ended.set(sequence.subarray(0, before * inputSize));
  ended.set(ending.after(last), before * inputSize);
  const cut = { steps: before + 1, sequence: ended };
  renew?.(cut);
  return cut;
}
