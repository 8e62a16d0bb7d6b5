/** `scanstroke predict [RUN] FILE…`: classifies pictures, strokes and drawings with a trained network. */

import type { Command } from 'commander';
import { guessName } from '../../recognize/guess-name.js';
import type { PreparedInput, RecognizerInput } from '../../recognize/prepare-input.js';
import type { Recognition, Recognizer } from '../../recognize/recognizer.js';
import type { SymbolReading } from '../../recognize/symbols/read-symbols.js';
import { printable } from '../../report/recall.js';
import { formatShare } from '../../report/text.js';
import type { TrainConfig } from '../../train/config/options.js';
import { optionFlag } from '../arguments/flags.js';
import type { Answered, FailedFile } from '../arguments/predict-inputs.js';
import { colorsFor, formatTable, printJson, type Terminal } from '../terminal/terminal.js';

interface PredictFlags {
  json?: boolean;
  several?: boolean;
  backend?: TrainConfig['backend'];
}

/** Said where the command line names a project alone. */
const OWN_NOTICE =
  "the project's own network answers to its drawings; to let another answer, name a run folder, a checkpoint, digits or digit-strokes before it";
/** Said where the command line names no network. */
const DEFAULT_NOTICE =
  'the network digits of the package answers; to choose another, name a run folder, a checkpoint, last or digit-strokes before the files';

export function definePredict(command: Command, terminal: Terminal): void {
  command
    .usage('[options] [run] <file...>')
    .argument(
      '[run]',
      'run folder (uses its best checkpoint), checkpoint, project with a network, last, or a network of the package: digits, digit-strokes (default digits)',
    )
    .argument(
      '[file...]',
      'PNG, JPEG or WebP picture, IDX file of images, or JSON with drawings or strokes; FILE:N is item N of a file, from 0; - is standard input',
    )
    .addOption(optionFlag('backend'))
    .option(
      '--several',
      'read several symbols in each picture or drawing, such as a number: side by side, in one line or more',
    )
    .option(
      '--json',
      'print only a JSON list of { file, class, probability, unsure, top, probabilities }; with --several of { file, text, symbols, left_out }; a file that cannot be read has { file, error }',
    )
    .addHelpText(
      'after',
      `
Examples:
  scanstroke predict digit.png                  with the network digits, which comes with the package
  scanstroke predict runs/my-run digit.png
  scanstroke predict --several phone-number.jpg
  scanstroke predict my-symbols.json drawings.ndjson   with the network in a project of the page's tab Teach
  scanstroke predict runs/my-run t10k-images-idx3-ubyte:7 drawings.ndjson
  echo '{"strokes": [[[10, 8], [52, 9], [30, 71]]]}' | scanstroke predict runs/my-run - --json`,
    )
    .action((first: string | undefined, others: string[], flags: PredictFlags) =>
      predict(first === undefined ? [] : [first, ...others], flags, terminal),
    );
}

async function predict(given: readonly string[], flags: PredictFlags, terminal: Terminal): Promise<void> {
  const { predictArguments } = await import('../arguments/predict-arguments.js');
  const { run, files, isDefault, isOwn } = predictArguments(given);
  const { openBackend } = await import('../../backends/open-node.js');
  const { kindOf } = await import('../../data/kinds.js');
  const { openCheckpoint } = await import('../../recognize/open-checkpoint.js');
  const { findCheckpoint } = await import('../../runs/run-path.js');
  const { givenOptions } = await import('../../train/config/run-config.js');
  const { json = false, several = false, ...options } = flags;
  const { backend: choice = 'auto' } = givenOptions({ flags: options }, 'predict');
  const { checkpoint } = findCheckpoint('predict', run, 'use');
  const notice = isDefault ? DEFAULT_NOTICE : isOwn ? OWN_NOTICE : null;
  const backend = await openBackend(choice, (line) => terminal.err.write(`${line}\n`));
  try {
    const recognizer = await openCheckpoint(checkpoint, backend, run);
    const { preprocessing } = recognizer.info;
    const { channels } = kindOf(preprocessing).pictureSizeOf(preprocessing);
    const { answerFiles } = await import('../arguments/predict-inputs.js');
    if (several) {
      const { readSymbols } = await import('../../recognize/symbols/read-symbols.js');
      const { readingJson } = await import('../../recognize/symbols/reading-json.js');
      const read = (input: RecognizerInput) => readSymbols(recognizer, input);
      const found = await answerFiles(files, channels, read, async (readings) => readings, terminal);
      if (notice !== null) terminal.err.write(`${notice}\n`);
      if (json) printJson(terminal, found.map(eachJson(readingJson)));
      else printTable(found, describeReadings, recognizer, terminal);
      return;
    }
    const found = await answerFiles(
      files,
      channels,
      (input) => recognizer.prepare(input),
      (prepared) => answersOf(recognizer, prepared),
      terminal,
    );
    if (notice !== null) terminal.err.write(`${notice}\n`);
    if (json) printJson(terminal, found.map(eachJson(asJson)));
    else printTable(found, describe, recognizer, terminal);
  } finally {
    backend.close();
  }
}

