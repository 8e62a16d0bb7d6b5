/**
 * Size limits of the files in a run folder. A larger file is refused before memory is allocated for it.
 *
 * Node.js 20 holds at most 4 GiB in one buffer (`buffer.constants.MAX_LENGTH`); the largest checkpoint stays below.
 * Reading one takes about its size in memory: each tensor is read into its own array.
 */
import { MAX_HEADER_BYTES } from '../formats/safetensors/safetensors.js';
import { MAX_PARAMETERS } from '../model/parameters.js';

const FLOAT_BYTES = 4;
/** Most vectors as long as the parameters that an optimiser keeps: Adam's mean and variance. */
const MAX_OPTIMIZER_VECTORS = 2;

/** Limit for the updates of an epoch: a checkpoint within an epoch holds a loss and a count of each. */
export const MAX_EPOCH_UPDATES = 2 ** 24;
/** A checkpoint's lists of the updates of an epoch: losses and correct answers, 8 bytes each. */
const UPDATE_BYTES = 2 * 8;

/** The largest model with its optimiser, the most updates of an epoch and a header: 3 GiB and 272 MiB. */
export const MAX_CHECKPOINT_BYTES =
  (1 + MAX_OPTIMIZER_VECTORS) * FLOAT_BYTES * MAX_PARAMETERS +
  UPDATE_BYTES * MAX_EPOCH_UPDATES +
  MAX_HEADER_BYTES +
  8;
export const MAX_CONFIG_BYTES = 2 ** 16;
/** Room for MAX_EPOCHS: the first 5000 lines have up to 6 kB, the others up to 600 bytes. */
export const MAX_METRICS_BYTES = 64 * 2 ** 20;
/** Limit for the epochs of a run. */
export const MAX_EPOCHS = 50_000;
export const MAX_SUMMARY_BYTES = 64 * 2 ** 20;
/** Limit for a model file of another tool, and for the files beside it in all. As large as the largest checkpoint. */
export const MAX_FOREIGN_BYTES = MAX_CHECKPOINT_BYTES;
/** Limit for the trials of a sweep, and for sweep.json, in which a trial takes some hundred bytes. */
export const MAX_TRIALS = 10_000;
export const MAX_SWEEP_BYTES = 16 * 2 ** 20;
