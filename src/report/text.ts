/**
 * Formats numbers for the terminal, the charts and the page: scores, shares, times, losses, and the recall table of the
 * command line. NaN and infinity are written as `–`.
 */

import type { Calibration } from '../runs/calibration.js';
import type { Refused, RunSummary, Score } from '../runs/run-folder.js';
import { type ClassRecall, classRecalls, recallFloor } from './recall.js';

/** U+00A0: number and unit stay on one line. */
const NBSP = '\u00a0';

/** `9764/10000 = 97.64 %`. Only a score without mistakes is written as 100 %. */
export function formatScore({ correct, count }: Score): string {
  if (!(count > 0)) return `${correct}/${count}`;
  return `${correct}/${count} = ${formatShare(correct / count)}`;
}

/** `97.64 %` for 0.9764. A share below 1 that rounds to 100 % gets more decimals. */
export function formatShare(share: number, decimals = 2): string {
  if (!Number.isFinite(share)) return '–';
  let text = (share * 100).toFixed(decimals);
  while (share < 1 && Number(text) >= 100 && decimals < 10) text = (share * 100).toFixed(++decimals);
  return `${text} %`;
}

/** Difference of two shares in percentage points: `−0.12`, `+0.05`, `0.00`. */
export function formatPoints(share: number, other: number): string {
  const points = (share - other) * 100;
  if (!Number.isFinite(points)) return '–';
  const text = Math.abs(points).toFixed(2);
  if (Number(text) === 0) return text;
  return `${points < 0 ? '−' : '+'}${text}`;
}

/** Another way of drawing the test samples: its name, its score, and the difference to the test score in points. */
export interface OtherWay {
  name: string;
  score: Score;
  points: string;
}

/** The scores of the test strokes drawn in another way; scores that are null are left out. */
export function otherWays({
  testScore,
  reversedScore,
  reorderedScore,
}: Pick<RunSummary, 'testScore' | 'reversedScore' | 'reorderedScore'>): OtherWay[] {
  const ways: [name: string, score: Score | null][] = [
    ['drawn in reverse', reversedScore],
    ['strokes in reverse order', reorderedScore],
  ];
  const share = ({ correct, count }: Score) => correct / count;
  return ways.flatMap(([name, score]) =>
    score === null ? [] : [{ name, score, points: formatPoints(share(score), share(testScore)) }],
  );
}

/** `63/10000 = 0.63 %`. */
export function formatRefused({ refused, count }: Refused): string {
  return formatScore({ correct: refused, count });
}

/**
 * How often “none of these” was answered: to the test samples, to all negatives, and to those of each kind. Empty for a
 * recogniser without this answer.
 */
export function refusalRows({ refusals }: Pick<RunSummary, 'refusals'>): [name: string, share: string][] {
  if (refusals === null) return [];
  return [
    ['test samples', formatRefused(refusals.test)],
    ['negatives', formatRefused(refusals.negatives)],
    ...refusals.kinds.map((entry): [string, string] => [entry.kind, formatRefused(entry)]),
  ];
}

/** The figures of the same answers without and with temperature scaling: name, before, after. */
export function calibrationRows(before: Calibration, after: Calibration): [string, string, string][] {
  const row = (name: string, text: (of: Calibration) => string): [string, string, string] => [
    name,
    text(before),
    text(after),
  ];
  return [
    row('expected calibration error', (of) => formatShare(of.expectedCalibrationError)),
    row('negative log-likelihood', (of) => formatNumber(of.negativeLogLikelihood)),
    row('mean confidence', (of) => formatShare(of.confidence)),
    row('accuracy', (of) => formatShare(of.accuracy)),
  ];
}

/** `0.84 s`, `12.3 s`, `1 min 05 s`, `2 h 03 min`. */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const pad = (value: number) => String(value).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

/** `12,345 J, 34.2 W on average`. @param seconds in which the energy was used */
export function formatEnergy(joules: number, seconds: number): string {
  const power = seconds > 0 ? `, ${formatNumber(joules / seconds)} W on average` : '';
  return `${formatCount(joules)} J${power}`;
}

