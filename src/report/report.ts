/**
 * Writes what a person looks at after a training run: the charts as files, and report.html, which holds them all.
 * Loaded when a training has ended and not before: it brings a chart library and two renderers with it.
 */

import { mkdir } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { explainFileError, writeFileAtomically } from '../formats/files.js';
import { type EpochMetrics, type Mistake, RUN_FILES, type RunSummary } from '../runs/run-folder.js';
import { renderPdf, renderPng, renderSvg } from './chart-files.js';
import { confusionMatrixChart, confusionRatesChart } from './confusion.js';
import { accuracyChart, learningRateChart, lossChart } from './curves.js';
import { reportHtml } from './html.js';
import { mistakesChart, mistakeTiles } from './mistakes.js';

/** What the report is made of. */
export interface ReportInput {
  /** Heading of the report, for example `quick on MNIST, seed 0`. */
  title: string;
  /** The settings of the run; nested ones are shown as `schedule.name`. */
  config: Record<string, unknown>;
  /** One entry an epoch, in order. */
  metrics: EpochMetrics[];
  summary: RunSummary;
  /** Most confident first. */
  mistakes: Mistake[];
}

/** What charts can be written as. */
export type ChartFormat = 'svg' | 'png' | 'pdf';

/**
 * Writes `charts/{loss,accuracy,learning-rate,confusion-matrix,confusion-rates,mistakes}` in the formats asked for,
 * and `report.html`. Every file is replaced as a whole.
 *
 * @param folder the run folder; created if it is missing
 * @param options.formats of the charts; SVG and PNG if not given, none if empty
 * @returns the paths written, beginning with `folder`
 * @throws UserError where a file or folder cannot be written
 */
export async function writeReport(
  folder: string,
  input: ReportInput,
  { formats = ['svg', 'png'] }: { formats?: readonly ChartFormat[] } = {},
): Promise<{ files: string[] }> {
  const charts = join(folder, RUN_FILES.charts);
  try {
    await mkdir(charts, { recursive: true });
  } catch (error) {
    throw explainFileError('write', charts, error);
  }
  const tiles = mistakeTiles(input.mistakes, input.summary.classes);
  const files: string[] = [];
  const write = async (path: string, content: Uint8Array | string) => {
    await writeFileAtomically(path, content);
    files.push(path);
  };
  for (const chart of formats.length > 0 ? fileCharts(input, tiles) : []) {
    const svg = renderSvg(chart);
    if (formats.includes('svg')) await write(join(charts, `${chart.name}.svg`), svg);
    if (formats.includes('png')) await write(join(charts, `${chart.name}.png`), renderPng(chart, svg));
    if (formats.includes('pdf')) await write(join(charts, `${chart.name}.pdf`), await renderPdf(chart));
  }
  await write(join(folder, RUN_FILES.report), reportHtml(input, tiles, commandPath(folder), renderSvg));
  return { files };
}

function fileCharts(input: ReportInput, tiles: ReturnType<typeof mistakeTiles>) {
  return [
    lossChart(input, 'file'),
    accuracyChart(input, 'file'),
    learningRateChart(input, 'file'),
    confusionMatrixChart(input, 'file'),
    confusionRatesChart(input, 'file'),
    mistakesChart(tiles),
  ];
}

/** The folder as a command would name it: from here if it is below, else by its name alone (reports are shared). */
function commandPath(folder: string): string {
  const path = relative(process.cwd(), resolve(folder));
  const below = path !== '' && !path.startsWith('..') && !isAbsolute(path);
  return below ? path.split(sep).join('/') : basename(resolve(folder));
}
