/**
 * Shows a sweep while it runs: a row of the table for each trial that ends, and on a terminal a line of the trials that
 * are training.
 */

import { plural } from '../../report/text.js';
import type { Axis, Sweep, Trial } from '../../runs/sweep/sweep-folder.js';
import type { TrialResult } from '../../runs/sweep/sweep-results.js';
import { ProgressView } from '../terminal/progress.js';
import { formatTable, type Output } from '../terminal/terminal.js';
import { describeSettings } from './search-space.js';
import { cells, columns, settingCells } from './sweep-table.js';
import type { TrialMessage } from './trial-message.js';

/** Widest text of the last columns: the accuracy, the epochs, the time. */
const WIDEST = ['100.00 %', '999', '59 min 59 s', ''];

export class SweepView {
  readonly #view: ProgressView;
  readonly #axes: readonly Axis[];
  readonly #count: number;
  /** A row as wide as any that is known, by which all are aligned. */
  readonly #frame: string[][];
  /** What the trials that are training do. */
  readonly #running = new Map<number, string>();
  readonly #done = new Set<number>();
  #headed = false;

  constructor(stream: Output, sweep: Sweep, count: number) {
    this.#view = new ProgressView(stream, { preset: '', freqOutputTrain: 1, freqOutputVal: null });
    this.#axes = sweep.axes;
    this.#count = count;
    const settings = sweep.trials.map((trial) => settingCells(trial.settings, sweep.axes));
    this.#frame = [columns(sweep.axes), ...settings.map((texts) => ['9999', ...texts, ...WIDEST])];
  }

  line(text: string): void {
    this.#view.line(text);
    this.#redraw();
  }

  begins({ trial }: Trial): void {
    this.#running.set(trial, 'begins');
    this.#redraw();
  }

  follow({ trial }: Trial, message: TrialMessage): void {
    if (message.type !== 'progress') return;
    const { phase, epoch, share } = message;
    const doing = phase === 'train' ? `${Math.round(100 * share)} %` : phase;
    this.#running.set(trial, phase === 'evaluate' ? 'scores' : `epoch ${epoch}, ${doing}`);
    this.#redraw();
  }

  /** @param pausedAfter the epoch after which trials are compared; null: the trial has ended */
  ended(result: TrialResult, pausedAfter: number | null): void {
    this.#running.delete(result.trial);
    if (pausedAfter === null || result.state === 'finished') this.#done.add(result.trial);
    if (!this.#headed) this.#view.line(this.#row(columns(this.#axes)));
    this.#headed = true;
    const shown = pausedAfter === null ? result : { ...result, state: 'finished' as const };
    this.#view.line(this.#row(cells(shown, this.#axes)));
    this.#redraw();
  }

  failed(trial: Trial, message: string): void {
    this.#running.delete(trial.trial);
    this.#done.add(trial.trial);
    this.line(`trial ${trial.trial} (${describeSettings(trial.settings)}) failed: ${message}`);
  }

  /** @param kept the trials that go on */
  rung(epochs: number, kept: readonly number[]): void {
    this.line(`after ${plural(epochs, 'epoch')}: trials that go on: ${kept.join(', ')}`);
  }

  clear(): void {
    this.#view.clear();
  }

  #row(texts: readonly string[]): string {
    const right = texts.map((_, column) => column < texts.length - 1);
    return formatTable([texts, ...this.#frame], right).split('\n')[0];
  }

  #redraw(): void {
    const trials = [...this.#running].map(([trial, doing]) => `trial ${trial}: ${doing}`);
    if (trials.length === 0) this.#view.clear();
    else this.#view.passing([`${this.#done.size} of ${this.#count} done`, ...trials].join(' · '));
  }
}
