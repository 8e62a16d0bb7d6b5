/** JSON answers about samples: pages of the list, and one sample with trace, hidden states and gradients. */
import type { Seen } from '../../recognize/prepare-input.js';
import type { Inspection, Recognizer } from '../../recognize/recognizer.js';
import type { Trace } from '../../recognize/trace.js';
import type {
  InspectionJson,
  PictureJson,
  SampleDetails,
  SampleEntry,
  SampleList,
  SamplePart,
  TraceJson,
} from '../api.js';
import { HttpError } from '../http-error.js';
import { type AnsweredPart, inputAt } from './sample-jobs.js';

/** Selects and orders the samples of a part. */
export interface SampleFilter {
  part: SamplePart;
  /** True class, answer, and whether the answer is right; null for any. */
  label: number | null;
  predicted: number | null;
  correct: boolean | null;
  /** By index in the data set, or by the answer's probability, highest first. */
  order: 'index' | 'confidence';
  offset: number;
  limit: number;
}

export function listSamples(part: AnsweredPart, classes: string[], filter: SampleFilter): SampleList {
  const { indices, examples, predicted } = part;
  const fits = (n: number) => {
    const label = examples.labels[indices[n]];
    if (filter.label !== null && label !== filter.label) return false;
    if (filter.predicted !== null && predicted[n] !== filter.predicted) return false;
    return filter.correct === null || (label === predicted[n]) === filter.correct;
  };
  const places = Array.from(indices.keys()).filter(fits);
  const confidence = (n: number) => part.probabilities[n * classes.length + predicted[n]];
  if (filter.order === 'confidence') {
    places.sort((a, b) => confidence(b) - confidence(a) || indices[a] - indices[b]);
  } else places.sort((a, b) => indices[a] - indices[b]);
  return {
    part: filter.part,
    classes,
    total: indices.length,
    matching: places.length,
    offset: filter.offset,
    samples: places
      .slice(filter.offset, filter.offset + filter.limit)
      .map((n) => entryAt(part, n, classes.length)),
  };
}

/**
 * One sample with its trace, hidden states and input gradient.
 * @param index in the data set, as in the list
 * @throws HttpError 404
 */
export async function describeSample(
  part: AnsweredPart,
  recognizer: Recognizer,
  index: number,
): Promise<SampleDetails> {
  const n = part.indices.indexOf(index);
  if (n < 0) {
    throw new HttpError(
      404,
      `there is no sample ${index} in this part, which has ${part.indices.length} samples`,
    );
  }
  const { classes, model } = recognizer.info;
  const K = classes.length;
  const input = inputAt(part, index);
  const inspection = await recognizer.inspect(input);
  const trace = await recognizer.trace(input, { over: 'steps' });
  return {
    ...entryAt(part, n, K),
    classes,
    probabilities: [...part.probabilities.subarray(n * K, (n + 1) * K)],
    trace: trace && traceJson(trace, K),
    inspection: inspection && inspectionJson(inspection, model.inputSize),
  };
}

function entryAt(part: AnsweredPart, n: number, classes: number): SampleEntry {
  const { indices, examples, predicted, probabilities } = part;
  const index = indices[n];
  const label = examples.labels[index];
  const input = inputAt(part, index);
  return {
    index,
    label,
    predicted: predicted[n],
    probability: probabilities[n * classes + predicted[n]],
    label_probability: probabilities[n * classes + label],
    picture: input.kind === 'picture' ? pictureJson(input) : null,
    strokes: input.kind === 'strokes' ? [...input.moves] : null,
  };
}

function pictureJson({ width, height, channels, pixels }: NonNullable<Seen['picture']>): PictureJson {
  return { width, height, channels, pixels: Buffer.from(pixels).toString('base64') };
}

function traceJson({ over, moments, probabilities }: Trace, classes: number): TraceJson {
  return { over, moments: [...moments], probabilities: table(probabilities, classes, 5) };
}

function inspectionJson(inspection: Inspection, inputSize: number): InspectionJson {
  const { saw, steps, units, hidden, inputGradient, pixelGradient } = inspection;
  return {
    picture: saw.picture && pictureJson(saw.picture),
    strokes: saw.moves && [...saw.moves],
    steps,
    units,
    input_size: inputSize,
    hidden: table(hidden, units, 4),
    input_gradient: table(inputGradient, inputSize, 4),
    pixel_gradient: pixelGradient && [...pixelGradient].map((value) => shortened(value, 4)),
  };
}

/** [values / width, width] rounded to some digits, enough to draw them. */
function table(values: Float32Array, width: number, digits: number): number[][] {
  return Array.from({ length: values.length / width }, (_, row) =>
    Array.from(values.subarray(row * width, (row + 1) * width), (value) => shortened(value, digits)),
  );
}

function shortened(value: number, digits: number): number {
  return Number(value.toPrecision(digits));
}
