/**
 * Every option of a training run, in one table of plain data: what the command line offers, what a configuration
 * file may say, what the help prints and what config.ts validates all come from here. The validator itself is not
 * loaded here, so that `--help` need not wait for it.
 *
 * The defaults are the settings of the `quick` preset, so what the help shows is what `scanstroke train` does.
 */
import { snakeCase } from '../../formats/key-case.js';

interface Range {
  from?: number;
  to?: number;
  /** Exclusive bounds. */
  above?: number;
  below?: number;
}
interface Extra {
  /** The option can be left open (`null` in a file, `none` as a flag); this says what that means. */
  none?: string;
  /** It has an effect only with these values of another option: a flag given in vain is refused. */
  only?: { with: 'optimizer' | 'schedule'; is: readonly string[] };
}
type Form =
  | { kind: 'integer' | 'number'; range: Range }
  | { kind: 'fraction'; range: Range /* a number, or `5/6` */ }
  | { kind: 'switch' }
  | { kind: 'choice' | 'list'; choices: readonly string[] }
  | { kind: 'text' /** What the flag means when it stands alone. */; alone?: string };

/** One option, whose values are of type T. */
export type Option<T = unknown> = { default: T; description: string } & Extra & Form;

function integer<T extends number | null>(value: T, range: Range, description: string, extra?: Extra) {
  return { kind: 'integer', default: value, range, description, ...extra } as Option<T | number>;
}
function number<T extends number | null>(value: T, range: Range, description: string, extra?: Extra) {
  return { kind: 'number', default: value, range, description, ...extra } as Option<T | number>;
}
function fraction(value: number, range: Range, description: string) {
  return { kind: 'fraction', default: value, range, description } as Option<number>;
}
function toggle(value: boolean, description: string, extra?: Extra) {
  return { kind: 'switch', default: value, description, ...extra } as Option<boolean>;
}
function choice<const C extends string>(choices: readonly C[], value: NoInfer<C>, description: string) {
  return { kind: 'choice', default: value, choices, description } as Option<C>;
}
function list<const C extends string>(choices: readonly C[], value: NoInfer<C>[], description: string) {
  return { kind: 'list', default: value, choices, description } as Option<C[]>;
}
function text<T extends string | null>(value: T, description: string, extra?: Extra & { alone?: string }) {
  return { kind: 'text', default: value, description, ...extra } as Option<T | string>;
}

const MANY = 1_000_000;
const SEED = { from: 0, to: 2 ** 32 - 1 };
const SGD: Extra = { only: { with: 'optimizer', is: ['sgd'] } };
const ADAM: Extra = { only: { with: 'optimizer', is: ['adam', 'adamw'] } };
const schedule = (...is: string[]): Extra => ({ only: { with: 'schedule', is } });

const RUN = {
  preset: choice(
    ['quick', 'mnist-lstm', 'strokes', 'sequential-mnist'],
    'quick',
    'settings to start from; strokes, if the data are',
  ),
  savingPath: text(null, 'run folder', { none: 'runs/PRESET-TIME' }),
  loadCp: text(
    null,
    'go on from a run folder or a checkpoint; alone: from --saving-path, or from the newest run in runs/',
    { none: 'start anew', alone: 'last' },
  ),
  seedNumber: integer(0, SEED, 'seed of the split, the weights, the order and dropout'),
  seeds: integer(1, { from: 1, to: 1000 }, 'runs with consecutive seeds, and their mean and deviation'),
};

const DATA = {
  data: text(
    'mnist',
    'mnist, or a folder of IDX files; strokes (of mnist), strokes:FOLDER of IDX files, an archive or folder of strokes, or drawings',
  ),
  channelsImg: integer(1, { from: 1, to: 64 }, 'channels of an image'),
  sequenceLength: integer(28, { from: 1, to: MANY }, 'steps into which an image is cut'),
  inputSize: integer(28, { from: 1, to: MANY }, 'values of an image in one step'),
  permute: integer(null, SEED, 'shuffle the pixels of every image alike, by this seed', { none: 'in order' }),
  strokeOrder: choice(
    ['tour', 'pen'],
    'tour',
    'points of strokes by a tour of the picture, or of drawings as the pen made them',
  ),
  trainSplit: fraction(
    5 / 6,
    { above: 0, below: 1 },
    'share of the training samples to learn from, as 0.8 or 4/5; the others validate',
  ),
};

