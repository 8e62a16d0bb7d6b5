/**
 * Protects every path that the command line takes: whatever a path names, a command that cannot use it ends soon, with
 * one line that names the path, exit code 2, and no file or folder left behind.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { checkpointBytes, ROWS } from '../recognize/checkpoint-bytes.js';
import { temporaryFolder, writeSmallMnist } from '../train/small-mnist.js';
import { scanstroke } from './command.js';
import { Commands } from './commands.js';

const folder = temporaryFolder();
const commands = new Commands(folder, { SCANSTROKE_CACHE: join(folder, 'cache') });
const socket = createServer();

mkdirSync(join(folder, 'run'));
writeFileSync(join(folder, 'run/best.safetensors'), checkpointBytes(ROWS));
writeFileSync(join(folder, 'run/last.safetensors'), checkpointBytes(ROWS));
writeFileSync(join(folder, 'other.safetensors'), checkpointBytes(ROWS, { dropout: 0.5 }));
mkdirSync(join(folder, 'images'));
writeSmallMnist(join(folder, 'images'), 20, 10);
mkdirSync(join(folder, 'empty'));
mkdirSync(join(folder, 'cache'));
writeFileSync(join(folder, 'file'), 'hello');
for (const ending of ['', '.svg', '.tar.gz', '.ndjson', '.onnx', '.pt']) {
  symlinkSync(`loop${ending}`, join(folder, `loop${ending}`));
  symlinkSync('nowhere', join(folder, `dangling${ending}`));
  assert.equal(spawnSync('mkfifo', [join(folder, `fifo${ending}`)]).status, 0);
}
before(() => new Promise<void>((resolve) => socket.listen(join(folder, 'socket'), resolve)));
after(() => {
  commands.close();
  socket.close();
});

const LONG_NAME = 'x'.repeat(300);
const LONG_PATH = 'x/'.repeat(3000);

/** What a command cannot read, whatever it expects there. */
const UNREADABLE = [
  ...['nowhere', 'nowhere/inside', 'file/inside', 'loop', 'loop/inside', 'dangling', 'fifo', 'socket'],
  ...['/dev/null', '/dev/zero', '/dev/full', '/proc/x', '/proc/self/mem', '/proc/self/fd/x'],
  ...['', '/', 'empty', LONG_NAME, LONG_PATH],
  ...['two\nlines', '\u001b[31mred', 'bell\u0007', '\u009b31m', 'right\u202eleft', 'zero\u200bwidth'],
  ...['größe 数字 🖊', '-dash', '--', '%s', '$(x)', "it's", '"', '*', 'a:b'],
];
/** Where no folder can be made. */
const NO_FOLDER = [
  ...['file', 'file/inside', 'loop', 'loop/inside', 'dangling', 'fifo', 'fifo/inside', 'socket'],
  ...['/dev/null', '/dev/full/x', '', LONG_NAME, LONG_PATH, 'file/\u001b[31m/\n'],
];
const NO_NEW_FOLDER = [
  ...NO_FOLDER,
  ...['dangling/inside', '/proc/x', '/proc/x/y', '/proc/self/fd/x', `new/${LONG_NAME}`],
];
/** Where no file can be made. An ending follows. */
const NO_FILE = [
  ...['nowhere/a', 'file/a', 'loop/a', 'fifo', '/dev/null/a', '/proc/x', LONG_NAME, LONG_PATH, 'dangling/a'],
  ...['\u001b[31m/\n/a'],
];

/** The arguments around a path. A path that looks like a flag is attached, or follows `--`. */
type Around = (path: string) => string[];
const flag =
  (name: string, ...args: string[]): Around =>
  (path) => [...args, `--${name}=${path}`];
const argument =
  (...args: string[]): Around =>
  (path) => [...args, '--', path];

