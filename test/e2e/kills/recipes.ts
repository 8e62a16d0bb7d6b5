/** The recipes of the kill harness: settings of short runs, which together use all that a training can be asked for. */

const COMMON = {
  'hidden-size': 8,
  'batch-size': 30,
  'train-split': 0.75,
  'num-epochs': 6,
  'chart-format': 'none',
  'freq-output-train': 1,
};

type Flags = Record<string, string | number | boolean>;

/** Flags beside the common ones. Of `data`, MNIST stands for the folder of small IDX files. */
export const RECIPES = {
  adam: {},
  'adamw, step, two layers': {
    optimizer: 'adamw',
    'weight-decay': 0.01,
    schedule: 'step',
    'num-layers': 2,
    'layer-dropout': 0.3,
    head: 'last',
  },
  'sgd, cosine, warm-up': {
    optimizer: 'sgd',
    nesterov: true,
    schedule: 'cosine',
    'warmup-steps': 4,
    'learning-rate': 0.1,
  },
  'sgd without momentum, warm restarts': {
    optimizer: 'sgd',
    momentum: 0,
    schedule: 'cosine-warm-restarts',
    't-mult': 2,
    head: 'mean',
    permute: 3,
    'label-smoothing': 0.1,
  },
  'augmented images': {
    'augment-rotation': 10,
    'augment-scale': 0.1,
    'augment-shear': 0.1,
    'augment-shift': 2,
    'augment-elastic': 1,
  },
  accumulation: {
    'accumulation-steps': 2,
    'batch-size': 20,
    schedule: 'constant',
    'warmup-steps': 3,
    'max-norm': 'none',
  },
  patience: { patience: 1, 'num-epochs': 12, 'learning-rate': 0.03 },
  'target accuracy': { 'target-accuracy': 0.4, 'num-epochs': 12 },
  'mixed precision': { 'use-amp': true },
  'mixed precision, wasm': { 'use-amp': true, backend: 'wasm', 'num-epochs': 4 },
  wasm: { backend: 'wasm', 'num-epochs': 4, optimizer: 'adamw' },
  strokes: { data: 'strokes:MNIST', 'num-epochs': 4 },
  'augmented strokes': {
    data: 'strokes:MNIST',
    'num-epochs': 4,
    'stroke-sort': false,
    'augment-jitter': 0.5,
    'augment-drop': 0.1,
    'augment-reverse': 0.5,
    'augment-shuffle': 0.5,
  },
  'two seeds': { seeds: 2, 'num-epochs': 3 },
  'all charts': { 'chart-format': 'svg,png,pdf', 'num-epochs': 2 },
  'two seeds, charts': { seeds: 2, 'chart-format': 'svg', 'num-epochs': 2, 'use-amp': true },
} satisfies Record<string, Flags>;
export type RecipeName = keyof typeof RECIPES;

export const RECIPE_NAMES = Object.keys(RECIPES).filter((name): name is RecipeName => name in RECIPES);

/** A recipe, and the settings on which the bits of a run do not depend. */
export interface RunSettings {
  recipe: RecipeName;
  threads: 1 | 2;
  /** A checkpoint after every update. */
  everyUpdate: boolean;
}

export const ALL_SETTINGS: readonly RunSettings[] = RECIPE_NAMES.flatMap((recipe) =>
  ([1, 2] as const).flatMap((threads) =>
    [false, true].map((everyUpdate) => ({ recipe, threads, everyUpdate })),
  ),
);
/** For the test suite: fewer undisturbed runs, which take a third of the time of a short harness. */
export const FEW_SETTINGS: readonly RunSettings[] = [
  { recipe: 'adam', threads: 2, everyUpdate: true },
  { recipe: 'patience', threads: 1, everyUpdate: false },
  { recipe: 'mixed precision', threads: 1, everyUpdate: true },
  { recipe: 'augmented strokes', threads: 1, everyUpdate: false },
  { recipe: 'two seeds, charts', threads: 1, everyUpdate: false },
];

export function settingsText({ recipe, threads, everyUpdate }: RunSettings): string {
  const checkpoints = everyUpdate ? ', a checkpoint every update' : '';
  return `${recipe}, ${threads === 1 ? '1 thread' : `${threads} threads`}${checkpoints}`;
}

/** The arguments of a new run. @param mnist the folder of small IDX files */
export function trainArguments(settings: RunSettings, mnist: string, savingPath: string): string[] {
  const flags: Flags = {
    data: 'MNIST',
    ...COMMON,
    ...RECIPES[settings.recipe],
    threads: settings.threads,
    'saving-path': savingPath,
  };
  if (settings.everyUpdate) flags['checkpoint-updates'] = 1;
  flags.data = String(flags.data).replace('MNIST', mnist);
  const words = Object.entries(flags).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, String(value)],
  );
  return ['train', ...words];
}
