/** Finds a C compiler for the tests of exported C files, compiles, and runs. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a user's strictest build may ask for; none of these warnings must appear. */
export const STRICT = [
  ...['-Wall', '-Wextra', '-pedantic', '-Werror', '-Wconversion', '-Wdouble-promotion', '-Wshadow'],
  ...['-Wcast-qual', '-Wundef', '-Wvla'],
];
const STRICT_C = ['-std=c99', ...STRICT, '-Wmissing-prototypes', '-Wstrict-prototypes'];
const SANITIZE = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer'];
const LIMIT_MS = 120_000;

function runs(command: string): boolean {
  return spawnSync(command, ['--version']).status === 0;
}

/** The C compilers of this machine: CC, else what of gcc, clang and cc there is, cc only if it is the only one. */
export const compilers: readonly string[] = (() => {
  const given = process.env.CC?.trim();
  if (given) return [given];
  const found = ['gcc', 'clang'].filter(runs);
  return found.length > 0 || !runs('cc') ? found : ['cc'];
})();
export const cxxCompilers: readonly string[] = ['g++', 'clang++'].filter(runs);

/** The reason to skip tests that compile, in one line; undefined if a compiler runs, or none may be skipped. */
export const noCompiler: string | undefined =
  compilers.length > 0 || process.env.SCANSTROKE_NO_SKIPS
    ? undefined
    : 'exported C files are not compiled: no C compiler runs here (Debian: apt-get install gcc), or name one: CC=clang';

/** @throws Error with what the compiler says */
export function compile(
  folder: string,
  output: string,
  args: readonly string[],
  compiler = compilers[0] ?? 'cc',
): string {
  const path = join(folder, output);
  const run = spawnSync(compiler, [...STRICT_C, '-o', path, ...args, '-lm'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: LIMIT_MS,
  });
  if (run.status !== 0) throw new Error(`${compiler} ${args.join(' ')}: ${run.stderr}${run.error ?? ''}`);
  return path;
}

/** Flags that end the program at undefined behaviour and at accesses outside of arrays, if the compiler has them. */
export function sanitizers(folder: string): string[] {
  writeFileSync(join(folder, 'empty.c'), 'int main(void) { return 0; }\n');
  try {
    const program = compile(folder, 'empty', [...SANITIZE, 'empty.c']);
    return spawnSync(program).status === 0 ? SANITIZE : [];
  } catch {
    return [];
  }
}

/** Runs a program with standard input. */
export function runProgram(path: string, input: Uint8Array | string = ''): SpawnSyncReturns<Buffer> {
  return spawnSync(path, [], { input, timeout: LIMIT_MS, maxBuffer: 2 ** 26 });
}
