/**
 * Draws a run's events: on a terminal a line that is drawn over and over with a bar, elsewhere plain lines at the
 * frequency asked for. Looks at the clock only to draw not too often.
 */

import { formatCount, formatNumber, formatShare, plural } from '../report/text.js';
import type { EpochMetrics } from '../runs/run-folder.js';
import type { ProgressEvent, StartEvent, TrainEvent } from '../train/events.js';
import { type Colors, colorsFor, type Output } from './terminal.js';

export interface ProgressSettings {
  preset: string;
  /** Training steps, and validation batches, for one plain line. */
  freqOutputTrain: number;
  freqOutputVal: number | null;
  colors?: Colors;
  /** Milliseconds. */
  now?: () => number;
}

/** Milliseconds from one drawing to the next. */
const INTERVAL = 80;
/** Columns left free at the right, so that the `^C` of a Ctrl-C does not break the line. */
const MARGIN = 3;
const BAR_MOST = 40;
const BAR_LEAST = 8;

/** How the title of an evaluation goes on after `accuracy`. */
const SCORED: Record<NonNullable<ProgressEvent['part']>, string> = {
  train: 'on the training samples',
  validation: 'on the validation samples',
  test: 'on the test samples',
  reversed: 'when drawn in reverse',
  reordered: 'with strokes in reverse order',
};

export class ProgressView {
  readonly #stream: Output;
  readonly #settings: ProgressSettings;
  readonly #colors: Colors;
  readonly #now: () => number;
  #drawn = false;
  #last = Number.NEGATIVE_INFINITY;
  #epochs = 0;

  constructor(stream: Output, settings: ProgressSettings) {
    this.#stream = stream;
    this.#settings = settings;
    this.#colors = settings.colors ?? colorsFor(stream);
    this.#now = settings.now ?? (() => performance.now());
  }

