/** The modules that `scanstroke train` runs: configuration, training, report. Not loaded for its help. */
import { basename } from 'node:path';
import { writeReport } from '../../report/report.js';
import { readMetrics } from '../../runs/run-files.js';
import { configToDisk } from '../../train/config/run-config.js';
import { type RunEnd, trainRun } from '../../train/run.js';
import { configure, seedRuns } from '../configure.js';
import type { TrainParts } from './train-command.js';

export const trainParts: TrainParts<RunEnd> = {
  configure,
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

/** The name of the data set in the report's heading. @param data the value of `--data` */
export function dataTitle(data: string): string {
  if (data === 'mnist') return 'MNIST';
  const strokes = /^strokes(?::(.*))?$/s.exec(data);
  return strokes ? `${dataTitle(strokes[1] ?? 'mnist')} strokes` : basename(data);
}
