/** Adds the charts of a finished run that are no curves to what TensorBoard shows of the run: as pictures. */
import { EventFile } from '../runs/tensorboard/event-file.js';
import { image } from '../runs/tensorboard/event-messages.js';
import { renderPng, renderSvg } from './charts/chart-files.js';
import { confusionMatrixChart, confusionRatesChart } from './charts/confusion.js';
import { mistakesChart, mistakeTiles } from './charts/mistakes.js';
import { reliabilityChart } from './charts/reliability.js';
import type { ReportInput } from './html.js';

/**
 * Writes an event file with the pictures of confusion matrix, mistakes and reliability, at the step of the last update.
 *
 * @param folder the run folder
 * @throws UserError if the file cannot be written, or charts cannot be drawn as PNG on this machine
 */
export async function logImages(folder: string, input: ReportInput): Promise<void> {
  const { metrics, summary, mistakes, calibration } = input;
  const charts = [
    confusionMatrixChart(input, 'file'),
    confusionRatesChart(input, 'file'),
    mistakesChart(mistakeTiles(mistakes, summary.classes)),
    ...(calibration ? [reliabilityChart(calibration, 'test', 'file')] : []),
  ];
  const pictures = await Promise.all(
    charts.map(async (chart) => image(`test/${chart.name}`, await renderPng(chart, renderSvg(chart)))),
  );
  const file = await EventFile.create(folder, null);
  try {
    for (const picture of pictures) await file.add(metrics.at(-1)?.curve.at(-1)?.step ?? 0, [picture]);
    await file.flush();
  } finally {
    await file.close();
  }
}
