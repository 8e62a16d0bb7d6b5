/** A training's state in a checkpoint: written after every epoch, and taken up again, bit for bit. */
import { createHash, type Hash } from 'node:crypto';
import { PRECISIONS, type Precision } from '../../../backends/stored.js';
import type { Dataset, Preprocessing } from '../../../data/input-kind.js';
import { kindOf } from '../../../data/kinds.js';
import {
  between,
  finite,
  flag,
  list,
  nullable,
  oneOf,
  optional,
  readAs,
  record,
  textUpTo,
  whole,
} from '../../../formats/shape.js';
import type { ResolvedClassifierConfig } from '../../../model/classifier-config.js';
import { ParameterLayout } from '../../../model/parameters.js';
import type { Checkpoint } from '../../../runs/checkpoint/checkpoint.js';
import { MAX_EPOCH_UPDATES } from '../../../runs/limits.js';
import { RUN_FILES } from '../../../runs/run-folder.js';
import type { StateDict } from '../../../state-dict.js';
import { UserError } from '../../../user-error.js';
import { flagName } from '../../config/option.js';
import { OPTION_KEYS, type TrainConfig } from '../../config/options.js';
import type { Engine } from '../../engine.js';
import { type BestEpoch, initialState, type TrainState } from '../../loop.js';
import { inputSettings } from './network-settings.js';

/** The settings on which the updates of an epoch depend. */
export interface UpdateConditions {
  batchSize: number;
  trainCount: number;
  seed: number;
  optimizer: TrainConfig['optimizer'];
  precision: Precision;
  /** The training data's fingerprint. */
  data: string;
  /** The validation samples' fingerprint. */
  validation: string;
}

/** Conditions that hold within an epoch: in words for messages, and the settings that they follow from. */
const CONDITIONS = [
  {
    name: 'batchSize',
    words: 'samples per update',
    settings: ['batchSize', 'accumulationSteps'],
  },
  {
    name: 'trainCount',
    words: 'number of training samples',
    settings: ['trainSplit', 'noneShare', 'drawnShare', 'changedShare', 'madeSets', 'data'],
  },
  { name: 'seed', words: 'seed', settings: ['seedNumber'] },
  { name: 'precision', words: 'precision', settings: ['precision'] },
] as const;

/** Examples of which the fingerprint takes more than the label. */
const SAMPLED_EXAMPLES = 64;

/** SHA-256 of all labels and of evenly spaced examples of the training set: tells other data of the same size. */
export function fingerprintOf(dataset: Dataset): string {
  const { labels, count } = dataset.train;
  const { buffer, byteOffset, byteLength } = labels;
  const hash = createHash('sha256').update(new Uint8Array(buffer, byteOffset, byteLength));
  return withSamples(hash, dataset, count, (n) => n).digest('hex');
}

/** The same of the validation samples, with the names of the classes: tells whether accuracies on them compare. */
export function validationFingerprint(dataset: Dataset, validation: Int32Array): string {
  const labels = validation.map((index) => dataset.train.labels[index]);
  const hash = createHash('sha256').update(JSON.stringify(dataset.classes)).update(labels);
  return withSamples(hash, dataset, validation.length, (n) => validation[n]).digest('hex');
}

