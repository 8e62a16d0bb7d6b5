/** What `scanstroke train` runs: configuration, training, report. Loaded when it runs, not for its help. */
import { basename } from 'node:path';
import { checkChartFormats } from '../../report/chart-files.js';
import { writeReport } from '../../report/report.js';
import { readMetrics } from '../../runs/run-files.js';
import { configToDisk } from '../../train/config/run-config.js';
import { type RunEnd, trainRun } from '../../train/run.js';
import { configure, seedRuns } from '../configure.js';
import type { TrainParts } from './train-command.js';

export const trainParts: TrainParts<RunEnd> = {
  configure: async (...args) => {
    const config = await configure(...args);
    checkChartFormats(config.chartFormat); // now, not after the training
    return config;
  },
  seedRuns,
  trainRun,
  report: async (config, summary, { folder, mistakes }) => {
    await writeReport(
      folder,
      {
        title: `${config.preset} on ${dataTitle(config.data)}, seed ${config.seedNumber}`,
        config: configToDisk(config),
        metrics: await readMetrics(folder),
        summary,
        mistakes,
      },
      { formats: config.chartFormat },
    );
  },
};

/** How a heading names the data that `--data` asks for. */
export function dataTitle(data: string): string {
  if (data === 'mnist') return 'MNIST';
  const strokes = /^strokes(?::(.*))?$/s.exec(data);
  return strokes ? `${dataTitle(strokes[1] ?? 'mnist')} strokes` : basename(data);
}
