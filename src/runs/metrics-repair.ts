/**
 * Repairs metrics.jsonl when a run is resumed: what a crash of the machine, an editor, or two trainings in one folder (of
 * a version without a lock) left. The damaged file is kept beside the repaired one. Node.js only.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from '../formats/files.js';
import { readFileBounded } from '../formats/read-files.js';
import { UserError } from '../user-error.js';
import { MAX_METRICS_BYTES } from './limits.js';
import { parseMetrics } from './run-files.js';
import { damagedName, type EpochMetrics, RUN_FILES } from './run-folder.js';

/** What a checkpoint knows of the epochs before it. */
export interface KnownEpochs {
  /** The last completed epoch; 0 for none. */
  lastEpoch: number;
  /** The best validation so far. */
  best: { accuracy: number; loss: number; epoch: number } | null;
}

interface Line {
  /** The line's text, so that fields of newer versions are kept. */
  text: string;
  metrics: EpochMetrics;
}

export interface RepairedMetrics {
  /** Of the epochs up to the checkpoint. */
  metrics: EpochMetrics[];
  /** For the user; empty if nothing was damaged. */
  notices: string[];
}

/**
 * Writes to metrics.jsonl of `folder` the epochs of `source` up to a checkpoint, each once and in order. Of several lines
 * of an epoch, the one that the checkpoint knows is taken, or else the last. If lines are damaged or out of order, the
 * whole file is kept as `metrics.jsonl.damaged-1` if it is to be replaced.
 * @throws UserError if a file cannot be read or written
 */
export async function takeMetrics(
  folder: string,
  known: KnownEpochs,
  source = folder,
): Promise<RepairedMetrics> {
  const path = join(folder, RUN_FILES.metrics);
  const from = known.lastEpoch === 0 ? path : join(source, RUN_FILES.metrics);
  if (known.lastEpoch === 0 && !existsSync(path)) return { metrics: [], notices: [] };
  const bytes = existsSync(from)
    ? await readFileBounded(from, "the run's metrics", MAX_METRICS_BYTES)
    : new Uint8Array(0);
  const { lines, problem } = readLeniently(bytes, from);
  const kept = linesOf(lines, known);
  const notices: string[] = [];
  if (problem !== null) {
    const copy = from === path ? `; it is kept as ${await keepDamaged(path, bytes)}` : '';
    notices.push(`${problem}: the file was repaired${copy}`);
  }
  const missing = gapsIn(kept, known.lastEpoch);
  if (missing.length > 0) notices.push(`${from} has no line of ${missing.join(', ')}; charts leave them out`);
  await writeFileAtomically(path, kept.map(({ text }) => `${text}\n`).join(''));
  return { metrics: kept.map(({ metrics }) => metrics), notices };
}

/** The lines that can be read, and what is wrong with the first that cannot, or that is out of order. */
function readLeniently(bytes: Uint8Array, path: string): { lines: Line[]; problem: string | null } {
  const texts = new TextDecoder().decode(bytes).split('\n');
  const lines: Line[] = [];
  let problem: string | null = null;
  let before = 0;
  texts.forEach((text, i) => {
    const isLast = i === texts.length - 1;
    if (isLast && text === '') return;
    try {
      const metrics = parseMetrics(text, `${path}:${i + 1}`);
      if (metrics.epoch <= before)
        problem ??= `${path}:${i + 1}: epoch ${metrics.epoch} follows epoch ${before}`;
      before = metrics.epoch;
      lines.push({ text, metrics });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (!isLast) problem ??= error.message; // A killed process leaves a torn last line.
    }
  });
  return { lines, problem };
}

/** One line for each epoch up to the checkpoint, in order. */
function linesOf(lines: readonly Line[], { lastEpoch, best }: KnownEpochs): Line[] {
  const isKnown = ({ epoch, validationAccuracy, validationLoss }: EpochMetrics) =>
    best !== null &&
    epoch === best.epoch &&
    validationAccuracy === best.accuracy &&
    validationLoss === best.loss;
  const byEpoch = new Map<number, Line>();
  for (const line of lines) {
    const { epoch } = line.metrics;
    const before = byEpoch.get(epoch);
    if (epoch > lastEpoch || (before && isKnown(before.metrics) && !isKnown(line.metrics))) continue;
    byEpoch.set(epoch, line);
  }
  return [...byEpoch.values()].sort((a, b) => a.metrics.epoch - b.metrics.epoch);
}

/** Copies a damaged file to the first free name. @returns the path */
async function keepDamaged(path: string, bytes: Uint8Array): Promise<string> {
  for (let n = 1; ; n++) {
    const copy = damagedName(path, n);
    if (!existsSync(copy)) {
      await writeFileAtomically(copy, bytes);
      return copy;
    }
    // A resume that was killed after it had made the copy.
    const other = await readFileBounded(copy, 'the copy', MAX_METRICS_BYTES).catch(() => null);
    if (other !== null && Buffer.compare(other, bytes) === 0) return copy;
  }
}

/** `epoch 2`, `epochs 4 to 6`: those without a line. */
function gapsIn(lines: readonly Line[], lastEpoch: number): string[] {
  const gaps: string[] = [];
  let next = 1;
  for (const epoch of [...lines.map(({ metrics }) => metrics.epoch), lastEpoch + 1]) {
    if (epoch > next) gaps.push(epoch === next + 1 ? `epoch ${next}` : `epochs ${next} to ${epoch - 1}`);
    next = epoch + 1;
  }
  return gaps;
}
