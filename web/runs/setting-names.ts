/**
 * Names and units of a run's settings for people. Keys are those of config.json. The table follows that of the options
 * (src/train/config/options.ts), which the page must not load; a test compares the two.
 */
import { formatSetting, formatShare, plural } from '#src/report/text.js';

interface Setting {
  name: string;
  /** Noun that is counted, in the singular: `epoch` gives `3 epochs`. */
  count?: string;
  /** Unit of a number: `°`, `px`. */
  unit?: string;
  /** The number is a share of something: shown in percent, as accuracies are. */
  share?: boolean;
  /** The number x means a factor from 1/(1 + x) to 1 + x. */
  factor?: boolean;
  /** Text for null. */
  none?: string;
}

/** The settings by group, in the order of the help. */
export const SETTING_GROUPS: readonly { title: string; settings: Readonly<Record<string, Setting>> }[] = [
  {
    title: 'Run',
    settings: {
      preset: { name: 'Preset' },
      saving_path: { name: 'Folder of the run', none: 'chosen by the preset and the time' },
      load_cp: { name: 'Continued from', none: 'a new run' },
      seed_number: { name: 'Random seed' },
      seeds: { name: 'Number of runs', count: 'run' },
    },
  },
  {
    title: 'Data',
    settings: {
      data: { name: 'Data set' },
      channels_img: { name: 'Colours of an image', count: 'channel', none: 'as in the data' },
      image_size: { name: 'Size of own pictures', count: 'pixel', none: 'as in the data' },
      sequence_length: { name: 'Length of a sequence', count: 'step' },
      input_size: { name: 'Input per step', count: 'value' },
      permute: { name: 'Seed of shuffled pixels', none: 'not shuffled' },
      scan: { name: 'Order of reading' },
      edges: { name: 'Edges read' },
      deslant: { name: 'Slant removed' },
      pixel_mean: { name: 'Mean of the pixels' },
      pixel_std: { name: 'Standard deviation of the pixels' },
      stroke_order: { name: 'Order of the strokes' },
      stroke_scale: { name: 'Scale of the strokes' },
      stroke_position: { name: 'Places of the moves' },
      stroke_context: { name: 'Ink around the moves' },
      stroke_sort: { name: 'Strokes in one order' },
      view_rotation: { name: 'Rotated views' },
      train_split: { name: 'Training share of the samples', share: true },
      per_class: { name: 'Drawings per class', none: 'all' },
      none_share: { name: 'Generated samples of the class none', share: true },
      drawn_share: { name: 'Drawn digits, generated', share: true },
      changed_share: { name: 'Changed copies', share: true },
      made_sets: { name: 'Sets of what is added', count: 'set' },
    },
  },
  {
    title: 'Augmentation',
    settings: {
      augment_rotation: { name: 'Rotation up to', unit: '°' },
      augment_scale: { name: 'Scaling up to a factor of', factor: true },
      augment_shear: { name: 'Shear up to', unit: 'px per px' },
      augment_shift: { name: 'Shift up to', unit: 'px' },
      augment_elastic: { name: 'Elastic distortion up to', unit: 'px' },
      augment_thickness: { name: 'Thicker or thinner lines by up to', unit: 'px' },
      augment_jitter: { name: 'Jitter of points, deviation', unit: 'px' },
      augment_drop: { name: 'Points left out', share: true },
      augment_resample: { name: 'Resampling up to a factor of', factor: true },
      augment_reverse: { name: 'Drawings reversed', share: true },
      augment_shuffle: { name: 'Drawings with shuffled strokes', share: true },
      augment_flip: { name: 'Strokes reversed', share: true },
    },
  },
  {
    title: 'Model',
    settings: {
      hidden_size: { name: 'Hidden size', count: 'unit' },
      num_layers: { name: 'LSTM layers', count: 'layer' },
      bidirectional: { name: 'Bidirectional' },
      head: { name: 'Linear layer reads' },
      dropout_rate: { name: 'Dropout before the linear layer', share: true },
      layer_dropout: { name: 'Dropout between layers', share: true },
      forget_bias: { name: 'Bias added to forget gates', none: 'nothing' },
      chrono_init: { name: 'Gate biases for dependencies of up to', count: 'step', none: 'not set' },
    },
  },
  {
    title: 'Training',
    settings: {
      batch_size: { name: 'Batch size', count: 'sample' },
      num_epochs: { name: 'Epochs at most', count: 'epoch' },
      plain_epochs: { name: 'Without augmentation at the end', count: 'epoch' },
      accumulation_steps: { name: 'Batches per update', count: 'batch' },
      use_amp: { name: 'Mixed precision' },
      precision: { name: 'Precision' },
      label_smoothing: { name: 'Label smoothing', share: true },
      class_weights: { name: 'Weights of the classes' },
      monitor: { name: 'Best epoch by validation' },
      patience: { name: 'Stop without improvement after', count: 'epoch', none: 'never' },
      max_minutes: { name: 'Stop after minutes', none: 'no limit' },
      target_accuracy: { name: 'Stop at validation accuracy', share: true, none: 'never' },
    },
  },
  {
    title: 'Optimiser',
    settings: {
      optimizer: { name: 'Update rule' },
      momentum: { name: 'Momentum' },
      nesterov: { name: 'Nesterov momentum' },
      beta1: { name: 'Decay of the gradient’s mean, β₁' },
      beta2: { name: 'Decay of the squared gradient’s mean, β₂' },
      eps: { name: 'Added to the denominator, ε' },
      weight_decay: { name: 'Weight decay' },
      max_norm: { name: 'Gradient clipped to norm', none: 'not clipped' },
    },
  },
  {
    title: 'Learning rate',
    settings: {
      learning_rate: { name: 'Learning rate' },
      schedule: { name: 'Schedule' },
      pct_start: { name: 'One-cycle: rising share of the updates', share: true },
      div_factor: { name: 'One-cycle: highest ÷ first rate' },
      final_div_factor: { name: 'One-cycle: first ÷ last rate' },
      step_size: { name: 'Step: decrease every', count: 'epoch' },
      gamma: { name: 'Step: factor of a decrease' },
      t_max: { name: 'Cosine: from highest to lowest in', count: 'epoch', none: 'all epochs' },
      eta_min: { name: 'Cosine: lowest rate' },
      t0: { name: 'Restarts: first after', count: 'epoch' },
      t_mult: { name: 'Restarts: growth of a period' },
      warmup_steps: { name: 'Warm-up', count: 'update' },
    },
  },
  {
    title: 'Machine and output',
    settings: {
      backend: { name: 'Backend' },
      threads: { name: 'Threads', count: 'thread', none: 'one per core' },
      checkpoint_minutes: { name: 'Checkpoint every', unit: 'min', none: 'between epochs' },
      checkpoint_updates: { name: 'Checkpoint every, in updates', count: 'update', none: 'between epochs' },
      freq_output_train: { name: 'Progress line every', count: 'update' },
      freq_output_val: { name: 'Validation line every', count: 'batch', none: 'no lines' },
      chart_format: { name: 'Chart formats' },
      log: { name: 'Logs for other tools' },
    },
  },
];

const SETTINGS = new Map(SETTING_GROUPS.flatMap(({ settings }) => Object.entries(settings)));

/** The name of a setting. One that is unknown, from another version, is named by its key in words. */
export function settingName(key: string): string {
  const words = key.replaceAll('_', ' ').trim();
  return SETTINGS.get(key)?.name ?? `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`;
}

/** A setting's value with its unit. */
export function settingValue(key: string, value: unknown): string {
  const { count, unit, share, factor, none }: Partial<Setting> = SETTINGS.get(key) ?? {};
  if (value === null || value === undefined) return none ?? 'none';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(', ');
  if (typeof value === 'object') return JSON.stringify(value);
  if (typeof value !== 'number') return String(value);
  // As many decimals as the share has, at most two: 20 %, 83.33 %.
  if (share) return formatShare(value, Number.isInteger(Math.round(value * 1e6) / 1e4) ? 0 : 2);
  if (factor) return formatSetting(1 + value);
  if (count === 'batch') return value === 1 ? '1 batch' : `${formatSetting(value)} batches`;
  if (count) return plural(value, count);
  if (unit) return `${formatSetting(value)}${unit === '°' ? '' : '\u00a0'}${unit}`;
  return formatSetting(value);
}
