/** Writes the chart of `evaluate --robustness` into a run folder. Loads a chart library and renderers. */
import { join } from 'node:path';
import { makeFolder, writeFileAtomically } from '../formats/files.js';
import type { Robustness } from '../runs/robustness.js';
import { RUN_FILES } from '../runs/run-folder.js';
import { renderPng, renderSvg } from './charts/chart-files.js';
import { robustnessChart } from './charts/robustness.js';

/**
 * Writes `charts/robustness` in the formats given.
 * @returns the written paths, which begin with `folder`
 * @throws UserError if a file or folder cannot be written
 */
export async function writeRobustnessChart(
  folder: string,
  result: Robustness,
  formats: readonly ('svg' | 'png')[],
): Promise<string[]> {
  const charts = join(folder, RUN_FILES.charts);
  await makeFolder(charts);
  const chart = robustnessChart(result);
  const svg = renderSvg(chart);
  const files: string[] = [];
  for (const format of formats) {
    const path = join(charts, `${chart.name}.${format}`);
    await writeFileAtomically(path, format === 'svg' ? svg : await renderPng(chart, svg));
    files.push(path);
  }
  return files;
}
