/**
 * Answers the page's requests inside a worker, with the same recogniser as the command line. Answers one request after
 * the other; recognition/client.ts sends one at a time.
 */
import type { Backend } from '#src/backends/backend.js';
import { prepareInput, type Seen } from '#src/recognize/prepare-input.js';
import { openRecognizer, type Recognizer } from '#src/recognize/recognizer.js';
import type {
  DrawingInspection,
  ModelAnswer,
  OpenRequest,
  Reply,
  Request,
  Shown,
  Stroke,
} from './protocol.js';

const scope = self as unknown as DedicatedWorkerGlobalScope;
const recognizers = new Map<string, Recognizer>();

/**
 * Answers all messages from now on.
 * @param backend runs the networks; if it does not open, requests for a model are answered with the reason
 */
export function answerRequests(backend: Promise<Backend>): void {
  backend.catch(() => {}); // requests report the reason
  scope.onmessage = ({ data }: MessageEvent<Request>) => answer(data, backend);
}

async function answer(data: Request, backend: Promise<Backend>): Promise<void> {
  if (data.type === 'open')
    return reply({ type: 'opened', model: data.model, error: await errorOf(open(data, backend)) });
  if (data.type === 'recognize') {
    const startedAt = performance.now();
    const result = await recognize(data.models, data.strokes).catch(messageOf);
    const milliseconds = performance.now() - startedAt;
    const [error, found] = typeof result === 'string' ? [result, NOTHING] : [null, result];
    return reply({ type: 'recognized', id: data.id, ...found, milliseconds, error });
  }
  const result = await inspect(data.model, data.strokes).catch(messageOf);
  const [error, inspection] = typeof result === 'string' ? [result, null] : [null, result];
  return reply({ type: 'inspected', id: data.id, inspection, error });
}

const NOTHING = { answers: [], shown: null };

function reply(message: Reply): void {
  scope.postMessage(message);
}

async function open({ model, checkpoint }: OpenRequest, backend: Promise<Backend>): Promise<void> {
  const bytes = typeof checkpoint === 'string' ? await fetchCheckpoint(model, checkpoint) : checkpoint;
  recognizers.set(model, openRecognizer(bytes, await backend, { name: model }));
}

async function fetchCheckpoint(model: string, url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${model}: the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function recognize(
  models: string[],
  strokes: Stroke[],
): Promise<{ answers: ModelAnswer[]; shown: Shown | null }> {
  const answers: ModelAnswer[] = [];
  let shown: Shown | null = null;
  for (const model of models) {
    const recognizer = recognizerOf(model);
    const prepared = prepareInput({ kind: 'drawing', strokes }, recognizer.info.preprocessing);
    const [probabilities] = prepared ? await recognizer.probabilitiesOf([prepared]) : [null];
    answers.push({ model, probabilities });
    if (prepared) shown = mergeShown(shown, prepared.saw);
  }
  return { answers, shown };
}

/** Merges the inputs of several models: all have the same picture; models that read strokes add the moves. */
function mergeShown(before: Shown | null, { picture, moves }: Seen): Shown {
  return {
    picture: before?.picture ?? picture?.pixels ?? null,
    width: before?.width ?? picture?.width ?? 0,
    height: before?.height ?? picture?.height ?? 0,
    moves: before?.moves ?? moves,
  };
}

async function inspect(model: string, strokes: Stroke[]): Promise<DrawingInspection | null> {
  const recognizer = recognizerOf(model);
  const input = { kind: 'drawing', strokes } as const;
  const inspection = await recognizer.inspect(input);
  const trace = await recognizer.trace(input, { over: 'steps', moments: 400 });
  if (!inspection || !trace) return null;
  const { recognition, saw, steps, hidden, units, inputGradient, pixelGradient } = inspection;
  const { numLayers, hiddenSize, bidirectional, inputSize } = recognizer.info.model;
  return {
    probabilities: recognition.probabilities,
    steps,
    hidden,
    units,
    inputGradient,
    inputSize,
    pixelGradient,
    moments: trace.moments,
    trace: trace.probabilities,
    shown: mergeShown(null, saw),
    layers: { numLayers, hiddenSize, bidirectional },
  };
}

function recognizerOf(model: string): Recognizer {
  const recognizer = recognizers.get(model);
  if (!recognizer) throw new Error(`the model ${model} is not open; send an open request first`);
  return recognizer;
}

/** @returns the error's message; null on success */
async function errorOf(work: Promise<unknown>): Promise<string | null> {
  return work.then(() => null, messageOf);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
