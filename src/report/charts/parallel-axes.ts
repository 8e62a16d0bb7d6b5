/** The axes of parallel coordinates: where the values of options and accuracies are. For charts and the page. */
import type { Axis, Settings, SettingValue } from '../../runs/sweep/sweep-folder.js';
import { formatNumber, formatShare } from '../text.js';
import { linearScale, logScale, position, shareDecimals } from './chart.js';

/** Lines through one value of a list are spread over this share of the distance to the next value. */
const SPREAD = 0.45;

export interface RankedTrial {
  settings: Settings;
  /** 0 to 1. */
  bestValAccuracy: number | null;
}

/** An axis as it is drawn: where a value is, from 0 at the bottom to 1, and what is written beside it. */
export interface DrawnAxis {
  name: string;
  ticks: { at: number; text: string }[];
  /**
   * @param rank of the trial: 0 for the best, 1 for the worst
   * @returns null if the trial has no value
   */
  place(trial: RankedTrial, rank: number): number | null;
}

/** An axis for each option, and the last one for the validation accuracy. @param trials the best first */
export function parallelAxes(
  trials: readonly RankedTrial[],
  axes: readonly Axis[],
  nameOf: (option: string) => string,
): DrawnAxis[] {
  return [...axes.map((axis) => settingAxis(axis, nameOf(axis.option), trials)), accuracyAxis(trials)];
}

/** A place among the trials from 0 for the best to 1 for the worst. @param rank from 0 */
export function rankShare(rank: number, count: number): number {
  return count > 1 ? rank / (count - 1) : 0.5;
}

function settingAxis(axis: Axis, name: string, results: readonly RankedTrial[]): DrawnAxis {
  const valueIn = ({ settings }: { settings: Settings }) => settings[axis.option];
  if ('values' in axis) {
    const { values } = axis;
    const at = (index: number) => (values.length === 1 ? 0.5 : (index + 0.5) / values.length);
    return {
      name,
      ticks: values.map((value, index) => ({ at: at(index), text: labelOf(value) })),
      place: (result, rank) => {
        const index = values.indexOf(valueIn(result));
        return index < 0 ? null : at(index) + ((0.5 - rank) * SPREAD) / values.length;
      },
    };
  }
  const numbers = results.map(valueIn).filter((value) => typeof value === 'number');
  const [low, high] = [Math.min(axis.low, ...numbers), Math.max(axis.high, ...numbers)];
  const scale = axis.scale === 'log' ? logScale(low, high, 8) : linearScale(low, high, 8);
  return {
    name,
    ticks: scale.ticks.map((tick) => ({ at: position(scale, tick), text: formatNumber(tick) })),
    place: (result) => {
      const value = valueIn(result);
      return typeof value === 'number' ? position(scale, value) : null;
    },
  };
}

function accuracyAxis(results: readonly RankedTrial[]): DrawnAxis {
  const shares = results.map(({ bestValAccuracy }) => bestValAccuracy ?? 0);
  const [low, high] = [Math.min(...shares, 1), Math.max(...shares, 0)];
  const margin = high > low ? 0 : 0.001; // equal values need room, too
  const scale = linearScale(Math.max(0, low - margin), Math.min(1, high + margin), 7);
  const decimals = shareDecimals(scale);
  return {
    name: 'validation',
    ticks: scale.ticks.map((tick) => ({ at: position(scale, tick), text: formatShare(tick, decimals) })),
    place: ({ bestValAccuracy }) => position(scale, bestValAccuracy ?? 0),
  };
}

function labelOf(value: SettingValue): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return value === null ? 'none' : String(value);
}
