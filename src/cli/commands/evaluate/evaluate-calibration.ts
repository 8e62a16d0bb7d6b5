/** `scanstroke evaluate --calibration`: the figures, the table of the bins, and the reliability diagram. */
import { basename } from 'node:path';
import { snakeCaseKeys } from '../../../formats/key-case.js';
import { calibrationRows, formatPoints, formatShare } from '../../../report/text.js';
import { RUN_FILES } from '../../../runs/run-folder.js';
import { isShipped } from '../../../runs/shipped-models.js';
import type { MeasuredCalibration } from '../../../train/run/evaluate/evaluate-run.js';
import { UserError } from '../../../user-error.js';
import { formatTable, indent } from '../../terminal/terminal.js';

/** Draws the diagram into the run folder. Returns the files, and lines for the user if there is none. */
export type DrawReliability = (
  calibration: MeasuredCalibration,
  of: { part: string; data: string | null },
) => Promise<{ files: string[]; notices: string[] }>;

/** A diagram that cannot be written is not worth the loss of the figures: it becomes a line for the user. */
export const drawReliability: DrawReliability = async (calibration, { part, data }) => {
  const { folder, checkpoint } = calibration;
  if (folder === null) {
    return {
      files: [],
      notices: ['no diagram: the checkpoint is in no run folder; give the folder of its run'],
    };
  }
  if (isShipped(folder)) {
    return {
      files: [],
      notices: ['no diagram: nothing is written into the folder of a network of the package'],
    };
  }
  const { writeReliability } = await import('../../../report/report.js');
  try {
    const { files, problem } = await writeReliability(folder, calibration, {
      part,
      name: chartName(part, checkpoint, data),
    });
    return { files, notices: problem === null ? [] : [`no diagram as PNG: ${problem}`] };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { files: [], notices: [`no diagram: ${error.message}`] };
  }
};

/** `reliability-test`; of another checkpoint `reliability-test-last`, on other data `reliability-test-fashion-mnist`. */
export function chartName(part: string, checkpoint: string, data: string | null): `reliability-${string}` {
  const file = basename(checkpoint);
  const parts = [part];
  if (file !== RUN_FILES.best) parts.push(plainName(file.replace(/\.safetensors$/i, '')));
  if (data !== null) parts.push(plainName(basename(data)));
  return `reliability-${parts.join('-')}`;
}

function plainName(text: string): string {
  const plain = text.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return plain.replace(/^-|-$/g, '').slice(0, 40) || 'other';
}

/** How the temperature was found, where the checkpoint does not hold it. */
export function calibrationNotices({ source, checkpoint }: MeasuredCalibration): string[] {
  if (source === 'checkpoint') return [];
  const name = basename(checkpoint);
  if (source === 'merged') {
    return [
      `${name} holds no temperature, and none was fitted: members of a merged network may have trained on the validation part: T = 1`,
    ];
  }
  return source === 'validation'
    ? [
        `${name} holds no temperature: one was fitted to the validation part now, for this evaluation only; ` +
          'predict, serve and page use the softmax of the logits (T = 1)',
      ]
    : [
        `${name} holds no temperature, and without ${RUN_FILES.config} beside it the validation part is not known: T = 1`,
      ];
}

export function calibrationJson(
  { temperature, source, before, after }: MeasuredCalibration,
  files: readonly string[],
): Record<string, unknown> {
  const value = { temperature, temperatureFrom: source, before, after, files };
  return snakeCaseKeys(value, 'calibration') as Record<string, unknown>;
}

export function calibrationLines(
  { temperature, source, before, after }: MeasuredCalibration,
  files: readonly string[],
  bold: (text: string) => string,
  dim: (text: string) => string,
): string[] {
  const origin = {
    checkpoint: 'in the checkpoint',
    validation: 'fitted to the validation part now',
    none: 'unknown',
    merged: 'not fitted',
  }[source];
  const scaled = `T = ${temperature}`;
  const figures = formatTable(
    [['', 'T = 1', scaled], ...calibrationRows(before, after)],
    [false, true, true],
  );
  const bins = after.bins.map((bin, n) => {
    const unscaled = before.bins[n];
    return [
      `${formatShare(bin.from, 1)} to ${formatShare(bin.to, 1)}`,
      ...binCells(unscaled),
      ...binCells(bin),
    ];
  });
  const columns = ['answers', 'probability', 'accuracy', 'gap'];
  const table = formatTable(
    [['', 'T = 1', '', '', '', scaled, '', '', ''], ['highest probability', ...columns, ...columns], ...bins],
    [false, ...Array.from({ length: 8 }, () => true)],
  );
  return [
    bold('Calibration') + dim(` temperature ${temperature}, ${origin}`),
    indent(figures),
    '',
    bold('Bins') + dim(' gap: accuracy minus mean probability, in percentage points'),
    indent(table),
    ...(files.length > 0 ? ['', ...files.map((file) => `  ${file}`)] : []),
  ];
}

function binCells({ count, confidence, accuracy }: MeasuredCalibration['after']['bins'][number]): string[] {
  if (confidence === null || accuracy === null) return ['·', '', '', ''];
  return [String(count), formatShare(confidence), formatShare(accuracy), formatPoints(accuracy, confidence)];
}
