/**
 * Worker of the Teach view: features and answers of drawings, training, files. Calls are carried out one after the
 * other; `pause`, `continue` and `stop` act on the training under way. The view starts it twice, so that answers do not
 * wait for the training.
 */
import { openBackend } from 'scanstroke';
import type { Backend } from '#src/backends/backend.js';
import type { Preprocessing } from '#src/data/input-kind.js';
import { drawingOf } from '#src/data/pens/project.js';
import { describeCheckpoint, openRecognizer, type Recognizer } from '#src/recognize/recognizer.js';
import { type Features, openFeatures } from '#src/teach/features.js';
import { Nearest } from '#src/teach/nearest.js';
import { starterProject } from '#src/teach/starters.js';
import { ExamplesRecognizer } from './examples-recognizer.js';
import { readDrawing } from './read-drawing.js';
import type { CallName, Example, LiveReply, TeachCalls, TeachMessage, TeachReply } from './teach-protocol.js';
import { controllerOfTraining, controlTraining, train } from './teach-training.js';

const scope = self as unknown as DedicatedWorkerGlobalScope;

let opened: Promise<Backend> | null = null;
let features: Features | null = null;
let network: Recognizer | null = null;
const nearest = new Nearest();
let featuresPreprocessing: Preprocessing | null = null;
/** Forgotten when the examples change, and with it the answers that are kept. */
let examples: ExamplesRecognizer | null = null;

const CALLS: { [N in CallName]: (asked: TeachCalls[N]['asked']) => Promise<TeachCalls[N]['answer']> } = {
  async features({ checkpoint }) {
    const bytes = await fetchBytes(checkpoint);
    features = openFeatures(bytes, await backend());
    featuresPreprocessing = describeCheckpoint(bytes, { name: 'the network' }).preprocessing;
    examples = null;
    return null;
  },
  async examples({ put, remove }) {
    for (const id of remove) {
      nearest.remove(id);
      known.delete(id);
    }
    await addExamples(put);
    examples = null;
    return nearest.leaveOneOut();
  },
  async network({ checkpoint }) {
    const before = network;
    network = checkpoint && openRecognizer(checkpoint, await backend(), { name: 'the taught network' });
    before?.close();
    return network?.info.classes ?? [];
  },
  async answer({ drawing }): Promise<LiveReply> {
    const strokes = drawingOf({ drawing });
    const feature = features && nearest.count > 0 ? await features.of(strokes) : null;
    const [recognition] = network ? await network.recognize([{ kind: 'drawing', ...strokes }]) : [null];
    return {
      nearest: feature && nearest.answer(feature),
      network: recognition?.probabilities ?? null,
      networkClasses: network?.info.classes ?? [],
    };
  },
  async read({ examples: classes, ...question }) {
    const recognizer = classes ? examplesOf(classes) : network;
    if (!recognizer) throw new Error('There is nothing yet that reads.');
    return readDrawing(recognizer, question);
  },
  async starter({ name }) {
    return starterProject(name);
  },
  async export({ checkpoint, name, format, template }) {
    const { exportsWith } = await import('#src/exchange/export.js');
    const pageTemplate = async () => new TextDecoder().decode(await fetchBytes(template));
    const options = format === 'onnx' ? { format, name, probabilities: true } : { format, name };
    return (await exportsWith({ pageTemplate })(checkpoint, options)).map((file) => ({
      name: file.name,
      bytes: file.bytes,
    }));
  },
  async train({ base, ...asked }) {
    const bytes = base === null ? null : await fetchBytes(base).catch(() => null);
    return train({ ...asked, base: bytes }, trainings.shift() as AbortController, reply);
  },
};

function examplesOf(classes: string[]): ExamplesRecognizer | null {
  if (!features || !featuresPreprocessing) return null;
  if (`${examples?.info.classes}` !== `${[...classes, 'none']}`)
    examples = new ExamplesRecognizer(features, nearest, featuresPreprocessing, classes);
  return examples;
}

/** Features are computed once for each drawing: a drawing that only changes its class keeps its feature. */
const known = new Map<string, Float32Array | null>();

async function addExamples(put: Example[]): Promise<void> {
  if (!features) return;
  const unknown = put.filter(({ id }) => !known.has(id));
  const found = await features.ofAll(unknown.map(drawingOf));
  unknown.forEach(({ id }, n) => {
    known.set(id, found[n]);
  });
  for (const { id, class: classId } of put) {
    const feature = known.get(id);
    if (feature) nearest.add(id, classId, feature);
  }
}

function backend(): Promise<Backend> {
  opened ??= openBackend('wasm');
  return opened;
}

async function fetchBytes(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Of the trainings that wait, in order. */
const trainings: AbortController[] = [];
let last: Promise<void> = Promise.resolve();
scope.onmessage = ({ data }: MessageEvent<TeachMessage>) => {
  if ('control' in data) controlTraining(data.control);
  else {
    if (data.call === 'train') trainings.push(controllerOfTraining());
    last = last.then(() => carryOut(data));
  }
};

async function carryOut({ id, call, asked }: Extract<TeachMessage, { call: CallName }>): Promise<void> {
  try {
    const carry = CALLS[call] as (asked: unknown) => Promise<TeachCalls[CallName]['answer']>;
    reply({ id, answer: await carry(asked), error: null });
  } catch (error) {
    reply({ id, error: error instanceof Error ? error.message : String(error) });
  }
}

function reply(message: TeachReply): void {
  scope.postMessage(message);
}