const AUGMENTATION = {
  augmentRotation: number(0, { from: 0, to: 180 }, 'turned by up to so many degrees'),
  augmentScale: number(0, { from: 0, to: 4 }, 'enlarged or reduced by up to a factor of 1 + this'),
  augmentShear: number(0, { from: 0, to: 4 }, 'sheared by up to this'),
  augmentShift: number(0, { from: 0, to: 1000 }, 'shifted by up to so many pixels'),
  augmentElastic: number(0, { from: 0, to: 1000 }, 'images: bent by up to about so many pixels'),
  augmentJitter: number(0, { from: 0, to: 1000 }, 'strokes: standard deviation of the points, in pixels'),
  augmentDrop: number(0, { from: 0, below: 1 }, 'strokes: share of the points left out'),
  augmentResample: number(0, { from: 0, to: 4 }, 'strokes: points set anew, up to 1 + this as far apart'),
  augmentReverse: number(0, { from: 0, to: 1 }, 'strokes: share of drawings made in reverse'),
  augmentShuffle: number(0, { from: 0, to: 1 }, 'strokes: share of drawings with strokes in another order'),
  augmentFlip: number(0, { from: 0, to: 1 }, 'strokes: share of strokes drawn from their end'),
};

const MODEL = {
  hiddenSize: integer(128, { from: 1, to: 16_384 }, 'hidden units of a layer and direction'),
  numLayers: integer(1, { from: 1, to: 64 }, 'LSTM layers, one on the other'),
  bidirectional: toggle(true, 'read every sequence backwards too'),
  head: choice(
    ['flatten', 'final', 'last', 'mean'],
    'flatten',
    'every output in a row, final states of all layers or of the last, mean output',
  ),
  dropoutRate: number(0.2, { from: 0, below: 1 }, 'dropout on the output of the last layer'),
  layerDropout: number(0, { from: 0, below: 1 }, 'dropout between layers'),
  forgetBias: number(null, { from: -100, to: 100 }, "added to the forget gate's bias at the start", {
    none: 'nothing',
  }),
};

const TRAINING = {
  batchSize: integer(128, { from: 1, to: MANY }, 'samples in a step'),
  numEpochs: integer(3, { from: 1, to: MANY }, 'passes over the training samples'),
  accumulationSteps: integer(1, { from: 1, to: MANY }, 'batches whose gradients make one update'),
  useAmp: toggle(false, 'mixed precision: activations and working weights in 16 bits, half the memory'),
  labelSmoothing: number(0, { from: 0, below: 1 }, 'share of the target spread over all classes'),
  patience: integer(
    null,
    { from: 1, to: MANY },
    'stop after so many epochs without a better validation accuracy',
    {
      none: 'never',
    },
  ),
  targetAccuracy: number(null, { above: 0, to: 1 }, 'stop when validation reaches this: 0.98 is 98 %', {
    none: 'never',
  }),
};

const OPTIMISER = {
  optimizer: choice(['adam', 'adamw', 'sgd'], 'adam', 'rule of the update'),
  momentum: number(0.9, { from: 0, below: 1 }, 'sgd: momentum', SGD),
  nesterov: toggle(false, "sgd: Nesterov's momentum", SGD),
  beta1: number(0.9, { from: 0, below: 1 }, 'adam, adamw: decay of the mean gradient', ADAM),
  beta2: number(0.999, { from: 0, below: 1 }, 'adam, adamw: decay of the mean square', ADAM),
  eps: number(1e-8, { above: 0, to: 1 }, 'adam, adamw: added to its root', ADAM),
  weightDecay: number(0, { from: 0, to: 100 }, 'weight decay, in adamw decoupled'),
  maxNorm: number<number | null>(1, { above: 0, to: 1e30 }, "clip the gradient's norm to this", {
    none: 'no clipping',
  }),
};

const RATE = {
  learningRate: number(6e-3, { above: 0, to: 1000 }, 'learning rate, in one-cycle the peak'),
  schedule: choice(
    ['constant', 'step', 'cosine', 'cosine-warm-restarts', 'one-cycle'],
    'one-cycle',
    'how the rate changes',
  ),
  pctStart: number(
    0.3,
    { above: 0, below: 1 },
    'one-cycle: share of the steps in which it rises',
    schedule('one-cycle'),
  ),
  divFactor: number(
    25,
    { from: 1, to: 1e12 },
    'one-cycle: it starts at the peak / this',
    schedule('one-cycle'),
  ),
  finalDivFactor: number(
    1e4,
    { from: 1, to: 1e12 },
    'one-cycle: it ends at the start / this',
    schedule('one-cycle'),
  ),
  stepSize: integer(1, { from: 1, to: MANY }, 'step: epochs from one fall to the next', schedule('step')),
  gamma: number(0.1, { above: 0, to: 1 }, 'step: factor of a fall', schedule('step')),
  tMax: integer(null, { from: 1, to: MANY }, 'cosine: epochs from the highest to the lowest rate', {
    none: 'all epochs',
    ...schedule('cosine'),
  }),
  etaMin: number(
    0,
    { from: 0, to: 1000 },
    'cosine, cosine-warm-restarts: the lowest rate',
    schedule('cosine', 'cosine-warm-restarts'),
  ),
  t0: integer(
    1,
    { from: 1, to: MANY },
    'cosine-warm-restarts: epochs to the first restart',
    schedule('cosine-warm-restarts'),
  ),
  tMult: integer(
    1,
    { from: 1, to: 1000 },
    'cosine-warm-restarts: each period / the one before',
    schedule('cosine-warm-restarts'),
  ),
  warmupSteps: integer(
    0,
    { from: 0, to: MANY },
    'all but one-cycle: steps in which it first rises from 0',
    schedule('constant', 'step', 'cosine', 'cosine-warm-restarts'),
  ),
};

