/** `scanstroke merge RUN RUN …`: makes one run of several, whose network averages the logits of theirs. */
import { type Command, Option as Flag } from 'commander';
import { snakeCaseKeys } from '../../formats/key-case.js';
import { inOneLine } from '../../formats/quotation.js';
import { printable } from '../../report/recall.js';
import { formatCount, formatScore, formatShare } from '../../report/text.js';
import { RUN_FILES } from '../../runs/run-folder.js';
import type { MemberRun, MergedRun } from '../../train/run/begin/merged-run.js';
import type { RunEvaluation } from '../../train/run/evaluate/evaluate-run.js';
import { UserError } from '../../user-error.js';
import { DataProgressView } from '../terminal/data-progress.js';
import { colorsFor, formatTable, printJson, shellQuote, type Terminal } from '../terminal/terminal.js';

export interface MergeFlags {
  savingPath?: string;
  /** False with --no-evaluate. */
  evaluate: boolean;
  json?: boolean;
}

export function defineMerge(command: Command, terminal: Terminal): void {
  command
    .argument(
      '<runs...>',
      'run folders (their best checkpoints), folders of several seeds or of a sweep, or checkpoints',
    )
    .addOption(new Flag('--saving-path <path>', 'run folder to write (default runs/merged-TIME)'))
    .option('--no-evaluate', 'do not compute the accuracy on the test set')
    .option('--json', 'print only { out, members, model, parameters, temperature, test } as JSON')
    .addHelpText(
      'after',
      `
The networks must have the same shape, classes and preprocessing; of networks that read pictures
by rows and by columns (--scan) comes one that reads both. Their logits are averaged; the result
is one ordinary network, C times as wide, that every command takes.

Examples:
  scanstroke merge runs/a runs/b runs/c
  scanstroke merge runs/five-seeds --saving-path runs/merged`,
    )
    .action((paths: string[], flags: MergeFlags) => merge(paths, flags, terminal));
}

/** Merges, evaluates the merged network, and prints its accuracy beside those of its members. */
export async function merge(
  paths: readonly string[],
  { savingPath, evaluate, json = false }: MergeFlags,
  terminal: Terminal,
): Promise<void> {
  const { readMembers, writeMergedRun } = await import('../../train/run/begin/merged-run.js');
  const members = await readMembers(paths);
  const run = await writeMergedRun(members, { out: savingPath ?? null, name: 'merged' });
  const { test, notices } = evaluate ? await evaluated(run.folder, terminal) : { test: null, notices: [] };
  for (const notice of [...run.notices, ...notices]) terminal.err.write(`${inOneLine(notice)}\n`);
  if (json) printJson(terminal, jsonOf(run, members, test));
  else terminal.out.write(describe(run, members, test, terminal));
}

/** On the test set. Without it the run is of use all the same, so a reason becomes a line. */
async function evaluated(
  folder: string,
  terminal: Terminal,
): Promise<{ test: RunEvaluation | null; notices: string[] }> {
  const { evaluateRun } = await import('../../train/run/evaluate/evaluate-run.js');
  const view = new DataProgressView(terminal.err);
  try {
    const options = { data: null, part: 'test', backend: 'auto', threads: null } as const;
    const test = await evaluateRun(folder, { ...options, onProgress: view.show.bind(view) });
    return { test, notices: test.notices };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { test: null, notices: [`not evaluated: ${error.message}`] };
  } finally {
    view.clear();
  }
}

function parametersOf({ checkpoint }: MergedRun): number {
  return [...checkpoint.parameters.values()].reduce((sum, { data }) => sum + data.length, 0);
}

function jsonOf(run: MergedRun, members: readonly MemberRun[], test: RunEvaluation | null): unknown {
  const { model, temperature = null } = run.checkpoint;
  const value = {
    out: run.folder,
    members: members.map(({ name, path, sha256, testAccuracy }) => ({ name, path, sha256, testAccuracy })),
    model,
    parameters: parametersOf(run),
    temperature,
    test: test && {
      accuracy: test.score.correct / test.score.count,
      loss: test.loss,
      count: test.score.count,
    },
  };
  return snakeCaseKeys(value, 'merge');
}

function describe(
  run: MergedRun,
  members: readonly MemberRun[],
  test: RunEvaluation | null,
  { out: stream }: Terminal,
): string {
  const { bold, dim } = colorsFor(stream);
  const { model, temperature } = run.checkpoint;
  const units = `${model.hiddenSize} (${members.length} × ${model.hiddenSize / members.length})`;
  const known = members.flatMap(({ testAccuracy }) => (testAccuracy === null ? [] : [testAccuracy]));
  const mean = known.reduce((sum, each) => sum + each, 0) / known.length;
  const rows = [
    ...members.map(({ path, testAccuracy }) => [
      printable(path.endsWith(`/${RUN_FILES.best}`) ? path.slice(0, -RUN_FILES.best.length - 1) : path),
      testAccuracy === null ? 'unknown' : formatShare(testAccuracy),
    ]),
    ...(known.length === members.length ? [['mean', formatShare(mean)]] : []),
    ...(test ? [['merged', formatScore(test.score)]] : []),
  ];
  const table = formatTable(rows, [false, false]).split('\n');
  const quoted = shellQuote(run.folder);
  const lines = [
    bold(printable(run.folder)) + dim(` one network of ${members.length}`),
    `  hidden size ${units}, ${formatCount(parametersOf(run))} parameters`,
    ...(temperature === undefined
      ? []
      : [`  temperature ${temperature.toPrecision(4)}, the geometric mean of theirs`]),
    '',
    bold('Test accuracy'),
    ...table.map((line, n) => (test && n === table.length - 1 ? bold(`  ${line}`) : `  ${line}`)),
    '',
    bold('Try next'),
    `  npx scanstroke predict ${quoted} digit.png`,
    `  npx scanstroke export ${quoted} --out merged.onnx`,
  ];
  return `${lines.join('\n')}\n`;
}
