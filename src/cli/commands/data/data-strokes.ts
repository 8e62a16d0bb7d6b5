/** `scanstroke data strokes`: makes strokes from images and stores them in the cache, a folder or an archive. */
import { cacheFolder } from '../../../cache-folder.js';
import {
  isArchiveName,
  prepareStrokeTarget,
  writeStrokeArchive,
  writeStrokeFolder,
} from '../../../data/strokes/files/stroke-writer.js';
import { sortedStrokes } from '../../../data/strokes/redrawn-strokes.js';
import { loadStrokes } from '../../../data/strokes/stroke-datasets.js';
import { inMemory, type StrokeDataset, type StrokeExamples } from '../../../data/strokes/stroke-examples.js';
import { removeEmptyFolders } from '../../../formats/files.js';
import { printable } from '../../../report/recall.js';
import { formatCount, formatSeconds } from '../../../report/text.js';
import { UserError } from '../../../user-error.js';
import { prepareInCache } from '../../cache-target.js';
import { DataProgressView } from '../../terminal/data-progress.js';
import { colorsFor, printJson, shellQuote, type Terminal } from '../../terminal/terminal.js';
import type { StrokesFlags } from './data-flags.js';
import { refuseIdleSeed } from './seed-effect.js';

export async function makeStrokes(flags: StrokesFlags, terminal: Terminal): Promise<void> {
  const { data, order, out, seed, threads, sort = false, json = false } = flags;
  if (sort && out === undefined) {
    throw new UserError(
      'data strokes: --sort needs --out, because training reads the cache, and the cache holds strokes that are not sorted; name a folder or a .tar.gz file',
    );
  }
  if (sort && order === 'points') {
    throw new UserError(
      'data strokes: --sort does not go with --order points, whose drawings stay on the disk; leave it out: `train --stroke-sort` sorts them',
    );
  }
  await refuseIdleSeed('data strokes', flags);
  const view = new DataProgressView(terminal.err);
  const began = performance.now();
  const onProgress = view.show.bind(view);
  const onNotice = view.line.bind(view);
  // Without --out the cache is the only result.
  const mustCache = out === undefined;
  let dataset: StrokeDataset;
  const made = await (out === undefined ? prepareInCache(cacheFolder()) : prepareStrokeTarget(out));
  try {
    dataset = await loadStrokes(data, { order, seed, threads, mustCache, onProgress, onNotice });
    if (sort) {
      const { width } = dataset;
      const [train, test] = [dataset.train, dataset.test].map((part) =>
        sortedStrokes(inMemory(part, 'data strokes --sort'), width),
      );
      dataset = { ...dataset, train, test };
    }
    if (out !== undefined) {
      const write = isArchiveName(out) ? writeStrokeArchive : writeStrokeFolder;
      await write(dataset, out, onProgress);
    }
  } catch (error) {
    await removeEmptyFolders(made);
    throw error;
  } finally {
    view.clear();
  }
  const seconds = (performance.now() - began) / 1000;
  const { name, train, test, classes } = dataset;
  const place = out ?? cacheFolder();
  const [trainMoves, testMoves] = [train, test].map(movesOf);
  if (json) {
    printJson(terminal, {
      data: name,
      out: place,
      seed,
      train: train.count,
      test: test.count,
      classes,
      rows: trainMoves.total + testMoves.total,
      shortest: Math.min(trainMoves.shortest, testMoves.shortest),
      longest: Math.max(trainMoves.longest, testMoves.longest),
      seconds: Number(seconds.toFixed(3)),
    });
    return;
  }
  const { bold, dim } = colorsFor(terminal.out);
  const total = trainMoves.total + testMoves.total;
  const mean = total / (train.count + test.count);
  terminal.out.write(
    `${[
      bold(printable(name)),
      `  ${formatCount(train.count)} sequences for training, ${formatCount(test.count)} for the test, ${classes.length} classes`,
      `  ${formatCount(total)} moves, ${Math.min(trainMoves.shortest, testMoves.shortest)} to ` +
        `${Math.max(trainMoves.longest, testMoves.longest)} per sequence, ${mean.toFixed(1)} on average`,
      `  saved in ${shellQuote(place)} ${dim(`after ${formatSeconds(seconds)}`)}`,
    ].join('\n')}\n`,
  );
}

function movesOf({ count, offsets }: StrokeExamples): { total: number; shortest: number; longest: number } {
  let [shortest, longest] = [Number.POSITIVE_INFINITY, 0];
  for (let i = 0; i < count; i++) {
    const length = offsets[i + 1] - offsets[i];
    shortest = Math.min(shortest, length);
    longest = Math.max(longest, length);
  }
  return { total: offsets[count], shortest, longest };
}
