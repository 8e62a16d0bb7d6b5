/** Protects `scanstroke predict`: every file format, FILE:N, standard input, mistakes in one line. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { greyPng } from '../../data/pictures/png-file.js';
import { COMMAND } from '../../e2e/command.js';
import { digits } from '../../ink/images.js';
import { checkpointBytes, ROWS, recognizerFor } from '../../recognize/checkpoint-bytes.js';
import { type Outcome, runHere } from './fake-run.js';

const folder = mkdtempSync(join(tmpdir(), 'scanstroke-predict-'));
after(() => rmSync(folder, { recursive: true }));
const run = join(folder, 'a.safetensors');
writeFileSync(run, checkpointBytes(ROWS));

async function predict(files: string[], flags: string[] = ['--json']): Promise<Outcome> {
  return runHere(['predict', run, ...files, '--backend', 'reference', ...flags]);
}

test('prints the answers of the recogniser for pictures, drawings and strokes', async () => {
  const images = await digits(3);
  const drawing = { strokes: [{ x: [10, 52, 30], y: [8, 9, 71] }] };
  const idx = Buffer.from([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 28, 0, 0, 0, 28]);
  const files = {
    'a.png': greyPng(images[0].pixels, 28),
    'b-idx3-ubyte': Buffer.concat([idx, ...images.map(({ pixels }) => pixels)]),
    'c.ndjson': `\n${JSON.stringify(drawing)}\n\n${JSON.stringify({ strokes: [] })}\n`,
    'd.json': JSON.stringify([{ pixels: [...images[1].pixels], width: 28, height: 28 }]),
  };
  const path = (name: string) => join(folder, name);
  for (const [name, content] of Object.entries(files)) writeFileSync(path(name), content);
  const { code, stdout, stderr } = await predict([
    path('a.png'),
    `${path('b-idx3-ubyte')}:2`,
    path('c.ndjson'),
    path('d.json'),
  ]);
  assert.equal(code, 0, stderr);
  const answers = JSON.parse(stdout);
  assert.deepEqual(
    answers.map(({ file }: { file: string }) => file.slice(folder.length + 1)),
    ['a.png', 'b-idx3-ubyte:2', 'c.ndjson:0', 'c.ndjson:1', 'd.json'],
  );
  const expected = await recognizerFor(ROWS).recognize([
    ...[images[0], images[2]].map((image) => ({ kind: 'picture' as const, ...image })),
    { kind: 'drawing', strokes: [{ xs: [10, 52, 30], ys: [8, 9, 71] }] },
    { kind: 'drawing', strokes: [] },
    { kind: 'picture', ...images[1] },
  ]);
  expected.forEach((answer, n) => {
    assert.equal(answers[n].class, answer?.top[0].class ?? null);
    assert.deepEqual(answers[n].probabilities, answer ? [...answer.probabilities] : undefined);
  });

  const args = [COMMAND, 'predict', run, '-', '--backend', 'reference', '--json'];
  const piped = spawnSync(process.execPath, args, { input: files['a.png'], encoding: 'utf8' });
  assert.deepEqual(JSON.parse(piped.stdout)[0].probabilities, answers[0].probabilities);
  const table = (await predict([path('a.png'), `${path('c.ndjson')}:1`], [])).stdout.split('\n');
  assert.match(table[2], new RegExp(`a\\.png +${answers[0].class} +\\d+\\.\\d+ %`));
  assert.match(table[3], /c\.ndjson:1 +nothing to recognise/);
});

/** Contents under names of pictures, and how they are named. */
const FOREIGN: Record<string, [string | Uint8Array, string]> = {
  'pdf.png': ['%PDF-1.7\n%', 'a PDF'],
  'zip.png': ['PK\x03\x04abc', 'a ZIP archive'],
  'gif.jpg': ['GIF89a', 'a GIF picture'],
  'html.webp': ['<!doctype html>\n<html>', 'HTML'],
  'empty.png': ['', 'nothing \\(0 bytes\\)'],
  'elf.png': [Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1), 'binary data beginning with 7f 45 4c 46'],
  'zeros.png': [new Uint8Array(5000), 'zero bytes only'],
  'heic.jpg': ['\0\0\0\x18ftypheic', 'a HEIC picture'],
};

test('reads a file of more drawings than a function takes arguments', async () => {
  const path = join(folder, 'many.ndjson');
  const count = 150_000;
  writeFileSync(path, '{"strokes":[]}\n'.repeat(count));
  const { code, stdout, stderr } = await predict([path], []);
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(stdout.match(/nothing to recognise$/gm)?.length, count);
});

