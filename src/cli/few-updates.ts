/**
 * Notices trainings that make too few updates to learn: the batches and epochs of the presets are made for tens of
 * thousands of samples, and of fifty samples a batch of 128 makes one update an epoch.
 */

/** A training as it begins. */
export interface PlannedUpdates {
  trainCount: number;
  /** Of an update: all batches whose gradients are accumulated. */
  batchSize: number;
  epochs: number;
}

/** Settings with more updates. */
export interface BetterUpdates {
  batchSize: number;
  epochs: number;
}

/** More training samples than this are not few. */
const FEW_SAMPLES = 5000;
/** Fewer updates than this are few. */
const FEW_UPDATES = 100;
/** Updates that are suggested: enough for the shapes of docs/experiments.md. */
const ENOUGH_UPDATES = 400;
/** Updates of an epoch that are suggested, if a batch of at least LEAST_BATCH allows. */
const UPDATES_AN_EPOCH = 16;
const LEAST_BATCH = 4;
const MOST_EPOCHS = 100;

/** Updates of the whole training. */
export function updatesOf({ trainCount, batchSize, epochs }: PlannedUpdates): number {
  return epochs * Math.ceil(trainCount / batchSize);
}

/** Batch size and epochs that suit few samples; null if the training makes enough updates. */
export function suggestUpdates(planned: PlannedUpdates): BetterUpdates | null {
  const { trainCount, epochs } = planned;
  if (trainCount > FEW_SAMPLES || updatesOf(planned) >= FEW_UPDATES) return null;
  const wanted = Math.max(LEAST_BATCH, trainCount / UPDATES_AN_EPOCH);
  const batchSize = Math.min(planned.batchSize, 2 ** Math.floor(Math.log2(wanted)));
  const needed = Math.ceil(ENOUGH_UPDATES / Math.ceil(trainCount / batchSize));
  // Round numbers of epochs.
  return { batchSize, epochs: Math.max(epochs, Math.min(MOST_EPOCHS, 5 * Math.ceil(needed / 5))) };
}

/** The settings as flags. @param accumulationSteps of the training */
export function flagsOf({ batchSize, epochs }: BetterUpdates, accumulationSteps: number): string {
  const accumulation = accumulationSteps > 1 ? ' --accumulation-steps 1' : '';
  return `--batch-size ${batchSize}${accumulation} --num-epochs ${epochs}`;
}
