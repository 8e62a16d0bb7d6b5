/**
 * Teaches a network the symbols of a project: an LSTM is trained on the drawings, with variation, from the weights of a
 * trained network or from scratch. Runs in Node.js and in a page's worker, which both stay responsive: the training
 * looks at its signal between updates.
 */
import type { Backend, DeviceBackend } from '../backends/backend.js';
import type { BackendChoice } from '../backends/backend-names.js';
import { type Augmentation, NO_AUGMENTATION } from '../data/augmentation.js';
import type { SequencesOf } from '../data/input-kind.js';
import { kindOf } from '../data/kinds.js';
import type { TeachProject } from '../data/pens/project.js';
import { type StrokePreprocessing, strokeInputSize } from '../data/strokes/stroke-preprocessing.js';
import { requireSeed, requireWhole } from '../formats/argument.js';
import { SequenceClassifier } from '../model/classifier.js';
import { resolveClassifierConfig } from '../model/classifier-config.js';
import { type Checkpoint, decodeCheckpoint } from '../runs/checkpoint/checkpoint.js';
import type { StateDict } from '../state-dict.js';
import { MAX_THREADS } from '../train/engine.js';
import { resolveOptimizer } from '../train/optimizer.js';
import type { StartThread } from '../train/team/threads/threads.js';
import { openTrainerEngine } from '../train/trainer/trainer-engine.js';
import { UserError } from '../user-error.js';
import { featuresOf } from './features.js';
import { firstLayer } from './first-layer.js';
import { type Lesson, prepareLesson } from './lesson.js';
import { pausing } from './pauses.js';
import { teach } from './teach.js';
import type { TaughtSymbols, TeachOptions } from './teach-options.js';

export type { TaughtSymbols, TeachOptions, TeachProgress } from './teach-options.js';

/**
 * Teaches a network the symbols of a project from a few drawings of each.
 *
 * @param project with at least two classes, and at least two drawings of each
 * @param options what to begin from, what computes, and what is called meanwhile
 * @returns the checkpoint, and what is known about it
 * @throws UserError if there are too few or too many classes, too few drawings, or the base is no network for strokes
 * @throws the signal's reason when it is aborted
 */
export type TrainSymbols = (project: TeachProject, options?: TeachOptions) => Promise<TaughtSymbols>;

/** What the entry points know and the training does not. */
export interface TeachPlatform {
  openBackend(choice: BackendChoice): Promise<Backend | DeviceBackend>;
  startThread: StartThread;
  /** Number of threads. @param wanted default: one a core */
  threads(wanted?: number): number;
}

/** From trained weights: a low rate changes them little. From scratch: a small network, a high rate. By experiment. */
const FROM_BASE = { lr: 3e-3, passes: 1200, least: 8, most: 30 };
const FROM_SCRATCH = { lr: 1e-2, passes: 6000, least: 30, most: 120 };
const BATCH_SIZE = 8;
const SCRATCH_MODEL = { hiddenSize: 48, bidirectional: true, head: 'mean' } as const;
const SCRATCH_PREPROCESSING: StrokePreprocessing = {
  kind: 'strokes',
  width: 28,
  height: 28,
  order: 'tour',
  scale: 1,
  position: true,
};
/** As hands vary; reversed and reordered strokes as far as the network does not depend on them. */
const AUGMENTATION: Readonly<Augmentation> = {
  ...NO_AUGMENTATION,
  rotation: 12,
  scale: 0.15,
  shear: 0.15,
  shift: 1,
  jitter: 0.2,
  resample: 0.2,
  reverse: 0.5,
  shuffle: 0.5,
  flip: 0.1,
};

