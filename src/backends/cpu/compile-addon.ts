/**
 * Compiles the Node-API addon with a C++ compiler: kernels.cc once per instruction set, and addon.cc, which chooses the
 * set at run time. Only g++ or clang++ is needed: the headers of Node-API are in this folder, and one addon works with
 * every version of Node.js.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../user-error.js';
import { KERNELS } from './load-addon.js';

/** The folder of Node-API's headers. */
export const HEADERS = fileURLToPath(new URL('./node-api-headers/', import.meta.url));

const AVX512 = [
  ...['-mavx512f', '-mavx512vl', '-mavx512dq', '-mavx512bw', '-mfma'],
  '-mprefer-vector-width=512',
];
// g++ for ARM schedules instructions before it allocates registers; then four accumulators of a tile get no register.
const NEON = ['-fno-schedule-insns'];
/** Flags of kernels.cc for each instruction set of a processor. The set's name is the C++ namespace of its kernels. */
const INSTRUCTION_SETS: Partial<Record<string, Record<string, string[]>>> = {
  x64: {
    baseline: [],
    avx2: ['-mavx2', '-mfma', '-mf16c'],
    avx512: AVX512,
    avx512bf16: [...AVX512, '-mavx512bf16'],
  },
  arm64: {
    baseline: NEON,
    bf16: [...NEON, '-march=armv8.2-a+bf16'],
  },
};

const FLAGS = [
  ...['-std=c++17', '-O3', '-fPIC', '-fno-omit-frame-pointer', '-fno-exceptions', '-fno-rtti'],
  ...['-ffp-contract=fast', '-fno-math-errno', '-fno-trapping-math'],
  ...['-Wall', '-Wextra', '-Wno-unused-parameter', '-Wno-psabi'],
];
/** Flags that make an addon. */
export const LINK: Partial<Record<NodeJS.Platform, string[]>> = {
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
  /** Called once a compiler is found, before it compiles. */
  onStart?: () => void;
}

/** No compiler runs; the sources are not at fault. */
export class NoCompilerError extends UserError {}

/** The compiler's command, split at spaces. A blank command counts as none. @throws NoCompilerError if none runs */
export function findCompiler(command: string | undefined = process.env.CXX): string[] {
  const given = command?.trim();
  const commands = given ? [given] : COMPILERS;
  for (const words of commands.map((text) => text.split(/\s+/))) {
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
 * @throws the file system's error if a folder or the addon cannot be written
 */
export async function compileAddon({
  output,
  objects,
  arch = process.arch,
  compiler,
  strip = false,
  onStart,
}: CompileOptions): Promise<void> {
  const link = LINK[process.platform];
  if (!link) {
    throw new NoCompilerError(
      `the kernels compile on Linux and macOS, not on ${process.platform}; the WASM kernels are used`,
    );
  }
  const command = findCompiler(compiler);
  onStart?.();
  mkdirSync(objects, { recursive: true });
  mkdirSync(dirname(output), { recursive: true });
  const object = (name: string) => join(objects, `${name}.o`);
  const compile = (source: string, name: string, flags: string[]) =>
    runCompiler(command, [...FLAGS, ...flags, '-c', join(KERNELS, source)], object(name));

  const sets = Object.entries(INSTRUCTION_SETS[arch] ?? { baseline: [] });
  const results = await Promise.allSettled([
    ...sets.map(([set, flags]) => compile('kernels.cc', set, [...flags, `-DKERNELS=${set}`])),
    compile('addon.cc', 'addon', [`-I${HEADERS}`, '-DNAPI_VERSION=8']),
  ]);
  // Only after all have ended: the caller may remove the folder of the object files.
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  const parts = ['addon', ...sets.map(([set]) => set)].map(object);
  const fresh = `${output}.${process.pid}`;
  await runCompiler(command, [...link, ...(strip ? ['-s'] : []), ...parts], fresh);
  renameSync(fresh, output);
}

/**
 * Calls the compiler, which must write `output`.
 * @param what is compiled, for messages
 * @throws UserError with the first error that the compiler prints, or with what else went wrong
 */
export async function runCompiler(
  command: string[],
  args: string[],
  output: string,
  what = 'the kernels',
): Promise<void> {
  const name = command.join(' ');
  rmSync(output, { force: true }); // an older one must not be taken for what this call writes
  const [program, ...words] = [...command, ...args, '-o', output];
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let messages = '';
  child.stderr.setEncoding('utf8').on('data', (piece) => {
    messages += piece;
  });
  const ended = await new Promise<string>((resolve, reject) => {
    child.on('error', (error) => reject(new UserError(`${name} cannot be started: ${error.message}`)));
    child.on('close', (status, signal) => resolve(signal ?? `exit code ${status}`));
  });
  if (ended !== 'exit code 0') {
    const complaint = /^.*\berror: .*$/m.exec(messages)?.[0] ?? (messages.trim().split('\n')[0] || ended);
    throw new UserError(`${name} does not compile ${what}: ${complaint}`);
  }
  if (!existsSync(output)) {
    throw new UserError(`${name} does not compile ${what}: it reports success, but wrote no ${output}`);
  }
}