/** Adds evenly spaced examples of the training set. @param indexOf of example n of `count` */
function withSamples(hash: Hash, dataset: Dataset, count: number, indexOf: (n: number) => number): Hash {
  const kind = kindOf(dataset);
  const samples = Math.min(SAMPLED_EXAMPLES, count);
  for (let n = 0; n < samples; n++) {
    const example = kind.exampleAt(dataset.train, indexOf(Math.floor((n * count) / samples)));
    const values = 'moves' in example ? example.moves : example.pixels;
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash;
}

/** Checkpoints of older versions say whether they are in mixed precision, which was float16, and have no fingerprints. */
type SavedState = Omit<TrainState, 'best'> &
  Omit<UpdateConditions, 'precision' | 'data' | 'validation'> & {
    precision: Precision | null;
    useAmp: boolean;
    data: string | null;
    validation: string | null;
    /** Older versions kept the first of equally accurate epochs. */
    best: (Omit<BestEpoch, 'reachedIn'> & { reachedIn: number | null }) | null;
  };

const count = whole(0);
const seconds = between(0, Number.MAX_VALUE);
const savedState = record<SavedState>({
  epoch: whole(1),
  losses: list(finite, MAX_EPOCH_UPDATES),
  correct: list(count, MAX_EPOCH_UPDATES),
  updates: count,
  epochSeconds: seconds,
  trainSeconds: seconds,
  best: nullable(
    record({
      accuracy: between(0, 1),
      loss: finite,
      epoch: whole(1),
      reachedIn: optional(nullable(whole(1)), null),
    }),
  ),
  lossScale: optional(
    nullable(record({ scale: between(2 ** -149, 2 ** 127), steadySteps: count, skippedSteps: count })),
    null,
  ),
  batchSize: whole(1),
  trainCount: whole(1),
  seed: count,
  optimizer: oneOf(['adam', 'adamw', 'sgd']),
  precision: optional(nullable(oneOf(PRECISIONS)), null),
  useAmp: optional(flag, false),
  data: optional(nullable(textUpTo(64)), null),
  validation: optional(nullable(textUpTo(64)), null),
});

/** Reads the training state of a checkpoint. @throws UserError naming what is missing, impossible or contradicted */
function readState(state: Record<string, unknown>, path: string) {
  const where = `${path}: the training state is damaged`;
  const saved = readAs(savedState, state, where);
  const damaged = (how: string) => new UserError(`${where}: ${how}`);
  const { losses, correct, epoch, best, batchSize, lossScale } = saved;
  const precision = saved.precision ?? (saved.useAmp ? 'float16' : 'float32');
  if (losses.length !== correct.length) {
    throw damaged(`${losses.length} losses, but ${correct.length} counts of correct answers`);
  }
  const batches = Math.ceil(saved.trainCount / batchSize);
  if (losses.length > batches) {
    throw damaged(`${losses.length} losses, but an epoch has ${batches} updates`);
  }
  if (correct.some((each) => each > batchSize)) {
    throw damaged(`more correct answers in an update than its ${batchSize} samples`);
  }
  if (losses.length === batches && saved.epochSeconds === 0) throw damaged('an epoch that took no time');
  if (best !== null && best.epoch >= epoch) {
    throw damaged(`the best epoch is ${best.epoch}, but only ${epoch - 1} are complete`);
  }
  const reachedIn = best?.reachedIn ?? best?.epoch ?? 0;
  if (best !== null && reachedIn > best.epoch) {
    throw damaged(`the best accuracy is of epoch ${reachedIn}, but the best epoch is ${best.epoch}`);
  }
  if ((lossScale !== null) !== (precision === 'float16')) {
    throw damaged(`${lossScale === null ? 'no' : 'a'} loss scale, but the precision is ${precision}`);
  }
  const { useAmp: _, ...current } = saved;
  return { ...current, precision, best: best && { ...best, reachedIn } };
}

/** The precision of the training that a checkpoint holds. @throws UserError as `resume` does */
export function savedPrecision(state: Record<string, unknown>, path: string): Precision {
  return readState(state, path).precision;
}

/** A training that is taken up. */
export interface Resumed {
  state: TrainState;
  /** The fingerprint of the validation samples that chose the best epoch so far; of today's if there is none. */
  validation: string;
}

/**
 * Loads parameters and optimiser from a checkpoint. A checkpoint without a training state (`best`) gives its
 * parameters to a new training.
 *
 * @throws UserError if it is damaged, of another architecture or preprocessing, or was written within an epoch under
 * other conditions
 */
export async function resume(
  engine: Engine,
  checkpoint: Checkpoint,
  path: string,
  model: ResolvedClassifierConfig,
  preprocessing: Preprocessing,
  conditions: UpdateConditions,
): Promise<Resumed> {
  refuseOtherModel(checkpoint, path, model);
  const { parameters, training } = checkpoint;
  if (!training) {
    await engine.load({ parameters, optimizer: new Map() });
    return { state: initialState(conditions.precision), validation: conditions.validation };
  }
  refuseOtherPreprocessing(checkpoint.preprocessing, path, preprocessing);
  const { batchSize, trainCount, seed, optimizer, precision, data, validation, ...state } = readState(
    training.state,
    path,
  );
  if (optimizer !== conditions.optimizer) {
    throw new UserError(
      `train: ${path} was written with optimizer ${optimizer}, but ${conditions.optimizer} was requested; ` +
        `use optimizer ${optimizer}, or begin a new training from the weights in ${RUN_FILES.best}`,
      { settings: ['optimizer', 'loadCp'] },
    );
  }
  const saved = { batchSize, trainCount, seed, precision };
  const changed = CONDITIONS.find(({ name }) => saved[name] !== conditions[name]);
  if (changed && state.losses.length > 0) {
    const { name, words, settings } = changed;
    const [before, now] = [saved[name], conditions[name]];
    throw new UserError(
      `train: ${path} was written within epoch ${state.epoch}, with ${words} ${before}; ` +
        `now ${words} is ${now}; continue with ${words} ${before}`,
      { settings },
    );
  }
  if (data !== null && data !== conditions.data && state.losses.length > 0) {
    throw new UserError(
      `train: ${path} was written within epoch ${state.epoch}, on other training data of the same size; ` +
        'go on with the data that the epoch began with',
      { settings: ['data', 'loadCp'] },
    );
  }
  await engine.load({ parameters, optimizer: optimizerTensors(training.optimizer, model) });
  // Between two epochs the precision may change.
  const { lossScale } = precision === conditions.precision ? state : initialState(conditions.precision);
  return {
    state: { ...state, lossScale },
    validation: (state.best && validation) ?? conditions.validation,
  };
}

/**
 * The optimiser's vectors by tensor. Checkpoints of the first version hold each as one flat vector (`mean`), with the
 * tensors in the order of ParameterLayout.
 */
function optimizerTensors(saved: StateDict, model: ResolvedClassifierConfig): StateDict {
  const layout = new ParameterLayout(model);
  const tensors: StateDict = new Map();
  for (const [name, tensor] of saved) {
    if (name.includes('.')) {
      tensors.set(name, tensor);
      continue;
    }
    for (const [parameter, part] of layout.toStateDict(tensor.data))
      tensors.set(`${name}.${parameter}`, part);
  }
  return tensors;
}

/** The sizes of a model, in words for messages. */
const SIZES = {
  inputSize: 'input size',
  hiddenSize: 'hidden size',
  numLayers: 'number of layers',
  bidirectional: 'bidirectional',
  numClasses: 'number of classes',
  head: 'head',
  sequenceLength: 'sequence length',
} as const;

function refuseOtherModel(checkpoint: Checkpoint, path: string, model: ResolvedClassifierConfig): void {
  const differences = differencesOf(checkpoint.model, model);
  if (differences.length === 0) return;
  throw new UserError(
    `train: ${path} is of another architecture: it has ${differences.map(({ text }) => text).join('; ')}; ` +
      'give the settings that it was trained with, or begin a new run',
    // The number of classes follows from the data, and the class none.
    { settings: differences.flatMap(({ name }) => (name === 'numClasses' ? ['data', 'noneShare'] : [name])) },
  );
}

/**
 * A summary would be of the new preprocessing, and the best network perhaps of the old. Rotated views concern neither:
 * a training reads one view.
 */
function refuseOtherPreprocessing(saved: Preprocessing, path: string, wanted: Preprocessing): void {
  const [before, now] = [saved, wanted].map(inputSettings);
  const changed = OPTION_KEYS.filter((key) => key !== 'viewRotation' && before[key] !== now[key]);
  if (changed.length === 0) return;
  const differences =
    saved.kind === wanted.kind
      ? changed.map((key) => `${flagName(key)} ${before[key] ?? 'none'}, not ${now[key] ?? 'none'}`)
      : [`${saved.kind}, not ${wanted.kind}`];
  throw new UserError(
    `train: ${path} was trained with ${differences.join('; ')}; go on as it was trained, or begin a new run from ` +
      `the weights in ${RUN_FILES.best}`,
    { settings: saved.kind === wanted.kind ? [...changed, 'loadCp'] : ['data', 'loadCp'] },
  );
}

/** A size in which two architectures differ. */
export interface Difference {
  name: keyof typeof SIZES;
  /** `hidden size 12, not 13` */
  text: string;
}

/** The sizes in which two architectures differ; none if they have the same parameters. */
export function differencesOf(
  saved: ResolvedClassifierConfig,
  wanted: ResolvedClassifierConfig,
): Difference[] {
  const names = Object.keys(SIZES) as Difference['name'][];
  return names.flatMap((name) =>
    saved[name] === wanted[name]
      ? []
      : [{ name, text: `${SIZES[name]} ${saved[name] ?? 'none'}, not ${wanted[name] ?? 'none'}` }],
  );
}
