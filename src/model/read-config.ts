/** Reads a model's configuration that comes from a file: every field is checked before anything is built from it. */
import { MAX_SEQUENCE_LENGTH } from '../data/sequences/sequence.js';
import {
  between,
  checked,
  flag,
  nullable,
  oneOf,
  optional,
  type Reader,
  readAs,
  record,
  whole,
} from '../formats/shape.js';
import { UserError } from '../user-error.js';
import {
  CHRONO_RANGE,
  HEADS,
  MAX_LAYERS,
  type ResolvedClassifierConfig,
  resolveClassifierConfig,
} from './classifier-config.js';
import { MAX_PARAMETERS } from './parameters.js';

/** No size of a model can be larger than its number of parameters. */
const size = whole(1, MAX_PARAMETERS);
const rate = checked('a number from 0 to below 1', (value): value is number => {
  return typeof value === 'number' && value >= 0 && value < 1;
});

const classifierConfig: Reader<ResolvedClassifierConfig> = record({
  inputSize: size,
  hiddenSize: size,
  numLayers: optional(whole(1, MAX_LAYERS), 1),
  bidirectional: optional(flag, false),
  numClasses: size,
  head: optional(oneOf(HEADS), 'final'),
  sequenceLength: optional(nullable(whole(1, MAX_SEQUENCE_LENGTH)), null),
  dropout: optional(rate, 0),
  layerDropout: optional(rate, 0),
  forgetBias: optional(between(-100, 100), 0),
  chronoInit: optional(nullable(whole(CHRONO_RANGE.from, CHRONO_RANGE.to)), null),
});

/**
 * @param value keys in camelCase; fields that have a default may be missing, others are left out
 * @param where how messages name it
 * @throws UserError naming the field, what it should be and what it is
 */
export function readClassifierConfig(value: unknown, where: string): ResolvedClassifierConfig {
  const { sequenceLength, ...config } = readAs(classifierConfig, value, where);
  if (config.head === 'flatten' && sequenceLength === null) {
    throw new UserError(
      `${where}: "sequence_length": expected a whole number, for the head flatten, found nothing`,
    );
  }
  if (config.chronoInit !== null && config.forgetBias !== 0) {
    throw new UserError(
      `${where}: "chrono_init": expected null beside the forget bias ${config.forgetBias}, found ${config.chronoInit}`,
    );
  }
  return resolveClassifierConfig({ ...config, sequenceLength: sequenceLength ?? undefined });
}
