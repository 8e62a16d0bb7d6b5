/**
 * Shows the events of a training: on a terminal a progress bar that is redrawn in place, otherwise plain lines at the
 * frequencies of `--freq-output-train` and `--freq-output-val`. The clock only limits how often the bar is redrawn.
 */
import { printable } from '../../report/recall.js';
import { formatCount, formatNumber, formatShare, plural } from '../../report/text.js';
import type { EpochMetrics } from '../../runs/run-folder.js';
import type { ProgressEvent, StartEvent, TrainEvent } from '../../train/events.js';
import { flagsOf, suggestUpdates } from '../few-updates.js';
import { type Colors, colorsFor, type Output } from './terminal.js';

export interface ProgressSettings {
  preset: string;
  classWeights?: string;
  /** Samples of an update. */
  batchSize?: number;
  /** Batches of an update. */
  accumulationSteps?: number;
  /** Plain output: updates per line. */
  freqOutputTrain: number;
  /** Plain output: validation batches per line; null: no lines. */
  freqOutputVal: number | null;
  colors?: Colors;
  /** Milliseconds. */
  now?: () => number;
}

/** Minimum time between two redraws. */
const REDRAW_MS = 80;
/** Without a terminal, a line is printed at least this often, so that a slow training does not look stuck. */
const MAX_SILENCE_MS = 30_000;
/** Columns left free at the right: room for the `^C` that a terminal prints. */
const MARGIN = 3;
const MAX_BAR_CELLS = 40;
const MIN_BAR_CELLS = 8;

/** The title of an evaluation, after the word `accuracy`. */
const SCORED: Record<NonNullable<ProgressEvent['part']>, string> = {
  train: 'on the training samples',
  validation: 'on the validation samples',
  test: 'on the test samples',
  reversed: 'when drawn in reverse',
  reordered: 'with strokes in reverse order',
  negatives: 'on what is none of the classes',
};

export class ProgressView {
  readonly #stream: Output;
  readonly #settings: ProgressSettings;
  readonly #colors: Colors;
  readonly #now: () => number;
  #drawn = false;
  #last = Number.NEGATIVE_INFINITY;
  /** When the last line was printed without a terminal. */
  #lastLine: number;
  /** The title and the batch of the last event without a terminal. */
  #reached = { title: '', batch: 0 };
  #epochs = 0;

  constructor(stream: Output, settings: ProgressSettings) {
    this.#stream = stream;
    this.#settings = settings;
    this.#colors = settings.colors ?? colorsFor(stream);
    this.#now = settings.now ?? (() => performance.now());
    this.#lastLine = this.#now();
  }

