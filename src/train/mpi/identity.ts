/**
 * What decides the bits of a training, of each rank of an MPI job. Ranks that differ are refused: their gradients would
 * be added to a sum that no single machine computes.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Dataset } from '../../data/input-kind.js';
import { UserError } from '../../user-error.js';

export interface Identity {
  version: string;
  /** Of Node.js: some of its mathematical functions may differ between versions. */
  node: string;
  arch: string;
  /** Name and instruction set. */
  backend: string;
  /** SHA-256 of all examples; of moves in a file, of its name, which names their source. */
  data: string;
}

/** @param backend name and instruction set */
export function identityOf(dataset: Dataset, backend: string): Identity {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  return { version, node: process.version, arch: process.arch, backend, data: hashOf(dataset) };
}

/** SHA-256 of the classes and of every example, in hexadecimal digits. */
function hashOf(dataset: Dataset): string {
  const hash = createHash('sha256').update(JSON.stringify(dataset.classes));
  for (const examples of [dataset.train, dataset.test]) {
    for (const [name, value] of Object.entries(examples)) {
      hash.update(`\n${name}\n`);
      if (ArrayBuffer.isView(value))
        hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
      // Moves in a file of the cache: its name is a hash of their source, its folder may differ between hosts.
      else
        hash.update(JSON.stringify(value, (key, part) => (key === 'path' ? basename(String(part)) : part)));
    }
  }
  return hash.digest('hex');
}

const WORDS: Record<keyof Identity, { what: string; way: string }> = {
  version: { what: 'scanstroke', way: 'install the same version everywhere' },
  node: { what: 'Node.js', way: 'install the same version everywhere' },
  arch: { what: 'a processor of the kind', way: 'use processors of one kind' },
  backend: {
    what: 'the backend',
    way: 'choose one that all machines have: --backend wasm, or SCANSTROKE_ISA=avx2',
  },
  data: { what: 'data with the hash', way: 'give all ranks the same data' },
};

/**
 * @param own of rank 0
 * @param nameOf `rank 1 on node7`
 * @throws UserError naming the first difference, and the ranks that differ
 */
export function refuseMixture(
  own: Identity,
  others: Map<number, Identity>,
  nameOf: (rank: number) => string,
): void {
  for (const key of Object.keys(WORDS) as (keyof Identity)[]) {
    const differing = [...others].filter(([, identity]) => identity[key] !== own[key]);
    if (differing.length === 0) continue;
    const { what, way } = WORDS[key];
    const shown = (value: string) => (key === 'data' ? `${value.slice(0, 12)}…` : value);
    const list = differing
      .map(([rank, identity]) => `${nameOf(rank)} has ${shown(identity[key])}`)
      .join(', ');
    throw new UserError(
      `train: the ranks of an MPI job must be alike: ${nameOf(0)} has ${what} ${shown(own[key])}, ${list}; ${way}`,
    );
  }
}
