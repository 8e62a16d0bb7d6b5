/**
 * Every option of a training run, in one table of plain data. The flags of the command line, the keys of a
 * configuration file, the help and the validation (run-config.ts) all follow from this table. The validator itself is
 * not loaded here, so that `--help` does not wait for it.
 *
 * The defaults are the settings of the preset `quick`.
 */
import { BACKEND_CHOICES } from '../../backends/backend-names.js';
import { PRECISIONS } from '../../backends/stored.js';
import { SCANS } from '../../data/images/image-preprocessing.js';
import { MAX_VIEW_ROTATION } from '../../data/strokes/stroke-preprocessing.js';
import { snakeCase } from '../../formats/key-case.js';
import { CHRONO_RANGE } from '../../model/classifier-config.js';
import { MAX_EPOCHS } from '../../runs/limits.js';
import { MAX_BATCH_SIZE, MAX_THREADS } from '../engine.js';
import {
  choice,
  type Extra,
  flagName,
  fraction,
  integer,
  list,
  number,
  type Option,
  text,
  toggle,
} from './option.js';

const MANY = 1_000_000;
const SEED = { from: 0, to: 2 ** 32 - 1 };
const SGD: Extra = { only: { with: 'optimizer', is: ['sgd'] } };
const ADAM: Extra = { only: { with: 'optimizer', is: ['adam', 'adamw'] } };
const UNSORTED: Extra = { only: { with: 'strokeSort', is: [false] } };
const schedule = (...is: string[]): Extra => ({ only: { with: 'schedule', is } });

const RUN = {
  preset: choice(
    [
      'quick',
      'fast',
      'accurate',
      'mnist-lstm',
      'strokes',
      'strokes-fast',
      'strokes-accurate',
      'sequential-mnist',
      'quickdraw',
      'pixels',
      'permuted',
    ],
    'quick',
    'settings to start from (strokes if --data names strokes)',
  ),
  savingPath: text(null, 'folder of the run', { none: 'runs/PRESET-TIME' }),
  loadCp: text(
    null,
    'continue from a run folder or a checkpoint; without a path: from --saving-path, or else from the newest run in runs/',
    { none: 'start a new run', alone: 'last' },
  ),
  seedNumber: integer(0, SEED, 'seed of the split, initial weights, sample order, dropout and augmentation'),
  seeds: integer(
    1,
    { from: 1, to: 1000 },
    'number of runs, with consecutive seeds; prints the mean and standard deviation',
  ),
};

