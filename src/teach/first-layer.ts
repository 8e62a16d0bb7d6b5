/**
 * The last layer with which a training begins: a ridge regression on the hidden states of the network it begins from,
 * over the drawings and varied copies of them. So the first answers are good already, and the training only has to
 * improve the hidden states.
 */
import type { Augmentation } from '../data/augmentation.js';
import type { SequencesOf } from '../data/input-kind.js';
import { kindOf } from '../data/kinds.js';
import { sequenceIn } from '../data/sequences/sequence.js';
import { openSequences } from '../data/sources.js';
import type { SequenceClassifier } from '../model/classifier.js';
import { directionsOf } from '../model/classifier-config.js';
import { layerMeans } from './features.js';
import { RidgeSums } from './ridge.js';

/** The drawings themselves, and varied copies: by experiment (docs/experiments.md). */
const COPIES = 5;
const STRENGTH = 0.1;
/** Scale of the scores as logits. */
const GAIN = 6;
/** Separates the variations from those of the training. */
const FIRST_EPOCH = 2 ** 20;

/** A last layer of the network. */
export interface LastLayer {
  /** [K, D·H] */
  weights: Float32Array;
  /** [K] */
  bias: Float32Array;
}

/**
 * @param classifier a network with the head `mean`
 * @param data the examples
 * @param indices which of them; every class occurs
 */
export async function firstLayer(
  classifier: SequenceClassifier,
  data: SequencesOf<'strokes'>,
  indices: Int32Array,
  { augmentation, seed, pause }: { augmentation: Augmentation; seed: number; pause: () => Promise<void> },
): Promise<LastLayer> {
  const varied = kindOf<'strokes'>(data).openAugmented(data, augmentation, seed);
  const { hiddenSize } = classifier.config;
  const sums = new RidgeSums(directionsOf(classifier.config) * hiddenSize);
  for (let copy = 0; copy < COPIES; copy++) {
    const drawn = copy === 0 ? null : varied.draw(indices, FIRST_EPOCH + copy);
    const source = drawn ?? openSequences(data);
    const sequences = Array.from(indices, (index, n) => sequenceIn(source, drawn ? n : index));
    const means = await layerMeans(classifier, sequences, pause);
    for (const [n, layers] of means.entries()) {
      await pause();
      sums.add(layers[layers.length - 1], data.examples.labels[indices[n]]);
    }
  }
  const { weights, bias } = sums.solve(STRENGTH);
  const scaled = (values: Float64Array) => Float32Array.from(values, (value) => GAIN * value);
  return { weights: scaled(weights), bias: scaled(bias) };
}
