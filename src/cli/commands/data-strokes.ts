/** What `scanstroke data strokes` does: makes strokes from images and leaves them in the cache, a folder or an archive. */
import { cacheFolder } from '../../cache-folder.js';
import { loadStrokes } from '../../data/strokes/stroke-datasets.js';
import type { StrokeDataset, StrokeExamples } from '../../data/strokes/stroke-examples.js';
import {
  isArchiveName,
  prepareStrokeTarget,
  writeStrokeArchive,
  writeStrokeFolder,
} from '../../data/strokes/stroke-writer.js';
import { formatCount, formatSeconds } from '../../report/text.js';
import { DataProgressView } from '../data-progress.js';
import { colorsFor, printJson, shellQuote, type Terminal } from '../terminal.js';
import type { StrokesFlags } from './data-command.js';

export async function makeStrokes(flags: StrokesFlags, terminal: Terminal): Promise<void> {
  const { data, order, out, seed, threads, json = false } = flags;
  const view = new DataProgressView(terminal.err);
  const began = performance.now();
  const progress = { onProgress: view.show.bind(view), onNotice: view.line.bind(view) };
  let dataset: StrokeDataset;
  try {
    if (out !== undefined) await prepareStrokeTarget(out);
    dataset = await loadStrokes(data, { order, seed, threads, ...progress });
    if (out !== undefined) {
      const write = isArchiveName(out) ? writeStrokeArchive : writeStrokeFolder;
      await write(dataset, out, progress.onProgress);
    }
  } finally {
    view.clear();
  }
  const seconds = (performance.now() - began) / 1000;
  const { name, train, test, classes } = dataset;
  const place = out ?? cacheFolder();
  const [trainRows, testRows] = [train, test].map(rowsOf);
  if (json) {
    printJson(terminal, {
      data: name,
      out: place,
      seed,
      train: train.count,
      test: test.count,
      classes,
      rows: trainRows.total + testRows.total,
      shortest: Math.min(trainRows.shortest, testRows.shortest),
      longest: Math.max(trainRows.longest, testRows.longest),
      seconds: Number(seconds.toFixed(3)),
    });
    return;
  }
  const { bold, dim } = colorsFor(terminal.out);
  const total = trainRows.total + testRows.total;
  const mean = total / (train.count + test.count);
  terminal.out.write(
    `${[
      bold(name),
      `  ${formatCount(train.count)} sequences to train, ${formatCount(test.count)} to test, ${classes.length} classes`,
      `  ${formatCount(total)} rows, ${Math.min(trainRows.shortest, testRows.shortest)} to ` +
        `${Math.max(trainRows.longest, testRows.longest)} a sequence, ${mean.toFixed(1)} on average`,
      `  in ${shellQuote(place)} ${dim(`after ${formatSeconds(seconds)}`)}`,
    ].join('\n')}\n`,
  );
}

function rowsOf({ count, offsets }: StrokeExamples): { total: number; shortest: number; longest: number } {
  let [shortest, longest] = [Number.POSITIVE_INFINITY, 0];
  for (let i = 0; i < count; i++) {
    const length = offsets[i + 1] - offsets[i];
    shortest = Math.min(shortest, length);
    longest = Math.max(longest, length);
  }
  return { total: offsets[count], shortest, longest };
}
