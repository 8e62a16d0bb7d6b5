/**
 * Features of drawings: what a trained network holds in its hidden states. Drawings that look alike have features that
 * are near each other, also of symbols that the network never saw, so a few examples of each are enough to tell them
 * apart (nearest.ts).
 *
 * The feature is, layer by layer, the mean of the outputs over the steps, scaled to the same length. docs/experiments.md
 * compares it with other choices.
 */
import type { Backend, DeviceBackend } from '../backends/backend.js';
import type { PreparedInput } from '../data/inputs/input.js';
import { withoutViews } from '../data/strokes/rotated-views.js';
import type { Drawing } from '../ink/drawing.js';
import { SequenceClassifier, type States } from '../model/classifier.js';
import { directionsOf, type ResolvedClassifierConfig } from '../model/classifier-config.js';
import { prepareInput } from '../recognize/prepare-input.js';
import { type Checkpoint, decodeCheckpoint } from '../runs/checkpoint/checkpoint.js';
import { pausing } from './pauses.js';

/** Computes features of drawings; `openFeatures` opens it. */
export interface Features extends Disposable {
  /** Number of values of a feature. */
  readonly size: number;
  /**
   * The feature of a drawing.
   * @returns [size] of length 1; null for a drawing without ink, or of only a dot
   */
  of(drawing: Drawing): Promise<Float32Array | null>;
  /** The features of many drawings, in batches: faster than one by one. */
  ofAll(drawings: readonly Drawing[]): Promise<(Float32Array | null)[]>;
  /** Frees the network's memory; the backend stays open. */
  close(): void;
}

/** Sequences of a batch. */
const BATCH = 32;

/**
 * Opens a network for its features.
 *
 * @param checkpoint content of a checkpoint, such as that of the shipped network `digit-strokes`
 * @param backend computes; stays the caller's, and must stay open
 * @param name names the network in messages
 * @throws UserError for a checkpoint that cannot be read
 *
 * @example
 * import { openBackend, openFeatures, shippedModel } from 'scanstroke';
 *
 * const backend = await openBackend();
 * const features = openFeatures(await shippedModel('digit-strokes'), backend);
 * const feature = await features.of({ strokes: [{ xs: [0, 30, 90], ys: [50, 100, 0] }] });
 * console.log(features.size, feature?.length); // 480 480
 * features.close();
 * backend.close();
 */
export function openFeatures(
  checkpoint: Uint8Array,
  backend: Backend | DeviceBackend,
  name = 'the network',
): Features {
  return featuresOf(decodeCheckpoint(checkpoint, name), backend);
}

/** As openFeatures, of a checkpoint that has been read. */
export function featuresOf(checkpoint: Checkpoint, backend: Backend | DeviceBackend): Features {
  const { model, parameters } = checkpoint;
  const preprocessing = withoutViews(checkpoint.preprocessing);
  const { sequenceLength, ...config } = model;
  const classifier = new SequenceClassifier(
    { ...config, sequenceLength: sequenceLength ?? undefined },
    backend,
    { parameters },
  );
  const ofAll = async (drawings: readonly Drawing[]) => {
    const prepared = drawings.map((drawing) => prepareInput({ kind: 'drawing', ...drawing }, preprocessing));
    const means = await layerMeans(
      classifier,
      prepared.filter((each) => each !== null),
    );
    let n = 0;
    return prepared.map((each) => each && normalised(means[n++]));
  };
  const close = () => classifier.close();
  return {
    size: layerWidths(model).reduce((sum, width) => sum + width, 0),
    ofAll,
    of: async (drawing) => (await ofAll([drawing]))[0],
    close,
    [Symbol.dispose]: close,
  };
}

function layerWidths(model: ResolvedClassifierConfig): number[] {
  return new Array<number>(model.numLayers).fill(directionsOf(model) * model.hiddenSize);
}

/**
 * The means of each layer's outputs over the steps of each sequence.
 * @param sequences [T, I] each, already preprocessed
 * @param pause called between batches
 * @returns for each sequence, for each layer: [D·H]
 */
export async function layerMeans(
  classifier: SequenceClassifier,
  sequences: readonly Pick<PreparedInput, 'steps' | 'sequence'>[],
  pause: () => Promise<void> = pausing(),
): Promise<Float32Array[][]> {
  const { inputSize } = classifier.config;
  const means: Float32Array[][] = [];
  for (let first = 0; first < sequences.length; first += BATCH) {
    await pause();
    const part = sequences.slice(first, first + BATCH);
    const steps = Math.max(...part.map((each) => each.steps));
    const inputs = new Float32Array(part.length * steps * inputSize);
    part.forEach(({ sequence }, b) => {
      inputs.set(sequence, b * steps * inputSize);
    });
    const lengths = Int32Array.from(part, (each) => each.steps);
    const batch = { inputs, batchSize: part.length, steps, lengths };
    const { layers = [] } = await classifier.forward(batch, { states: true });
    part.forEach((each, b) => {
      means.push(meansOf(layers, b * steps, each.steps, part.length * steps));
    });
  }
  return means;
}

/** The means over rows first … first + steps − 1 of every layer's outputs [rows, width]. */
function meansOf(layers: States['layers'], first: number, steps: number, rows: number): Float32Array[] {
  return layers.map((outputs) => {
    const width = outputs.length / rows;
    const mean = new Float64Array(width);
    for (let at = first * width; at < (first + steps) * width; at++) mean[at % width] += outputs[at];
    return Float32Array.from(mean, (sum) => sum / steps);
  });
}

/** The means one after the other, each of length 1/√L, so that the whole has length 1. */
function normalised(means: readonly Float32Array[]): Float32Array {
  const feature = new Float32Array(means.reduce((sum, mean) => sum + mean.length, 0));
  let at = 0;
  for (const mean of means) {
    const length = Math.sqrt(means.length * mean.reduce((sum, value) => sum + value * value, 0));
    for (const value of mean) feature[at++] = length > 0 ? value / length : 0;
  }
  return feature;
}