/** Makes `trainSymbols` for an entry point. */
export function symbolsOn(platform: TeachPlatform): TrainSymbols {
  return async (project, options = {}) => {
    const began = performance.now();
    requireSeed('teach: seed', options.seed ?? 0);
    requireWhole('teach: epochs', options.epochs ?? 1);
    const threads = platform.threads(options.threads);
    requireWhole('teach: threads', threads, MAX_THREADS);
    options.signal?.throwIfAborted();
    const base = options.base ? strokesNetwork(decodeCheckpoint(options.base, BASE), BASE) : null;
    const backend = await platform.openBackend(options.backend ?? 'auto');
    try {
      const work = await prepare(project, options, base, backend);
      options.signal?.throwIfAborted();
      const { startThread } = platform;
      const engineOf = { backend, threads, startThread };
      const { engine } = await openTrainerEngine(engineOf, work, work.lesson.taught.length);
      try {
        if (work.parameters) await engine.load({ parameters: work.parameters, optimizer: new Map() });
        const { checkpoint, summary } = await teach({ ...work, engine, options });
        return { checkpoint, summary: { ...summary, seconds: (performance.now() - began) / 1000 } };
      } finally {
        await engine.close();
      }
    } finally {
      backend.close();
    }
  };
}

/** Names the base in messages. */
const BASE = 'teach: the base network';

/** Examples, model, first parameters and settings of the training. */
async function prepare(
  project: TeachProject,
  options: TeachOptions,
  base: Base | null,
  backend: Backend | DeviceBackend,
) {
  const { seed = 0, none = true, signal } = options;
  const pause = pausing(signal);
  const preprocessing = base?.preprocessing ?? SCRATCH_PREPROCESSING;
  const features = base && featuresOf(base, backend);
  const lesson = await prepareLesson(project, { seed, none, features, preprocessing, pause }).finally(() =>
    features?.close(),
  );
  const numClasses = lesson.classes.length;
  const model = base
    ? { ...base.model, numClasses }
    : resolveClassifierConfig({
        ...SCRATCH_MODEL,
        inputSize: strokeInputSize(SCRATCH_PREPROCESSING),
        numClasses,
      });
  const sequences = (examples: Lesson['examples']) =>
    kindOf<'strokes'>(preprocessing).sequencesOf('drawings', examples, preprocessing);
  const train = sequences(lesson.examples);
  const parameters = base && (await firstParameters(base, backend, train, lesson, { seed, pause }));
  const { lr, passes, least, most } = base ? FROM_BASE : FROM_SCRATCH;
  const perEpoch = lesson.taught.length + lesson.negativesPerEpoch;
  const epochs = Math.min(most, Math.max(least, Math.round(passes / perEpoch)));
  const training = {
    optimizer: resolveOptimizer({ name: 'adam', lr }),
    batchSize: BATCH_SIZE,
    maxNorm: 1,
    labelSmoothing: 0,
    seed,
    augmentation: AUGMENTATION,
  };
  return {
    lesson,
    model,
    preprocessing,
    parameters,
    epochs: options.epochs ?? epochs,
    training,
    parts: { train, validation: train, ...(lesson.others && { negatives: sequences(lesson.others) }) },
  };
}

/** The base's parameters, with a last layer for the lesson. */
async function firstParameters(
  base: Base,
  backend: Backend | DeviceBackend,
  data: SequencesOf<'strokes'>,
  { taught, negatives, classes }: Lesson,
  when: { seed: number; pause: () => Promise<void> },
): Promise<StateDict> {
  const { sequenceLength: _, ...config } = base.model;
  const classifier = new SequenceClassifier(config, backend, { parameters: base.parameters });
  const indices = Int32Array.from([...taught, ...negatives]);
  const variation = { augmentation: AUGMENTATION, ...when };
  const layer = await firstLayer(classifier, data, indices, variation).finally(() => classifier.close());
  const units = layer.weights.length / classes.length;
  return new Map([
    ...base.parameters,
    ['fc.weight', { shape: [classes.length, units], data: layer.weights }],
    ['fc.bias', { shape: [classes.length], data: layer.bias }],
  ]);
}

/** A network for strokes. */
type Base = Checkpoint & { preprocessing: StrokePreprocessing };

function strokesNetwork(checkpoint: Checkpoint, name: string): Base {
  const { preprocessing, model } = checkpoint;
  if (preprocessing.kind === 'strokes' && model.head === 'mean') return { ...checkpoint, preprocessing };
  throw new UserError(
    `${name} reads ${preprocessing.kind} and has the head ${model.head}; expected a network for strokes with the head ` +
      'mean, such as the shipped digit-strokes, or none',
  );
}