const READERS: Record<string, Around> = {
  'train --config': flag('config', 'train', '--data', 'nowhere'),
  'train --data': flag('data', 'train', '--saving-path', 'new'),
  'train --data strokes:': (path) => ['train', '--data', `strokes:${path}`, '--saving-path', 'new'],
  'train --load-cp': flag('load-cp', 'train'),
  'train --load-cp --saving-path': flag('saving-path', 'train', '--load-cp', '--data', 'nowhere'),
  'sweep --config': flag('config', 'sweep', '--seed-number=0,1', '--saving-path=new'),
  'sweep --load-cp': flag('load-cp', 'sweep'),
  evaluate: argument('evaluate'),
  'evaluate --data': flag('data', 'evaluate', 'run'),
  'predict RUN': (path) => ['predict', '--', path, 'file'],
  'predict FILE': argument('predict', 'run'),
  'predict FILE:N': (path) => ['predict', '--', 'run', `${path}:7`],
  serve: argument('serve', '--port', '0', 'run'),
  info: argument('info'),
  import: argument('import', '--out', 'new'),
  'import --classes': flag('classes', 'import', 'run/best.safetensors', '--out', 'new'),
  merge: argument('merge', '--saving-path', 'new', 'run'),
  page: argument('page', '--out', 'new'),
  export: argument('export', '--out', 'new.onnx'),
  'data strokes --data': flag('data', 'data', 'strokes', '--out', 'new'),
  'data preview --data': flag('data', 'data', 'preview', '--out', 'new.svg'),
  'presets NAME': argument('presets'),
};
const FOLDER_WRITERS: Record<string, Around> = {
  'train --saving-path': flag('saving-path', 'train', '--data', 'nowhere'),
  'train --load-cp X --saving-path': flag('saving-path', 'train', '--load-cp', 'run/best.safetensors'),
  'sweep --saving-path': flag('saving-path', 'sweep', '--seed-number=0,1', '--data=nowhere'),
  'import --out': flag('out', 'import', 'run/best.safetensors'),
  'merge --saving-path': flag('saving-path', 'merge', 'run', 'other.safetensors', '--no-evaluate'),
  'page --out': flag('out', 'page', 'run'),
  'data strokes --out': flag('out', 'data', 'strokes', '--data', 'images'),
};
const FILE_WRITERS: Record<string, Around> = {
  'data strokes --out .tar.gz': (path) => ['data', 'strokes', '--data', 'images', '--out', `${path}.tar.gz`],
  'export --out .onnx': (path) => ['export', 'run', `--out=${path}.onnx`],
  'export --out .pt': (path) => ['export', 'run', `--out=${path}.pt`],
  'data preview --out .svg': (path) => ['data', 'preview', '--data', 'images', '--out', `${path}.svg`],
};

function everything(): string[] {
  return (readdirSync(folder, { recursive: true }) as string[]).sort();
}

/** The start of a path as messages show it. */
function shown(path: string): string {
  const start = path.slice(0, 50).replace(/\/$/, '');
  return start.replace(/[\p{C}]/gu, (c) => (c === '\n' ? '\\n' : `\\u{${c.codePointAt(0)?.toString(16)}}`));
}

/** What is wrong with the way a command refuses a path; null if nothing is. */
async function complaint(args: string[], path: string): Promise<string | null> {
  const before = everything();
  const outcome = await commands.run({ args });
  if (typeof outcome === 'string') return outcome;
  const { code, stdout, stderr } = outcome;
  const isNamed = stderr.includes(shown(path)) || stderr.includes(JSON.stringify(path).slice(1, -1));
  const wrong = [
    code === 2 ? '' : `exit code ${code}`,
    stdout === '' ? '' : 'standard output',
    /^scanstroke: \P{C}+\n$/u.test(stderr) ? '' : 'not one printable line',
    stderr.length < 600 ? '' : 'too long',
    isNamed ? '' : 'does not name the path',
    everything().join('\n') === before.join('\n') ? '' : 'leaves files',
  ].filter(Boolean);
  return wrong.length > 0 ? `${wrong.join(', ')}: ${stderr}` : null;
}

async function allRefused(around: Around, paths: readonly string[]): Promise<void> {
  const complaints: string[] = [];
  for (const path of paths) {
    const found = await complaint(around(path), path);
    if (found !== null) complaints.push(`${JSON.stringify(path.slice(0, 60))}: ${found}`);
  }
  assert.equal(complaints.join('\n'), '');
}

suite('paths to read', () => {
  for (const [name, around] of Object.entries(READERS)) {
    test(name, () => allRefused(around, UNREADABLE));
  }
});
suite('folders to write', () => {
  for (const [name, around] of Object.entries(FOLDER_WRITERS)) {
    test(name, () => allRefused(around, NO_NEW_FOLDER));
  }
});
test('a folder of runs need not exist, but must not be anything else', () =>
  allRefused(flag('runs', 'serve', '--port', '0'), NO_FOLDER));

suite('files to write', () => {
  for (const [name, around] of Object.entries(FILE_WRITERS)) {
    test(name, () => allRefused(around, NO_FILE));
  }
});

test('also in a process of its own', async () => {
  for (const args of [
    ['page', join(folder, 'run'), '--out', '/proc/x'],
    ['info', join(folder, 'loop')],
  ]) {
    const { code, stdout, stderr } = await scanstroke(args);
    assert.deepEqual([code, stdout], [2, ''], stderr);
    assert.match(stderr, /^scanstroke: .+\n$/);
  }
});