const DATA = {
  data: text(
    'mnist',
    'images: mnist, a folder of IDX files, or your own pictures: a folder or .zip with a folder for each class, or a table (.csv, .npz, .npy, .parquet) or its folder; strokes: strokes (of MNIST), strokes:PATH (of IDX files or your own pictures), a stroke archive or its folder, or a file of drawings',
  ),
  channelsImg: integer(
    null,
    { from: 1, to: 64 },
    'images: number of colour channels; 1 makes your own pictures grey',
    {
      none: '1; 3 if your own pictures have colours',
    },
  ),
  imageSize: integer(null, { from: 4, to: 1024 }, 'your own pictures: scale and pad them to n × n pixels', {
    none: 'their common size up to 64 × 64, else 28 × 28',
  }),
  sequenceLength: integer(28, { from: 1, to: MANY }, 'images: number of steps in a sequence'),
  inputSize: integer(
    28,
    { from: 1, to: MANY },
    'values per step; images: pixels × channels / --sequence-length, strokes: 4, or 6 with --stroke-position, and 25 more with --stroke-context',
  ),
  permute: integer(null, SEED, 'images: shuffle the pixels, in the same way for all images; n is the seed', {
    none: 'no shuffling',
  }),
  scan: choice(
    SCANS,
    'rows',
    'images: a step reads pixel rows, columns, or both at once; for both --input-size is twice as large',
  ),
  edges: toggle(
    false,
    'images: a step also reads the edges of its pixels, in eight directions, three times as many values; grey pictures only; MNIST needs --sequence-length 14 --input-size 168',
  ),
  deslant: toggle(
    false,
    'remove the slant of every picture or drawing, in training and recognition; grey pictures only',
  ),
  pixelMean: number(
    0.5,
    { from: -1e6, to: 1e6 },
    'images: a pixel from 0 to 1 becomes (pixel − mean) / standard deviation; this is the mean',
  ),
  pixelStd: number(0.5, { from: 1e-6, to: 1e6 }, 'images: the standard deviation in that formula'),
  strokeOrder: choice(
    ['tour', 'pen', 'points'],
    'tour',
    'strokes: order of the points, by a tour of the thinned picture, pixel by pixel as the pen drew them, or from point to point of a simplified drawing in 256 × 256 pixels',
  ),
  strokeScale: number(1, { from: 1e-6, to: 1e6 }, 'strokes: factor of dx and dy of every move'),
  strokePosition: toggle(
    false,
    'strokes: a step also has the place x, y where its move ends; needs --input-size 6',
  ),
  strokeContext: toggle(
    false,
    'strokes: a step also has a map of the ink around the place where its move ends, 5 × 5 cells of 3 pixels (of 28); needs --input-size 29, or 31 with --stroke-position; not with the order points',
  ),
  strokeSort: toggle(
    false,
    'strokes: bring the strokes of every drawing into one order and direction, in training and recognition',
  ),
  viewRotation: number(
    0,
    { from: 0, to: MAX_VIEW_ROTATION },
    'strokes: x is an angle in degrees, for example 12: recognition looks three times: at a picture or drawing as it is, and rotated by x to the left and to the right; the answer is the mean of the three',
  ),
  trainSplit: fraction(
    5 / 6,
    { above: 0, below: 1 },
    'share of the training samples to train on, such as 0.8 or 4/5; validation uses the others',
    { unless: 'perClass' },
  ),
  perClass: text(
    null,
    'drawings with --stroke-order points: how many of each class are for training, validation and test, such as 70000,2500,2500',
    { none: 'all; every seventh for the test' },
  ),
  noneShare: number(
    0,
    { from: 0, to: 1 },
    'add the class none, for what is none of the classes: x generated samples for each training sample, such as 0.15',
  ),
  drawnShare: number(
    0,
    { from: 0, to: 1 },
    'digits: add drawn ones, in the forms that people write: x generated samples for each training sample, such as 0.15',
  ),
  changedShare: number(
    0,
    { from: 0, to: 4 },
    'add copies as recognition prepares them: drawn again with a pen, thin, thick, noisy, turned …; x copies for each training sample, such as 0.3',
  ),
  madeSets: integer(
    1,
    { from: 1, to: 16 },
    'what the three options before add is made n times, each time otherwise; epochs read these sets in turn',
  ),
};

const AUGMENTATION = {
  augmentRotation: number(0, { from: 0, to: 180 }, 'rotate by up to x degrees, either way'),
  augmentScale: number(0, { from: 0, to: 4 }, 'scale width and height by 1/(1 + x) to 1 + x'),
  augmentShear: number(0, { from: 0, to: 4 }, 'shear sideways by up to x pixels per pixel of height'),
  augmentShift: number(0, { from: 0, to: 1000 }, 'shift by up to x pixels, sideways and up or down'),
  augmentElastic: number(0, { from: 0, to: 1000 }, 'images: distort smoothly by up to about x pixels'),
  augmentThickness: number(
    0,
    { from: 0, to: 1 },
    'images: lines thicker or thinner by up to x; 1 is a pixel on either side',
  ),
  augmentJitter: number(
    0,
    { from: 0, to: 1000 },
    'strokes: move each point at random; standard deviation in pixels',
  ),
  augmentDrop: number(0, { from: 0, below: 1 }, 'strokes: probability of leaving out a point'),
  augmentResample: number(
    0,
    { from: 0, to: 4 },
    'strokes: resample the points; spacing × 1/(1 + x) to 1 + x',
  ),
  augmentReverse: number(
    0,
    { from: 0, to: 1 },
    'strokes that are not sorted: probability of reversing a whole drawing',
    UNSORTED,
  ),
  augmentShuffle: number(
    0,
    { from: 0, to: 1 },
    'strokes that are not sorted: probability of changing the order of the strokes in a drawing',
    UNSORTED,
  ),
  augmentFlip: number(
    0,
    { from: 0, to: 1 },
    'strokes that are not sorted: probability of reversing a single stroke',
    UNSORTED,
  ),
};

