/** Protects docs/interop.md: its exports work in the order of the page, and its programs run on the exported files. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runHere } from './cli/commands/fake-run.js';
import { temporaryFolder, writeSmallMnist } from './train/small-mnist.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(root, 'docs/interop.md'), 'utf8');
const blocks = [...page.matchAll(/```(sh|js)\n([\s\S]*?)```/g)].map(([, language, text]) => ({
  language,
  text,
}));
const working = temporaryFolder();
process.chdir(working);
process.env.SCANSTROKE_CACHE = join(working, 'cache');

async function scanstroke(...args: string[]): Promise<void> {
  const { code, stderr } = await runHere(args);
  assert.equal(code, 0, stderr);
}

test('the page shows programs, and an export in every format', () => {
  assert.ok(blocks.filter(({ language }) => language === 'js').length >= 3);
  for (const ending of ['onnx', 'pt', 'safetensors', 'html', 'c']) {
    assert.match(page, new RegExp(`scanstroke export runs/my-run --out digits\\.${ending}\\b`));
  }
});

test('the exports of the page work, and its programs run on their files', async () => {
  const digits = join(working, 'digits');
  mkdirSync(digits);
  writeSmallMnist(digits, 120, 20);
  const small = ['--num-epochs', '1', '--hidden-size', '8', '--num-layers', '1', '--chart-format', 'none'];
  await scanstroke('train', '--data', digits, ...small, '--saving-path', 'runs/my-run');
  const oneWay = ['--bidirectional', 'false', '--head', 'last'];
  const strokes = ['--data', `strokes:${digits}`, ...small, ...oneWay];
  await scanstroke('train', ...strokes, '--saving-path', 'runs/my-strokes');
  // In build/, where the packages of this repository are found.
  const programs = mkdtempSync(join(root, 'build/interop-programs-'));
  const printed: string[] = [];
  try {
    for (const [n, { language, text }] of blocks.entries()) {
      if (language === 'js') {
        writeFileSync(join(programs, `${n}.mjs`), text);
        printed.push(
          execFileSync(process.execPath, [join(programs, `${n}.mjs`)], { encoding: 'utf8', stdio: 'pipe' }),
        );
        continue;
      }
      for (const [, args] of text.matchAll(/^npx scanstroke (export runs\/my-.*)$/gm)) {
        await scanstroke(...args.replace(/ #.*/, '').trim().split(/ +/));
      }
    }
  } finally {
    rmSync(programs, { recursive: true });
  }
  assert.match(printed[0], /^Float32Array\(10\)/);
  assert.match(printed[1], /^\[ 2, 10 \]/);
  assert.equal(printed[2].match(/Float32Array\(10\)/g)?.length, 3);
});
