/**
 * Writes the charts of a run as files, and report.html, which contains them all. This module loads a chart library and
 * two renderers, so it is imported only after a training has ended.
 */
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { makeFolder, writeFileAtomically } from '../formats/files.js';
import type { CalibrationComparison } from '../runs/calibration.js';
import { type CHART_FORMATS, RUN_FILES } from '../runs/run-folder.js';
import { UserError } from '../user-error.js';
import { renderPdf, renderPng, renderSvg } from './charts/chart-files.js';
import { confusionMatrixChart, confusionRatesChart } from './charts/confusion.js';
import { accuracyChart, learningRateChart, lossChart } from './charts/curves.js';
import { mistakesChart, mistakeTiles } from './charts/mistakes.js';
import { reliabilityChart } from './charts/reliability.js';
import { type ReportInput, reportHtml } from './html.js';

/** File formats of charts. */
export type ChartFormat = (typeof CHART_FORMATS)[number];

/**
 * Writes `charts/{loss,accuracy,learning-rate,confusion-matrix,confusion-rates,mistakes,reliability-test}` (the last if
 * the calibration is known) and `report.html`. Every file is replaced atomically.
 *
 * @param folder the run folder; created if it does not exist
 * @param options.formats of the charts: default SVG and PNG; an empty list writes report.html alone
 * @returns the written paths, which begin with `folder`
 * @throws UserError if a file or folder cannot be written
 */
export async function writeReport(
  folder: string,
  input: ReportInput,
  { formats = ['svg', 'png'] }: { formats?: readonly ChartFormat[] } = {},
): Promise<{ files: string[] }> {
  const charts = join(folder, RUN_FILES.charts);
  await makeFolder(formats.length > 0 ? charts : folder);
  const tiles = mistakeTiles(input.mistakes, input.summary.classes);
  // PNGs are rendered in other threads, while this one renders the remaining charts.
  const contents = new Map<string, string | Promise<Uint8Array>>();
  for (const chart of formats.length > 0 ? fileCharts(input, tiles) : []) {
    const path = join(charts, chart.name);
    const svg = renderSvg(chart);
    if (formats.includes('svg')) contents.set(`${path}.svg`, svg);
    if (formats.includes('png')) contents.set(`${path}.png`, renderPng(chart, svg));
    if (formats.includes('pdf')) contents.set(`${path}.pdf`, renderPdf(chart));
  }
  // Last: a folder with report.html has all charts.
  contents.set(join(folder, RUN_FILES.report), reportHtml(input, tiles, commandPath(folder), renderSvg));
  await Promise.all<string | Uint8Array>(contents.values());
  for (const [path, content] of contents) await writeFileAtomically(path, await content);
  return { files: [...contents.keys()] };
}

/**
 * Writes the reliability diagram of a part as `charts/NAME.svg` and `charts/NAME.png`.
 * @param folder the run folder
 * @returns the written paths, which begin with `folder`; and why there is no PNG, null if there is one
 * @throws UserError if the SVG or the folder cannot be written
 */
export async function writeReliability(
  folder: string,
  calibration: CalibrationComparison,
  { part, name }: { part: string; name: `reliability-${string}` },
): Promise<{ files: string[]; problem: string | null }> {
  const charts = join(folder, RUN_FILES.charts);
  const chart = { ...reliabilityChart(calibration, part, 'file'), name };
  const svg = renderSvg(chart);
  await makeFolder(charts);
  const files = [join(charts, `${name}.svg`), join(charts, `${name}.png`)];
  await writeFileAtomically(files[0], svg);
  try {
    await writeFileAtomically(files[1], await renderPng(chart, svg));
    return { files, problem: null };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { files: [files[0]], problem: error.message };
  }
}

function fileCharts(input: ReportInput, tiles: ReturnType<typeof mistakeTiles>) {
  return [
    lossChart(input, 'file'),
    accuracyChart(input, 'file'),
    learningRateChart(input, 'file'),
    confusionMatrixChart(input, 'file'),
    confusionRatesChart(input, 'file'),
    mistakesChart(tiles),
    ...(input.calibration ? [reliabilityChart(input.calibration, 'test', 'file')] : []),
  ];
}

/** The folder as commands name it: relative to the working folder if inside it, else its name (reports are shared). */
function commandPath(folder: string): string {
  const path = relative(process.cwd(), resolve(folder));
  const below = path !== '' && !path.startsWith('..') && !isAbsolute(path);
  return below ? path.split(sep).join('/') : basename(resolve(folder));
}
