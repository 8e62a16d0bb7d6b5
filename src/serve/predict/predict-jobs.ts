/** Answers a batch of recognition requests: decodes their bodies, then runs each network once for all of them. */
import { kindOf } from '../../data/kinds.js';
import { readPicture } from '../../data/pictures/picture.js';
import { isPlainObject, parseJson } from '../../formats/json.js';
import { quote } from '../../formats/quotation.js';
import { parseInput } from '../../recognize/json-input.js';
import type { PreparedInput, RecognizerInput } from '../../recognize/prepare-input.js';
import type { Recognition, Recognizer } from '../../recognize/recognizer.js';
import { readSymbols } from '../../recognize/symbols/read-symbols.js';
import { type ReadingJson, readingJson } from '../../recognize/symbols/reading-json.js';
import type { PredictionJson, PredictResponse, ReadResponse } from '../api.js';
import { HttpError } from '../http-error.js';
import { MAX_INPUTS, MAX_READ_PIXELS, MAX_READINGS, MAX_STEPS } from '../server-limits.js';

/** A request, not yet decoded. */
export interface PredictJob {
  body: Uint8Array;
  type: 'picture' | 'raw' | 'json';
  /** The model named in the URL; null if none. A JSON body may name one too. */
  model: string | null;
  /** For raw pixels. */
  size: { width: number; height: number; channels: number } | null;
  /** Whether several symbols are read in each input. */
  several: boolean;
}

/** A checkpoint on disk in one of its versions. */
export interface ModelSource {
  id: string;
  path: string;
  version: string;
}

/** Shared by all jobs of a batch. */
export interface PredictContext {
  default: string | null;
  models: ModelSource[];
}

interface Parsed {
  source: ModelSource;
  recognizer: Recognizer;
  prepared: (PreparedInput | null)[];
  /** In place of `prepared` if several symbols are read. */
  readings: ReadingJson[] | null;
}

/**
 * Answers a batch of requests as JSON.
 * @param open opens a network, or returns the open one
 */
export async function answerRequests(
  jobs: PredictJob[],
  context: PredictContext,
  open: (source: ModelSource) => Promise<Recognizer>,
): Promise<PromiseSettledResult<string>[]> {
  const parsed = await Promise.allSettled(jobs.map((job) => parse(job, context, open)));
  const ready = parsed.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const answers = new Map<PreparedInput, Recognition>();
  /** Of networks that cannot answer: parameters so large that their sums overflow. */
  const failures = new Map<Recognizer, unknown>();
  for (const recognizer of new Set(ready.map((each) => each.recognizer))) {
    const inputs = ready
      .filter((each) => each.recognizer === recognizer)
      .flatMap(({ prepared }) => prepared.filter((each) => each !== null));
    try {
      const recognitions = await recognizer.recognizePrepared(inputs);
      inputs.forEach((input, n) => {
        answers.set(input, recognitions[n]);
      });
    } catch (error) {
      failures.set(recognizer, error);
    }
  }
  return parsed.map((each) => {
    if (each.status === 'rejected') return each;
    const { source, recognizer, prepared, readings } = each.value;
    if (failures.has(recognizer)) return { status: 'rejected', reason: failures.get(recognizer) };
    const response: PredictResponse | ReadResponse = readings
      ? { model: source.id, results: readings }
      : { model: source.id, results: prepared.map((input) => input && predictionJson(answers.get(input)!)) };
    return { status: 'fulfilled', value: JSON.stringify(response) };
  });
}

export function predictionJson({ top, unsure, probabilities }: Recognition): PredictionJson {
  return {
    class: top[0].class,
    probability: top[0].probability,
    unsure,
    top,
    probabilities: [...probabilities],
  };
}

async function parse(
  job: PredictJob,
  context: PredictContext,
  open: (source: ModelSource) => Promise<Recognizer>,
): Promise<Parsed> {
  const value = job.type === 'json' ? parseJson(textOf(job.body), 'predict: the body') : null;
  const source = sourceOf(job.model ?? modelIn(value) ?? context.default, context);
  const recognizer = await open(source);
  const inputs = await inputsOf(job, value, recognizer);
  if (job.several) return { source, recognizer, prepared: [], readings: await readAll(inputs, recognizer) };
  let steps = 0;
  const prepared = inputs.map((input) => {
    const each = recognizer.prepare(input);
    for (const sequence of each ? [each, ...(each.views ?? [])] : []) steps += sequence.steps;
    if (steps <= MAX_STEPS) return each;
    throw new HttpError(413, `predict: more than ${MAX_STEPS} steps in all; a request may have so many`);
  });
  return { source, recognizer, prepared, readings: null };
}

/** @throws HttpError 413 for too many inputs, or too large ones */
async function readAll(inputs: RecognizerInput[], recognizer: Recognizer): Promise<ReadingJson[]> {
  if (inputs.length > MAX_READINGS) {
    throw new HttpError(
      413,
      `predict: ${inputs.length} inputs; at most ${MAX_READINGS} in a request with several=true are accepted`,
    );
  }
  const readings: ReadingJson[] = [];
  for (const input of inputs) {
    if (input.kind === 'picture' && input.width * input.height > MAX_READ_PIXELS) {
      throw new HttpError(
        413,
        `predict: a picture of ${input.width} × ${input.height}; with several=true at most ${MAX_READ_PIXELS} pixels are accepted; make it smaller`,
      );
    }
    readings.push(readingJson(await readSymbols(recognizer, input)));
  }
  return readings;
}

function textOf(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new HttpError(400, 'predict: the body: expected JSON in UTF-8');
  }
}

function modelIn(value: unknown): string | null {
  if (!isPlainObject(value) || value.model === undefined || value.model === null) return null;
  if (typeof value.model === 'string') return value.model;
  throw new HttpError(400, 'predict: model: expected the id of a model, as GET /api/models lists them');
}

function sourceOf(id: string | null, { models }: PredictContext): ModelSource {
  if (models.length === 0) {
    throw new HttpError(
      404,
      'predict: there is no model yet; the first appears when a run ends its first epoch',
    );
  }
  const found = models.find((model) => model.id === id);
  if (found) return found;
  const known = models.slice(0, 5).map((model) => quote(model.id));
  const more = models.length > 5 ? ` and ${models.length - 5} more (GET /api/models)` : '';
  throw new HttpError(
    404,
    `predict: there is no model ${quote(String(id))}; there are ${known.join(', ')}${more}`,
  );
}

async function inputsOf(job: PredictJob, value: unknown, recognizer: Recognizer): Promise<RecognizerInput[]> {
  const { preprocessing } = recognizer.info;
  const { channels } = kindOf(preprocessing).pictureSizeOf(preprocessing);
  if (job.type === 'picture') {
    return [{ kind: 'picture', ...(await readPicture(job.body, 'predict: the picture', { channels })) }];
  }
  if (job.type === 'raw') return [{ kind: 'picture', ...job.size!, pixels: job.body }];
  if (!isPlainObject(value) || value.inputs === undefined) return [parseInput(value, 'predict: the body')];
  const { inputs } = value;
  if (!Array.isArray(inputs) || inputs.length === 0) {
    throw new HttpError(400, 'predict: inputs: expected a list of at least one input');
  }
  if (inputs.length > MAX_INPUTS) {
    throw new HttpError(
      413,
      `predict: ${inputs.length} inputs; at most ${MAX_INPUTS} in a request are accepted`,
    );
  }
  return inputs.map((input: unknown, n) => parseInput(input, `predict: inputs[${n}]`));
}
