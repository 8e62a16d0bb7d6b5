/** The trials of a sweep among the runs, and the settings in which they differ. */
import type { Axis, Settings, SettingValue } from '#src/runs/sweep/sweep-folder.js';

/** Settings that change no result, or name the run. */
const IDLE = ['saving_path', 'load_cp', 'threads', 'chart_format', 'log'];
/** More different numbers than these are shown on a scale. */
const MAX_LISTED = 6;
const LOG_FACTOR = 10;

/** The id of a trial's sweep; null for another run. */
export function sweepOf(id: string): string | null {
  return /^(.+)~trial-\d{3,}$/.exec(id)?.[1] ?? null;
}

/** The number of a trial. */
export function trialNumber(id: string): number {
  return Number(/\d+$/.exec(id)?.[0] ?? 0);
}

/** The settings of a configuration that an axis can show. @param config config.json */
export function plainSettings(config: Readonly<Record<string, unknown>>): Settings {
  const plain = Object.entries(config).filter(
    (entry): entry is [string, SettingValue] =>
      !IDLE.includes(entry[0]) &&
      (entry[1] === null || ['number', 'string', 'boolean'].includes(typeof entry[1])),
  );
  return Object.fromEntries(plain);
}

/** An axis for each setting in which trials differ. */
export function differingAxes(trials: readonly Settings[]): Axis[] {
  const names = [...new Set(trials.flatMap((settings) => Object.keys(settings)))];
  return names.flatMap((option): Axis[] => {
    const values = [...new Set(trials.map((settings) => settings[option] ?? null))];
    if (values.length < 2) return [];
    const numbers = values.filter((value) => typeof value === 'number').sort((a, b) => a - b);
    if (numbers.length < values.length || numbers.length <= MAX_LISTED) {
      const others = values.filter((value) => typeof value !== 'number');
      return [{ option, values: [...numbers, ...others.sort((a, b) => (String(a) < String(b) ? -1 : 1))] }];
    }
    const [low, high] = [numbers[0], numbers[numbers.length - 1]];
    const scale = low > 0 && high >= LOG_FACTOR * low ? 'log' : 'linear';
    return [{ option, low, high, scale, whole: numbers.every(Number.isInteger) }];
  });
}
