/** The script of a worker thread that reads sequences, started by reading-threads.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import '../../../data/strokes/stored/stored-file.js';
import type { SequencesData } from '../../../data/sources.js';
import { type PostedError, postableError } from '../../../user-error.js';
import type { TrainingDraws } from './most-steps.js';
import { HostSequences, type ReadSequences } from './sequence-reader.js';

/** Posted to the thread once; the examples are in shared memory. */
export interface ReadingStart {
  data: SequencesData;
  training: TrainingDraws;
}
export interface ReadingRequest {
  indices: Int32Array;
  epoch: number;
}
export type ReadingReply = ReadSequences | { error: PostedError };

const port = parentPort;
if (!port) throw new Error('train/gpu/data/reading-worker.js runs in a worker thread');
const { data, training } = workerData as ReadingStart;
const sequences = new HostSequences(data, training);
port.on('message', ({ indices, epoch }: ReadingRequest) => {
  try {
    const read = sequences.read(indices, epoch);
    const moved = [read.values.buffer, read.lengths.buffer, read.labels.buffer];
    port.postMessage(read satisfies ReadingReply, moved);
  } catch (error) {
    port.postMessage({ error: postableError(error) } satisfies ReadingReply);
  }
});
