/**
 * How an answer comes about, over one of two times: the pen's (what would have been answered when this much was drawn),
 * or the network's own (what it would answer if what it reads ended after this step).
 */

import type { AnyPreprocessing } from '../data/sources.js';
import type { PenLine } from '../ink/drawing.js';
import { STROKE_COLUMNS } from '../ink/image-to-strokes.js';
import type { ResolvedClassifierConfig } from '../model/classifier-config.js';
import type { SequenceStepper } from '../model/stepper.js';
import { type PreparedInput, prepareInput, type RecognizerInput, type Seen, sequenceOf } from './input.js';
import { softmax } from './softmax.js';

/** The parts of a recogniser that a trace needs. */
export interface TracedNetwork {
  readonly info: { model: ResolvedClassifierConfig; preprocessing: AnyPreprocessing };
  /** Null where the network reads from the end too. */
  readonly stepper: SequenceStepper | null;
  /** [K] each. */
  probabilitiesOf(sequences: readonly Pick<PreparedInput, 'steps' | 'sequence'>[]): Promise<Float32Array[]>;
}

export interface TraceOptions {
  /** `pen` is for drawings, and their default; `steps` is the default of all others. */
  over?: 'pen' | 'steps';
  /** At most so many moments, spread evenly. Default 100. */
  moments?: number;
}

export interface Trace {
  over: 'pen' | 'steps';
  /** [M] after so many points of the pen, or steps of the network; the last is all of them. */
  moments: Int32Array;
  /** [M, K] all zero where there was nothing to recognise yet. */
  probabilities: Float32Array;
  /** Of the whole input. */
  saw: Seen;
}

/** The drawing is at its end. */
const END_ROW = [0, 0, 1, 1];

/** The trace of an input; null if it is empty. See Recognizer.trace. */
export async function traceInput(
  network: TracedNetwork,
  input: RecognizerInput,
  { over = input.kind === 'drawing' ? 'pen' : 'steps', moments: most = 100 }: TraceOptions,
): Promise<Trace | null> {
  const { preprocessing, model } = network.info;
  const whole = prepareInput(input, preprocessing);
  if (whole === null) return null;
  const { saw, steps } = whole;
  const overPen = over === 'pen' && input.kind === 'drawing';
  const moments = spread(overPen ? pointsOf(input.lines) : steps, most);
  const { stepper } = network;
  if (!overPen && stepper && saw.rows) {
    return { over: 'steps', moments, probabilities: stepped(stepper, whole, moments), saw };
  }
  const prefixes = Array.from(moments, (moment, m) => {
    if (m === moments.length - 1) return whole;
    return overPen
      ? prepareInput({ kind: 'drawing', lines: firstPoints(input.lines, moment) }, preprocessing)
      : firstSteps(whole, moment, network);
  });
  const answers = await network.probabilitiesOf(prefixes.filter((each) => each !== null));
  const probabilities = new Float32Array(moments.length * model.numClasses);
  let n = 0;
  prefixes.forEach((prefix, m) => {
    if (prefix !== null) probabilities.set(answers[n++], m * model.numClasses);
  });
  return { over: overPen ? 'pen' : 'steps', moments, probabilities, saw };
}

/** [M, K] the answers of `firstSteps`, by a network that can be stepped: a step and a look at the end row each. */
function stepped(
  stepper: SequenceStepper,
  { steps, sequence, saw }: PreparedInput,
  moments: Int32Array,
): Float32Array {
  const answers: number[] = [];
  const answer = (logits: Float32Array) => answers.push(...softmax(logits));
  stepper.reset();
  for (let t = 0, m = 0; t < steps; t++) {
    const row = sequence.subarray(t * STROKE_COLUMNS, (t + 1) * STROKE_COLUMNS);
    const asked = moments[m] === t + 1;
    const lifted = isLifted(saw.rows!, t);
    if (asked && lifted) answer(stepper.peek(END_ROW));
    stepper.step(row);
    if (asked && !lifted) answer(stepper.peek(END_ROW));
    if (asked) m++;
  }
  return Float32Array.from(answers);
}

/** 1 to `count`, or `most` of them, evenly spread and with the last one. */
function spread(count: number, most: number): Int32Array {
  const length = Math.max(1, Math.min(count, most));
  return Int32Array.from({ length }, (_, m) => Math.round(((m + 1) * count) / length));
}

function pointsOf(lines: readonly PenLine[]): number {
  return lines.reduce((sum, { xs }) => sum + xs.length, 0);
}

/** What had been drawn after so many points. */
function firstPoints(lines: readonly PenLine[], count: number): PenLine[] {
  const result: PenLine[] = [];
  let left = count;
  for (const { xs, ys } of lines) {
    if (left <= 0) break;
    const length = Math.min(left, xs.length);
    result.push({ xs: Array.from(xs).slice(0, length), ys: Array.from(ys).slice(0, length) });
    left -= length;
  }
  return result;
}

/**
 * The first steps of a sequence. Strokes are put to an end after them, as every drawing is that was learnt from; a
 * lifted pen (`0 0 1 0`) becomes the end (`0 0 1 1`).
 */
function firstSteps(
  { saw, sequence }: PreparedInput,
  count: number,
  { info }: TracedNetwork,
): Pick<PreparedInput, 'steps' | 'sequence'> {
  if (saw.rows === null) {
    return { steps: count, sequence: sequence.subarray(0, count * info.model.inputSize) };
  }
  const kept = isLifted(saw.rows, count - 1) ? count - 1 : count;
  const rows = new Int16Array((kept + 1) * STROKE_COLUMNS);
  rows.set(saw.rows.subarray(0, kept * STROKE_COLUMNS));
  rows.set(END_ROW, kept * STROKE_COLUMNS);
  return sequenceOf({ picture: null, rows }, info.preprocessing);
}

function isLifted(rows: Int16Array, row: number): boolean {
  return rows[row * STROKE_COLUMNS + 2] !== 0;
}
