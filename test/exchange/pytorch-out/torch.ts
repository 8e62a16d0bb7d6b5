/** Runs exported files in PyTorch (Debian: python3-torch and python3-pil), all jobs in one process. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExportedFile } from '#src/exchange/exportable-model.js';
import { temporaryFolder } from '../../train/small-mnist.js';

const SCRIPT = fileURLToPath(
  new URL('../../../../test/exchange/pytorch-out/run_exports.py', import.meta.url),
);
const PYTHONS = ['/usr/bin/python3', 'python3'];
const MISSING = 'no PyTorch and PIL for Python; on Debian: apt-get install python3-torch python3-pil';
const MAX_OUTPUT_BYTES = 2 ** 26;

function python(argument: string): unknown {
  for (const command of PYTHONS) {
    const { status, stdout, stderr } = spawnSync(command, ['-B', SCRIPT, argument], {
      encoding: 'utf8',
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    if (status === 0) return JSON.parse(stdout);
    if (status !== 3 && status !== null) throw new Error(stderr);
  }
  return null;
}

const found = python('--version') !== null;
/** The reason to skip tests with PyTorch, in one line. */
export const NO_TORCH =
  found || process.env.SCANSTROKE_NO_SKIPS ? undefined : `exports are not tried in PyTorch: ${MISSING}`;

/** What a job needs besides the files: see run_exports.py. */
export interface TorchJob {
  files: ExportedFile[];
  run: 'logits' | 'preprocess' | 'update' | 'checkpoint' | 'command';
  [argument: string]: unknown;
}

/** Runs all jobs. @returns what each printed */
export function runInTorch(jobs: readonly TorchJob[]): Record<string, unknown>[] {
  assert.ok(found, MISSING);
  const folder = temporaryFolder();
  const specifications = jobs.map(({ files, ...rest }, n) => {
    const place = join(folder, String(n));
    mkdirSync(place);
    for (const { name, bytes } of files) writeFileSync(join(place, name), bytes);
    return { ...rest, file: join(place, files[1].name) };
  });
  const list = join(folder, 'jobs.json');
  writeFileSync(list, JSON.stringify(specifications));
  const results = python(list);
  assert.ok(Array.isArray(results) && results.length === jobs.length);
  return results;
}

/** A tensor for a job. */
export function values(shape: number[], data: ArrayLike<number>): { shape: number[]; data: number[] } {
  return { shape, data: Array.from(data) };
}