  show(event: TrainEvent): void {
    switch (event.type) {
      case 'loading':
        this.passing(`${printable(event.what)}: ${formatShare(event.done / event.total, 0)}`);
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

  /** Writes a permanent line above the bar. */
  line(text: string): void {
    this.clear();
    this.#stream.write(`${text}\n`);
  }

  /** Writes a line without colours that the next one replaces, cut to the terminal. Does nothing without a terminal. */
  passing(text: string): void {
    this.#replace(text.slice(0, this.#width));
  }

  /** Columns of a line that is redrawn in place: a longer one would stay. */
  get #width(): number {
    return Math.max(0, (this.#stream.columns || 80) - MARGIN);
  }

  #replace(text: string): void {
    if (!this.#stream.isTTY) return;
    this.#stream.write(`\r${text}\x1b[K`);
    this.#drawn = true;
  }

  /** Removes the bar. */
  clear(): void {
    if (this.#drawn) this.#stream.write('\r\x1b[K');
    this.#drawn = false;
    this.#last = Number.NEGATIVE_INFINITY;
  }

  #startLines(event: StartEvent): string[] {
    const { bold, yellow } = this.#colors;
    const { backend, threads } = event;
    // A GPU's threads are not counted.
    const workers = backend.name === 'webgpu' ? '' : `, ${plural(threads, 'thread')}`;
    const lines = (event.notices ?? []).map((notice) => yellow(printable(notice)));
    lines.push(
      `${bold(this.#settings.preset)}, seed ${event.seed}, on ${backend.name} (${backend.description})${workers}`,
      `${formatCount(event.parameters)} parameters; samples: ${formatCount(event.trainCount)} for training, ` +
        `${formatCount(event.validationCount)} for validation, ${formatCount(event.testCount)} for the test`,
      `${plural(event.epochs, 'epoch')} of ${plural(event.batchesPerEpoch, 'update')}, saved in ${printable(event.folder)}`,
    );
    if (this.#settings.classWeights === 'balanced') {
      lines.push(
        'the training loss has the weights of the classes (--class-weights balanced), validation and test losses have none',
      );
    }
    const { resumedFrom } = event;
    const advice = resumedFrom === null ? this.#moreUpdates(event) : null;
    if (advice !== null) lines.push(yellow(advice));
    if (resumedFrom) {
      const { epoch, batch } = resumedFrom;
      lines.push(
        epoch > event.epochs
          ? `all epochs are done (--num-epochs trains on); computing the accuracies`
          : batch > 0
            ? `continues in epoch ${epoch}, after update ${batch}`
            : `continues with epoch ${epoch}`,
      );
    }
    return lines;
  }

  /** An advice if the batches or the epochs of a preset leave few updates for few samples; null otherwise. */
  #moreUpdates({ trainCount, batchesPerEpoch, epochs }: StartEvent): string | null {
    const { batchSize = trainCount, accumulationSteps = 1 } = this.#settings;
    const better = suggestUpdates({ trainCount, batchSize, epochs });
    if (better === null) return null;
    return (
      `${plural(batchesPerEpoch, 'update')} an epoch, ${batchesPerEpoch * epochs} in all, are few to learn from; ` +
      `for ${plural(trainCount, 'training sample')} try ${flagsOf(better, accumulationSteps)}`
    );
  }

  #progress(event: ProgressEvent): void {
    if (this.#stream.isTTY) {
      const now = this.#now();
      if (event.batch < event.batches && now - this.#last < REDRAW_MS) return;
      this.#replace(this.#bar(event, this.#width));
      this.#last = now;
      return;
    }
    const every = {
      train: this.#settings.freqOutputTrain,
      validation: this.#settings.freqOutputVal,
      evaluate: null,
    }[event.phase];
    const isDue = this.#reaches(event, every ?? Number.POSITIVE_INFINITY);
    const isSilent = this.#now() - this.#lastLine > MAX_SILENCE_MS;
    if (isDue || isSilent) {
      this.line(this.#plainLine(event));
      this.#lastLine = this.#now();
    }
  }

  /** Whether a multiple of `every` batches has ended since the last event: a GPU's answers end many batches at once. */
  #reaches(event: ProgressEvent, every: number): boolean {
    const title = this.#title(event);
    const { batch } = event;
    // A resumed epoch begins in its middle.
    const start = event.phase === 'train' ? batch - 1 : 0;
    const before = this.#reached.title === title ? this.#reached.batch : start;
    this.#reached = { title, batch };
    return Math.floor(batch / every) > Math.floor(before / every);
  }

  #title({ phase, part, epoch }: ProgressEvent): string {
    if (phase === 'evaluate') return `accuracy ${SCORED[part ?? 'test']}`;
    const title = `epoch ${String(epoch).padStart(String(this.#epochs).length)}/${this.#epochs}`;
    return phase === 'validation' ? `${title} validation` : title;
  }

  /** Fits the line into `width`: drops the last figures first, then the bar. */
  #bar(event: ProgressEvent, width: number): string {
    const title = this.#title(event);
    const share = event.batches > 0 ? event.batch / event.batches : 0;
    const parts = [
      `${Math.floor(share * 100)} %`.padStart(5),
      `loss ${event.loss.toFixed(4)}`,
      formatShare(event.accuracy).padStart(7),
      `${clock(event.secondsLeft)} left`,
      `${formatCount(event.samplesPerSecond)} samples/s`,
    ];
    const taken = () => title.length + 2 + parts.reduce((sum, part) => sum + part.length + 2, 0);
    while (parts.length > 1 && width - taken() < MIN_BAR_CELLS) parts.pop();
    const cells = Math.min(MAX_BAR_CELLS, width - taken());
    const text = parts.join('  ');
    if (cells < MIN_BAR_CELLS) return `${title}  ${text}`.slice(0, Math.max(0, width));
    const full = Math.round(share * cells);
    const bar = this.#colors.cyan('━'.repeat(full)) + this.#colors.dim('━'.repeat(cells - full));
    return `${this.#colors.bold(title)}  ${bar}  ${text}`;
  }

  #plainLine(event: ProgressEvent): string {
    const rate = event.phase === 'train' ? `, learning rate ${formatNumber(event.learningRate)}` : '';
    const unit = event.phase === 'train' ? 'update' : 'batch';
    return (
      `${this.#title(event)} ${unit} ${event.batch}/${event.batches}: loss ${event.loss.toFixed(4)}, ` +
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
  const skipped = skippedSteps > 0 ? `, ${plural(skippedSteps, 'update')} skipped` : '';
  return `loss scale ${formatNumber(lossScale ?? 1)}${skipped}`;
}

function stoppedLine({ reason, epoch, batch }: TrainEvent & { type: 'stopped' }): string {
  switch (reason) {
    case 'patience':
      return `stopped after epoch ${epoch}: validation accuracy did not improve (--patience)`;
    case 'max-minutes':
      return `stopped in epoch ${epoch}: the time is over (--max-minutes)`;
    case 'target-accuracy':
      return `stopped after epoch ${epoch}: validation reached the target (--target-accuracy)`;
    case 'interrupted':
      if (batch > 0) return `interrupted in epoch ${epoch}, after update ${batch}`;
      return epoch > 0 ? `interrupted after epoch ${epoch}` : 'interrupted before the first update';
    case 'epochs':
      return `stopped after epoch ${epoch}`;
  }
}

/** `0:41`, `1:02:03`; `–` for an unknown time. */
export function clock(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '–';
  const whole = Math.ceil(seconds);
  const pad = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}
