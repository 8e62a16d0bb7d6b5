/**
 * What a training keeps on the device between batches: counters, learning rates, the loss scale, and the results of each
 * batch. Every batch is the same list of dispatches; what differs between batches is read from here.
 *
 * Words of 32 bits, floats as their bits:
 *   next      [16] what the batch begins with: COUNTERS. Written by the update, read by all kernels before it.
 *   now       [16] the same for the batch being computed: a copy of `next`, which `beginBatch` makes. Read by the update.
 *   results   [batches, 8] RESULTS: written by the update
 *   schedule  [batches, 4] SCHEDULE: written by the host
 *
 * There are two copies because all workgroups of the update read counters that one of them moves on.
 *
 * Loss scale and divergence follow train/loss-scale.ts and train/team/member.ts: a batch whose loss is not finite ends
 * the training; so does one whose gradient is not finite, but for mixed precision, which skips the update and halves the
 * scale. After the end, updates do nothing.
 */
import type { Slice } from '../kernel.js';

/** Words of `next` and `now`. */
export const COUNTERS = {
  /** Number of the batch in its epoch, from 0. */
  batch: 0,
  /** Updates made since the words were written. */
  updates: 1,
  /** 0: running. What was not finite in `batch`: 1 its loss, 2 its gradient. */
  status: 2,
  /** What was not finite: the mean loss, or the norm of the gradient. */
  value: 3,
  /** Loss scale of mixed precision, else 1. */
  scale: 4,
  /** Updates since the scale was changed. */
  steadySteps: 5,
  /** Updates that were skipped since the training began. */
  skippedSteps: 6,
  /** Of the whole batch. Only in `now`. */
  sequences: 7,
  /** Sum of the weights of its sequences. Only in `now`. */
  weight: 8,
} as const;

/** Words of a batch in `results`. */
const RESULTS = {
  /** Mean loss. */ loss: 0,
  /** Correct answers. */ correct: 1,
  /** The next three: the loss scale after the batch. */ scale: 2,
  steadySteps: 3,
  skippedSteps: 4,
  /** Norm of the gradient before clipping; 0 where it is not computed. */ norm: 5,
} as const;

/** Words of a row of `schedule`. The first two belong to batch n, the last two to the n-th update. */
const SCHEDULE = {
  learningRate: 0,
  /** AdamW: 1 - lr · wd. */ shrink: 1,
  /** Adam: 1 / (1 - β₁ᵗ). */ meanCorrection: 2,
  /** Adam: 1 / √(1 - β₂ᵗ). */ rootCorrection: 3,
} as const;

const COUNTER_WORDS = 16;
const RESULT_WORDS = 8;
const SCHEDULE_WORDS = 4;
const FIRST_RESULT = 2 * COUNTER_WORDS;

/** The state of a training on the device. */
export interface TrainingState {
  /** Room for the batches of an epoch. */
  batches: number;
  /** [trainingStateWords(batches)] */
  words: Slice;
}

export function trainingStateWords(batches: number): number {
  return FIRST_RESULT + batches * (RESULT_WORDS + SCHEDULE_WORDS);
}

/** State of the loss scale: `LossScaleState` of train/loss-scale.ts. */
export interface LossScale {
  scale: number;
  steadySteps: number;
  skippedSteps: number;
}

/** torch.optim's SGD, Adam and AdamW: settings of `SgdUpdate` and `AdamUpdate` in backends/backend.ts. */
export interface UpdateRule {
  name: 'sgd' | 'adam' | 'adamw';
  momentum: number;
  nesterov: boolean;
  betas: readonly [number, number];
  eps: number;
  weightDecay: number;
}

/** Batches of an epoch from `firstBatch` on. */
export interface EpochStart {
  firstBatch: number;
  /** [batches of the epoch] */
  learningRates: ArrayLike<number>;
  /** Updates made before firstBatch since the training began. */
  updatesBefore: number;
  /** Null in float32. */
  lossScale: LossScale | null;
}

/**
 * The words of a state at the beginning of `firstBatch`, for a state with room for `batches`. Learning rates and bias
 * corrections are computed in float64 and rounded once.
 */
export function epochWords(batches: number, rule: UpdateRule, start: EpochStart): Uint32Array {
  const { firstBatch, learningRates, updatesBefore, lossScale } = start;
  if (learningRates.length > batches) {
    throw new Error(`webgpu: ${learningRates.length} batches do not fit into a state of ${batches}`);
  }
  const words = new Uint32Array(trainingStateWords(batches));
  const floats = new Float32Array(words.buffer);
  for (const half of [0, COUNTER_WORDS]) {
    words[half + COUNTERS.batch] = firstBatch;
    floats[half + COUNTERS.scale] = lossScale?.scale ?? 1;
    words[half + COUNTERS.steadySteps] = lossScale?.steadySteps ?? 0;
    words[half + COUNTERS.skippedSteps] = lossScale?.skippedSteps ?? 0;
  }
  const [beta1, beta2] = rule.betas;
  for (let n = 0; n < learningRates.length; n++) {
    const row = FIRST_RESULT + batches * RESULT_WORDS + n * SCHEDULE_WORDS;
    const update = updatesBefore + n + 1;
    floats[row + SCHEDULE.learningRate] = learningRates[n];
    floats[row + SCHEDULE.shrink] = 1 - learningRates[n] * rule.weightDecay;
    floats[row + SCHEDULE.meanCorrection] = 1 / (1 - beta1 ** update);
    floats[row + SCHEDULE.rootCorrection] = 1 / Math.sqrt(1 - beta2 ** update);
  }
  return words;
}

