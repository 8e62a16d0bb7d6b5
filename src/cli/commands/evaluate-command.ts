/** `scanstroke evaluate RUN`: accuracy, loss and confusion matrix of a trained network on one part of its data. */
import { type Command, Option as Flag } from 'commander';
import { PRECISIONS } from '../../backends/stored.js';
import { printable } from '../../report/recall.js';
import { formatNumber, formatRecallTable, formatScore } from '../../report/text.js';
import type { Score } from '../../runs/run-folder.js';
import type { TrainConfig } from '../../train/config/options.js';
import { optionFlag } from '../flags.js';
import { colorsFor, formatTable, indent, printJson, type Terminal } from '../terminal.js';

const PARTS = ['train', 'validation', 'test'] as const;
export type Part = (typeof PARTS)[number];

/** The result of an evaluation. */
export interface Evaluation {
  score: Score;
  loss: number;
  /** [true class][predicted class] */
  confusionMatrix: number[][];
  classes: string[];
  /** Lines for the user, such as why a backend is not available. */
  notices?: string[];
}
export interface EvaluateOptions {
  /** Null: the data that the network was trained on. */
  data: string | null;
  part: Part;
  backend: TrainConfig['backend'];
  threads: number | null;
  precision: TrainConfig['precision'];
}
export type Evaluate = (path: string, options: EvaluateOptions) => Promise<Evaluation>;

export function defineEvaluate(command: Command, terminal: Terminal): void {
  command
    .argument('<run>', 'run folder (evaluates its best checkpoint) or a checkpoint')
    .option('--data <path>', 'data set, as for `scanstroke train --data` (default the data of the run)')
    .addOption(
      new Flag('--part <name>', `part of the data set: ${PARTS.join(', ')} (default test)`)
        .choices(PARTS)
        .default('test'),
    )
    .addOption(optionFlag('backend'))
    .addOption(optionFlag('threads'))
    .addOption(
      new Flag(
        '--precision <name>',
        `precision of the network's passes: ${PRECISIONS.join(', ')} (default float32)`,
      ).choices(PRECISIONS),
    )
    .option('--json', 'print only { accuracy, loss, count, confusion_matrix } as JSON')
    .addHelpText(
      'after',
      `
Examples:
  scanstroke evaluate runs/my-run
  scanstroke evaluate runs/my-run --part validation --json
  scanstroke evaluate runs/my-run/last.safetensors --data fashion-mnist/`,
    )
    .action(async (path: string, flags: EvaluateFlags) => {
      const { evaluateRun } = await import('../../train/run/evaluate-run.js');
      await evaluate(path, flags, terminal, evaluateRun);
    });
}

export interface EvaluateFlags {
  part: Part;
  json?: boolean;
  data?: string;
  backend?: string;
  threads?: string;
  precision?: string;
}

/** Evaluates and prints the result. */
export async function evaluate(
  path: string,
  flags: EvaluateFlags,
  terminal: Terminal,
  measure: Evaluate,
): Promise<void> {
  const { givenOptions } = await import('../../train/config/run-config.js');
  const { part, json = false, ...options } = flags;
  const {
    data = null,
    backend = 'auto',
    threads = null,
    precision = 'float32',
  } = givenOptions({ flags: options }, 'evaluate');
  const evaluation = await measure(path, { data, part, backend, threads, precision });
  const { score, loss, confusionMatrix, notices = [] } = evaluation;
  for (const notice of notices) terminal.err.write(`${notice}\n`);
  if (json) {
    printJson(terminal, {
      accuracy: score.correct / score.count,
      loss,
      count: score.count,
      confusion_matrix: confusionMatrix,
    });
    return;
  }
  const { bold, dim } = colorsFor(terminal.out);
  const lines = [
    printable(`${path} on the ${part} samples${data === null ? '' : ` of ${data}`}`),
    '',
    bold(`  accuracy  ${formatScore(score)}`),
    `  loss      ${formatNumber(loss)}`,
    '',
    bold('Recall'),
    indent(formatRecallTable(confusionMatrix, evaluation.classes)),
  ];
  const confusion = indent(formatConfusion(evaluation));
  if (confusion.indexOf('\n') <= (terminal.out.columns || 100)) {
    lines.push(
      '',
      bold('Confusion') + dim(' one row per true class, one column per predicted class'),
      confusion,
    );
  }
  terminal.out.write(`${lines.join('\n')}\n`);
}

/** The confusion matrix as text, with a dot for 0. */
export function formatConfusion({ confusionMatrix, classes }: Evaluation): string {
  const names = classes.map(printable);
  const rows = confusionMatrix.map((row, label) => [
    names[label],
    ...row.map((count) => (count ? `${count}` : '·')),
  ]);
  return formatTable([['', ...names], ...rows], [false, ...names.map(() => true)]);
}
