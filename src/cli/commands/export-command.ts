/** `scanstroke export RUN`: writes a trained network in the format of another tool. */
import { basename, dirname, extname, join } from 'node:path';
import { type Command, Option as Flag } from 'commander';
import { EXPORT_FORMATS, type ExportFormat, type ExportOptions } from '../../exchange/export.js';
import type { ExportableModel } from '../../exchange/exportable-model.js';
import type { PytorchOptions } from '../../exchange/pytorch/write-pytorch.js';
import { lookAt } from '../../formats/file-errors.js';
import { quote } from '../../formats/quotation.js';
import { printable } from '../../report/recall.js';
import { formatBytes } from '../../report/text.js';
import { UserError } from '../../user-error.js';
import { inputLine, inputOf } from '../arguments/export-input.js';
import { colorsFor, indent, printJson, shellQuote, type Terminal } from '../terminal/terminal.js';

interface ExportFlags {
  format?: ExportFormat;
  out?: string;
  json?: boolean;
  opset?: string;
  probabilities?: boolean;
  withPreprocessing?: boolean;
  streaming?: boolean;
  initialStates?: boolean;
  withOptimizer?: boolean;
  quantize?: boolean;
}

/** The endings of each format's main file; the first is the default. */
const ENDINGS: Record<ExportFormat, readonly string[]> = {
  onnx: ['.onnx'],
  pytorch: ['.pt', '.pth'],
  safetensors: ['.safetensors'],
  html: ['.html', '.htm'],
  c: ['.c'],
};
/** The flags that only some formats have. */
const FLAGS: Record<
  Exclude<keyof ExportFlags, 'format' | 'out' | 'json'>,
  { flag: string; formats: readonly ExportFormat[] }
> = {
  opset: { flag: '--opset', formats: ['onnx'] },
  probabilities: { flag: '--probabilities', formats: ['onnx'] },
  withPreprocessing: { flag: '--with-preprocessing', formats: ['onnx'] },
  streaming: { flag: '--streaming', formats: ['onnx'] },
  initialStates: { flag: '--initial-states', formats: ['onnx'] },
  withOptimizer: { flag: '--with-optimizer', formats: ['pytorch', 'safetensors'] },
  quantize: { flag: '--quantize', formats: ['c'] },
};

/** The first letters of a Python file that an earlier export wrote. */
const WRITTEN_BY = '# Written by scanstroke';
const MAX_MODULE_BYTES = 2 ** 26;

export function defineExport(command: Command, terminal: Terminal): void {
  command
    .argument(
      '<run>',
      'run folder (exports its best checkpoint), checkpoint, project with a network, or a network of the package: digits, digit-strokes',
    )
    .addOption(
      new Flag(
        '--format <name>',
        `format: ${EXPORT_FORMATS.join(', ')} (default by the ending of --out)`,
      ).choices(EXPORT_FORMATS),
    )
    .option('--out <file>', 'file to write (default the name of the run, in this folder)')
    .option('--json', 'print only { format, files, bytes, input, notices } as JSON')
    .addOption(onnx('--opset <n>', 'version of the standard operators, 13 to 22 (default 13)'))
    .addOption(onnx('--probabilities', 'add an output with the softmax of the logits'))
    .addOption(onnx('--with-preprocessing', 'take pictures (uint8) instead of sequences'))
    .addOption(onnx('--streaming', 'read one step at a time: states go in and come out'))
    .addOption(onnx('--initial-states', 'add inputs for the initial states'))
    .addOption(
      new Flag('--with-optimizer', 'add the state of the optimiser (of the last checkpoint)').helpGroup(
        'PyTorch, safetensors:',
      ),
    )
    .addOption(new Flag('--quantize', 'weights as 8-bit integers').helpGroup('C:'))
    .addHelpText(
      'after',
      `
Examples:
  scanstroke export runs/my-run --format onnx
  scanstroke export runs/my-run --out digits.onnx --probabilities --with-preprocessing
  scanstroke export runs/my-run --out digits.pt          and digits.py, which builds the module
  scanstroke export runs/my-run --out digits.html        the page and the network in one file
  scanstroke export runs/my-run --out digits.c --quantize`,
    )
    .action((run: string, flags: ExportFlags) => exportRun(run, flags, terminal));
}

function onnx(flags: string, description: string): Flag {
  return new Flag(flags, description).helpGroup('ONNX:');
}

