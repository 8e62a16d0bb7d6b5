/**
 * Runs all compiled tests, or those whose path contains one of the arguments: npm test -- formats
 * Tests that need a tool which this machine lacks are skipped, with one line; with --no-skips they fail.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { listFiles } from './file-names.mjs';

/** A test file that takes longer is killed and fails with its name. */
const FILE_TIMEOUT_MS = 10 * 60_000;

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

const needsBrowser = (file) => readFileSync(file, 'utf8').includes("from './browser.js'");
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
const timeout = `--test-timeout=${FILE_TIMEOUT_MS}`;
// Node.js before 20.11 refuses the option; there a hang is not ended.
if (spawnSync(process.execPath, [timeout, '--version']).status === 0) options.unshift(timeout);
const run = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...options, ...files], {
  stdio: 'inherit',
  env: { ...process.env, ...(noSkips && { SCANSTROKE_NO_SKIPS: '1' }) },
});
process.exit(run.status ?? 1);
