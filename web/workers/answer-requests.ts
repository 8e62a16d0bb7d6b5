/**
 * Answers the page's requests inside a worker, with the same recogniser as the command line. Answers one request after
 * the other; recognition/client.ts sends one at a time.
 */
import type { Backend } from '#src/backends/backend.js';
import { type PreparedInput, prepareInput, type Seen } from '#src/recognize/prepare-input.js';
import { openRecognizer, type Recognizer } from '#src/recognize/recognizer.js';
import type { GpuRecognition } from './gpu-recognition.js';
import type {
  DrawingInspection,
  ModelAnswer,
  OpenRequest,
  ReadReply,
  ReadRequest,
  Reply,
  Request,
  Shown,
  Stroke,
} from './protocol.js';

const scope = self as unknown as DedicatedWorkerGlobalScope;

interface OpenModel {
  /** On the processor. */
  host: Recognizer;
  /** On the GPU; null: the processor answers. */
  gpu: Recognizer | null;
}

const models = new Map<string, OpenModel>();

/** What computes. */
interface Computers {
  /** If it does not open, requests for a model are answered with the reason. */
  backend: Promise<Backend>;
  /** Null: the processor alone. */
  gpu: GpuRecognition | null;
  /** Reads several symbols; missing in the page in one file, which has no view for it. */
  read?(request: ReadRequest, recognizer: () => Recognizer): Promise<ReadReply>;
}

/** Answers all messages from now on. */
export function answerRequests(computers: Computers): void {
  computers.backend.catch(() => {}); // requests report the reason
  scope.onmessage = ({ data }: MessageEvent<Request>) => answer(data, computers);
}

async function answer(data: Request, computers: Computers): Promise<void> {
  if (data.type === 'open')
    return reply({ type: 'opened', model: data.model, error: await errorOf(open(data, computers)) });
  if (data.type === 'recognize') {
    const startedAt = performance.now();
    const found = await recognize(data.models, data.strokes);
    return reply({ type: 'recognized', id: data.id, ...found, milliseconds: performance.now() - startedAt });
  }
  if (data.type === 'read') return reply(await computers.read!(data, () => openModel(data.model).host));
  const result = await inspect(data.model, data.strokes).catch(messageOf);
  const [error, inspection] = typeof result === 'string' ? [result, null] : [null, result];
  return reply({ type: 'inspected', id: data.id, inspection, error });
}

function reply(message: Reply): void {
  scope.postMessage(message);
}

async function open(
  { model, checkpoint, backend: wish }: OpenRequest,
  { backend, gpu }: Computers,
): Promise<void> {
  const bytes = typeof checkpoint === 'string' ? await fetchCheckpoint(model, checkpoint) : checkpoint;
  const host = openRecognizer(bytes, await backend, { name: model });
  const opened: OpenModel = { host, gpu: null };
  try {
    if (wish === 'webgpu' && gpu) opened.gpu = await gpu.open(model, bytes);
  } catch (error) {
    host.close();
    throw error;
  }
  models.set(model, opened);
  // The processor answers until the GPU is ready.
  if (wish === 'auto')
    void gpu?.openFaster(host, bytes).then((faster) => Object.assign(opened, { gpu: faster }));
}

async function fetchCheckpoint(model: string, url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${model}: the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** An error of one model is its answer: the other models go on. */
async function recognize(
  names: string[],
  strokes: Stroke[],
): Promise<{ answers: ModelAnswer[]; shown: Shown | null }> {
  const answers: ModelAnswer[] = [];
  let shown: Shown | null = null;
  for (const model of names) {
    try {
      const opened = openModel(model);
      const prepared = prepareInput({ kind: 'drawing', strokes }, opened.host.info.preprocessing);
      const probabilities = prepared && (await probabilitiesOf(opened, prepared));
      answers.push({ model, probabilities, backend: opened.gpu ? 'webgpu' : 'wasm', error: null });
      if (prepared) shown = mergeShown(shown, prepared.saw);
    } catch (error) {
      answers.push({ model, probabilities: null, backend: 'wasm', error: messageOf(error) });
    }
  }
  return { answers, shown };
}

async function probabilitiesOf(opened: OpenModel, prepared: PreparedInput): Promise<Float32Array> {
  const { host, gpu } = opened;
  if (gpu) {
    try {
      return (await gpu.probabilitiesOf([prepared]))[0];
    } catch {
      opened.gpu = null; // The GPU was lost, as when the computer slept: the processor goes on.
    }
  }
  return (await host.probabilitiesOf([prepared]))[0];
}

/** Merges the inputs of several models: the first picture, and the first moves. */
function mergeShown(before: Shown | null, { picture, moves }: Seen): Shown {
  const { pixels = null, width = 0, height = 0 } = picture ?? {};
  const first = before?.picture ? before : { picture: pixels, width, height };
  return {
    picture: first.picture,
    width: first.width,
    height: first.height,
    moves: before?.moves ?? moves,
  };
}

async function inspect(model: string, strokes: Stroke[]): Promise<DrawingInspection | null> {
  const { host: recognizer } = openModel(model);
  const input = { kind: 'drawing', strokes } as const;
  const inspection = await recognizer.inspect(input);
  const trace = await recognizer.trace(input, { over: 'steps', moments: 400 });
  if (!inspection || !trace) return null;
  const { recognition, saw, steps, hidden, units, inputGradient, pixelGradient } = inspection;
  const { preprocessing } = recognizer.info;
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
    scan:
      preprocessing.kind === 'images' && preprocessing.permutationSeed === null
        ? (preprocessing.scan ?? 'rows')
        : null,
    layers: { numLayers, hiddenSize, bidirectional },
  };
}

function openModel(name: string): OpenModel {
  const model = models.get(name);
  if (!model) throw new Error(`the model ${name} is not open; send an open request first`);
  return model;
}

/** @returns the error's message; null on success */
async function errorOf(work: Promise<unknown>): Promise<string | null> {
  return work.then(() => null, messageOf);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
