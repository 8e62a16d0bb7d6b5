/**
 * The addon that speaks MPI: where it is, and how it is loaded. `scanstroke build --mpi` compiles it into the cache
 * folder, in a folder named by a hash of the source, under a name that says for which MPI. So addons for several
 * implementations may be there at once. Nobody who does not start scanstroke by mpirun needs one.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { KERNELS, machineName } from '../../backends/cpu/load-addon.js';
import { cacheFolder } from '../../cache-folder.js';
import { UserError } from '../../user-error.js';
import type { Flavour, Launcher } from './launcher.js';

/** Functions of kernels/mpi/mpi.c. One thread of a process calls them, but for `leave`. */
export interface MpiAddon {
  init(): Place;
  /** Of a typed array on shared memory. */
  address(array: ArrayBufferView): number;
  /** null: done; []: cancelled; else the ranks that were missing after `seconds`. */
  transfer(plan: Float64Array, messages: number, seconds: number, cancel: Int32Array): number[] | null;
  finalize(): void;
  abort(code: number): void;
  /** Ends this process at once; any thread may call it. */
  leave(code: number): never;
}

/** This process in its job. */
export interface Place {
  rank: number;
  size: number;
  /** Ranks on this host. */
  localSize: number;
  /** The host of each rank. */
  hosts: string[];
  /** What the library says of itself. */
  library: string;
}

export const MPI_SOURCE = join(KERNELS, 'mpi/mpi.c');

/** An implementation of MPI for which an addon is compiled. */
export interface Implementation {
  flavour: Flavour;
  /** `4.1.4` */
  version: string;
  /** What the compiler's wrapper adds: paths of headers and libraries. */
  flags: string;
}

/** The folder of the addons of this source. @throws UserError if there is no folder for the cache */
function addonFolder(): string {
  const hash = createHash('sha256').update(readFileSync(MPI_SOURCE)).digest('hex').slice(0, 16);
  return join(cacheFolder(), `mpi-${hash}`);
}

/** The path of the addon for an implementation. */
export function addonPath({ flavour, version, flags }: Implementation): string {
  const id = createHash('sha256').update(flags).digest('hex').slice(0, 8);
  return join(addonFolder(), `${machineName()}-${flavour}-${version}-${id}.node`);
}

/** Loads an addon. Open MPI's parts look for each other among the symbols of the whole process. */
export function loadMpi(path: string): MpiAddon {
  const module = { exports: {} };
  process.dlopen(module, path, constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL);
  return module.exports as MpiAddon;
}

const NAMES: Record<Flavour, string> = { openmpi: 'Open MPI', mpich: 'MPICH', other: 'another MPI' };

/**
 * The addon that fits the launcher best, and of several the newest.
 * @throws UserError that says how to build one
 */
export function findMpiAddon({ flavour, likely }: Launcher): string {
  const found = existsSync(MPI_SOURCE) ? addonsIn(addonFolder()) : [];
  const fitting = found.filter(
    (addon) => flavour === null || addon.flavour === flavour || addon.flavour === 'other',
  );
  const isLikely = (addon: { flavour: Flavour }) => Number(addon.flavour === likely);
  const [best] = fitting.sort((a, b) => isLikely(b) - isLikely(a) || b.time - a.time);
  if (best) return best.path;
  const launcher = flavour ? `${NAMES[flavour]}'s mpirun` : 'a launcher of MPI';
  const others = found.map((addon) => NAMES[addon.flavour]).join(', ');
  const have = others ? `there is an addon for ${others} only` : 'there is no addon for MPI yet';
  const compiler =
    flavour && flavour !== 'other' ? ` (MPICC=mpicc.${flavour}, if mpicc is of another MPI)` : '';
  throw new UserError(
    `train: ${launcher} started this process, and ${have}; ` +
      `\`npx scanstroke build --mpi\` compiles one on each machine${compiler}; SCANSTROKE_MPI=0 trains without MPI`,
  );
}

function addonsIn(folder: string): { path: string; flavour: Flavour; time: number }[] {
  if (!existsSync(folder)) return [];
  const pattern = new RegExp(`^${machineName()}-(openmpi|mpich|other)-[^/]*\\.node$`);
  return readdirSync(folder).flatMap((name) => {
    const flavour = pattern.exec(name)?.[1] as Flavour | undefined;
    const path = join(folder, name);
    return flavour ? [{ path, flavour, time: statSync(path).mtimeMs }] : [];
  });
}
