/**
 * Measures the accuracy of a network under changes of its inputs (data/inputs/changes.ts), on worker threads. Each
 * changed sample is prepared and recognised like an input of a user. The result does not depend on the number of threads.
 * Node.js only.
 */
import { availableParallelism } from 'node:os';
import type { Precision } from '../../backends/backend.js';
import type { BackendChoice } from '../../backends/backend-names.js';
import { openBackend } from '../../backends/open-node.js';
import { type Change, changesFor } from '../../data/inputs/changes.js';
import { inThreads } from '../../data/worker-threads.js';
import type { Checkpoint } from '../../runs/checkpoint/checkpoint.js';
import type { RobustnessRow } from '../../runs/robustness.js';
import { recognizerOf } from '../recognizer.js';
import { answersTo, type Piece, piecesOf, type SamplesToChange } from './changed-answers.js';
import { robustnessRows } from './robustness-rows.js';
import type { PieceAnswers, RobustnessTask } from './robustness-worker.js';

export interface RobustnessOptions {
  checkpoint: Checkpoint;
  /** Names the checkpoint in messages. */
  name: string;
  samples: SamplesToChange;
  backend: BackendChoice;
  precision: Precision;
  /** Null: one a core. A GPU is used by a single thread. */
  threads: number | null;
  /** Receives a line for each backend that is not available. */
  onNotice?: (line: string) => void;
  /** @param done changed samples that have been answered */
  onProgress?: (progress: { change: string; done: number; total: number }) => void;
}

/**
 * @returns a row for each change, `unchanged` first
 * @throws UserError if a backend is not available, the network cannot read an input, or an answer is not finite
 */
export async function measureRobustness(options: RobustnessOptions): Promise<RobustnessRow[]> {
  const { checkpoint, samples, onProgress } = options;
  const changes = changesFor(checkpoint.preprocessing);
  const pieces = piecesOf(changes, samples.indices.length);
  const total = pieces.reduce((sum, { first, end }) => sum + end - first, 0);
  const answers = answerSheets(changes, samples.indices.length);
  let done = 0;
  const take = (n: number, found: Int32Array) => {
    const { change, variant, first } = pieces[n];
    answers.get(variant)?.set(found, first);
    done += found.length;
    onProgress?.({ change: change.name, done, total });
  };
  await (options.backend === 'webgpu'
    ? onThisThread(options, pieces, take)
    : onWorkers(options, pieces, take));
  const { labels } = samples.data.examples;
  const classOf = Int32Array.from(samples.indices, (index) => labels[index]);
  return robustnessRows(changes, answers, classOf, checkpoint.classes);
}

/** [samples] answers to each variant, to be filled. */
function answerSheets(changes: readonly Change[], samples: number): Map<Piece['variant'], Int32Array> {
  return new Map(
    changes.flatMap(({ variants }) => variants.map((variant) => [variant, new Int32Array(samples)] as const)),
  );
}

type Take = (piece: number, answers: Int32Array) => void;

async function onThisThread(
  { checkpoint, name, samples, backend, precision, onNotice }: RobustnessOptions,
  pieces: readonly Piece[],
  take: Take,
): Promise<void> {
  const opened = await openBackend(backend, onNotice);
  try {
    const recognizer = recognizerOf(checkpoint, opened, { name }, { precision });
    for (const [n, piece] of pieces.entries()) take(n, await answersTo(recognizer, samples, piece));
    recognizer.close();
  } finally {
    opened.close();
  }
}

/** Starts threads, which take pieces in their order. If one fails, all are ended. */
async function onWorkers(
  { checkpoint, name, samples, backend, precision, threads, onNotice }: RobustnessOptions,
  pieces: readonly Piece[],
  take: Take,
): Promise<void> {
  // Opened here for its notices, and for the errors of a backend or precision that is not available.
  const opened = await openBackend(backend, onNotice);
  const host = opened.name;
  try {
    recognizerOf(checkpoint, opened, { name }, { precision }).close();
  } finally {
    opened.close();
  }
  if (host === 'webgpu') throw new Error('robustness: a GPU is not for worker threads');
  const next = new Int32Array(new SharedArrayBuffer(4));
  const task: RobustnessTask = { samples, checkpoint, name, backend: host, precision, next };
  const count = Math.min(threads ?? availableParallelism(), pieces.length);
  let answered = 0;
  const script = new URL('./robustness-worker.js', import.meta.url);
  await inThreads<PieceAnswers>(script, task, { count }, ({ piece, answers }) => {
    take(piece, answers);
    answered++;
  });
  if (answered !== pieces.length) {
    throw new Error(
      `robustness: a worker thread ended early; ${answered} of ${pieces.length} pieces answered`,
    );
  }
}