  show(event: TrainEvent): void {
    switch (event.type) {
      case 'loading':
        this.passing(`${event.what}: ${formatShare(event.done / event.total, 0)}`);
        break;
      case 'start':
        this.#epochs = event.epochs;
        for (const line of this.#startLines(event)) this.line(line);
        break;
      case 'progress':
        this.#progress(event);
        break;
      case 'epoch':
        this.line(this.#epochLine(event));
        break;
      case 'stopped':
        if (event.reason !== 'epochs') this.line(stoppedLine(event));
        break;
      case 'done':
        this.clear();
        break;
    }
  }

  /** A line that stays, above the moving one. */
  line(text: string): void {
    this.clear();
    this.#stream.write(`${text}\n`);
  }

  /** A line that the next one takes the place of; only on a terminal. */
  passing(text: string): void {
    if (!this.#stream.isTTY) return;
    this.#stream.write(`\r${text}\x1b[K`);
    this.#drawn = true;
  }

  /** Takes the moving line away. */
  clear(): void {
    if (this.#drawn) this.#stream.write('\r\x1b[K');
    this.#drawn = false;
    this.#last = Number.NEGATIVE_INFINITY;
  }

  #startLines(event: StartEvent): string[] {
    const { bold, yellow } = this.#colors;
    const { backend, threads } = event;
    const lines = (event.notices ?? []).map((notice) => yellow(notice));
    lines.push(
      `${bold(this.#settings.preset)}, seed ${event.seed}, on ${backend.name} (${backend.description}), ${plural(threads, 'thread')}`,
      `${formatCount(event.parameters)} parameters; ${formatCount(event.trainCount)} samples to learn from, ` +
        `${formatCount(event.validationCount)} to validate, ${formatCount(event.testCount)} to test`,
      `${plural(event.epochs, 'epoch')} of ${plural(event.stepsPerEpoch, 'step')}, into ${event.folder}`,
    );
    const { resumedFrom } = event;
    if (resumedFrom) {
      const { epoch, step } = resumedFrom;
      lines.push(step > 0 ? `goes on in epoch ${epoch}, after step ${step}` : `goes on with epoch ${epoch}`);
    }
    return lines;
  }

  #progress(event: ProgressEvent): void {
    if (this.#stream.isTTY) {
      const now = this.#now();
      if (event.step < event.steps && now - this.#last < INTERVAL) return;
      this.passing(this.#bar(event, (this.#stream.columns || 80) - MARGIN));
      this.#last = now;
      return;
    }
    const every = {
      train: this.#settings.freqOutputTrain,
      validation: this.#settings.freqOutputVal,
      evaluate: null,
    }[event.phase];
    if (every !== null && event.step % every === 0) this.line(this.#plainLine(event));
  }

  #title({ phase, part, epoch }: ProgressEvent): string {
    if (phase === 'evaluate') return `accuracy ${SCORED[part ?? 'test']}`;
    const title = `epoch ${String(epoch).padStart(String(this.#epochs).length)}/${this.#epochs}`;
    return phase === 'validation' ? `${title} validation` : title;
  }

  /** As much as the width holds: what is least important goes first, then the bar. */
  #bar(event: ProgressEvent, width: number): string {
    const title = this.#title(event);
    const share = event.steps > 0 ? event.step / event.steps : 0;
    const parts = [
      `${Math.floor(share * 100)} %`.padStart(5),
      `loss ${event.loss.toFixed(4)}`,
      formatShare(event.accuracy).padStart(7),
      `${clock(event.secondsLeft)} left`,
      `${formatCount(event.samplesPerSecond)} samples/s`,
    ];
    const taken = () => title.length + 2 + parts.reduce((sum, part) => sum + part.length + 2, 0);
    while (parts.length > 1 && width - taken() < BAR_LEAST) parts.pop();
    const cells = Math.min(BAR_MOST, width - taken());
    const text = parts.join('  ');
    if (cells < BAR_LEAST) return `${title}  ${text}`.slice(0, Math.max(0, width));
    const full = Math.round(share * cells);
    const bar = this.#colors.cyan('━'.repeat(full)) + this.#colors.dim('━'.repeat(cells - full));
    return `${this.#colors.bold(title)}  ${bar}  ${text}`;
  }

  #plainLine(event: ProgressEvent): string {
    const rate = event.phase === 'train' ? `, learning rate ${formatNumber(event.learningRate)}` : '';
    return (
      `${this.#title(event)} step ${event.step}/${event.steps}: loss ${event.loss.toFixed(4)}, ` +
      `accuracy ${formatShare(event.accuracy)}${rate}, ${formatCount(event.samplesPerSecond)} samples/s, ` +
      `${clock(event.secondsLeft)} left`
    );
  }

  #epochLine({ metrics, best, epochs }: TrainEvent & { type: 'epoch' }): string {
    const { bold, dim, green } = this.#colors;
    const number = String(metrics.epoch).padStart(String(epochs).length);
    return [
      bold(`epoch ${number}/${epochs}`),
      `loss ${metrics.trainLoss.toFixed(4)}, accuracy ${formatShare(metrics.trainAccuracy)}`,
      `validation ${metrics.validationLoss.toFixed(4)}, ${bold(formatShare(metrics.validationAccuracy))}`,
      dim(`${metrics.seconds.toFixed(1)} s`),
      ...(metrics.lossScale === null ? [] : [dim(lossScaleText(metrics))]),
      ...(best ? [green('best')] : []),
    ].join('  ');
  }
}

function lossScaleText({ lossScale, skippedSteps }: EpochMetrics): string {
  const skipped = skippedSteps > 0 ? `, ${plural(skippedSteps, 'step')} skipped` : '';
  return `loss scale ${formatNumber(lossScale ?? 1)}${skipped}`;
}

function stoppedLine({ reason, epoch, step }: TrainEvent & { type: 'stopped' }): string {
  switch (reason) {
    case 'patience':
      return `stopped after epoch ${epoch}: validation got no better (--patience)`;
    case 'target-accuracy':
      return `stopped after epoch ${epoch}: validation reached the accuracy asked for (--target-accuracy)`;
    case 'interrupted':
      return step > 0
        ? `interrupted in epoch ${epoch}, after step ${step}`
        : `interrupted after epoch ${epoch}`;
    case 'epochs':
      return `stopped after epoch ${epoch}`;
  }
}

/** `0:41`, `1:02:03`; `–` while nobody knows. */
export function clock(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '–';
  const whole = Math.ceil(seconds);
  const pad = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}
