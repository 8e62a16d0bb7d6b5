/** The modules that `scanstroke train` runs: configuration, training, report. Not loaded for its help. */
import { basename } from 'node:path';
import { drawableFormats } from '../../../report/charts/chart-packages.js';
import { readMetrics } from '../../../runs/run-files.js';
import type { RunSummary } from '../../../runs/run-folder.js';
import { configToDisk } from '../../../train/config/run-config.js';
import type { TrainEvent } from '../../../train/events.js';
import { type RunControl, type RunEnd, trainRun } from '../../../train/run/run.js';
import { configure, type PlacedConfig, type SeedRun, seedRuns } from '../../arguments/configure.js';

/** What the command is put together from: loaded only when it runs, and replaced in tests. `E` is a run's end. */
export interface TrainParts<E> {
  configure(
    configPath: string | undefined,
    flags: Readonly<Record<string, unknown>>,
    notice: (line: string) => void,
  ): Promise<PlacedConfig>;
  seedRuns(config: PlacedConfig): Promise<SeedRun[]>;
  trainRun(config: PlacedConfig, control: RunControl): AsyncGenerator<TrainEvent, E>;
  /** Writes charts and report.html into the run folder. */
  report(config: PlacedConfig, summary: RunSummary, end: E): Promise<void>;
}

export const trainParts: TrainParts<RunEnd> = {
  configure,
  seedRuns,
  trainRun,
  report: async (config, summary, { folder, mistakes, calibration }) => {
    // The charts' libraries are loaded when the training has ended.
    const { writeReport } = await import('../../../report/report.js');
    const input = {
      title: `${config.preset} on ${dataTitle(config.data)}, seed ${config.seedNumber}`,
      config: configToDisk(config),
      metrics: await readMetrics(folder),
      summary,
      mistakes,
      calibration,
    };
    if (config.log.includes('tensorboard') && drawableFormats(['png']).length > 0) {
      await (await import('../../../report/tensorboard-images.js')).logImages(folder, input);
    }
    // Last: a folder with a report is whole.
    await writeReport(folder, input, { formats: config.chartFormat });
  },
};

/** The name of the data set in the report's heading. @param data the value of `--data` */
export function dataTitle(data: string): string {
  if (data === 'mnist') return 'MNIST';
  const strokes = /^strokes(?::(.*))?$/s.exec(data);
  return strokes ? `${dataTitle(strokes[1] ?? 'mnist')} strokes` : basename(data);
}
