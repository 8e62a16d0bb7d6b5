/**
 * Compiles the kernels into the Node-API addon by calling a C++ compiler: kernels.cc once for each instruction set,
 * addon.cc, which chooses at run time, and a link. Needs g++ or clang++ and nothing else: the headers of Node-API lie
 * in this folder, and the addon works with every version of Node.js.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../user-error.js';
import { KERNELS } from './load-addon.js';

const HEADERS = fileURLToPath(new URL('./node-api-headers/', import.meta.url));

/** kernels.cc becomes an object for each instruction set of the processor, named as its namespace. */
const INSTRUCTION_SETS: Partial<Record<string, Record<string, string[]>>> = {
  x64: {
    baseline: [],
    avx2: ['-mavx2', '-mfma', '-mf16c'],
    avx512: [
      ...['-mavx512f', '-mavx512vl', '-mavx512dq', '-mavx512bw', '-mfma'],
      '-mprefer-vector-width=512',
    ],
  },
  // g++ for ARM schedules before it allocates registers, and then has none left for four of the tile's accumulators.
  arm64: { baseline: ['-fno-schedule-insns'] },
};

const FLAGS = [
  ...['-std=c++17', '-O3', '-fPIC', '-fno-omit-frame-pointer', '-fno-exceptions', '-fno-rtti'],
  ...['-ffp-contract=fast', '-fno-math-errno', '-fno-trapping-math'],
  ...['-Wall', '-Wextra', '-Wno-unused-parameter', '-Wno-psabi'],
];
const LINK: Partial<Record<NodeJS.Platform, string[]>> = {
  linux: ['-shared', '-static-libstdc++', '-static-libgcc'],
  darwin: ['-bundle', '-undefined', 'dynamic_lookup'],
};
const COMPILERS = ['g++', 'clang++', 'c++'];

export interface CompileOptions {
  /** Path of the addon; replaced as a whole. */
  output: string;
  /** Folder of the object files. */
  objects: string;
  /** Processor to compile for, as Node.js names it; this one by default. */
  arch?: string;
  /** Command of the compiler; by default CXX, else g++, clang++ or c++. */
  compiler?: string;
  /** Whether to leave out what only debuggers and profilers read. */
  strip?: boolean;
}

/** Thrown where there is no compiler, which is no mistake of the sources. */
export class NoCompilerError extends UserError {}

/** The compiler to call, as words. @throws NoCompilerError */
export function findCompiler(command: string | undefined = process.env.CXX): string[] {
  const commands = command ? [command] : COMPILERS;
  for (const words of commands.map((text) => text.trim().split(/\s+/))) {
    if (spawnSync(words[0], [...words.slice(1), '--version']).status === 0) return words;
  }
  throw new NoCompilerError(
    `${commands.join(', ')}: no C++ compiler runs here; install one (Debian: apt-get install g++; macOS: xcode-select --install)`,
  );
}

/** @throws UserError with the compiler's first complaint; NoCompilerError */
export async function compileAddon({
  output,
  objects,
  arch = process.arch,
  compiler,
  strip = false,
}: CompileOptions): Promise<void> {
  const link = LINK[process.platform];
  if (!link) {
    throw new NoCompilerError(
      `the kernels compile on Linux and macOS, not on ${process.platform}; WASM computes here`,
    );
  }
  const command = findCompiler(compiler);
  mkdirSync(objects, { recursive: true });
  mkdirSync(dirname(output), { recursive: true });
  const object = (name: string) => join(objects, `${name}.o`);
  const compile = (source: string, name: string, flags: string[]) =>
    run(command, [...FLAGS, ...flags, '-c', join(KERNELS, source), '-o', object(name)]);

  const sets = Object.entries(INSTRUCTION_SETS[arch] ?? { baseline: [] });
  await Promise.all([
    ...sets.map(([set, flags]) => compile('kernels.cc', set, [...flags, `-DKERNELS=${set}`])),
    compile('addon.cc', 'addon', [`-I${HEADERS}`, '-DNAPI_VERSION=8']),
  ]);
  const parts = ['addon', ...sets.map(([set]) => set)].map(object);
  const fresh = `${output}.${process.pid}`;
  await run(command, [...link, ...(strip ? ['-s'] : []), ...parts, '-o', fresh]);
  renameSync(fresh, output);
}

/** @throws UserError with the first error that the command prints */
async function run([program, ...words]: string[], args: string[]): Promise<void> {
  const child = spawn(program, [...words, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (piece) => {
    said += piece;
  });
  const status = await new Promise((resolve) => child.on('close', resolve));
  if (status === 0) return;
  const complaint = /^.*\berror: .*$/m.exec(said)?.[0] ?? said.trim().split('\n')[0];
  throw new UserError(`${[program, ...words].join(' ')} does not compile the kernels: ${complaint}`);
}
