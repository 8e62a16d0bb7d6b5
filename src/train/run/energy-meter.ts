/**
 * Energy of the processors and their memory while a run trains, from the counters of Linux's power capping interface
 * (RAPL, https://docs.kernel.org/power/powercap/powercap.html). Everything that the machine does counts. Where the
 * counters are missing or may not be read, nothing is known.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the kernel shows the counters. */
export const POWERCAP = '/sys/class/powercap';
/**
 * Time between two looks at the counters. They begin anew at their largest value: the smallest holds 65 kJ, which a
 * package of 1 kW fills in a minute.
 */
const LOOK_MS = 10_000;
/** `intel-rapl:0` is a package, `intel-rapl:0:1` a part of it; AMD's counters have the same names. */
const ZONE = /^intel-rapl:\d+(:\d+)?$/;
/** Other zones are within these (core, uncore), or contain them (psys). */
const COUNTED = /^(package-\d+|dram)$/;
const MICRO = 1e-6;

interface Counter {
  path: string;
  /** Values in µJ, from 0 to this one. */
  range: number;
  last: number;
}

export class EnergyMeter {
  readonly #counters: Counter[];
  readonly #timer: NodeJS.Timeout | null;
  #microjoules = 0;
  #before: number | null;

  /**
   * @param before joules of the run before this process; null if they are unknown, and then all are
   * @param folder with the counters
   */
  constructor(before: number | null, folder = POWERCAP) {
    this.#counters = before === null ? [] : countersIn(folder);
    this.#before = this.#counters.length === 0 ? null : before;
    this.#timer = this.#before === null ? null : setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /** Joules of the run so far; null where they are not known. */
  get joules(): number | null {
    this.#look();
    return this.#before === null ? null : this.#before + this.#microjoules * MICRO;
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #look(): void {
    for (const counter of this.#before === null ? [] : this.#counters) {
      const now = numberIn(counter.path);
      if (now === null) {
        this.#before = null; // Taken away: the sum would be too low.
        return;
      }
      this.#microjoules += now - counter.last + (now < counter.last ? counter.range + 1 : 0);
      counter.last = now;
    }
  }
}

/** All counters, or none if one of them cannot be read. */
function countersIn(folder: string): Counter[] {
  const zones = namesIn(folder).filter(
    (name) => ZONE.test(name) && COUNTED.test(textIn(join(folder, name, 'name'))),
  );
  const counters = zones.map((name) => {
    const path = join(folder, name, 'energy_uj');
    return { path, range: numberIn(join(folder, name, 'max_energy_range_uj')), last: numberIn(path) };
  });
  const readable = counters.filter((each): each is Counter => each.range !== null && each.last !== null);
  return readable.length === counters.length ? readable : [];
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function textIn(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

/** @returns null if there is no number: reading needs the rights of the administrator on most systems */
function numberIn(path: string): number | null {
  const text = textIn(path);
  return /^\d{1,20}$/.test(text) ? Number(text) : null;
}