async function exportRun(run: string, flags: ExportFlags, terminal: Terminal): Promise<void> {
  const { filesOf } = await import('../../exchange/export.js');
  const { readPageTemplate } = await import('../../exchange/html/page-template.js');
  const { writeFileAtomically } = await import('../../formats/files.js');
  const format = formatOf(flags);
  refuseOtherFlags(format, flags);
  const { model, training } = await modelOf(run, flags.withOptimizer ?? false);
  const out = flags.out ?? `${model.name}${ENDINGS[format][0]}`;
  await checkTarget(out);
  const name = await freeName(format, out);
  const files = await filesOf(
    { ...model, name },
    { ...optionsOf(format, out, flags), ...training },
    { pageTemplate: readPageTemplate },
  );
  const written = files.map(({ name, bytes }, n) => ({
    path: n === 0 ? out : join(dirname(out), name),
    bytes,
  }));
  const notices = files.flatMap((file) => file.notices);
  for (const { path } of written.slice(1)) {
    await checkTarget(path);
    await refuseEdited(path);
  }
  for (const { path, bytes } of written) await writeFileAtomically(path, bytes);
  const bytes = written.reduce((sum, file) => sum + file.bytes.length, 0);
  const input = inputOf(model);
  if (flags.json) {
    printJson(terminal, { format, files: written.map(({ path }) => path), bytes, input, notices });
    return;
  }
  const { bold, dim } = colorsFor(terminal.out);
  for (const file of written) {
    terminal.out.write(`${bold(printable(file.path))} ${dim(formatBytes(file.bytes.length))}\n`);
  }
  terminal.out.write(`  ${inputLine(input)}\n`);
  for (const notice of notices) terminal.out.write(`  ${printable(notice)}\n`);
  const next = await waysToTry(
    format,
    model,
    written.map(({ path }) => path),
  );
  if (next.length > 0) terminal.out.write(`\n${bold('Try next')}\n${indent(next.join('\n'))}\n`);
}

/** How to try the files, as commands where it needs one. @param paths of the files, the main one first */
async function waysToTry(format: ExportFormat, model: ExportableModel, paths: string[]): Promise<string[]> {
  const [main] = paths;
  switch (format) {
    case 'onnx':
      return [];
    case 'pytorch':
    case 'safetensors': {
      const { pythonArgument } = await import('../../exchange/pytorch/write/python-module.js');
      return [`python3 ${asArgument(paths[1])} ${pythonArgument(model)}`];
    }
    case 'html':
      return [`open ${printable(main)} in a browser, from the disk`];
    case 'c': {
      const { inputFileName } = await import('../../exchange/c/c-head.js');
      const { identifierOf } = await import('../../exchange/c/c-text.js');
      const identifier = identifierOf(basename(main, extname(main)));
      const ending = extname(main);
      // Without an ending the program would replace its source, of which the compiler does not know the language.
      const name = basename(main) === identifier ? `${identifier}_program` : identifier;
      const program = asArgument(join(dirname(main), name));
      const source = `${ending === '.c' ? '' : '-x c '}${asArgument(main)}`;
      return [
        `cc -std=c99 -O3 -D${identifier.toUpperCase()}_MAIN -o ${program} ${source} -lm`,
        `${program.includes('/') ? program : `./${program}`} < ${inputFileName(model)}`,
      ];
    }
    default:
      return format satisfies never;
  }
}

/** A path as an argument of a command, also one that begins like an option. */
function asArgument(path: string): string {
  return shellQuote(path.startsWith('-') ? `./${path}` : path);
}

/** The format that the flags name, or the ending of --out tells. */
function formatOf({ format, out }: ExportFlags): ExportFormat {
  if (format !== undefined) return format;
  const ending = extname(out ?? '').toLowerCase();
  const found = EXPORT_FORMATS.find((each) => ENDINGS[each].includes(ending));
  if (found !== undefined) return found;
  const choices = EXPORT_FORMATS.map((each) => `${each} (${ENDINGS[each].join(', ')})`).join(', ');
  throw new UserError(
    out === undefined
      ? `export: which format? give --format, or --out with the ending of one: ${choices}`
      : `export: the ending of --out ${quote(out, 100)} names no format; give --format: ${choices}`,
  );
}

