/** `scanstroke data summary`: what a data set holds, before anything is trained on it. */

import { kindNamed } from '../../../data/dataset-name.js';
import type { Dataset, KindName } from '../../../data/input-kind.js';
import { loadDataset } from '../../../data/open-dataset.js';
import type { Collected } from '../../../data/own/collected.js';
import { collectedLines, countsOf, imbalance } from '../../../data/own/collected-lines.js';
import { checkTrainable } from '../../../data/trainable.js';
import { className, printable } from '../../../report/recall.js';
import { formatCount } from '../../../report/text.js';
import { defaultConfig, givenOptions } from '../../../train/config/run-config.js';
import { UserError } from '../../../user-error.js';
import { DataProgressView } from '../../terminal/data-progress.js';
import { colorsFor, printJson, type Terminal } from '../../terminal/terminal.js';
import type { SummaryFlags } from './data-flags.js';

/** Cells of the longest bar. */
const BAR = 24;

export async function summarise(flags: SummaryFlags, terminal: Terminal): Promise<void> {
  const { data, json = false, ...given } = flags;
  const { channelsImg = null, imageSize = null } = givenOptions({ flags: given }, 'data summary');
  const refuseOn = (kind: KindName | null) => {
    if (kind !== 'strokes' || (channelsImg === null && imageSize === null)) return;
    throw new UserError(
      'data summary: --channels-img and --image-size have no effect on strokes; leave them out',
    );
  };
  refuseOn(kindNamed(data));
  const view = new DataProgressView(terminal.err);
  const notices: string[] = [];
  let dataset: Dataset;
  try {
    dataset = await loadDataset(data, {
      channelsImg,
      pictureSize: imageSize,
      order: 'tour',
      onProgress: view.show.bind(view),
      onNotice: (line) => notices.push(line),
    });
  } finally {
    view.clear();
  }
  refuseOn(dataset.kind);
  const problem = trainingProblem(dataset);
  if (json) printJson(terminal, { ...asJson(dataset), notices, problem });
  else terminal.out.write(`${described(dataset, notices, problem, terminal).join('\n')}\n`);
}

/** What was found in one's own pictures; null for other data. */
function collectedOf(dataset: Dataset): Collected | null {
  return dataset.kind === 'images' ? (dataset.collected ?? null) : null;
}

function sizeOf(dataset: Dataset): { width: number; height: number; channels: number } {
  const { width, height, channels } = dataset.kind === 'images' ? dataset.train : { ...dataset, channels: 1 };
  return { width, height, channels };
}

function asJson(dataset: Dataset) {
  const { name, kind, classes, train, test } = dataset;
  const [trainCounts, testCounts] = [train, test].map((part) => countsOf(part, classes.length));
  return {
    data: name,
    kind,
    train: train.count,
    test: test.count,
    classes: classes.map((each, k) => ({ class: each, train: trainCounts[k], test: testCounts[k] })),
    size: sizeOf(dataset),
    own: collectedOf(dataset),
    advice: imbalance(dataset),
  };
}

/** Why a training with the default split would refuse the data; null if it would not. */
function trainingProblem(dataset: Dataset): string | null {
  try {
    const { trainSplit, seedNumber } = defaultConfig();
    checkTrainable(dataset, trainSplit, seedNumber);
    return null;
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

function described(
  dataset: Dataset,
  notices: string[],
  problem: string | null,
  terminal: Terminal,
): string[] {
  const { name, kind, classes, train, test } = dataset;
  const { bold, dim } = colorsFor(terminal.out);
  const [trainCounts, testCounts] = [train, test].map((part) => countsOf(part, classes.length));
  const { width, height, channels } = sizeOf(dataset);
  const collected = collectedOf(dataset);
  const size = `${width} × ${height}${channels === 1 ? '' : ` × ${channels}`}`;
  const facts =
    dataset.kind === 'images' && collected
      ? collectedLines(dataset, collected)
      : [...notices, ...[imbalance(dataset)].flatMap((advice) => advice ?? [])];
  if (problem !== null) facts.push(`a training would be refused: ${problem}`);
  const most = Math.max(...trainCounts);
  const names = classes.map((_, k) => className(classes, k));
  const longest = Math.max(5, ...names.map((each) => each.length));
  const digits = Math.max(8, ...[...trainCounts, ...testCounts].map((count) => formatCount(count).length));
  const row = (cells: string[]) =>
    `  ${cells[0].padEnd(longest)}  ${cells[1].padStart(digits)}  ${cells[2].padStart(digits)}  ${cells[3] ?? ''}`.trimEnd();
  return [
    `${bold(printable(name))}  ${kind}, ${size} pixels, ${formatCount(train.count)} for training, ${formatCount(test.count)} for the test`,
    ...facts.map((line) =>
      printable(`  ${line.startsWith(`${name}: `) ? line.slice(name.length + 2) : line}`),
    ),
    '',
    dim(row(['class', 'training', 'test'])),
    ...names.map((each, k) =>
      row([
        each,
        formatCount(trainCounts[k]),
        formatCount(testCounts[k]),
        '█'.repeat(Math.max(trainCounts[k] > 0 ? 1 : 0, Math.round((BAR * trainCounts[k]) / most))),
      ]),
    ),
  ];
}
