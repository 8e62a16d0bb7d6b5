/** `scanstroke data`: strokes made from images, and a look at them. */
import { type Command, Option as Flag, InvalidArgumentError } from 'commander';
import { OPTIONS } from '../../train/config/options.js';
import { PRESETS } from '../../train/config/presets.js';
import { UserError } from '../../user-error.js';
import { optionFlag } from '../flags.js';
import type { Terminal } from '../terminal.js';
import { AMOUNTS, EPOCHS, GROUP, type PreviewFlags, type StrokesFlags } from './data-flags.js';

const MAX_EPOCHS = 20;

export function defineData(command: Command, terminal: Terminal): void {
  command.helpCommand(false).addHelpText(
    'after',
    `
Examples:
  scanstroke data preview                                   digits as strokes, in the terminal
  scanstroke data preview --out strokes.svg --json          a contact sheet
  scanstroke data strokes --out mnist-strokes.tar.gz        the strokes of MNIST, as an archive`,
  );
  command
    .command('strokes')
    .description('make pen strokes from images or drawings')
    .option('--data <path>', 'mnist, or a folder of IDX files or of drawings (default mnist)', 'mnist')
    .addOption(orderFlag())
    .option(
      '--out <path>',
      'folder, or file that ends in .tar.gz, in the layout of the stroke archive (default the cache, where training finds them)',
    )
    .addOption(wholeNumber('--seed <n>', 'decides among equally short ways (default 0)', 0).default(0))
    .addOption(wholeNumber('--threads <n>', 'worker threads (default one a core)', 1))
    .option('--json', 'print what was made, and nothing else')
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
  const previewCommand = command
    .command('preview')
    .description('show samples: images, their lines, the strokes in pen order, and how training varies them')
    .option(
      '--data <path>',
      'strokes or mnist, the stroke archive, its folder, IDX files, or drawings (default strokes)',
      'strokes',
    )
    .addOption(
      new Flag('--part <name>', 'part of the data: train, test (default train)')
        .choices(['train', 'test'])
        .default('train'),
    )
    .addOption(orderFlag())
    .addOption(
      wholeNumber(
        '--count <n>',
        'how many samples, evenly from all classes (default 20; in the terminal 6, or 3 with variations)',
        1,
        1000,
      ),
    )
    .addOption(
      wholeNumber(
        '--seed <n>',
        'decides among equally short ways, and how samples are varied (default 0)',
        0,
        2 ** 32 - 1,
      ).default(0),
    )
    .option('--out <file>', 'write a contact sheet, .svg or .png (default draw in the terminal)')
    .option('--json', 'print the samples with their strokes, and nothing else')
    .helpOption('-h, --help', 'show this help')
    .addOption(
      wholeNumber(
        '--augment [n]',
        `what training makes of each sample in so many epochs (alone ${EPOCHS}); amounts as in the preset strokes`,
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
  scanstroke data preview --count 4
  scanstroke data preview --augment --out strokes.png
  scanstroke data preview --data sequences.tar.gz --part test --json`,
    )
    .action(async (flags: PreviewFlags) => {
      await (await import('./data-preview.js')).preview(flags, terminal);
    });
  // Set last: the commands above shall not inherit it.
  command.exitOverride((error) => {
    if (error.code !== 'commander.help') throw error;
    throw new UserError('data: say what to do, strokes or preview; `scanstroke data --help` says more');
  });
}

function orderFlag(): Flag {
  return new Flag(
    '--order <name>',
    'of the points: tour, or of drawings pen, as they were drawn (default tour)',
  )
    .choices(['tour', 'pen'])
    .default('tour');
}

/** A flag that takes a whole number; what else is given is refused in words. */
function wholeNumber(
  flags: string,
  description: string,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): Flag {
  return new Flag(flags, description).argParser((text) => {
    const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`a whole number ${range} is needed`);
  });
}
