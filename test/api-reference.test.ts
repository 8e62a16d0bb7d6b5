/** Protects docs/api: its pages are those that the comments in src/ give, its links lead somewhere, its examples run. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { interopFile } from './exchange/interop-files.js';
import { checkpointBytes, STROKES } from './recognize/checkpoint-bytes.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = join(root, 'docs/api');
const pages = new Map(
  readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')] as const),
);

test('the pages are up to date', () => {
  const check = ['scripts/write-api-reference.mjs', '--check'];
  const { status, stdout, stderr } = spawnSync(process.execPath, check, { cwd: root, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
});

test('every link leads to a file and, on these pages, to a heading or a property', () => {
  let seen = 0;
  for (const [name, text] of pages) {
    for (const [, target, anchor] of text.matchAll(/\]\(([\w./-]*)(?:#([\w-]+))?\)/g)) {
      seen++;
      const page = target === '' ? text : pages.get(target);
      if (page === undefined) assert.ok(existsSync(join(folder, target)), `${name}: ${target}`);
      else if (anchor) assert.ok(anchorsOf(page).has(anchor), `${name}: ${target}#${anchor}`);
    }
  }
  assert.ok(seen > 100, `${seen} links found`);
});

/** The anchors of a page, headings in GitHub's spelling: the second of one name ends in `-1`. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set([...page.matchAll(/<a id="([^"]+)">/g)].map((match) => match[1]));
  const times = new Map<string, number>();
  for (const [, heading] of page.replace(/```[\s\S]*?```/g, '').matchAll(/^#+ (.*)$/gm)) {
    const slug = heading
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-');
    const before = times.get(slug) ?? 0;
    anchors.add(before === 0 ? slug : `${slug}-${before}`);
    times.set(slug, before + 1);
  }
  return anchors;
}

test('every example runs as printed', () => {
  // In build/, so that 'scanstroke' is this package; the run that examples read is in another folder.
  const modules = mkdtempSync(join(root, 'build/api-examples-'));
  const working = mkdtempSync(join(tmpdir(), 'api-examples-'));
  try {
    mkdirSync(join(working, 'runs/my-run'), { recursive: true });
    writeFileSync(join(working, 'runs/my-run/best.safetensors'), checkpointBytes(STROKES));
    mkdirSync(join(working, 'runs/other'));
    const other = checkpointBytes(STROKES, { dropout: 0.5 });
    writeFileSync(join(working, 'runs/other/best.safetensors'), other);
    writeFileSync(join(working, 'lstm.pt'), interopFile('torch211/last_uni.state_dict.pt'));
    const files: string[] = [];
    for (const [name, text] of pages) {
      for (const [n, [, example]] of [...text.matchAll(/```ts\n(import [\s\S]*?)```/g)].entries()) {
        files.push(join(modules, `${name}-${n}.mjs`));
        writeFileSync(files[files.length - 1], example);
      }
    }
    assert.ok(files.length >= 13, `${files.length} examples found`);
    const all = files.map((file) => `await import(${JSON.stringify(pathToFileURL(file))});`).join('\n');
    const output = execFileSync(process.execPath, ['--input-type=module', '--eval', all], {
      cwd: working,
      encoding: 'utf8',
    });
    assert.match(
      output,
      /Float32Array\(2\) \[ 0\.94\d+, -0\.94\d+ \]/,
      'createOptimizer changes the parameters',
    );
    assert.match(output, /\[ \[ 23, 0 \], \[ 0, 17 \] \]/, 'the trainer learns all examples');
  } finally {
    for (const made of [modules, working]) rmSync(made, { recursive: true });
  }
});