/** `49,034`. */
export function formatCount(count: number): string {
  if (!Number.isFinite(count)) return '–';
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** Three significant digits: `0.0412`, `2.3`. Exponents are used outside 0.001 to 100,000: `1e-4`. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const rounded = Number(value.toPrecision(3));
  const magnitude = Math.abs(rounded);
  if (magnitude >= 1e-3 && magnitude < 1e5) return String(rounded);
  return rounded.toExponential().replace('e+', 'e');
}

/** A setting's number. A long fraction such as 5/6 is rounded to four significant digits. */
export function formatSetting(value: number): string {
  return String(value).length > 8 && !Number.isInteger(value)
    ? String(Number(value.toPrecision(4)))
    : String(value);
}

/** A count with its noun: `1 epoch`, `3 epochs`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${count === 1 ? noun : `${noun}s`}`;
}

/** The epoch whose weights were tested: `of epoch 3, the best of 5`, or `after 5 epochs` if it is the last one. */
export function testedEpoch({ epochs, bestEpoch }: Pick<RunSummary, 'epochs' | 'bestEpoch'>): string {
  const isEarlier = bestEpoch > 0 && bestEpoch < epochs;
  return isEarlier ? `of epoch ${bestEpoch}, the best of ${epochs}` : `after ${plural(epochs, 'epoch')}`;
}

/** The same text with non-breaking spaces. */
export function unbroken(text: string): string {
  return text.replaceAll(' ', NBSP);
}

const BAR_CELLS = 20;

/**
 * The recall of every class for the terminal: one line per class, in aligned columns with a bar.
 *
 * @param confusion [true class][predicted class]
 * @param classes the classes' names; control characters in them are replaced
 */
export function formatRecallTable(confusion: number[][], classes: readonly string[]): string {
  const recalls = classRecalls(confusion, classes);
  const floor = recallFloor(recalls);
  const scale = `${Math.round(floor * 100)} %`;
  const rows = recalls.map((entry) => [
    entry.name,
    entry.recall === null ? '–' : formatShare(entry.recall),
    bar(entry.recall, floor),
    `${entry.correct}/${entry.count}`,
    takenForText(entry),
  ]);
  const header = [
    'class',
    'recall',
    `${scale.padEnd(BAR_CELLS - 5)}100 %`,
    'correct',
    'most often taken for',
  ];
  const widths = header.map((title, column) =>
    Math.max(cells(title), ...rows.map((row) => cells(row[column]))),
  );
  const right = [false, true, false, true, false];
  return [header, ...rows]
    .map((row) =>
      row
        .map((text, column) => {
          const gap = ' '.repeat(widths[column] - cells(text));
          return right[column] ? gap + text : text + gap;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `9 (6 times)`, or `–`. */
export function takenForText({ takenFor }: ClassRecall): string {
  if (takenFor === null) return '–';
  return `${takenFor.name} (${takenFor.count === 1 ? 'once' : `${takenFor.count} times`})`;
}

/** A bar with a resolution of an eighth of a character cell. */
function bar(recall: number | null, floor: number): string {
  if (recall === null) return '';
  const eighths = Math.round(((recall - floor) / (1 - floor)) * BAR_CELLS * 8);
  return '█'.repeat(Math.floor(eighths / 8)) + ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8];
}

/** Number of terminal cells of a text: two for an East Asian wide character, none for a combining mark. */
function cells(text: string): number {
  let sum = 0;
  for (const character of text) {
    if (/\p{M}|\u200d/u.test(character)) continue;
    sum +=
      /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\p{Emoji_Presentation}]/u.test(
        character,
      )
        ? 2
        : 1;
  }
  return sum;
}

/** A size for people: `812 bytes`, `14.2 KB`, `1.3 MB`; 1 KB is 1000 bytes. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`;
  const inKilobytes = bytes / 1000;
  return inKilobytes < 999.95 ? `${inKilobytes.toFixed(1)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
