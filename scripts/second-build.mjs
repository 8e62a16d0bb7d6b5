/**
 * The addon once more, by another compiler or for another processor, in a copy of what the package ships under
 * build/: kernels/build stays as it is. test-neon.mjs and test-clang.mjs run the table of cases there,
 * show-inner-loop.mjs looks at what the compiler made.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));

/** The first line of `command --version`; null when it does not run. */
export function versionOf(command) {
  const run = spawnSync(`${command} --version`, { shell: true, encoding: 'utf8' });
  return run.status === 0 ? run.stdout.split('\n')[0] : null;
}

/** Ends the process unless all tools, each [command, what installs it, its name], run; says which do not. */
export function requireTools(task, tools) {
  const missing = tools.filter(([command]) => versionOf(command) === null);
  for (const [command, install, name = command] of missing)
    console.error(`${task}: ${name} is missing; install it: ${install}`);
  if (missing.length > 0) process.exit(1);
}

/**
 * Builds in build/<name>, with the addon's own flags.
 * @param compiler its command
 * @param arch the processor it compiles for
 * @returns the folder, with the compiled tests and kernels/build in it
 */
export function buildIn(name, compiler, arch = process.arch) {
  const folder = join(root, 'build', name);
  rmSync(folder, { recursive: true, force: true });
  for (const part of ['dist', 'build/test', 'package.json', 'scripts/build-addon.mjs'])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  cpSync(join(root, 'kernels'), join(folder, 'kernels'), {
    recursive: true,
    filter: (path) => path !== join(root, 'kernels/build'),
  });
  symlinkSync(join(root, 'test'), join(folder, 'test')); // fixtures; node_modules is found above
  const env = { ...process.env, CXX: compiler };
  spawnSync(process.execPath, ['scripts/build-addon.mjs', `--arch=${arch}`], {
    cwd: folder,
    env,
    stdio: 'ignore',
  });
  if (!existsSync(join(folder, 'kernels/build/scanstroke.node'))) {
    console.error(readFileSync(join(folder, 'kernels/build/build.log'), 'utf8'));
    console.error(`${compiler} did not build the addon; its complaint stands above`);
    process.exit(1);
  }
  return folder;
}

/**
 * Runs the table of cases on the native backend of `folder` and prints its suites, failures and sums. Ends the
 * process: with 0 if all passed and `expected`, the name of an instruction set, was among them.
 * @param command Node.js, or what runs it
 */
export async function runTable(folder, command, expected) {
  const file = join(folder, 'build/test/backends/cpu.test.js');
  const args = [...command.slice(1), '--enable-source-maps', '--test-reporter=spec', file];
  const env = { ...process.env, FORCE_COLOR: '0' };
  const run = spawn(command[0], args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  const ended = once(run, 'close');
  let [failures, passed, seen] = [false, 0, false];
  for await (const line of createInterface({ input: run.stdout })) {
    failures ||= line.includes('failing tests:');
    passed = Number(/^ℹ pass (\d+)/.exec(line)?.[1] ?? passed);
    seen ||= line.startsWith(`▶ cpu (${expected}`);
    if (failures || /^([▶✔✖ℹ]| {2}[✔✖])/.test(line)) console.log(line);
  }
  const [status, signal] = await ended;
  if (signal) console.error(`the table of cases was ended by ${signal}`);
  else if (passed === 0 || !seen)
    console.error(`the table of cases did not run ${expected && `on ${expected}`}`);
  process.exit(passed > 0 && seen ? (status ?? 1) : 1);
}