/** The words of batches `first` … `end` - 1 of the results, to be read; a slice that cannot be bound to a kernel. */
export function resultsSlice({ words }: TrainingState, first: number, end: number): Slice {
  const offset = words.offset + 4 * (FIRST_RESULT + first * RESULT_WORDS);
  return { buffer: words.buffer, offset, size: 4 * (end - first) * RESULT_WORDS };
}

/** The words of `next`, to be read. */
export function countersSlice({ words }: TrainingState): Slice {
  return { buffer: words.buffer, offset: words.offset, size: 4 * COUNTER_WORDS };
}

/** What a batch gave. */
export interface BatchResult extends LossScale {
  /** Mean loss. */ loss: number;
  /** Correct answers. */ correct: number;
  /** Of the gradient before clipping; 0 where it is not computed. */ norm: number;
}

/** @param bytes what `resultsSlice` read */
export function readResults(bytes: ArrayBuffer): BatchResult[] {
  const words = new Uint32Array(bytes);
  const floats = new Float32Array(bytes);
  return Array.from({ length: words.length / RESULT_WORDS }, (_, batch) => {
    const row = batch * RESULT_WORDS;
    return {
      loss: floats[row + RESULTS.loss],
      correct: words[row + RESULTS.correct],
      scale: floats[row + RESULTS.scale],
      steadySteps: words[row + RESULTS.steadySteps],
      skippedSteps: words[row + RESULTS.skippedSteps],
      norm: floats[row + RESULTS.norm],
    };
  });
}

/** Where a training stands. */
export interface TrainingCounters {
  /** The next batch; if the training has ended, the batch that ended it. */
  batch: number;
  /** Updates made since the words were written. */
  updates: number;
  /** Why the training ended; null: it has not. */
  divergence: { quantity: 'loss' | 'gradient'; value: number } | null;
  lossScale: LossScale;
}

/** @param bytes what `countersSlice` read */
export function readCounters(bytes: ArrayBuffer): TrainingCounters {
  const words = new Uint32Array(bytes);
  const floats = new Float32Array(bytes);
  const status = words[COUNTERS.status];
  return {
    batch: words[COUNTERS.batch],
    updates: words[COUNTERS.updates],
    divergence:
      status === 0 ? null : { quantity: status === 1 ? 'loss' : 'gradient', value: floats[COUNTERS.value] },
    lossScale: {
      scale: floats[COUNTERS.scale],
      steadySteps: words[COUNTERS.steadySteps],
      skippedSteps: words[COUNTERS.skippedSteps],
    },
  };
}

const constants = (prefix: string, values: Record<string, number>) =>
  Object.entries(values).map(([name, word]) => `const ${prefix}_${screaming(name)} = ${word}u;`);

const screaming = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

/**
 * WGSL for a kernel that computes losses. It binds the words of a state as `state: array<u32>`, read and written. One of
 * its threads calls `beginBatch`; in a batch of several passes one of each pass does.
 */
export const BEGIN_BATCH = `
const NOW = ${COUNTER_WORDS}u;
${constants('COUNTER', COUNTERS).join('\n')}
// Loss scale of the batch.
fn lossScale() -> f32 { return bitcast<f32>(state[COUNTER_SCALE]); }
// now = next. 'sequences' and 'weight': of the whole batch.
fn beginBatch(sequences: u32, weight: f32) {
  for (var word = 0u; word < COUNTER_SEQUENCES; word++) { state[NOW + word] = state[word]; }
  state[NOW + COUNTER_SEQUENCES] = sequences;
  state[NOW + COUNTER_WEIGHT] = bitcast<u32>(weight);
}
`;

/** WGSL for the update, which binds the words of a state as `state: array<u32>`, read and written. */
export function updateStateFunctions(batches: number): string {
  return `
const NOW = ${COUNTER_WORDS}u;
${constants('COUNTER', COUNTERS).join('\n')}
${constants('RESULT', RESULTS).join('\n')}
${constants('SCHEDULE', SCHEDULE).join('\n')}
// Of the batch being computed.
fn now(counter: u32) -> u32 { return state[NOW + counter]; }
fn nowFloat(counter: u32) -> f32 { return bitcast<f32>(state[NOW + counter]); }
fn setNext(counter: u32, value: u32) { state[counter] = value; }
fn setResult(result: u32, value: u32) {
  state[${FIRST_RESULT}u + now(COUNTER_BATCH) * ${RESULT_WORDS}u + result] = value;
}
fn scheduled(row: u32, column: u32) -> f32 {
  return bitcast<f32>(state[${FIRST_RESULT + batches * RESULT_WORDS}u + row * ${SCHEDULE_WORDS}u + column]);
}
`;
}
