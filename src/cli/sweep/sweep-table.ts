/** The table of a sweep's trials: a row for each, with its settings and what it has reached. */
import { formatSeconds, formatShare } from '../../report/text.js';
import type { Axis, Settings } from '../../runs/sweep/sweep-folder.js';
import type { TrialResult } from '../../runs/sweep/sweep-results.js';
import { flagName } from '../../train/config/option.js';
import { formatTable } from '../terminal/terminal.js';
import { settingText } from './search-space.js';

/** The names of the columns; the settings first. */
export function columns(axes: readonly Axis[]): string[] {
  return ['trial', ...axes.map(({ option }) => flagName(option)), 'validation', 'epochs', 'time', ''];
}

/** The cells of a row, as many as there are columns. */
export function cells(result: TrialResult, axes: readonly Axis[]): string[] {
  const { trial, settings, bestValAccuracy, epochs, trainSeconds } = result;
  return [
    String(trial),
    ...settingCells(settings, axes),
    bestValAccuracy === null ? '–' : formatShare(bestValAccuracy),
    String(epochs),
    epochs === 0 ? '–' : formatSeconds(trainSeconds),
    result.state === 'finished' ? '' : stateText(result),
  ];
}

export function settingCells(settings: Settings, axes: readonly Axis[]): string[] {
  return axes.map(({ option }) => settingText(settings[option]));
}

function stateText({ state, failure }: TrialResult): string {
  switch (state) {
    case 'failed':
      return `failed: ${failure}`;
    case 'stopped':
      return 'ended early';
    case 'begun':
      return 'not finished';
    case 'waiting':
      return 'waiting';
    default:
      return '';
  }
}

/** All rows, with the names of the columns above. */
export function sweepTable(results: readonly TrialResult[], axes: readonly Axis[]): string {
  const names = columns(axes);
  const right = names.map((name) => name !== '');
  return formatTable([names, ...results.map((result) => cells(result, axes))], right);
}
