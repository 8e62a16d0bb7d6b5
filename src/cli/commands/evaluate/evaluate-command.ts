/** `scanstroke evaluate RUN`: accuracy, loss and confusion matrix of a trained network on one part of its data. */
import { type Command, Option as Flag } from 'commander';
import { PRECISIONS } from '../../../backends/stored.js';
import { printable } from '../../../report/recall.js';
import { formatNumber, formatRecallTable, formatRefused, formatScore } from '../../../report/text.js';
import type { Refused, Score } from '../../../runs/run-folder.js';
import type { TrainConfig } from '../../../train/config/options.js';
import type { MeasuredCalibration } from '../../../train/run/evaluate/evaluate-run.js';
import { UserError } from '../../../user-error.js';
import { optionFlag, wholeNumber } from '../../arguments/flags.js';
import type { RobustnessOutput } from '../../robustness.js';
import { colorsFor, formatTable, indent, printJson, type Terminal } from '../../terminal/terminal.js';
import {
  calibrationJson,
  calibrationLines,
  calibrationNotices,
  type DrawReliability,
  drawReliability,
} from './evaluate-calibration.js';

const PARTS = ['train', 'validation', 'test'] as const;
export type Part = (typeof PARTS)[number];

/** The result of an evaluation. */
export interface Evaluation {
  score: Score;
  loss: number;
  /** [true class][predicted class] */
  confusionMatrix: number[][];
  classes: string[];
  /** The answers “none of these”; null for a network without this answer. */
  refused?: Refused | null;
  /** Lines for the user, such as why a backend is not available. */
  notices?: string[];
  /** Only if it was asked for. */
  calibration?: MeasuredCalibration | null;
}
export interface EvaluateOptions {
  /** Null: the data that the network was trained on. */
  data: string | null;
  part: Part;
  backend: TrainConfig['backend'];
  threads: number | null;
  precision: TrainConfig['precision'];
  /** Only if it was asked for. */
  calibration?: true;
}
export type Evaluate = (path: string, options: EvaluateOptions) => Promise<Evaluation>;

export function defineEvaluate(command: Command, terminal: Terminal): void {
  command
    .argument(
      '<run>',
      'run folder (evaluates its best checkpoint), checkpoint, project with a network, or a network of the package: digits, digit-strokes',
    )
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
    .option(
      '--calibration',
      'also measure how well probabilities agree with accuracy, and draw a reliability diagram',
    )
    .option(
      '--robustness',
      'measure the accuracy under changes of the inputs: rotated, shifted, thick, noisy …; writes robustness.json and a chart into the run folder',
    )
    .addOption(
      wholeNumber('--limit <n>', 'with --robustness: number of samples, evenly spaced (default all)', 1),
    )
    .addOption(wholeNumber('--seed <n>', 'with --robustness: seed of random changes (default 0)', 0))
    .option(
      '--json',
      'print only { accuracy, loss, count, confusion_matrix } as JSON (with the class none also the number refused; and calibration); with --robustness, the content of robustness.json, as `robustness` if both are given',
    )
    .addHelpText(
      'after',
      `
Examples:
  scanstroke evaluate runs/my-run
  scanstroke evaluate runs/my-run --part validation --calibration
  scanstroke evaluate runs/my-run --robustness --calibration --limit 1000`,
    )
    .action(async (path: string, flags: EvaluateFlags) => {
      const { robustness = false, limit, seed, ...rest } = flags;
      refuseWithoutRobustness(robustness, { limit, seed });
      const changed = async (options: EvaluateOptions) => {
        const { evaluateRobustness } = await import('../../robustness.js');
        return evaluateRobustness(path, options, { limit, seed }, terminal);
      };
      if (robustness && !rest.calibration) {
        const { json, text } = await changed(await optionsOf(rest));
        if (rest.json) printJson(terminal, json);
        else terminal.out.write(text);
        return;
      }
      const { evaluateRun } = await import('../../../train/run/evaluate/evaluate-run.js');
      await evaluate(path, rest, terminal, evaluateRun, { ...(robustness && { changed }) });
    });
}

export interface EvaluateFlags {
  part: Part;
  json?: boolean;
  calibration?: boolean;
  data?: string;
  backend?: string;
  threads?: string;
  precision?: string;
  robustness?: boolean;
  limit?: number;
  seed?: number;
}

function refuseWithoutRobustness(robustness: boolean, flags: Pick<EvaluateFlags, 'limit' | 'seed'>): void {
  const given = Object.entries(flags).find(([, value]) => value !== undefined);
  if (robustness || given === undefined) return;
  throw new UserError(
    `evaluate: --${given[0]} has an effect only with --robustness; add --robustness, or leave out --${given[0]}`,
  );
}

/** @throws UserError for values that an option does not have */
async function optionsOf({
  part,
  json: _,
  calibration: __,
  ...flags
}: EvaluateFlags): Promise<EvaluateOptions> {
  const { givenOptions } = await import('../../../train/config/run-config.js');
  const {
    data = null,
    backend = 'auto',
    threads = null,
    precision = 'float32',
  } = givenOptions({ flags }, 'evaluate');
  return { data, part, backend, threads, precision };
}

export interface EvaluateParts {
  draw?: DrawReliability;
  /** Measures the robustness, which is printed last. */
  changed?: (options: EvaluateOptions) => Promise<RobustnessOutput>;
}

/** Evaluates and prints the result. */
export async function evaluate(
  path: string,
  flags: EvaluateFlags,
  terminal: Terminal,
  measure: Evaluate,
  { draw = drawReliability, changed }: EvaluateParts = {},
): Promise<void> {
  const { json = false, calibration: measured = false } = flags;
  const options = await optionsOf(flags);
  const { part, data } = options;
  const evaluation = await measure(path, { ...options, ...(measured && { calibration: true }) });
  const { score, loss, confusionMatrix, refused = null, calibration = null, notices = [] } = evaluation;
  const drawn = calibration && (await draw(calibration, { part, data }));
  const about = calibration ? [...calibrationNotices(calibration), ...(drawn?.notices ?? [])] : [];
  for (const notice of [...notices, ...about]) terminal.err.write(`${notice}\n`);
  const robustness = await changed?.(options);
  if (json) {
    printJson(terminal, {
      accuracy: score.correct / score.count,
      loss,
      count: score.count,
      ...(refused && { refused: refused.refused }),
      confusion_matrix: confusionMatrix,
      ...(calibration && { calibration: calibrationJson(calibration, drawn?.files ?? []) }),
      ...(robustness && { robustness: robustness.json }),
    });
    return;
  }
  const { bold, dim } = colorsFor(terminal.out);
  const lines = [
    printable(`${path} on the ${part} samples${data === null ? '' : ` of ${data}`}`),
    '',
    bold(`  accuracy  ${formatScore(score)}`),
    `  loss      ${formatNumber(loss)}`,
    ...(refused ? [`  refused   ${formatRefused(refused)} answered “none of these”`] : []),
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
  if (calibration) lines.push('', ...calibrationLines(calibration, drawn?.files ?? [], bold, dim));
  if (robustness) lines.push('', bold('Robustness'), robustness.text.trimEnd());
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
