/**
 * A trial's training in a process of its own, forked by trial-runner.ts: memory and crashes stay here. It is
 * `scanstroke train --load-cp FOLDER`, which begins a run that has only a configuration, and goes on with any other.
 *
 * Arguments: the run folder, the number of threads or `none`, the epoch after which to pause or `none`. Messages go over
 * the IPC channel; its end, or the message `stop`, ends the training with a checkpoint.
 */
import { explainSystemError } from '../../formats/file-errors.js';
import { explainShortage } from '../../formats/shortage.js';
import type { TrainEvent } from '../../train/events.js';
import { UserError } from '../../user-error.js';
import { train } from '../commands/train/train-command.js';
import { trainParts } from '../commands/train/train-parts.js';
import { messageWithFlags } from '../error-message.js';
import type { TrialMessage } from './trial-message.js';

/** Milliseconds between two messages of progress. */
const PROGRESS_MS = 200;
const INTERRUPTED = 130;

const [folder, threads, pauseAfter] = process.argv.slice(2);
const lastEpoch = pauseAfter === 'none' ? Number.POSITIVE_INFINITY : Number(pauseAfter);
const own = new AbortController();
let told = Number.NEGATIVE_INFINITY;

process.on('message', () => own.abort());
process.on('disconnect', () => own.abort());

function tell(message: TrialMessage): void {
  if (process.connected) process.send?.(message);
}

function follow(event: TrainEvent): void {
  if (event.type === 'start') tell({ type: 'start' });
  if (event.type === 'epoch') {
    tell({ type: 'epoch', epoch: event.metrics.epoch });
    if (event.metrics.epoch >= lastEpoch && event.metrics.epoch < event.epochs) own.abort();
  }
  if (event.type === 'progress' && performance.now() - told > PROGRESS_MS) {
    told = performance.now();
    const { phase, epoch, batch, batches } = event;
    tell({ type: 'progress', phase, epoch, share: batch / batches });
  }
}

async function* followed<R>(events: AsyncGenerator<TrainEvent, R>): AsyncGenerator<TrainEvent, R> {
  let next = await events.next();
  for (; !next.done; next = await events.next()) {
    follow(next.value);
    yield next.value;
  }
  return next.value;
}

const parts = {
  ...trainParts,
  trainRun: ((config, control) => {
    const stop = AbortSignal.any([control.stop, own.signal]);
    return followed(trainParts.trainRun(config, { ...control, stop }));
  }) satisfies typeof trainParts.trainRun,
};

try {
  const flags = { loadCp: folder, ...(threads !== 'none' && { threads: Number(threads) }) };
  process.exitCode = await train(flags, { out: process.stdout, err: process.stderr }, parts);
} catch (thrown) {
  if (own.signal.aborted && thrown === own.signal.reason) {
    process.exitCode = INTERRUPTED;
  } else {
    const error = explainSystemError(explainShortage(thrown));
    const isMistake = error instanceof UserError;
    const message = isMistake ? messageWithFlags(error) : String(error);
    process.stderr.write(`${!isMistake && error instanceof Error ? error.stack : message}\n`);
    tell({ type: 'failed', message });
    process.exitCode = isMistake ? 2 : 1;
  }
} finally {
  if (process.connected) process.disconnect?.(); // The sweep may have ended.
}
