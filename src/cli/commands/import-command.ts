/** `scanstroke import FILE`: makes a run folder of a model file of another tool. */
import { existsSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { type Command, Option as Flag } from 'commander';
import type { ImportChoices, ImportedNetwork } from '../../exchange/import.js';
import { snakeCaseKeys } from '../../formats/key-case.js';
import { quote } from '../../formats/quotation.js';
import { printable } from '../../report/recall.js';
import { formatCount, plural } from '../../report/text.js';
import { flagName } from '../../train/config/option.js';
import { OPTIONS } from '../../train/config/options.js';
import { UserError } from '../../user-error.js';
import { colorsFor, indent, printJson, shellQuote, type Terminal } from '../terminal/terminal.js';

/** Flags as commander gives them. Those of options of a training have texts. */
export interface ImportFlags {
  out?: string;
  json?: boolean;
  kind?: 'images' | 'strokes';
  picture?: string;
  classes?: string;
  optimizer?: 'adam' | 'adamw';
  head?: string;
  data?: string;
  channelsImg?: string;
  sequenceLength?: string;
  pixelMean?: string;
  pixelStd?: string;
  strokeOrder?: string;
  strokeScale?: string;
  dropoutRate?: string;
}

const MODEL_GROUP = 'Model:';
const INPUT_GROUP = 'Input, as far as the file does not say it:';
const RUN_GROUP = 'Run:';

export function defineImport(command: Command, terminal: Terminal): void {
  const add = (group: string, flags: string, text: string, choices?: readonly string[]) => {
    const flag = new Flag(flags, text).helpGroup(group);
    command.addOption(choices ? flag.choices(choices) : flag);
  };
  command.argument('<file>', 'model of PyTorch (.pt, .pth, .pt2), ONNX (.onnx) or safetensors');
  add(RUN_GROUP, '--out <folder>', 'run folder to write (default runs/FILE-TIME)');
  add(RUN_GROUP, '--data <path>', 'data set of the run, for evaluate and train (default mnist, or strokes)');
  add(
    MODEL_GROUP,
    '--head <name>',
    `${OPTIONS.head.description}: flatten, final, last, mean (default what the file says or allows)`,
  );
  add(
    MODEL_GROUP,
    '--classes <names>',
    'names of the classes, such as a,b,c, or a file with one a line (default 0, 1, …)',
  );
  add(
    MODEL_GROUP,
    '--dropout-rate <x>',
    `${OPTIONS.dropoutRate.description}, if training goes on (default 0)`,
  );
  add(
    MODEL_GROUP,
    '--optimizer <name>',
    'which of two optimisers whose states look alike: adam, adamw (default adamw for a weight decay of 0.01)',
    ['adam', 'adamw'],
  );
  add(
    INPUT_GROUP,
    '--kind <name>',
    'kind of input: images, strokes (default strokes for 4 values a step, except with the head flatten)',
    ['images', 'strokes'],
  );
  add(
    INPUT_GROUP,
    '--picture <size>',
    'height × width in pixels of the pictures, or of the picture around the strokes: 28x28 (default follows from the steps)',
  );
  add(
    INPUT_GROUP,
    '--sequence-length <n>',
    `${OPTIONS.sequenceLength.description} (default follows from the picture)`,
  );
  add(INPUT_GROUP, '--channels-img <n>', 'images: number of colour channels (default 1)');
  add(INPUT_GROUP, '--pixel-mean <x>', `${OPTIONS.pixelMean.description} (default 0.5)`);
  add(INPUT_GROUP, '--pixel-std <x>', `${OPTIONS.pixelStd.description} (default 0.5)`);
  add(
    INPUT_GROUP,
    '--stroke-order <name>',
    `${OPTIONS.strokeOrder.description}: tour, pen, points (default tour)`,
  );
  add(INPUT_GROUP, '--stroke-scale <x>', `${OPTIONS.strokeScale.description} (default 1)`);
  command
    .option('--json', 'print only { out, format, parameters, model, assumptions, notices, … } as JSON')
    .addHelpText(
      'after',
      `
Sizes, directions and names follow from the file, and often the head. The rest is assumed, and said.

Examples:
  scanstroke import lstm-trained.pt
  scanstroke import model.pt --head last --pixel-mean 0.1307 --pixel-std 0.3081 --out runs/theirs
  scanstroke import letters.onnx --classes letters.txt --data letters/`,
    )
    .action((file: string, flags: ImportFlags) => importFile(file, flags, terminal));
}

/** Reads the file, writes the run folder, and says what was recognised and assumed. */
export async function importFile(file: string, flags: ImportFlags, terminal: Terminal): Promise<void> {
  const { readNetwork, writeImportedRun } = await import('../../train/run/begin/imported-run.js');
  const { json = false, out } = flags;
  const { choices, data } = await choicesOf(flags);
  const network = await readNetwork(file, choices);
  const folder = await writeImportedRun(network, { out: out ?? null, name: nameOf(file), data });
  if (json) {
    printJson(terminal, jsonOf(network, folder));
    return;
  }
  for (const notice of network.notices) terminal.err.write(`${printable(notice)}\n`);
  terminal.out.write(describe(file, folder, network, terminal));
}

async function choicesOf(flags: ImportFlags): Promise<{ choices: ImportChoices; data: string | null }> {
  const { givenOptions } = await import('../../train/config/run-config.js');
  const { out: _, json: __, kind, picture, classes, optimizer, ...options } = flags;
  const { data = null, channelsImg, ...given } = givenOptions({ flags: options }, 'import');
  const choices: ImportChoices = { ...given, kind, optimizer };
  if (typeof channelsImg === 'number') choices.channelsImg = channelsImg;
  if (picture !== undefined) choices.picture = pictureSize(picture);
  if (classes !== undefined) choices.classes = await classNames(classes);
  return { choices, data };
}

function pictureSize(text: string): { height: number; width: number } {
  const [, height, width] = /^([1-9]\d{0,7})[x×*]([1-9]\d{0,7})$/i.exec(text) ?? [];
  if (width === undefined) {
    throw new UserError(
      `import: --picture must be height × width in pixels, such as 28x28, found ${quote(text, 60)}`,
    );
  }
  return { height: Number(height), width: Number(width) };
}

/** Names with commas between them, or the lines of a file. */
async function classNames(text: string): Promise<string[]> {
  if (text.includes(',') && !existsSync(text)) return text.split(',').map((name) => name.trim());
  const { classLines, MAX_CLASS_NAMES_BYTES } = await import('../../data/class-names.js');
  const { readFileBounded } = await import('../../formats/read-files.js');
  return classLines(await readFileBounded(text, 'the names of the classes,', MAX_CLASS_NAMES_BYTES));
}

/** The name of the run, from that of the file: letters, digits, dots and dashes. */
function nameOf(file: string): string {
  const name = basename(file, extname(file)).replace(/[^\w.-]+/g, '-');
  return name.replace(/^[.-]+/, '').slice(0, 64) || 'model';
}

function parameterCountOf({ parameters }: ImportedNetwork): number {
  return [...parameters.values()].reduce((sum, { data }) => sum + data.length, 0);
}

const flagsOf = (settings: readonly string[]) => settings.map((name) => `--${flagName(name)}`);

function jsonOf(network: ImportedNetwork, out: string): unknown {
  const { format, model, preprocessing, classes, optimizer, epoch, assumptions, notices } = network;
  const value = {
    out,
    format,
    parameters: parameterCountOf(network),
    model,
    preprocessing,
    classes,
    epoch,
    optimizer: optimizer && { ...optimizer.config, updates: optimizer.state.step },
    assumptions: assumptions.map(({ text, settings }) => ({ text, flags: flagsOf(settings) })),
    notices,
  };
  return snakeCaseKeys(value, 'import');
}

function describe(file: string, out: string, network: ImportedNetwork, { out: stream }: Terminal): string {
  const { bold, dim } = colorsFor(stream);
  const { format, modules, model, assumptions } = network;
  const { numLayers, hiddenSize, bidirectional, inputSize, head, sequenceLength, numClasses } = model;
  const steps = sequenceLength === null ? '' : ` of ${plural(sequenceLength, 'step')}`;
  const lines = [
    `${bold(printable(out))} ${dim(`from ${printable(file)}, ${printable(format)}`)}`,
    '',
    bold('Recognised'),
    `  ${plural(numLayers, 'LSTM layer')} of ${hiddenSize}${bidirectional ? ', bidirectional' : ''}, ${inputSize} values a step (${printable(modules.lstm)})`,
    `  head ${head}${steps}, then a linear layer with ${plural(numClasses, 'output')} (${printable(modules.linear)})`,
    `  ${formatCount(parameterCountOf(network))} parameters`,
    ...trainingLines(network),
  ];
  if (assumptions.length > 0) {
    const assumed = assumptions.map(
      ({ text, settings }) => `${printable(text)} ${dim(flagsOf(settings).join(', '))}`,
    );
    lines.push(
      '',
      bold('Assumed') + dim(' what the file does not say; these flags change it'),
      indent(assumed.join('\n')),
    );
  }
  const run = shellQuote(out);
  lines.push(
    '',
    bold('Try next'),
    `  npx scanstroke evaluate ${run}`,
    `  npx scanstroke train --load-cp ${run}`,
  );
  return `${lines.join('\n')}\n`;
}

/** What a training that goes on takes over. */
function trainingLines({ optimizer, epoch }: ImportedNetwork): string[] {
  if (optimizer === null) return [];
  const { name, lr } = optimizer.config;
  const { step } = optimizer.state;
  const updates = step === 0 ? '' : ` after ${plural(step, 'update')}`;
  const epochs = epoch === null ? '' : `, ${plural(epoch, 'epoch')} done`;
  return [`  optimiser ${name}, learning rate ${lr}${updates}${epochs}`];
}
