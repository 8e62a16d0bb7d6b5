/**
 * Size limits of the files in a run folder. A larger file is refused before memory is allocated for it.
 *
 * Node.js 20 holds at most 4 GiB in one buffer (`buffer.constants.MAX_LENGTH`); the largest checkpoint stays below.
 * Reading one takes about twice its size in memory.
 */
import { MAX_HEADER_BYTES } from '../formats/safetensors.js';
import { MAX_PARAMETERS } from '../model/parameters.js';

const FLOAT_BYTES = 4;
/** Most vectors as long as the parameters that an optimiser keeps: Adam's mean and variance. */
const MAX_OPTIMIZER_VECTORS = 2;

/** The largest model with its optimiser and a header: 3 GiB and 16 MiB. */
export const MAX_CHECKPOINT_BYTES =
  (1 + MAX_OPTIMIZER_VECTORS) * FLOAT_BYTES * MAX_PARAMETERS + MAX_HEADER_BYTES + 8;
export const MAX_CONFIG_BYTES = 2 ** 16;
/** 5 kB a line: room for thousands of epochs. */
export const MAX_METRICS_BYTES = 64 * 2 ** 20;
export const MAX_SUMMARY_BYTES = 64 * 2 ** 20;
