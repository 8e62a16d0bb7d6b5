/**
 * Runs all compiled tests, or those whose path contains one of the arguments: npm test -- formats
 * Tests that need a tool which this machine lacks are skipped, with one line; with --no-skips they fail.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { listFiles } from './file-names.mjs';

/** A test file that takes longer is killed and fails with its name. */
const FILE_TIMEOUT_MS = 10 * 60_000;
/** Test files in a process: few enough that none is the last at work for long. */
const MOST_JOINED = 16;
/** A hook at the top of a file: when it runs is only certain where the file is alone. */
const HOOKS_OF_FILE = /^(before|beforeEach|after|afterEach)\(/m;
/** A GPU opens in this time, also on a cold disk; else its driver hangs. */
const GPU_TIMEOUT_MS = 60_000;

const folder = fileURLToPath(new URL('../build/test/', import.meta.url));
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const options = process.argv
  .slice(2)
  .filter((argument) => argument.startsWith('--') && argument !== '--no-skips');
const noSkips = process.argv.includes('--no-skips');
let files = listFiles(folder)
  .filter((name) => name.endsWith('.test.js'))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .map((name) => folder + name);
if (files.length === 0) {
  console.error(`no test's path contains ${wanted.join(' or ')}`);
  process.exit(1);
}

const imports = (file, name) => readFileSync(file, 'utf8').includes(`${name}.js'`);
const needsBrowser = (file) => imports(file, '/browser');
if (files.some(needsBrowser)) {
  const { NO_CHROMIUM, startChromium } = await import('../build/test/page/chromium.js');
  const browser = await startChromium();
  await browser?.close();
  if (!browser) {
    console.error(`tests in a browser are skipped: ${NO_CHROMIUM}`);
    if (noSkips) process.exit(1);
    files = files.filter((file) => !needsBrowser(file));
  }
}
if (files.length === 0) process.exit(0);

// A GPU that computes on the processor takes all cores, and opening it and compiling its kernels take time. So one
// process runs all files that need a GPU, one after the other.
const needsGpu = (file) => imports(file, '/software-gpu') && !needsBrowser(file);
const gpuFiles = files.filter(needsGpu);
const noGpu = gpuFiles.length > 0 ? reasonForNoGpu() : '';
if (noGpu) {
  console.error(`tests on a GPU are skipped: ${noGpu}`);
  if (noSkips) process.exit(1);
}
// Also one process for the table of cases on all backends of the processor: the oracle's results take as long as theirs.
const tableFiles = files.filter((file) => imports(file, '/cases/run'));
// Neighbours share a process, and so the code that it has loaded and compiled, unless they need one for themselves:
// pages and ends of processes, and files with hooks.
const needsProcess = (file) =>
  needsBrowser(file) || /\/(e2e|package)\//.test(file) || HOOKS_OF_FILE.test(readFileSync(file, 'utf8'));
const isTaken = (file) => gpuFiles.includes(file) || tableFiles.includes(file);
const others = files.filter((file) => !isTaken(file));
const neighbours = others.filter((file) => !needsProcess(file));
// Files begin in the order of their paths: the longest first, or it would run at the end, alone.
const scratch = mkdtempSync(join(folder, '.joined-'));
files = [
  ...joinFiles(gpuFiles, '1-gpu', atOnce),
  ...joinFiles(tableFiles, '2-table', atOnce),
  ...others.filter(needsProcess),
  ...chunksOf(neighbours, MOST_JOINED).flatMap((part, n) => joinFiles(part, `neighbours-${n + 1}`, inTurn)),
];
// A core for each file under test; Node.js leaves one core idle by default.
const limits = [`--test-timeout=${FILE_TIMEOUT_MS}`, `--test-concurrency=${availableParallelism()}`];
// Node.js before 20.11 refuses them; there a hang is not ended.
if (spawnSync(process.execPath, [...limits, '--version']).status === 0) options.unshift(...limits);
// Where errors name lines of the sources, each process and each thread reads the maps of all its modules. So the whole
// suite goes without: a failure names a line in build/, and running its file alone names the one in test/.
if (wanted.length > 0) options.unshift('--enable-source-maps');
const run = spawnSync(process.execPath, ['--test', ...options, ...files], {
  stdio: 'inherit',
  env: {
    ...process.env,
    ...(noSkips && { SCANSTROKE_NO_SKIPS: '1' }),
    ...(noGpu && { SCANSTROKE_NO_GPU: noGpu }), // a broken driver is not opened again
  },
});
rmSync(scratch, { recursive: true });
process.exit(run.status ?? 1);

/** Several test files as one, which imports them; fewer than two stay as they are. */
function joinFiles(parts, name, importsOf) {
  if (parts.length < 2) return parts;
  const entry = join(scratch, `${name}.test.mjs`);
  writeFileSync(entry, importsOf(parts).join('\n'));
  return [entry];
}

/** All at once: what they share is closed at the end of all, not of the first. */
function atOnce(parts) {
  return parts.map((file) => `import '${pathToFileURL(file)}';`);
}

/** Each when the tests of the one before have ended, and with its name: a file that hangs comes after the last name. */
function inTurn(parts) {
  const lines = parts.map((file) => {
    const begins = `the tests of ${file.slice(folder.length)} begin`;
    return `await test('${begins}', () => {});\nawait import('${pathToFileURL(file)}');`;
  });
  return ["import { test } from 'node:test';", ...lines];
}

function chunksOf(list, size) {
  const count = Math.ceil(list.length / size);
  return Array.from({ length: count }, (_, n) => list.slice(n * size, (n + 1) * size));
}

/** Why no GPU opens; an empty text if one does. In a process of its own, as a broken driver may hang or crash. */
function reasonForNoGpu() {
  const module = new URL('../build/test/backends/webgpu/software-gpu.js', import.meta.url);
  const program = `
    const gpu = await (await import('${module}')).testGpu();
    if (typeof gpu === 'string') console.log(gpu);
    else gpu.close();`;
  const { SCANSTROKE_NO_SKIPS: _, ...env } = process.env;
  const probe = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    env,
    encoding: 'utf8',
    timeout: GPU_TIMEOUT_MS,
  });
  if (probe.status === 0) return probe.stdout.trim();
  const [fault] = probe.stderr.split('\n').filter((line) => /^\w*Error/.test(line));
  return `the driver does not work (${fault ?? probe.signal ?? `exit code ${probe.status}`})`;
}
