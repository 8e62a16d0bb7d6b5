/** Worker thread that answers changed samples, one piece at a time. See measure-robustness.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Precision } from '../../backends/backend.js';
import type { HostChoice } from '../../backends/backend-names.js';
import { openBackend } from '../../backends/open-node.js';
import { changesFor } from '../../data/inputs/changes.js';
import type { Checkpoint } from '../../runs/checkpoint/checkpoint.js';
import { type PostedError, postableError } from '../../user-error.js';
import { recognizerOf } from '../recognizer.js';
import { answersTo, piecesOf, type SamplesToChange } from './changed-answers.js';

export interface RobustnessTask {
  samples: SamplesToChange;
  checkpoint: Checkpoint;
  /** Names the checkpoint in messages. */
  name: string;
  backend: HostChoice;
  precision: Precision;
  /** [1] index of the next piece; over a SharedArrayBuffer. */
  next: Int32Array;
}

/** From a worker: the answers to a piece. */
export interface PieceAnswers {
  piece: number;
  answers: Int32Array;
}

/** From a worker: answers, or the error that ended it. */
type RobustnessReply = PieceAnswers | { error: PostedError };

const port = parentPort;
if (!port) {
  throw new Error(
    'recognize/robustness/robustness-worker.js runs in a worker thread, started by measure-robustness.ts',
  );
}
const { samples, checkpoint, name, backend, precision, next } = workerData as RobustnessTask;

try {
  const opened = await openBackend(backend, () => {});
  const recognizer = recognizerOf(checkpoint, opened, { name }, { precision });
  const pieces = piecesOf(changesFor(checkpoint.preprocessing), samples.indices.length);
  for (let n = Atomics.add(next, 0, 1); n < pieces.length; n = Atomics.add(next, 0, 1)) {
    const answers = await answersTo(recognizer, samples, pieces[n]);
    port.postMessage({ piece: n, answers } satisfies RobustnessReply);
  }
  recognizer.close();
  opened.close();
} catch (error) {
  port.postMessage({ error: postableError(error) } satisfies RobustnessReply);
}
