/** Names the runs in a folder of runs, for the message to a user who gave the folder in place of a run. Node.js only. */
import { closeSync, existsSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '../formats/json.js';
import { quote } from '../formats/quotation.js';
import { openRegularFileSync } from '../formats/read-files.js';
import { finite, nullable, optional, readAs, record, text } from '../formats/shape.js';
import { UserError } from '../user-error.js';
import { RUN_FILES } from './run-folder.js';

/** Runs that are named; the others are counted. */
const MAX_NAMED = 3;
/** Folders that are looked at. */
const MAX_FOLDERS = 10_000;
const MAX_SHOWN_SUMMARY_BYTES = 2 ** 20;

/** The members of summary.json that are shown. */
const summaryShape = record({ preset: optional(nullable(text), null), test_accuracy: finite });

/**
 * `3 runs, not one: name one of them: runs/a (mnist-lstm, 98.9 %), runs/b …`, the newest first; null if there are none.
 */
export function describeRunsIn(folder: string): string | null {
  const runs = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .slice(0, MAX_FOLDERS)
    .map(({ name }) => join(folder, name))
    .filter((run) => [RUN_FILES.best, RUN_FILES.last].some((file) => existsSync(join(run, file))))
    .map((run) => ({ run, time: statSync(run, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.time - a.time)
    .map(({ run }) => run);
  if (runs.length === 0) return null;
  const named = runs.slice(0, MAX_NAMED).map((run) => `${run}${resultOf(run)}`);
  const more = runs.length > MAX_NAMED ? ` and ${runs.length - MAX_NAMED} more` : '';
  return `${runs.length === 1 ? '1 run, and is none' : `${runs.length} runs, not one`}; name ${
    runs.length === 1 ? 'it' : 'one of them'
  }: ${named.join(', ')}${more}`;
}

/** ` (mnist-lstm, 98.9 %)`; nothing if the run has not ended, or its summary is damaged. */
function resultOf(run: string): string {
  const path = join(run, RUN_FILES.summary);
  try {
    const { descriptor, size } = openRegularFileSync(path, path, MAX_SHOWN_SUMMARY_BYTES);
    try {
      const bytes = new Uint8Array(size);
      readSync(descriptor, bytes, 0, size, 0);
      const summary = readAs(summaryShape, parseJson(new TextDecoder().decode(bytes), path), path);
      const preset = summary.preset === null ? '' : `${quote(summary.preset, 40).slice(1, -1)}, `;
      return ` (${preset}${(100 * summary.test_accuracy).toFixed(1)} %)`;
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (error instanceof UserError) return '';
    throw error;
  }
}