/** The answers to inputs; null for one without ink. */
async function answersOf(
  recognizer: Recognizer,
  prepared: readonly (PreparedInput | null)[],
): Promise<(Recognition | null)[]> {
  const answers = await recognizer.recognizePrepared(prepared.filter((each) => each !== null));
  let next = 0;
  return prepared.map((each) => each && answers[next++]);
}

/** An answer as JSON with the file's name; of a file without one, `file` and `error`. */
function eachJson<Answer>(json: (answer: Answer) => object) {
  return (each: Answered<Answer> | FailedFile) =>
    'error' in each ? each : { file: each.name, ...json(each.answer) };
}

/** The server's answer; `class` is null if the file holds nothing to recognise. */
function asJson(answer: Recognition | null) {
  if (answer === null) return { class: null };
  const { top, unsure, probabilities } = answer;
  return {
    class: top[0].class,
    probability: top[0].probability,
    unsure,
    top,
    probabilities: [...probabilities],
  };
}

/** Nothing, if no file has been answered. */
function printTable<Answer>(
  found: readonly (Answered<Answer> | FailedFile)[],
  table: (answered: Answered<Answer>[], recognizer: Recognizer, terminal: Terminal) => string,
  recognizer: Recognizer,
  terminal: Terminal,
): void {
  const answered = found.filter((each) => 'answer' in each);
  if (answered.length > 0) terminal.out.write(table(answered, recognizer, terminal));
}

function describe(
  answered: Answered<Recognition | null>[],
  { info }: Recognizer,
  terminal: Terminal,
): string {
  const { bold, dim } = colorsFor(terminal.out);
  const rows = answered.map(({ name, answer }) => {
    const file = printable(name);
    if (answer === null) return [file, '', '', 'nothing to recognise'];
    const [best, ...others] = answer.top;
    const rest = others.map(
      (guess) => `${printable(guessName(guess.class))} ${formatShare(guess.probability)}`,
    );
    return [
      file,
      printable(guessName(best.class)),
      formatShare(best.probability),
      [...rest, ...(answer.unsure ? ['unsure'] : [])].join(', '),
    ];
  });
  const table = formatTable([['file', 'class', 'probability', 'then'], ...rows], [false, false, true]);
  const [header, ...lines] = table.split('\n');
  return `${[bold(printable(`${info.name}, ${info.kind}`)), dim(header), ...lines].join('\n')}\n`;
}

function describeReadings(
  answered: Answered<SymbolReading>[],
  { info }: Recognizer,
  terminal: Terminal,
): string {
  const { bold, dim } = colorsFor(terminal.out);
  const rows = answered.map(({ name, answer: { text, symbols, leftOut } }) => {
    const remarks = symbols
      .filter(({ unsure }) => unsure)
      .map(
        ({ answer, probability, alternatives: [next] }) =>
          `unsure: ${answer} ${formatShare(probability)}${next ? `, else ${next.class} ${formatShare(next.probability)}` : ''}`,
      );
    if (leftOut.length > 0)
      remarks.push(`left out: ${leftOut.length} ${leftOut.length === 1 ? 'piece' : 'pieces'}`);
    if (symbols.length === 0) remarks.unshift('nothing to recognise');
    const least = Math.min(...symbols.map(({ probability }) => probability));
    return [
      printable(name),
      printable(text.replaceAll('\n', ' / ')),
      symbols.length === 0 ? '' : formatShare(least),
      printable(remarks.join('; ')),
    ];
  });
  const table = formatTable([['file', 'text', 'least sure', 'remarks'], ...rows], [false, false, true]);
  const [header, ...lines] = table.split('\n');
  return `${[bold(printable(`${info.name}, ${info.kind}`)), dim(header), ...lines].join('\n')}\n`;
}
