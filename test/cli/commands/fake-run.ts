/** For the tests of the command line: a terminal that records its output, and a training that only emits events. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '#src/cli/program.js';
import type { Output, Terminal } from '#src/cli/terminal/terminal.js';
import type { RunSummary } from '#src/runs/run-folder.js';
import type { TrainConfig } from '#src/train/config/options.js';
import type { ProgressEvent, StartEvent, TrainEvent } from '#src/train/events.js';
import { sampleInput } from '../../report/sample.js';

export class FakeOutput implements Output {
  text = '';
  constructor(
    readonly isTTY = false,
    readonly columns?: number,
  ) {}
  write(text: string): void {
    this.text += text;
  }
  /** The lines that a terminal would show: `\r` returns to the start of the line, `\x1b[K` clears the rest of it. */
  get screen(): string[] {
    return this.text.split('\n').map((line) => {
      let shown = '';
      for (const part of line.split('\r')) {
        const [kept, ...cleared] = part.split('\x1b[K');
        shown = kept + cleared.join('') + (part.includes('\x1b[K') ? '' : shown.slice(kept.length));
      }
      return shown;
    });
  }
  get lines(): string[] {
    return this.text.split('\n').filter((line) => line !== '');
  }
}

export function fakeTerminal(): Terminal & { out: FakeOutput; err: FakeOutput } {
  return { out: new FakeOutput(), err: new FakeOutput() };
}

/**
 * Runs `scanstroke` in this process, with the working folder and the environment that it has: starting Node.js for each
 * of many commands would take most of the time. Tests of signals, streams and the start take e2e/command.ts.
 */
export async function runHere(args: readonly string[]): Promise<Outcome> {
  const { out, err } = fakeTerminal();
  const before = process.exitCode;
  process.exitCode = undefined;
  const failed = await run(args, { out, err });
  const code = failed || Number(process.exitCode ?? 0);
  process.exitCode = before;
  return { code, stdout: out.text, stderr: err.text };
}

/** How a command in this process ended. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

export const START: StartEvent = {
  type: 'start',
  backend: { name: 'cpu', description: 'AVX2' },
  threads: 2,
  parameters: 238_858,
  trainCount: 50_000,
  validationCount: 10_000,
  testCount: 10_000,
  batchesPerEpoch: 4,
  epochs: 2,
  resumedFrom: null,
  seed: 0,
  folder: 'runs/a',
};

export function progress(changes: Partial<ProgressEvent> = {}): ProgressEvent {
  return {
    type: 'progress',
    phase: 'train',
    epoch: 1,
    batch: 1,
    batches: 4,
    loss: 0.51234,
    accuracy: 0.8765,
    learningRate: 0.0012,
    samples: 128,
    samplesPerSecond: 4123.4,
    secondsLeft: 41,
    ...changes,
  };
}

/** The summary of a run with this seed: test accuracy 0.95 + seed / 100. */
export function summaryOf(seed: number, preset = 'quick'): RunSummary {
  const { summary } = sampleInput();
  return { ...summary, seed, preset, testAccuracy: 0.95 + seed / 100, gflops: 118.2, peakRssMb: 412.3 };
}

/**
 * A training of two epochs of four updates. After `stopAfter` updates it stops as after Ctrl-C.
 * @param changes changes of its summary
 */
export function fakeTraining(stopAfter = Number.POSITIVE_INFINITY, changes: Partial<RunSummary> = {}) {
  const configs: TrainConfig[] = [];
  async function* trainRun(config: TrainConfig & { savingPath: string }): AsyncGenerator<TrainEvent, string> {
    configs.push(config);
    mkdirSync(config.savingPath, { recursive: true });
    writeFileSync(join(config.savingPath, 'last.safetensors'), '');
    yield { ...START, seed: config.seedNumber, folder: config.savingPath };
    for (let epoch = 1, taken = 0; epoch <= 2; epoch++) {
      for (let batch = 1; batch <= 4; batch++) {
        if (taken++ === stopAfter) {
          yield { type: 'stopped', reason: 'interrupted', epoch, batch: batch - 1 };
          return 'interrupted';
        }
        yield progress({ epoch, batch });
      }
      yield { type: 'epoch', metrics: sampleInput().metrics[epoch - 1], best: true, epochs: 2 };
    }
    yield { type: 'stopped', reason: 'epochs', epoch: 2, batch: 0 };
    yield { type: 'done', summary: { ...summaryOf(config.seedNumber, config.preset), ...changes } };
    return 'done';
  }
  return { trainRun, configs };
}
