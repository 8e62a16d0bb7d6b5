/**
 * The recipes of the networks in models/: options of `scanstroke train` by their names in config.json, and what the model
 * cards say about each. make-models.mjs trains by them.
 */

/**
 * @typedef {object} Recipe
 * @property {Record<string, string | number | boolean>} options settings of the training; data and seed included
 * @property {string} about what the network is: one or two sentences
 * @property {string} data what it has learnt from
 * @property {readonly string[]} limits what to expect of it, beside the limits of both
 */

/** @type {Record<'digits' | 'digit-strokes', Recipe>} */
export const RECIPES = {
  digits: {
    options: {
      data: 'mnist',
      seed_number: 0,
      hidden_size: 112,
      num_layers: 2,
      head: 'mean',
      deslant: true,
      precision: 'bfloat16',
      num_epochs: 40,
      monitor: 'loss',
      learning_rate: 2.5e-3,
      train_split: 0.95,
      none_share: 0.15,
      drawn_share: 0.2,
      changed_share: 1,
      made_sets: 6,
      augment_rotation: 16,
      augment_scale: 0.12,
      augment_shear: 0.05,
      augment_shift: 1.2,
      augment_elastic: 1.5,
      augment_thickness: 0.3,
    },
    about:
      'Recognises a handwritten digit in a picture, which it reads one pixel row after the other. Drawings and pen strokes become pictures first. `predict` uses this network where none is named.',
    data: 'the 60,000 training pictures of MNIST, digits generated in other forms that people write, changed copies of all, and generated pictures that are no digits',
    limits: [],
  },
  'digit-strokes': {
    options: {
      preset: 'strokes',
      data: 'strokes',
      seed_number: 0,
      stroke_position: true,
      stroke_context: true,
      view_rotation: 12,
      input_size: 31,
      hidden_size: 117,
      precision: 'bfloat16',
      num_epochs: 30,
      monitor: 'loss',
      learning_rate: 4e-3,
      train_split: 0.95,
      dropout_rate: 0,
      none_share: 0.22,
      drawn_share: 0.2,
      changed_share: 1,
      made_sets: 6,
      augment_resample: 0.2,
      augment_rotation: 14,
      augment_shift: 1.5,
    },
    about:
      'Recognises a handwritten digit from the strokes of a pen, one point after the other, each with the ink around it. Pictures become strokes first: they are thinned, and a tour visits their lines. It reads a picture or drawing three times, also rotated by 12° to the left and to the right, and takes the mean.',
    data: 'pen strokes made of the 60,000 training pictures of MNIST, of digits generated in other forms that people write, of changed copies of all, and of generated pictures that are no digits',
    limits: [
      'A drawing is made into a picture and then into strokes, so the order and direction of a person’s strokes change nothing. Moves that are given as `strokes` are sorted, so there they change nothing either.',
      'The test set consists of moves. Moves are read once (the row “unchanged” of the table of robustness); pictures and drawings (all other rows) are read three times.',
    ],
  },
};

/** Settings that change neither the network nor its results: they may differ from the recipe. */
export const FREE_SETTINGS = [
  'backend',
  'threads',
  'checkpoint_minutes',
  'checkpoint_updates',
  'freq_output_train',
  'freq_output_val',
  'chart_format',
];

/** For --quick: a network in a minute, to try the script. */
export const QUICK = { num_epochs: 1 };

/** The command of a recipe. @param {Recipe['options']} options */
export function commandOf(options) {
  return `npx scanstroke train ${flagsOf(options).join(' ')}`;
}

/** The flags of a recipe: `--none-share`, `0.15` … @param {Recipe['options']} options */
export function flagsOf(options) {
  return Object.entries(options).flatMap(([key, value]) => {
    const name = key.replaceAll('_', '-');
    if (typeof value === 'boolean') return [value ? `--${name}` : `--no-${name}`];
    return [`--${name}`, String(value)];
  });
}
