/** `scanstroke evaluate --robustness`: the accuracy of a run under changes of its inputs, as a table, file and chart. */
import { basename, join } from 'node:path';
import { givenSamples } from '../data/sources.js';
import { loadStrokePictures } from '../data/strokes/stroke-datasets.js';
import { inMemory } from '../data/strokes/stroke-examples.js';
import { measureRobustness } from '../recognize/robustness/measure-robustness.js';
import { drawableFormats } from '../report/charts/chart-packages.js';
import { rowNames, worstVariant } from '../report/charts/robustness.js';
import { printable } from '../report/recall.js';
import { formatPoints, formatShare, plural } from '../report/text.js';
import {
  type Robustness,
  type RobustnessRow,
  robustnessToDisk,
  writeRobustness,
} from '../runs/robustness.js';
import { RUN_FILES } from '../runs/run-folder.js';
import { holdsRun } from '../runs/run-path.js';
import { isShipped } from '../runs/shipped-models.js';
import type { EvaluateRunOptions } from '../train/run/evaluate/evaluate-run.js';
import { loadEvaluation } from '../train/run/evaluate/evaluation-data.js';
import { UserError } from '../user-error.js';
import { DataProgressView } from './terminal/data-progress.js';
import { colorsFor, formatTable, indent, type Terminal } from './terminal/terminal.js';

export interface RobustnessFlags {
  /** Number of samples; undefined for all. */
  limit?: number;
  /** Of the random changes. Default 0. */
  seed?: number;
}

/** What a measurement prints: the content of robustness.json, or text. */
export interface RobustnessOutput {
  json: unknown;
  text: string;
}

/** Measures, and writes robustness.json and its chart into the run folder, unless it is part of the package. */
export async function evaluateRobustness(
  path: string,
  options: Omit<Required<EvaluateRunOptions>, 'calibration' | 'onProgress'>,
  { limit, seed = 0 }: RobustnessFlags,
  terminal: Terminal,
): Promise<RobustnessOutput> {
  const view = new DataProgressView(terminal.err);
  const onProgress = view.show.bind(view);
  const onNotice = view.line.bind(view);
  let result: Robustness;
  let folder: string;
  try {
    const loaded = await loadEvaluation(path, options, { onProgress, onNotice });
    const { checkpoint, checkpointPath, dataset, data } = loaded;
    const part = options.part === 'test' ? 'test' : 'train';
    if (dataset.kind === 'strokes') inMemory(dataset[part], 'evaluate --robustness');
    const pictures = dataset.kind === 'strokes' ? await loadStrokePictures(data, { onProgress }) : null;
    const indices = spread(loaded.indices, limit);
    const rows = await measureRobustness({
      checkpoint,
      name: checkpointPath,
      samples: {
        data: givenSamples(dataset, part, checkpoint.preprocessing),
        pictures: pictures?.[part] ?? null,
        indices,
        seed,
      },
      ...options,
      onNotice,
      onProgress: ({ done, total }) => onProgress({ what: 'changed samples', done, total }),
    });
    folder = loaded.folder;
    const { part: name } = options;
    result = { checkpoint: basename(checkpointPath), data, part: name, samples: indices.length, seed, rows };
  } finally {
    view.clear();
  }
  const { files, notices } =
    holdsRun(folder) && !isShipped(folder) ? await writeFiles(folder, result) : { files: [], notices: [] };
  for (const notice of notices) terminal.err.write(`${notice}\n`);
  return { json: robustnessToDisk(result), text: describe(path, result, files, terminal) };
}

/** Evenly spaced indices: data sets may be sorted by class or difficulty. @param limit at least 1; undefined for all */
export function spread(indices: Int32Array, limit = indices.length): Int32Array {
  const count = Math.min(limit, indices.length);
  return Int32Array.from({ length: count }, (_, n) => indices[Math.floor((n * indices.length) / count)]);
}

/** Files that cannot be written are not worth the loss of a long measurement: they become a line for the user. */
export async function writeFiles(
  folder: string,
  result: Robustness,
): Promise<{ files: string[]; notices: string[] }> {
  const files: string[] = [];
  try {
    await writeRobustness(folder, result);
    files.push(join(folder, RUN_FILES.robustness));
    // Loaded late: the chart library takes a moment.
    const { writeRobustnessChart } = await import('../report/robustness-chart-files.js');
    files.push(...(await writeRobustnessChart(folder, result, drawableFormats(['svg', 'png']))));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const missing = files.length === 0 ? `no ${RUN_FILES.robustness} and no chart` : 'no chart';
    return { files, notices: [`${missing}: ${error.message}`] };
  }
  return { files, notices: [] };
}

function describe(
  path: string,
  { part, samples, data, rows }: Robustness,
  files: readonly string[],
  terminal: Terminal,
): string {
  const { bold, dim } = colorsFor(terminal.out);
  const [header, ...lines] = robustnessTable(rows).split('\n');
  const unread = rows.reduce((sum, row) => sum + row.unread, 0);
  return `${[
    printable(
      `${path} on ${plural(samples, `${part} sample`)} of ${data}, changed and then prepared like any input`,
    ),
    '',
    dim(`  ${header}`),
    ...lines.map((line, n) => (n === 0 ? bold(`  ${line}`) : `  ${line}`)),
    ...(unread > 0
      ? ['', indent('unread: inputs in which nothing was found to recognise; they count as wrong')]
      : []),
    ...(files.length > 0 ? ['', bold('Look at'), ...files.map((file) => `  ${printable(file)}`)] : []),
  ].join('\n')}\n`;
}

/** The table as text: a header and a line for each row. */
export function robustnessTable(rows: readonly RobustnessRow[]): string {
  const names = rowNames(rows);
  const someUnread = rows.some(({ unread }) => unread > 0);
  const cells = rows.map((row, n) => {
    const [low, high] = row.interval.map((share) => (100 * share).toFixed(1));
    const worst = worstVariant(row);
    return [
      names[n],
      formatShare(row.accuracy),
      n === 0 ? '' : formatPoints(row.accuracy, rows[0].accuracy),
      `${low} – ${high} %`,
      worst === null ? '' : `${worst.name} ${formatShare(worst.accuracy)}`,
      `${printable(row.worstClass.class)} ${formatShare(row.worstClass.recall, 1)}`,
      `${row.count}`,
      ...(someUnread ? [row.unread > 0 ? `${row.unread}` : ''] : []),
    ];
  });
  const header = ['change', 'accuracy', 'points', '95 % interval', 'worst', 'lowest recall', 'inputs'];
  return formatTable(
    [[...header, ...(someUnread ? ['unread'] : [])], ...cells],
    [false, true, true, true, false, false, true, true],
  );
}