test('mistakes are one line and exit code 2', async () => {
  const text = join(folder, 'letter.txt');
  writeFileSync(text, 'Dear reader');
  const brokenJson = join(folder, 'broken.json');
  writeFileSync(brokenJson, '[1, 2');
  const refusals: [string[], RegExp][] = [
    [
      [text],
      /letter\.txt: expected a PNG, JPEG or WebP picture, .*; found text beginning with "Dear reader"$/m,
    ],
    ...Object.entries(FOREIGN).map(([name, [content, found]]): [string[], RegExp] => {
      writeFileSync(join(folder, name), content);
      return [[join(folder, name)], new RegExp(`${name}: expected a PNG, JPEG .*; found ${found}$`, 'm')];
    }),
    [[brokenJson], /broken\.json: not valid JSON: (?!.*not valid JSON)/],
    [[join(folder, 'none.png')], /none\.png: it does not exist/],
    [[`${run}:4`], /found a checkpoint \(safetensors\)/],
    [[], /a\.safetensors is a network, and no file to recognise follows/],
  ];
  for (const [files, message] of refusals) {
    const { code, stdout, stderr } = await predict(files);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.equal(stderr.trim().split('\n').length, 1);
  }
});

test('--several reads numbers, in a table and as JSON', async () => {
  const drawing = join(folder, 'number.json');
  const one = (x: number) => ({ x: [x, x - 1, x], y: [0, 20, 40] });
  const seven = { x: [20, 45, 30], y: [0, 0, 40] };
  writeFileSync(drawing, JSON.stringify([{ strokes: [one(0), seven, one(70)] }, { strokes: [] }]));
  const several = async (flags: string[]) => {
    const { code, stdout, stderr } = await runHere(['predict', '--several', drawing, ...flags]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /the network digits of the package answers/);
    return stdout;
  };
  const [reading, nothing] = JSON.parse(await several(['--json']));
  assert.equal(reading.file, `${drawing}:0`);
  assert.equal(reading.text, '171');
  assert.deepEqual(
    reading.symbols.map(({ class: name, strokes }: { class: string; strokes: { index: number }[] }) => [
      name,
      strokes.map(({ index }) => index),
    ]),
    [
      ['1', [0]],
      ['7', [1]],
      ['1', [2]],
    ],
  );
  assert.deepEqual(nothing, { file: `${drawing}:1`, text: '', symbols: [], left_out: [] });
  const [, header, first, second] = (await several([])).split('\n');
  assert.match(header, /file +text +least sure +remarks/);
  assert.match(first, /:0 +171 +\d/);
  assert.match(second, /:1 +nothing to recognise/);
});

test('a broken file among several does not keep the others from being answered', async () => {
  const drawing = join(folder, 'fine.json');
  writeFileSync(drawing, '{"strokes": [[[10, 8], [52, 9], [30, 71]]]}');
  const broken = join(folder, 'half.json');
  writeFileSync(broken, '{"strokes": ');
  const none = join(folder, 'none.png');
  const { code, stdout, stderr } = await predict([broken, drawing, none]);
  assert.equal(code, 2);
  const answers = JSON.parse(stdout);
  assert.deepEqual(
    answers.map(({ file }: { file: string }) => file),
    [broken, drawing, none],
  );
  assert.match(answers[0].error, /half\.json: not valid JSON/);
  assert.ok(answers[1].probabilities.length > 1);
  const lines = stderr.trim().split('\n');
  assert.equal(lines.length, 2);
  assert.match(lines[0], /^scanstroke: .*half\.json: not valid JSON/);
  assert.match(lines[1], /^scanstroke: .*none\.png: it does not exist/);
  const table = await predict([broken, drawing], []);
  assert.deepEqual([table.code, table.stdout.trim().split('\n').length], [2, 3]);
  const nothing = await predict([broken, none], []);
  assert.deepEqual([nothing.code, nothing.stdout, nothing.stderr.trim().split('\n').length], [2, '', 2]);
});

test('files without anything to recognise are refused', async () => {
  const project = join(folder, 'empty-project.json');
  const value = { format: 'scanstroke-project', version: 1, name: 'signs', classes: [], drawings: [] };
  writeFileSync(project, JSON.stringify(value));
  const list = join(folder, 'empty-list.json');
  writeFileSync(list, '[]');
  assert.match(
    (await predict([project])).stderr,
    /empty-project\.json: the project "signs" has no drawings; draw some/,
  );
  const { code, stderr } = await predict([list]);
  assert.deepEqual([code, stderr.trim().split('\n').length], [2, 1]);
  assert.match(stderr, /empty-list\.json: holds no picture, drawing or strokes/);
});