const MODEL = {
  hiddenSize: integer(128, { from: 1, to: 16_384 }, 'hidden units per layer and direction'),
  numLayers: integer(1, { from: 1, to: 64 }, 'number of stacked LSTM layers'),
  bidirectional: toggle(true, 'read each sequence forwards and backwards'),
  head: choice(
    ['flatten', 'final', 'last', 'mean'],
    'flatten',
    'the linear layer reads the outputs of all steps, the final states of all layers, those of the last layer, or the mean output',
  ),
  dropoutRate: number(0.2, { from: 0, below: 1 }, 'dropout probability before the linear layer'),
  layerDropout: number(0, { from: 0, below: 1 }, 'dropout probability between LSTM layers'),
  forgetBias: number(null, { from: -100, to: 100 }, 'added to the initial bias of the forget gate', {
    none: 'nothing',
  }),
  chronoInit: integer(
    null,
    CHRONO_RANGE,
    'initial biases of forget and input gates for dependencies of up to n steps, such as 784; not with --forget-bias',
    { none: 'as PyTorch' },
  ),
};

const TRAINING = {
  batchSize: integer(128, { from: 1, to: MAX_BATCH_SIZE }, 'samples per batch'),
  numEpochs: integer(3, { from: 1, to: MAX_EPOCHS }, 'passes over the training samples'),
  plainEpochs: integer(
    0,
    { from: 0, to: MAX_EPOCHS },
    'the last n epochs read the samples as they are, without augmentation; the best of these epochs is kept',
  ),
  accumulationSteps: integer(1, { from: 1, to: MANY }, 'gradient accumulation: batches per update'),
  useAmp: toggle(
    false,
    'mixed precision: --precision bfloat16 where the processor multiplies it, else float16',
  ),
  precision: choice(
    PRECISIONS,
    'float32',
    'precision of activations and working weights; bfloat16 also multiplies in it, float16 only stores',
  ),
  labelSmoothing: number(
    0,
    { from: 0, below: 1 },
    'share of the target probability spread evenly over all classes',
  ),
  classWeights: choice(
    ['none', 'balanced'],
    'none',
    'weights of the classes in the loss; balanced: rare classes count as much as frequent ones, N / (K · N_class)',
  ),
  monitor: choice(
    ['accuracy', 'loss'],
    'accuracy',
    'result on the validation samples that tells the best epoch, whose weights are kept',
  ),
  patience: integer(null, { from: 1, to: MANY }, 'stop after n epochs that are no better by --monitor', {
    none: 'never',
  }),
  maxMinutes: number(
    null,
    { above: 0, to: 1_000_000 },
    'stop after n minutes of training, all processes of the run together, with a last validation',
    { none: 'no limit' },
  ),
  targetAccuracy: number(null, { above: 0, to: 1 }, 'stop at this validation accuracy; 0.98 is 98 %', {
    none: 'never',
  }),
};

const OPTIMISER = {
  optimizer: choice(['adam', 'adamw', 'sgd'], 'adam', 'update rule'),
  momentum: number(0.9, { from: 0, below: 1 }, 'sgd: momentum', SGD),
  nesterov: toggle(false, 'sgd: use Nesterov momentum', SGD),
  beta1: number(0.9, { from: 0, below: 1 }, 'adam, adamw: decay of the running mean of the gradient', ADAM),
  beta2: number(
    0.999,
    { from: 0, below: 1 },
    'adam, adamw: decay of the running mean of the squared gradient',
    ADAM,
  ),
  eps: number(1e-8, { above: 0, to: 1 }, 'adam, adamw: added to the denominator', ADAM),
  weightDecay: number(
    0,
    { from: 0, to: 100 },
    'weight decay; adam, sgd: added to the gradient, adamw: decoupled from it',
  ),
  maxNorm: number<number | null>(1, { above: 0, to: 1e30 }, 'clip the norm of the gradient to x', {
    none: 'no clipping',
  }),
};

