/**
 * Which of two engines trains faster: both make a few updates of the training, at learning rate 0. It takes a fraction
 * of a second. Parameters and optimiser are then set back, so the bits of the training do not change.
 */
import type { Precision } from '../../../backends/stored.js';
import type { Engine, EpochPlan } from '../../engine.js';
import { initialLossScale } from '../../loss-scale.js';

/** The updates that are measured. */
export interface MeasuredWork {
  /** Indices of the training sequences in the order of an epoch. */
  order: Int32Array;
  batchSize: number;
}

/** An engine, and the precision of its training; default float32. */
export interface Measured {
  engine: Engine;
  precision?: Precision;
}

/** How long an engine makes updates. A longer first update is enough. */
const MEASURE_SECONDS = 0.15;
/** The host's first update is waited for so long, or for twice as long as the GPU takes. */
const PATIENCE_SECONDS = 0.5;

export interface Comparison {
  /** How many times as fast the GPU is. */
  ratio: number;
  /** The ratio is a lower bound: the host did not end an update in time, and was closed. */
  hostClosed: boolean;
}

/**
 * Measures both engines, and sets them back to the state before.
 * @param host is closed if its first update takes too long
 * @throws what the GPU's engine throws
 */
export async function compareEngines(gpu: Measured, host: Measured, work: MeasuredWork): Promise<Comparison> {
  const onGpu = await measured(gpu, async () => {
    await updates(gpu, work, 1); // Compiles kernels, fills caches.
    return secondsPerUpdate(gpu, work);
  });
  const patience = Math.max(PATIENCE_SECONDS, 2 * onGpu);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, 1000 * patience, null);
  });
  const first = measured(host, () => secondsPerUpdate(host, work));
  first.catch(() => {}); // Rejects when the host is closed.
  const onHost = await Promise.race([first, late]);
  clearTimeout(timer);
  if (onHost === null) await host.engine.close();
  return { ratio: (onHost ?? patience) / onGpu, hostClosed: onHost === null };
}

/** Runs a measurement; afterwards parameters and optimiser are those before. */
async function measured({ engine }: Measured, measure: () => Promise<number>): Promise<number> {
  const before = await engine.save();
  const seconds = await measure();
  await engine.load(before);
  return seconds;
}

async function secondsPerUpdate(engine: Measured, work: MeasuredWork): Promise<number> {
  const first = await updates(engine, work, 1);
  if (first.seconds >= MEASURE_SECONDS) return first.seconds;
  let made = 0;
  let seconds = 0;
  while (seconds < MEASURE_SECONDS) {
    const part = await updates(engine, work, Number.POSITIVE_INFINITY, MEASURE_SECONDS - seconds);
    made += part.updates;
    seconds += part.seconds;
  }
  return seconds / made;
}

/** Makes at most `count` updates, and begins none after `limit` seconds. */
async function updates(
  { engine, precision }: Measured,
  { order, batchSize }: MeasuredWork,
  count: number,
  limit = Number.POSITIVE_INFINITY,
): Promise<{ updates: number; seconds: number }> {
  const batches = Math.ceil(order.length / batchSize);
  const plan: EpochPlan = {
    epoch: 1,
    order,
    firstBatch: 0,
    endBatch: Math.min(count, batches),
    learningRates: new Float64Array(batches),
    updatesBefore: 0,
    lossScale: precision === 'float16' ? initialLossScale() : null,
  };
  const stop = new AbortController();
  const timer = Number.isFinite(limit) ? setTimeout(() => stop.abort(), 1000 * limit) : undefined;
  const began = performance.now();
  let made = 0;
  try {
    for await (const { losses } of engine.train(plan, stop.signal)) made += losses.length;
  } finally {
    clearTimeout(timer);
  }
  return { updates: made, seconds: (performance.now() - began) / 1000 };
}
