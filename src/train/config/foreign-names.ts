/**
 * What other libraries call our options and values, for “did you mean”: people type what they know from PyTorch, Keras,
 * Lightning and Hugging Face.
 */

/** Names of flags elsewhere, by our flags. A command suggests only flags that it has. */
const FLAGS: Readonly<Record<string, string>> = {
  'num-epochs': 'epochs epoch n-epochs nepochs max-epochs num-train-epochs iterations',
  'plain-epochs': 'no-aug-epochs close-mosaic',
  'learning-rate': 'lr learningrate max-lr initial-lr base-lr rate',
  'batch-size': 'batch bs b train-batch-size mini-batch-size per-device-train-batch-size',
  'hidden-size': 'hidden hidden-dim hidden-units units n-hidden nhid rnn-size lstm-size width',
  'num-layers': 'layers n-layers nlayers depth',
  'dropout-rate': 'dropout drop p recurrent-dropout',
  'layer-dropout': 'lstm-dropout inter-layer-dropout',
  'weight-decay': 'wd decay l2 l2-penalty',
  'max-norm':
    'clip clipping clip-norm clipnorm grad-clip gradient-clip gradient-clip-val max-grad-norm clip-grad-norm',
  'use-amp': 'amp mixed-precision autocast',
  precision: 'fp16 bf16 half dtype',
  'label-smoothing': 'smoothing label-smoothing-factor',
  'accumulation-steps':
    'grad-accum accumulate accumulate-grad-batches gradient-accumulation-steps gradient-accumulation',
  optimizer: 'optim opt optimiser',
  schedule: 'scheduler lr-scheduler lr-schedule lr-scheduler-type',
  'warmup-steps': 'warmup warm-up num-warmup-steps warmup-updates',
  'pct-start': 'warmup-ratio',
  monitor: 'metric-for-best-model early-stopping-metric save-best-by',
  patience: 'early-stopping early-stop early-stopping-patience',
  'none-share': 'negatives unknown reject rejection background out-of-distribution ood',
  'changed-share': 'robust corruption corruptions perturbation noise-augmentation',
  'made-sets': 'fresh-samples regenerate resample',
  'drawn-share': 'synthetic synthetic-share generated extra-samples',
  'train-split': 'val-split validation-split valid-split split train-ratio val-ratio validation-fraction',
  'seed-number': 'seed random-seed random-state manual-seed',
  seed: 'seed-number random-seed',
  'load-cp':
    'resume resume-from resume-from-checkpoint checkpoint ckpt ckpt-path load load-checkpoint continue restore weights pretrained from',
  'saving-path':
    'out output output-dir out-dir save save-dir save-path savedir log-dir logdir run-dir run-name name default-root-dir dir folder',
  out: 'output output-dir out-dir output-file o save save-path saving-path file to dest destination',
  data: 'dataset data-dir data-path datadir input root train-data',
  backend: 'device gpu cuda accelerator accelerators gpus use-gpu cpu wasm no-cuda',
  threads: 'workers num-workers jobs j nproc num-threads nthreads cores cpus n-jobs',
  head: 'pooling pool aggregation return-sequences',
  'forget-bias': 'forget-gate-bias unit-forget-bias',
  'chrono-init': 'chrono chrono-initialization chrono-initialisation chrono-bias t-max-init',
  bidirectional: 'bidir bi',
  'checkpoint-minutes': 'save-every save-interval checkpoint-interval save-steps',
  'freq-output-train':
    'log-interval log-every log-every-n-steps logging-steps print-freq print-every verbose',
  'chart-format': 'charts chart plots plot format figures',
  preset: 'model arch architecture recipe',
  config: 'cfg conf config-file yaml settings',
  part: 'split subset set',
  count: 'n num samples num-samples limit',
  augment: 'augmentation augmented',
  host: 'address bind ip hostname listen',
  port: 'p',
  runs: 'runs-dir run-dir folder dir root logdir',
  open: 'browser open-browser show launch',
  json: 'output-json as-json machine-readable',
};

/**
 * Our flag for a name from elsewhere, both without the dashes before them.
 * @param name in kebab-case
 * @param known our flags to choose from
 */
export function flagFor(name: string, known: readonly string[]): string | undefined {
  return known.find((flag) => Object.hasOwn(FLAGS, flag) && FLAGS[flag].split(' ').includes(name));
}

/** Values from elsewhere, by our options and our values; in small letters. */
const VALUES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  head: {
    flatten: 'flat all concat concatenate sequence',
    last: 'last-state hidden h_n output',
    mean: 'average avg pool mean-pool global-average',
    final: 'states',
  },
  schedule: {
    constant: 'none off fixed no null',
    'one-cycle': 'onecycle onecyclelr one_cycle super-convergence',
    step: 'steplr multistep step-lr exponential',
    cosine: 'cosineannealing cosineannealinglr cosine-annealing cos',
    'cosine-warm-restarts':
      'cosineannealingwarmrestarts cosine-restarts sgdr warm-restarts cosine-annealing-warm-restarts',
  },
  optimizer: { sgd: 'momentum nesterov', adam: 'nadam rmsprop adamax', adamw: 'adam-w' },
  backend: { webgpu: 'gpu cuda cuda:0 mps rocm hip xpu metal vulkan opencl' },
  preset: { 'mnist-lstm': 'mnist lstm published', quick: 'default', strokes: 'stroke pen' },
  'stroke-order': { pen: 'drawn original' },
};
/** Values for which there is nothing; the advice. */
const NOTHING: Readonly<Record<string, { values: string; advice: string }>> = {
  backend: {
    values: 'tpu npu',
    advice: 'scanstroke computes on the processor and, with webgpu, on a GPU',
  },
};

/**
 * What to do about a value from elsewhere: `did you mean flatten?`
 * @param flag of the option, without dashes
 */
export function adviceFor(flag: string, value: string): string | undefined {
  const word = value.toLowerCase();
  const nothing = Object.hasOwn(NOTHING, flag) ? NOTHING[flag] : undefined;
  if (nothing?.values.split(' ').includes(word)) return nothing.advice;
  const names = Object.entries(Object.hasOwn(VALUES, flag) ? VALUES[flag] : {});
  const meant = names.find(([, others]) => others.split(' ').includes(word))?.[0];
  return meant && `did you mean ${meant}?`;
}
