/**
 * Protects examples/: every command of its README does what the README shows, in a folder of a user and with less data.
 * The page of the fifth example is tested in test/page/library/example.test.ts.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { COMMAND } from '../e2e/command.js';
import { temporaryFolder, writeSmallMnist } from '../train/small-mnist.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = temporaryFolder();
const digits = join(folder, 'digits');
mkdirSync(digits);
writeSmallMnist(digits, 2400, 100);

const readme = readFileSync(join(root, 'examples/README.md'), 'utf8');
/** The commands of each example, and the lines that the README shows after them. */
const sections = readme
  .split(/^## \d\. /m)
  .slice(1)
  .map((text) => ({
    name: text.split('\n')[0],
    commands: text.match(/```sh\n([\s\S]*?)\n```/)![1].split('\n'),
    shown: text.match(/```\n\n```\n([\s\S]*?)\n```/)![1].split('\n'),
  }));

/** Flags that make a training small enough for a test; a later flag overrides an earlier one. */
const SMALLER: Record<string, string> = {
  'runs/my-run': `--data ${digits} --hidden-size 32 --batch-size 32 --num-epochs 4`,
  'runs/my-strokes': `--data strokes:${digits} --num-layers 1 --hidden-size 24 --batch-size 32`,
  'runs/my-shapes': '--hidden-size 32 --num-layers 1 --num-epochs 1',
};

/** Runs a command of the README in the folder. @returns the lines that it prints */
async function runShown(command: string): Promise<string[]> {
  const run = command.match(/^npx scanstroke train .*--saving-path (\S+)$/)?.[1];
  const words = `${command} ${run ? `${SMALLER[run]} --chart-format none` : ''}`.trim().split(' ');
  const args =
    words[0] === 'npx'
      ? [COMMAND, ...words.slice(2)]
      : words.slice(1).map((word) => (word.startsWith('examples/') ? join(root, word) : word));
  const env = { ...process.env, SCANSTROKE_CACHE: join(folder, 'cache') };
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, env });
  return stdout.trim().split('\n');
}

/** A line of the README with what depends on the machine and on the amount of data left open. */
function patternOf(line: string): RegExp {
  const pattern = line
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replace(/(triangle|cross|circle) /g, '\\w+ ')
    .replace(/(^\d|\d+\\\.\d+) /g, '[\\d.]+ ')
    .replace(/points: \d/, 'points: \\d')
    .replace(/moves: [\d ]+/, 'moves: [\\d ]+')
    .replace(/with cpu.*/, 'with .*')
    .replace(/ +/g, ' +');
  return new RegExp(`^${pattern}(, unsure)?$`);
}

test('the README has five examples', () => {
  assert.equal(sections.length, 5);
});

for (const { name, commands, shown } of sections.slice(0, 4)) {
  test(`${name}: the commands print what the README shows`, async () => {
    let printed: string[] = [];
    for (const command of commands) printed = await runShown(command);
    assert.equal(printed.length, shown.length, printed.join('\n'));
    for (const [n, line] of printed.entries()) assert.match(line, patternOf(shown[n]));
    if (name.startsWith('Train')) assert.ok(Number.parseFloat(printed[3]) > 96, printed[3]);
    if (name.startsWith('Predict')) assert.match(printed[0], /^7 /);
  });
}
