/**
 * Builds the addon with another compiler or for another processor, in a copy of the package under build/.
 * kernels/build does not change. test-neon.mjs and test-clang.mjs run the table of cases on this build.
 * show-inner-loop.mjs reads its machine code.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The first line of `command --version`; null if the command fails. */
export function versionOf(command) {
  const run = spawnSync(`${command} --version`, { shell: true, encoding: 'utf8' });
  return run.status === 0 ? run.stdout.split('\n')[0] : null;
}

/** Exits with 1 and names the missing tools unless all run. Each tool is [command, how to install it, name]. */
export function requireTools(task, tools) {
  const missing = tools.filter(([command]) => versionOf(command) === null);
  for (const [command, install, name = command] of missing)
    console.error(`${task}: ${name} is missing; install it: ${install}`);
  if (missing.length > 0) process.exit(1);
}

/**
 * Builds the addon in build/<name>, with its usual flags.
 * @param compiler command of the compiler
 * @param arch processor to compile for
 * @returns the folder, which contains the compiled tests and kernels/build
 */
export function buildIn(name, compiler, arch = process.arch) {
  const folder = join(root, 'build', name);
  rmSync(folder, { recursive: true, force: true });
  for (const part of [
    'dist',
    'build/test',
    'package.json',
    'scripts/kernels/build-addon.mjs',
    'scripts/kernels/prebuilds.mjs',
  ])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  cpSync(join(root, 'kernels'), join(folder, 'kernels'), {
    recursive: true,
    filter: (path) => path !== join(root, 'kernels/build'),
  });
  symlinkSync(join(root, 'test'), join(folder, 'test')); // for the fixtures; Node.js finds node_modules in a parent folder
  const env = { ...process.env, CXX: compiler };
  spawnSync(process.execPath, ['scripts/kernels/build-addon.mjs', `--arch=${arch}`], {
    cwd: folder,
    env,
    stdio: 'ignore',
  });
  if (!existsSync(join(folder, 'kernels/build/scanstroke.node'))) {
    console.error(readFileSync(join(folder, 'kernels/build/build.log'), 'utf8'));
    console.error(`${compiler} did not build the addon; see its output above`);
    process.exit(1);
  }
  return folder;
}

/**
 * Runs the table of cases on the native backend of `folder`; prints suites, failures and totals. Then exits: with 0 if
 * all cases passed and the instruction sets `expected` were tested.
 * @param command Node.js, or an emulator and its arguments
 */
export async function runTable(folder, command, expected) {
  const file = join(folder, 'build/test/backends/cpu.test.js');
  const args = [...command.slice(1), '--enable-source-maps', '--test-reporter=spec', file];
  const env = { ...process.env, FORCE_COLOR: '0' };
  const run = spawn(command[0], args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  const ended = once(run, 'close');
  let [failures, passed] = [false, 0];
  const unseen = new Set(expected);
  for await (const line of createInterface({ input: run.stdout })) {
    failures ||= line.includes('failing tests:');
    passed = Number(/^ℹ pass (\d+)/.exec(line)?.[1] ?? passed);
    for (const set of expected) if (line.startsWith(`▶ cpu (${set})`)) unseen.delete(set);
    if (failures || /^([▶✔✖ℹ]| {2}[✔✖])/.test(line)) console.log(line);
  }
  const [status, signal] = await ended;
  if (signal) console.error(`the table of cases was killed by ${signal}`);
  else if (passed === 0 || unseen.size > 0)
    console.error(['the table of cases did not run', ...unseen].join(' on '));
  process.exit(passed > 0 && unseen.size === 0 ? (status ?? 1) : 1);
}
