/** Compiles the addon that speaks MPI with the wrapper that every implementation brings for the C compiler: mpicc. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { HEADERS, LINK, NoCompilerError, runCompiler } from '../../backends/cpu/compile-addon.js';
import { UserError } from '../../user-error.js';
import type { Flavour } from './launcher.js';
import { addonPath, type Implementation, loadMpi, MPI_SOURCE } from './mpi-addon.js';

const FLAGS = [
  '-std=c11',
  '-D_POSIX_C_SOURCE=200809L',
  '-O2',
  '-fPIC',
  '-Wall',
  '-Wextra',
  '-Wno-unused-parameter',
];

/** What the header of an implementation defines. */
const VERSIONS = `
#include <mpi.h>
#if defined(OPEN_MPI)
scanstroke_mpi openmpi OMPI_MAJOR_VERSION OMPI_MINOR_VERSION OMPI_RELEASE_VERSION
#elif defined(MPICH_VERSION)
scanstroke_mpi mpich MPICH_VERSION
#else
scanstroke_mpi other MPI_VERSION MPI_SUBVERSION
#endif
`;

/** An implementation, and the command that compiles for it. */
export interface FoundMpi extends Implementation {
  command: string[];
}

/**
 * The MPI whose mpicc is at hand: the command in MPICC, else `mpicc`.
 * @throws NoCompilerError if it does not run
 */
export function findMpi(given = process.env.MPICC): FoundMpi {
  const command = (given?.trim() || 'mpicc').split(/\s+/);
  const [program, ...words] = command;
  const call = (args: string[], input = '') =>
    spawnSync(program, [...words, ...args], { encoding: 'utf8', input });
  const shown = call(['-show']);
  const preprocessed = call(['-E', '-P', '-x', 'c', '-'], VERSIONS);
  const [, flavour, version] = /^scanstroke_mpi (\w+) (.+)$/m.exec(preprocessed.stdout ?? '') ?? [];
  if (preprocessed.status !== 0 || !flavour) {
    const why = preprocessed.error
      ? 'does not run here'
      : `does not compile: ${firstLine(preprocessed.stderr)}`;
    throw new NoCompilerError(
      `build: ${command.join(' ')} ${why}; install the compiler of an MPI (Debian: apt-get install libopenmpi-dev; ` +
        'a cluster: module load openmpi), or name it in MPICC',
    );
  }
  return {
    command,
    flavour: flavour as Flavour,
    version: version
      .replaceAll('"', '')
      .trim()
      .replace(/\s+/g, '.')
      .replace(/[^\w.]/g, '_'),
    flags: `${shown.stdout ?? ''}`.trim(),
  };
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] || 'it prints nothing';
}

/**
 * Compiles the addon for an MPI, unless one is there that loads.
 * @returns its path, and whether it was compiled
 * @throws UserError with the compiler's first error, or if the result does not load
 */
export async function compileMpi(mpi: FoundMpi): Promise<{ path: string; compiled: boolean }> {
  if (!existsSync(MPI_SOURCE)) {
    throw new UserError(
      `build: the source of the addon is missing (${MPI_SOURCE}); install the package scanstroke`,
    );
  }
  const link = LINK[process.platform];
  if (!link)
    throw new UserError(`build: the addon for MPI compiles on Linux and macOS, not on ${process.platform}`);
  const path = addonPath(mpi);
  if (existsSync(path) && reasonNotToLoad(path) === null) return { path, compiled: false };
  mkdirSync(dirname(path), { recursive: true });
  const fresh = `${path}.${process.pid}`;
  const flags = link.filter((flag) => !flag.startsWith('-static'));
  await runCompiler(
    mpi.command,
    [...FLAGS, '-DNAPI_VERSION=8', `-I${HEADERS}`, ...flags, MPI_SOURCE],
    fresh,
    'the addon for MPI',
  );
  const reason = reasonNotToLoad(fresh);
  if (reason !== null) {
    rmSync(fresh, { force: true });
    throw new UserError(`build: the addon for MPI was compiled, but does not load: ${reason}`);
  }
  renameSync(fresh, path);
  return { path, compiled: true };
}

/** Why an addon does not load here, in one line; null if it does. */
function reasonNotToLoad(path: string): string | null {
  try {
    loadMpi(path);
    return null;
  } catch (error) {
    return (error as Error).message.split('\n')[0];
  }
}
