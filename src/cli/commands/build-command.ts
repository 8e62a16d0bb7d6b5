/** `scanstroke build`: compiles the native kernels on a machine for which the package contains none. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { printJson, type Terminal } from '../terminal.js';

export function defineBuild(command: Command, terminal: Terminal): void {
  command
    .option('--json', 'print only { addon, instruction_sets, compiled }')
    .addHelpText(
      'after',
      `
The package contains native kernels for Linux on x64 and arm64. On other machines this command compiles them with g++
or clang++ into the cache folder. Without native kernels WebAssembly is used, about three times slower.

Examples:
  scanstroke build                compile, if this machine has no native kernels yet
  CXX=clang++-19 scanstroke build compile with this compiler
  scanstroke build --json         print their path as JSON`,
    )
    .action(({ json = false }: { json?: boolean }) => build(json, terminal));
}

async function build(json: boolean, terminal: Terminal): Promise<void> {
  const { cachedAddon, loadAddon, searchAddon } = await import('../../backends/cpu/load-addon.js');
  let found = loadAddon();
  const compiled = found.addon === undefined;
  if (compiled) {
    const { compileAddon } = await import('../../backends/cpu/compile-addon.js');
    const objects = mkdtempSync(join(tmpdir(), 'scanstroke-build-'));
    terminal.err.write('scanstroke: compiling the kernels, about a minute\n');
    try {
      await compileAddon({ output: cachedAddon(), objects, strip: true });
    } finally {
      rmSync(objects, { recursive: true, force: true });
    }
    found = searchAddon();
  }
  const { addon, path, reason } = found;
  if (!addon) throw new Error(`the compiled addon cannot be used: ${reason}`);
  const { available } = addon;
  if (json) printJson(terminal, { addon: path, instruction_sets: available, compiled });
  else {
    const what = compiled ? 'native kernels compiled' : 'nothing to do: this machine has native kernels';
    terminal.out.write(`${what} (${available.join(', ')}): ${path}\n`);
  }
}