const MACHINE = {
  backend: choice(['auto', 'cpu', 'wasm', 'reference'], 'auto', 'what computes'),
  threads: integer(null, { from: 1, to: 256 }, 'worker threads; the result is the same with any', {
    none: 'one a core',
  }),
  checkpointMinutes: number<number | null>(
    10,
    { above: 0, to: 10_000 },
    'within an epoch: write last.safetensors this often, in minutes',
    { none: 'only between epochs' },
  ),
  checkpointUpdates: integer(
    null,
    { from: 1, to: MANY },
    'within an epoch: also write last.safetensors every N updates',
    { none: 'only between epochs' },
  ),
  freqOutputTrain: integer(100, { from: 1, to: MANY }, 'training steps a line, if output is no terminal'),
  freqOutputVal: integer(null, { from: 1, to: MANY }, 'validation batches a line, if output is no terminal', {
    none: 'no lines',
  }),
  chartFormat: list(['svg', 'png', 'pdf'], ['svg', 'png'], 'files of the charts: svg,png,pdf, or none'),
};

const GROUPS = {
  Run: RUN,
  Data: DATA,
  Augmentation: AUGMENTATION,
  Model: MODEL,
  Training: TRAINING,
  Optimiser: OPTIMISER,
  'Learning rate': RATE,
  'Machine and output': MACHINE,
};
const TABLE = { ...RUN, ...DATA, ...AUGMENTATION, ...MODEL, ...TRAINING, ...OPTIMISER, ...RATE, ...MACHINE };

/** A run's whole configuration: every option with its value. */
export type TrainConfig = {
  [K in keyof typeof TABLE]: (typeof TABLE)[K] extends Option<infer T> ? T : never;
};
export type OptionKey = keyof TrainConfig;

/** The table, in the order in which help and files list it. */
export const OPTIONS = TABLE as Readonly<Record<OptionKey, Option>>;
export const OPTION_KEYS = Object.keys(TABLE) as OptionKey[];
/** The options of every group of the help. */
export const OPTION_GROUPS = Object.entries(GROUPS).map(([title, options]) => ({
  title,
  keys: Object.keys(options) as OptionKey[],
}));

/** `dropoutRate` → `dropout-rate`: the name of a flag. On disk it is key-case.ts's `dropout_rate`. */
export function flagName(key: string): string {
  return snakeCase(key).replaceAll('_', '-');
}

/**
 * The option that a spelling means: kebab-case, snake_case with one or more underscores (`freq_output__train`, as
 * the mnist-lstm project has it) or camelCase; undefined if there is none.
 */
export function optionNamed(spelling: string): OptionKey | undefined {
  const name = snakeCase(spelling).replace(/_+/g, '-');
  return OPTION_KEYS.find((key) => flagName(key) === name);
}

/** What a value of the option must be, for help and messages: `a whole number from 1 to 64`. */
export function expectation(option: Option): string {
  const none = option.none === undefined ? '' : ', or none';
  switch (option.kind) {
    case 'switch':
      return 'true or false';
    case 'choice':
      return `one of ${option.choices.join(', ')}`;
    case 'list':
      return `a list of ${option.choices.join(', ')}`;
    case 'text':
      return `a text${none}`;
    default: {
      const { from, to, above, below } = option.range;
      const lower =
        above !== undefined ? `above ${above}` : `${below === undefined ? 'from' : 'of at least'} ${from}`;
      const upper =
        below !== undefined ? `and below ${below}` : `${above === undefined ? 'to' : 'and at most'} ${to}`;
      return `${option.kind === 'integer' ? 'a whole number' : 'a number'} ${lower} ${upper}${none}`;
    }
  }
}
