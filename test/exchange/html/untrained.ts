/** Models for the tests of the page in one file: the sizes of real ones, weights at random. */
import { DEFAULT_STROKE_PREPROCESSING } from '#src/data/strokes/stroke-preprocessing.js';
import type { ExportableModel } from '#src/exchange/exportable-model.js';
import { type ResolvedClassifierConfig, resolveClassifierConfig } from '#src/model/classifier-config.js';
import { ParameterLayout } from '#src/model/parameters.js';
import { Random } from '#src/random.js';
import { encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';

const DIGITS = Array.from({ length: 10 }, (_, k) => String(k));

/** As the preset quick: 28 rows of 28 pixels, 128 units in both directions, 233,482 parameters. */
export function quickModel(about: Partial<ExportableModel> = {}): ExportableModel {
  const config = resolveClassifierConfig({
    inputSize: 28,
    hiddenSize: 128,
    bidirectional: true,
    numClasses: 10,
    head: 'flatten',
    sequenceLength: 28,
  });
  return {
    config,
    parameters: randomParameters(config, 0.08),
    preprocessing: {
      kind: 'images',
      sequenceLength: 28,
      inputSize: 28,
      channels: 1,
      height: 28,
      width: 28,
      mean: 0.5,
      std: 0.5,
      permutationSeed: null,
    },
    classes: DIGITS,
    name: 'quick',
    training: null,
    ...about,
  };
}

/** A small model that reads strokes. */
export function strokeModel(about: Partial<ExportableModel> = {}): ExportableModel {
  const config = resolveClassifierConfig({
    inputSize: 4,
    hiddenSize: 24,
    numLayers: 2,
    bidirectional: true,
    numClasses: 10,
  });
  return {
    config,
    parameters: randomParameters(config, 0.4),
    preprocessing: { ...DEFAULT_STROKE_PREPROCESSING },
    classes: DIGITS,
    name: 'strokes',
    training: null,
    ...about,
  };
}

/** The checkpoint of a model that has a preprocessing. */
export function checkpointOf({ config, parameters, preprocessing, classes }: ExportableModel): Uint8Array {
  if (!preprocessing) throw new Error('the model has no preprocessing');
  return encodeCheckpoint({ model: config, parameters, preprocessing, classes });
}

/**
 * Weights whose exponents differ as much as those of a trained network.
 * @param spread their median is about half of this
 */
function randomParameters(config: ResolvedClassifierConfig, spread: number) {
  const random = new Random(12, config.hiddenSize);
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
  const layout = new ParameterLayout(config);
  const weight = () => spread * normal() * Math.exp(0.75 * normal());
  return layout.toStateDict(Float32Array.from({ length: layout.length }, weight));
}
