/** Runs all compiled tests, or those whose path contains one of the arguments: npm test -- formats */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../build/test/', import.meta.url));
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const options = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
const files = readdirSync(folder, { recursive: true })
  .filter((name) => name.endsWith('.test.js'))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .map((name) => folder + name)
  .sort();
if (files.length === 0) {
  console.error(`no test's path contains ${wanted.join(' or ')}`);
  process.exit(1);
}
const run = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...options, ...files], {
  stdio: 'inherit',
});
process.exit(run.status ?? 1);