const RATE = {
  learningRate: number(6e-3, { above: 0, to: 1000 }, 'learning rate; one-cycle: the highest rate'),
  schedule: choice(
    ['constant', 'step', 'cosine', 'cosine-warm-restarts', 'one-cycle'],
    'one-cycle',
    'how the learning rate changes',
  ),
  pctStart: number(
    0.3,
    { above: 0, below: 1 },
    'one-cycle: share of the updates in which the rate rises',
    schedule('one-cycle'),
  ),
  divFactor: number(
    25,
    { from: 1, to: 1e12 },
    'one-cycle: first rate = highest rate / x',
    schedule('one-cycle'),
  ),
  finalDivFactor: number(
    1e4,
    { from: 1, to: 1e12 },
    'one-cycle: last rate = first rate / x',
    schedule('one-cycle'),
  ),
  stepSize: integer(1, { from: 1, to: MANY }, 'step: epochs between two decreases', schedule('step')),
  gamma: number(0.1, { above: 0, to: 1 }, 'step: factor of each decrease', schedule('step')),
  tMax: integer(null, { from: 1, to: MANY }, 'cosine: epochs from the highest to the lowest rate', {
    none: 'all epochs',
    only: { with: 'schedule', is: ['cosine'] },
  }),
  etaMin: number(
    0,
    { from: 0, to: 1000 },
    'cosine, cosine-warm-restarts: lowest rate',
    schedule('cosine', 'cosine-warm-restarts'),
  ),
  t0: integer(
    1,
    { from: 1, to: MANY },
    'cosine-warm-restarts: epochs before the first restart',
    schedule('cosine-warm-restarts'),
  ),
  tMult: integer(
    1,
    { from: 1, to: 1000 },
    'cosine-warm-restarts: each period is n times as long as the last',
    schedule('cosine-warm-restarts'),
  ),
  warmupSteps: integer(
    0,
    { from: 0, to: MANY },
    'all except one-cycle: updates in which the rate rises from 0',
    schedule('constant', 'step', 'cosine', 'cosine-warm-restarts'),
  ),
};

const MACHINE = {
  backend: choice(
    BACKEND_CHOICES,
    'auto',
    'what computes (auto: native cpu kernels if they are built, otherwise wasm; a new training takes the GPU if it is faster)',
  ),
  threads: integer(
    null,
    { from: 1, to: MAX_THREADS },
    'number of worker threads; the result does not depend on it',
    {
      none: 'one per core',
    },
  ),
  checkpointMinutes: number<number | null>(
    10,
    { above: 0, to: 10_000 },
    'within an epoch: write last.safetensors every n minutes',
    { none: 'between epochs' },
  ),
  checkpointUpdates: integer(
    null,
    { from: 1, to: MANY },
    'within an epoch: write last.safetensors every n updates, too',
    { none: 'between epochs' },
  ),
  freqOutputTrain: integer(100, { from: 1, to: MANY }, 'without a terminal: print a line every n updates'),
  freqOutputVal: integer(
    null,
    { from: 1, to: MANY },
    'without a terminal: print a line every n validation batches',
    {
      none: 'no lines',
    },
  ),
  chartFormat: list(
    ['svg', 'png', 'pdf'],
    ['svg', 'png'],
    'file formats of the charts, such as svg,png,pdf; none: no files',
  ),
  log: list(
    ['tensorboard'],
    [],
    "also write curves, pictures and settings for other tools; tensorboard: event files in the run's folder tensorboard",
  ),
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

/** The configuration of a run: every option with its value. */
export type TrainConfig = {
  [K in keyof typeof TABLE]: (typeof TABLE)[K] extends Option<infer T> ? T : never;
};
export type OptionKey = keyof TrainConfig;

/** The options by key, in the order of the help and of config.json. */
export const OPTIONS: Readonly<Record<OptionKey, Option>> = TABLE;
export const OPTION_KEYS = Object.keys(TABLE) as OptionKey[];
/** The groups of the help, each with the keys of its options. */
export const OPTION_GROUPS = Object.entries(GROUPS).map(([title, options]) => ({
  title,
  keys: Object.keys(options) as OptionKey[],
}));

/**
 * Finds the option of a spelling: kebab-case, camelCase, or snake_case with one or more underscores
 * (`freq_output__train` in the mnist-lstm project). Returns undefined for an unknown option.
 */
export function optionNamed(spelling: string): OptionKey | undefined {
  const name = snakeCase(spelling).replace(/_+/g, '-');
  return OPTION_KEYS.find((key) => flagName(key) === name);
}
