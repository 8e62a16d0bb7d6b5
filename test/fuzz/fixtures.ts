/**
 * Minimised findings, kept as files in test/fixtures/fuzz/TARGET/NAME. The suite runs every one of them: the outcome
 * must be an allowed one.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FindingKind, Input } from './target.js';

const FOLDER = fileURLToPath(new URL('../../../test/fixtures/fuzz/', import.meta.url));
/** Larger findings are not kept: their seed and index give them again. */
export const MAX_FIXTURE_BYTES = 16 * 1024;

/** The fixtures of a target, by name. */
export function fixturesOf(target: string): { name: string; input: Input }[] {
  const folder = join(FOLDER, target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((name) => ({ name, input: new Uint8Array(readFileSync(join(folder, name))) }));
}

/** Keeps a finding. @returns its path from the root of the project; null if it is too large */
export function keepFixture(target: string, kind: FindingKind, input: Input): string | null {
  if (input.length > MAX_FIXTURE_BYTES) return null;
  const name = `${kind}-${createHash('sha256').update(input).digest('hex').slice(0, 10)}`;
  mkdirSync(join(FOLDER, target), { recursive: true });
  writeFileSync(join(FOLDER, target, name), input);
  return `test/fixtures/fuzz/${target}/${name}`;
}
