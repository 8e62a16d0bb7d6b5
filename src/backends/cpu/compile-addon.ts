/**
 * Compiles the Node-API addon with a C++ compiler: kernels.cc once per instruction set, and addon.cc, which chooses the
 * set at run time. Only g++ or clang++ is needed: the headers of Node-API are in this folder, and one addon works with
 * every version of Node.js.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../user-error.js';
import { KERNELS } from './load-addon.js';

const HEADERS = fileURLToPath(new URL('./node-api-headers/', import.meta.url));

/** Flags of kernels.cc for each instruction set of a processor. The set's name is the C++ namespace of its kernels. */
const INSTRUCTION_SETS: Partial<Record<string, Record<string, string[]>>> = {
  x64: {
    baseline: [],
    avx2: ['-mavx2', '-mfma', '-mf16c'],
    avx512: [
      ...['-mavx512f', '-mavx512vl', '-mavx512dq', '-mavx512bw', '-mfma'],
      '-mprefer-vector-width=512',
    ],
  },
  // g++ for ARM schedules instructions before it allocates registers; then four accumulators of a tile get no register.
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
  /** Path of the addon; an old file is replaced atomically. */
  output: string;
  /** Folder of the object files. */
  objects: string;
  /** Processor to compile for, as in `process.arch`; default: this machine's. */
  arch?: string;
  /** Command of the compiler; default: CXX, else the first of g++, clang++ and c++ that runs. */
  compiler?: string;
  /** Removes the symbols that only debuggers and profilers read. */
  strip?: boolean;
}

/** No compiler runs; the sources are not at fault. */
export class NoCompilerError extends UserError {}

/** The compiler's command, split at spaces. @throws NoCompilerError if none runs */
export function findCompiler(command: string | undefined = process.env.CXX): string[] {
  const commands = command ? [command] : COMPILERS;
  for (const words of commands.map((text) => text.trim().split(/\s+/))) {
    if (spawnSync(words[0], [...words.slice(1), '--version']).status === 0) return words;
  }
  throw new NoCompilerError(
    `${commands.join(', ')}: no C++ compiler runs here; install one (Debian: apt-get install g++; macOS: xcode-select --install)`,
  );
}

/**
 * Compiles and links the addon.
 * @throws NoCompilerError if no compiler runs, or on Windows
 * @throws UserError with the compiler's first error
 */
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
      `the kernels compile on Linux and macOS, not on ${process.platform}; the WASM kernels are used`,
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
  let messages = '';
  child.stderr.setEncoding('utf8').on('data', (piece) => {
    messages += piece;
  });
  const status = await new Promise((resolve) => child.on('close', resolve));
  if (status === 0) return;
  const firstError = /^.*\berror: .*$/m.exec(messages)?.[0] ?? messages.trim().split('\n')[0];
  throw new UserError(`${[program, ...words].join(' ')} does not compile the kernels: ${firstError}`);
}
