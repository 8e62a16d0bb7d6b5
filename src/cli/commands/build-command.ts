/** `scanstroke build`: compiles the native kernels on a machine for which the package contains none. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { explainFileError } from '../../formats/file-errors.js';
import { removeEmptyFolders } from '../../formats/files.js';
import { UserError } from '../../user-error.js';
import { prepareInCache } from '../cache-target.js';
import { printJson, type Terminal } from '../terminal/terminal.js';

export function defineBuild(command: Command, terminal: Terminal): void {
  command
    .option('--mpi', 'compile the addon with which mpirun trains on several machines (docs/scale.md)')
    .option('--json', 'print only { addon, instruction_sets, compiled }; with --mpi { addon, mpi, compiled }')
    .addHelpText(
      'after',
      `
The package contains native kernels for Linux on x64 and arm64. On other machines this command compiles them with g++
or clang++ into the cache folder. Without native kernels WebAssembly is used, about three times slower.

Examples:
  scanstroke build                  compile, if this machine has no native kernels yet
  CXX=clang++-19 scanstroke build   compile with this compiler
  scanstroke build --mpi            compile the addon for the MPI whose mpicc is at hand
  MPICC=mpicc.mpich scanstroke build --mpi    for another one; both may be there
  scanstroke build --json           print their path as JSON`,
    )
    .action(({ json = false, mpi = false }: { json?: boolean; mpi?: boolean }) =>
      mpi ? buildForMpi(json, terminal) : build(json, terminal),
    );
}

/** Compiles the addon that speaks MPI into the cache folder. */
async function buildForMpi(json: boolean, terminal: Terminal): Promise<void> {
  const { compileMpi, findMpi } = await import('../../train/mpi/compile-mpi.js');
  const { addonPath } = await import('../../train/mpi/mpi-addon.js');
  const found = findMpi();
  const made = await prepareInCache(dirname(addonPath(found)));
  const { path, compiled } = await compileMpi(found).catch(async (error) => {
    await removeEmptyFolders(made);
    throw explainFileError('write', addonPath(found), error);
  });
  const { flavour, version } = found;
  if (json) printJson(terminal, { addon: path, mpi: `${flavour} ${version}`, compiled });
  else {
    const what = compiled ? 'addon for MPI compiled' : 'nothing to do: the addon for MPI is there';
    terminal.out.write(`${what} (${flavour} ${version}): ${path}\n`);
  }
}

async function build(json: boolean, terminal: Terminal): Promise<void> {
  const { loadAddon } = await import('../../backends/cpu/load-addon.js');
  const present = loadAddon();
  const { addon, path } = present.addon ? present : await compile(terminal);
  const { available } = addon;
  const compiled = !present.addon;
  if (json) printJson(terminal, { addon: path, instruction_sets: available, compiled });
  else {
    const what = compiled ? 'native kernels compiled' : 'nothing to do: this machine has native kernels';
    terminal.out.write(`${what} (${available.join(', ')}): ${path}\n`);
  }
}

/** Compiles the kernels into the cache folder, and loads them. @throws UserError */
async function compile(terminal: Terminal) {
  const { cachedAddon, KERNELS, searchAddon } = await import('../../backends/cpu/load-addon.js');
  const { compileAddon } = await import('../../backends/cpu/compile-addon.js');
  if (!existsSync(KERNELS)) {
    throw new UserError(
      `build: the kernels' sources are missing (${KERNELS}); install the package scanstroke`,
    );
  }
  const output = cachedAddon();
  const made = await prepareInCache(dirname(output));
  const onStart = () => terminal.err.write('scanstroke: compiling the kernels, about a minute\n');
  let objects: string | undefined;
  try {
    objects = makeTemporaryFolder();
    await compileAddon({ output, objects, strip: true, onStart });
  } catch (error) {
    await removeEmptyFolders(made);
    throw explainFileError('write', output, error);
  } finally {
    if (objects !== undefined) rmSync(objects, { recursive: true, force: true });
  }
  const found = searchAddon();
  if (found.addon) return found;
  rmSync(output, { force: true }); // or every later command would report it
  throw new UserError(
    `build: ${found.reason}, though a compiler has just made them; CXX names another compiler`,
  );
}

/** @throws UserError */
function makeTemporaryFolder(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'scanstroke-build-'));
  } catch (error) {
    throw explainFileError('write', `a folder in ${tmpdir()}`, error);
  }
}
