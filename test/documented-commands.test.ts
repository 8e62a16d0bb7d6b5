/** Protects the pages: every `scanstroke` command that a page shows exists, with its flags and choices. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Commands } from './e2e/commands.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'examples/README.md'].concat(
  readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
);

const commands = new Commands(root);
after(() => commands.close());

/** The arguments of all commands on a page: in blocks of the shell, and in code within a line. */
function commandsIn(page: string): string[] {
  const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) =>
    block
      .replaceAll('\\\n', ' ')
      .split('\n')
      .map((line) => line.replace(/(^| )#.*/, ''))
      .flatMap((line) => line.split(/ (?:\||&&|;|>) /)),
  );
  const inline = [...page.replace(/```[\s\S]*?```/g, '').matchAll(/`([^`\n]+)`/g)].map(([, code]) => code);
  return [...blocks, ...inline]
    .map((code) => code.trim().match(/^(?:npx )?scanstroke (.+)$/)?.[1])
    .filter((args) => args !== undefined);
}

/** What is wrong with a command; null if nothing is. */
async function problemOf(line: string): Promise<string | null> {
  const args = line.split(/\s+/);
  if (args[0] === 'COMMAND') return null;
  // The help is printed in place of running the command, but after the choices of flags are checked.
  const outcome = await commands.run({ args: [...args, '--help'] });
  if (typeof outcome === 'string') return outcome;
  const { code, stdout: text, stderr } = outcome;
  if (code !== 0) return stderr;
  const usage = text.match(/^Usage: scanstroke ([a-z ]*)/)?.[1].trim() ?? '';
  if (!line.startsWith(usage) || usage === '') return `no such command: ${args[0]}`;
  const known = new Set(
    [...text.matchAll(/^ +(?:-\w, )?--(\[no-\])?([\w-]+)/gm)].flatMap(([, no, name]) =>
      no ? [`--${name}`, `--no-${name}`] : [`--${name}`],
    ),
  );
  const flags = args.filter((word) => word.startsWith('--')).map((word) => word.split('=')[0]);
  const unknown = flags.filter((flag) => !known.has(flag));
  return unknown.length > 0 ? `no such flag: ${unknown.join(', ')}` : null;
}

for (const name of pages) {
  test(`${name}: its commands exist`, async () => {
    for (const line of new Set(commandsIn(readFileSync(join(root, name), 'utf8')))) {
      assert.equal(await problemOf(line), null, `scanstroke ${line}`);
    }
  });
}

test('the check finds commands in blocks and in lines, and what is wrong with them', async () => {
  const page =
    'Give `scanstroke info RUN`.\n```sh\necho 1 | npx scanstroke predict a - --json # reads -\nscanstroke train \\\n  --seeds 2\nnpm ci && npx scanstroke build > log\n```\n';
  assert.deepEqual(commandsIn(page), ['predict a - --json', 'train    --seeds 2', 'build', 'info RUN']);
  assert.equal(await problemOf('train --seeds 2 --no-bidirectional'), null);
  assert.match((await problemOf('train --seedz 2')) ?? '', /no such flag: --seedz/);
  assert.match((await problemOf('trian')) ?? '', /no such command|trian/);
  assert.match((await problemOf('export a --format onxx')) ?? '', /onxx/);
});

test('the check sees the commands of the README', () => {
  assert.ok(commandsIn(readFileSync(join(root, 'README.md'), 'utf8')).length > 15);
});
