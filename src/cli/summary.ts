/** The summary that is printed after a training: accuracy, speed, files, and commands to try next. */
import { join } from 'node:path';
import { printable } from '../report/recall.js';
import {
  formatCount,
  formatEnergy,
  formatRecallTable,
  formatScore,
  formatSeconds,
  formatShare,
  otherWays,
  refusalRows,
} from '../report/text.js';
import { RUN_FILES, type RunSummary } from '../runs/run-folder.js';
import type { TrainConfig } from '../train/config/options.js';
import { flagsOf, suggestUpdates } from './few-updates.js';
import { type Colors, formatTable, indent, shellQuote } from './terminal/terminal.js';

/** The settings of the run on which the commands to try next depend. */
export type SummarySettings = Pick<TrainConfig, 'data' | 'batchSize' | 'accumulationSteps' | 'chartFormat'>;

/** The summary of one run. */
export function formatSummary(
  summary: RunSummary,
  folder: string,
  settings: SummarySettings,
  colors: Colors,
): string {
  const { bold, dim } = colors;
  const rows = [
    ['training', formatScore(summary.trainScore), ''],
    ['validation', formatScore(summary.validationScore), ''],
    ['test', formatScore(summary.testScore), ''],
    ...otherWays(summary).map(({ name, score, points }) => [name, formatScore(score), `${points} points`]),
  ];
  const accuracy = formatTable(rows, [false, true, true])
    .split('\n')
    .map((line, index) => (rows[index][0] === 'test' ? bold(`  ${line}`) : `  ${line}`));
  const speed = [
    `${formatSeconds(summary.totalSeconds)} in total, training ${formatSeconds(summary.trainSeconds)}`,
    `${formatCount(summary.samplesPerSecond)} samples/s`,
    `${summary.gflops.toFixed(1)} GFLOP/s`,
    `peak memory ${formatCount(summary.peakRssMb)} MB`,
  ];
  const { energyJoules: joules, totalSeconds, bestEpoch, epochs } = summary;
  const chosen = bestEpoch > 0 ? `of the best epoch, ${bestEpoch} of ${epochs}` : `after epoch ${epochs}`;
  return [
    '',
    `${bold('Accuracy')}${dim(` ${chosen}`)}`,
    ...accuracy,
    '',
    ...refusalLines(summary, colors),
    `${bold('Recall')}${dim(' on the test samples')}`,
    indent(formatRecallTable(summary.confusionMatrix, summary.classes)),
    '',
    bold('Time'),
    `  ${speed.join(', ')}`,
    ...(joules === null ? [] : [`  energy of processors and memory ${formatEnergy(joules, totalSeconds)}`]),
    '',
    bold('Look at'),
    indent(
      formatTable([
        [printable(join(folder, RUN_FILES.report)), dim('everything on one page')],
        ...(settings.chartFormat.length > 0
          ? [[printable(join(folder, RUN_FILES.charts)), dim('the charts as files')]]
          : []),
      ]),
    ),
    '',
    bold('Try next'),
    ...nextCommands(summary, folder, settings).map((command) => `  ${command}`),
    '',
  ].join('\n');
}

/** How often “none of these” was answered; no lines for a recogniser without this answer. */
function refusalLines(summary: RunSummary, { bold, dim }: Colors): string[] {
  const rows = refusalRows(summary);
  if (rows.length === 0) return [];
  const [test, negatives, ...kinds] = rows;
  const table = [test, negatives, ...kinds.map(([kind, share]) => [`  ${kind}`, share])];
  return [bold('None of these') + dim(' was answered to'), indent(formatTable(table, [false, true])), ''];
}

function nextCommands(
  { preset, seed, epochs, trainScore }: RunSummary,
  folder: string,
  { data, batchSize, accumulationSteps }: SummarySettings,
): string[] {
  const run = shellQuote(folder);
  const again = `npx scanstroke train --config ${shellQuote(join(folder, RUN_FILES.config))}`;
  const planned = { trainCount: trainScore.count, batchSize: batchSize * accumulationSteps, epochs };
  const better = suggestUpdates(planned);
  const isBuiltIn = data === 'mnist' || data === 'strokes';
  const commands = [`npx scanstroke evaluate ${run}`, `npx scanstroke info ${run}`];
  if (better !== null) commands.push(`${again} ${flagsOf(better, accumulationSteps)}`);
  else if (isBuiltIn && preset === 'quick') commands.push('npx scanstroke train --preset mnist-lstm');
  else commands.push(`${again} --seed-number ${seed + 1}`);
  if (!isBuiltIn) commands.push(`npx scanstroke predict ${run} FILE`);
  return commands;
}

/** Mean and sample standard deviation (0 for a single value). */
export function meanAndDeviation(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 };
}

/** The summary of several seeds: one line per seed, then mean and standard deviation. */
export function formatSeeds(summaries: readonly RunSummary[], folder: string, colors: Colors): string {
  const { bold } = colors;
  const { mean, deviation } = meanAndDeviation(summaries.map(({ testAccuracy }) => testAccuracy));
  const rows = summaries.map((summary) => [
    `  seed ${summary.seed}`,
    `test ${formatScore(summary.testScore)}`,
    `validation ${formatScore(summary.validationScore)}`,
    formatSeconds(summary.trainSeconds),
  ]);
  return [
    '',
    bold(`${summaries.length} seeds`),
    formatTable(rows),
    '',
    bold(`  test accuracy ${formatShare(mean)} ± ${formatShare(deviation)}`),
    ...refusalRows(summaries[0])
      .slice(0, 2)
      .map(([name], row) => {
        const shares = summaries.flatMap(({ refusals }) =>
          refusals === null ? [] : [row === 0 ? refusals.test : refusals.negatives],
        );
        const { mean, deviation } = meanAndDeviation(shares.map(({ refused, count }) => refused / count));
        return `  none of these to ${name} ${formatShare(mean)} ± ${formatShare(deviation)}`;
      }),
    ...otherWays(summaries[0]).map(({ name }, way) => {
      const shares = summaries
        .map((summary) => otherWays(summary)[way].score)
        .map(({ correct, count }) => correct / count);
      const { mean, deviation } = meanAndDeviation(shares);
      return `  ${name} ${formatShare(mean)} ± ${formatShare(deviation)}`;
    }),
    '',
    bold('Look at'),
    `  ${printable(join(folder, `seed-${summaries[0].seed}`, RUN_FILES.report))} and the other seeds`,
    '',
  ].join('\n');
}

/** The value that `--json` prints for several seeds. */
export function seedsValue(summaries: readonly RunSummary[]) {
  const test = meanAndDeviation(summaries.map(({ testAccuracy }) => testAccuracy));
  const validation = meanAndDeviation(summaries.map(({ bestValAccuracy }) => bestValAccuracy));
  return {
    preset: summaries[0].preset,
    seeds: summaries.map(({ seed }) => seed),
    testAccuracy: test.mean,
    testAccuracyDeviation: test.deviation,
    bestValAccuracy: validation.mean,
    bestValAccuracyDeviation: validation.deviation,
    runs: summaries,
  };
}