function refuseOtherFlags(format: ExportFormat, flags: ExportFlags): void {
  for (const [key, { flag, formats }] of Object.entries(FLAGS)) {
    if (flags[key as keyof typeof FLAGS] === undefined || formats.includes(format)) continue;
    throw new UserError(
      `export: ${flag} has no effect on the format ${format}; it is for ${formats.join(', ')}`,
    );
  }
}

function optionsOf(format: ExportFormat, out: string, flags: ExportFlags): ExportOptions {
  const { probabilities, withPreprocessing, streaming, initialStates, withOptimizer, quantize } = flags;
  switch (format) {
    case 'onnx': {
      const opset = flags.opset === undefined ? undefined : wholeNumber('--opset', flags.opset);
      return { format, opset, probabilities, withPreprocessing, streaming, initialStates };
    }
    case 'pytorch':
    case 'safetensors':
      return { format, withOptimizer, fileName: basename(out) };
    case 'html':
      return { format };
    case 'c':
      return { format, quantize, fileName: basename(out) };
  }
}

function wholeNumber(flag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UserError(`export: ${flag}: expected a whole number, found ${quote(text)}`);
}

/** The model of a run: its best checkpoint, or the last one, which has the state of the optimiser. */
async function modelOf(
  run: string,
  withOptimizer: boolean,
): Promise<{ model: ExportableModel; training: Pick<PytorchOptions, 'optimizer' | 'losses'> }> {
  const { readCheckpoint, readTrainedModel } = await import('../../runs/checkpoint/checkpoint-file.js');
  const { findCheckpoint, modelName } = await import('../../runs/run-path.js');
  const { optimizerToExport } = await import('../../train/run/exported-optimizer.js');
  const { folder, checkpoint: path } = findCheckpoint('export', run, withOptimizer ? 'resume' : 'use');
  const read = withOptimizer ? readCheckpoint : readTrainedModel;
  const { model: config, training = null, ...trained } = await read(path);
  return {
    model: { ...trained, config, training, name: modelName(path) },
    training: training === null ? {} : await optimizerToExport(folder, training.state, path),
  };
}

/**
 * The name of the files beside the main one: that of `out`, but `digits_safetensors` where digits.py loads the other file
 * digits.pt, which it would no longer do.
 */
async function freeName(format: ExportFormat, out: string): Promise<string> {
  const ending = extname(out);
  const name = basename(out, ending);
  const other = format === 'pytorch' || format === 'safetensors' ? await loadedByModule(out, name) : null;
  return other === null ? name : `${name}_${ending.slice(1) || format}`;
}

/** The other file, if it is there, that the Python file of this name loads. */
async function loadedByModule(out: string, name: string): Promise<string | null> {
  const text = await textOfModule(join(dirname(out), `${name}.py`));
  if (!text?.startsWith(WRITTEN_BY)) return null;
  const { loadedBy } = await import('../../exchange/pytorch/write/python-module.js');
  const other = loadedBy(text);
  if (other === null || other === basename(out)) return null;
  return lookAt(join(dirname(out), other)) === 'nothing' ? null : other;
}

async function textOfModule(path: string): Promise<string | null> {
  if (extname(path) !== '.py' || lookAt(path) !== 'file') return null;
  const { readFileBounded } = await import('../../formats/read-files.js');
  return new TextDecoder().decode(await readFileBounded(path, 'the file', MAX_MODULE_BYTES));
}

/** @throws UserError for a path that cannot be written, or where a network is: a run could not be read any more */
async function checkTarget(path: string): Promise<void> {
  const { checkFileTarget } = await import('../../formats/files.js');
  await checkFileTarget(path);
  if (!(await isCheckpoint(path))) return;
  throw new UserError(
    `export: ${path} holds a network of scanstroke, which the file for another tool would replace; give another --out`,
  );
}

async function isCheckpoint(path: string): Promise<boolean> {
  if (lookAt(path) !== 'file') return false;
  const { readCheckpointHeader } = await import('../../runs/checkpoint/checkpoint-file.js');
  try {
    await readCheckpointHeader(path);
    return true;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

/** A generated file that the user may have changed is not replaced. */
async function refuseEdited(path: string): Promise<void> {
  const text = await textOfModule(path);
  if (text === null || text.startsWith(WRITTEN_BY)) return;
  throw new UserError(
    `export: ${path} is there already, and was not written by scanstroke; rename it, or give another --out`,
  );
}
