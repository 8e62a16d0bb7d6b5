/**
 * `scanstroke data summary` says what a data set holds; `scanstroke data preview` shows samples; `scanstroke data strokes`
 * makes strokes from images.
 */
import { type Command, Option as Flag } from 'commander';
import { OPTIONS } from '../../../train/config/options.js';
import { PRESETS } from '../../../train/config/presets.js';
import { UserError } from '../../../user-error.js';
import { optionFlag, wholeNumber } from '../../arguments/flags.js';
import type { Terminal } from '../../terminal/terminal.js';
import {
  AMOUNTS,
  EPOCHS,
  GROUP,
  type PreviewFlags,
  type StrokesFlags,
  type SummaryFlags,
} from './data-flags.js';

const MAX_EPOCHS = 20;

export function defineData(command: Command, terminal: Terminal): void {
  command.helpCommand(false).addHelpText(
    'after',
    `
Examples:
  scanstroke data summary --data my-pictures/               count classes and pictures, before a training
  scanstroke data preview --out strokes.svg                 write a contact sheet of digits as strokes
  scanstroke data strokes --out mnist-strokes.tar.gz        write the strokes of MNIST as an archive`,
  );
  command
    .command('strokes')
    .description('make pen strokes from images or drawings')
    .option(
      '--data <path>',
      'mnist, a folder of IDX files, your own pictures, or a file or folder of drawings (default mnist)',
      'mnist',
    )
    .addOption(orderFlag())
    .option(
      '--out <path>',
      'folder or .tar.gz file to write, in the layout of the stroke archive (default the cache, which training reads)',
    )
    .option(
      '--sort',
      'sort the strokes of every drawing, as `train --stroke-sort` does; needs --out (default keep their order)',
    )
    .addOption(wholeNumber('--seed <n>', 'seed for breaking ties between tours (default 0)', 0).default(0))
    .addOption(wholeNumber('--threads <n>', 'number of worker threads (default one per core)', 1))
    .option('--json', 'print only the counts and the path, as JSON')
    .helpOption('-h, --help', 'show this help')
    .addHelpText(
      'after',
      `
Examples:
  scanstroke data strokes
  scanstroke data strokes --data fashion-mnist/ --out fashion-strokes/
  scanstroke data strokes --out mnist-strokes.tar.gz --seed 1 --json`,
    )
    .action(async (flags: StrokesFlags) => {
      await (await import('./data-strokes.js')).makeStrokes(flags, terminal);
    });
  command
    .command('summary')
    .description('say what a data set holds: classes, counts, sizes, what is left out and why')
    .option('--data <path>', 'a data set, as for train (default mnist)', 'mnist')
    .addOption(optionFlag('channelsImg'))
    .addOption(optionFlag('imageSize'))
    .option('--json', 'print the summary as JSON')
    .helpOption('-h, --help', 'show this help')
    .addHelpText(
      'after',
      `
Examples:
  scanstroke data summary --data my-pictures/
  scanstroke data summary --data my-pictures.zip --image-size 32 --json`,
    )
    .action(async (flags: SummaryFlags) => {
      await (await import('./data-summary.js')).summarise(flags, terminal);
    });
  const previewCommand = command
    .command('preview')
    .description(
      'show samples: images, their strokes in pen order, and augmented variants; your own pictures as the network sees them',
    )
    .option(
      '--data <path>',
      'strokes (of mnist), a folder of IDX files, a stroke archive or its folder, drawings, a folder, .zip or table (.csv, .npz, .npy, .parquet) of your own pictures, or strokes:PATH for their strokes (default strokes)',
      'strokes',
    )
    .addOption(
      new Flag('--part <name>', 'part of the data set: train, test (default train)')
        .choices(['train', 'test'])
        .default('train'),
    )
    .addOption(orderFlag())
    .addOption(
      wholeNumber(
        '--count <n>',
        'number of samples, evenly from all classes (default 20; in the terminal 6, or 3 with augmentation)',
        1,
        1000,
      ),
    )
    .addOption(
      wholeNumber(
        '--seed <n>',
        'seed of the augmentation, and for breaking ties between tours (default 0)',
        0,
        2 ** 32 - 1,
      ).default(0),
    )
    .option(
      '--sort',
      'sort the strokes of every drawing, as `train --stroke-sort` reads them (default keep their order)',
    )
    .option(
      '--negatives',
      'show generated samples that are none of the classes, as `train --none-share` makes them (--seed is the seed)',
    )
    .option(
      '--drawn',
      'show generated digits in the forms that people write, as `train --drawn-share` adds them (--seed is the seed)',
    )
    .addOption(optionFlag('channelsImg'))
    .addOption(optionFlag('imageSize'))
    .option('--out <file>', 'write a contact sheet to this .svg or .png file (default draw in the terminal)')
    .option('--json', 'print only the samples with their strokes, as JSON')
    .helpOption('-h, --help', 'show this help')
    .addOption(
      wholeNumber(
        '--augment [n]',
        `show each sample as augmented in n epochs (without n: ${EPOCHS}), by default with the amounts of the preset strokes`,
        1,
        MAX_EPOCHS,
      )
        .preset(String(EPOCHS))
        .helpGroup(`${GROUP}:`),
    );
  const amounts: Readonly<Record<string, unknown>> = PRESETS.strokes.settings;
  for (const key of AMOUNTS) {
    const value = amounts[key] ?? OPTIONS[key].default;
    previewCommand.addOption(optionFlag(key, value).helpGroup(`${GROUP}:`));
  }
  previewCommand
    .addHelpText(
      'after',
      `
Examples:
  scanstroke data preview --data my-pictures/ --out pictures.png
  scanstroke data preview --augment --out strokes.png
  scanstroke data preview --data sequences.tar.gz --part test --json`,
    )
    .action(async (flags: PreviewFlags) => {
      await (await import('./data-preview.js')).preview(flags, terminal);
    });
  // Set last, so that the subcommands above do not inherit it.
  command.exitOverride((error) => {
    if (error.code !== 'commander.help') throw error;
    throw new UserError(
      'data: expected a subcommand: summary, preview or strokes; `scanstroke data --help` describes them',
    );
  });
}

function orderFlag(): Flag {
  return new Flag(
    '--order <name>',
    'order of the points, by a tour of the thinned picture, pixel by pixel as the pen drew them, or from point to point: tour, pen, points (default tour)',
  )
    .choices(['tour', 'pen', 'points'])
    .default('tour');
}
