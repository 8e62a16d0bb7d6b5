/**
 * Protects the way that docs/own-data.md describes: a folder of small pictures of odd sizes becomes a network in seconds,
 * and `predict` reads a new picture of yet another size as the training read its own.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { encode } from 'fast-png';
import { temporaryFolder } from '../train/small-mnist.js';
import { scanstroke } from './command.js';

const cwd = temporaryFolder();

/** A dark ring or cross on light paper. */
function shape(what: 'cross' | 'ring', width: number, height: number): Uint8Array {
  const data = new Uint8Array(width * height).fill(250);
  const radius = 0.35 * Math.min(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [dx, dy] = [x - width / 2, y - height / 2];
      const away = Math.hypot(dx, dy);
      const onLines = away < radius && Math.abs(Math.abs(dx) - Math.abs(dy)) < 3;
      if (what === 'ring' ? Math.abs(away - radius) < 2 : onLines) data[y * width + x] = 10;
    }
  }
  return encode({ width, height, data, channels: 1 });
}

test('a folder of pictures is summarised, trained on, and a new picture is recognised', async () => {
  for (const what of ['cross', 'ring'] as const) {
    mkdirSync(join(cwd, 'shapes', what), { recursive: true });
    for (let n = 0; n < 42; n++) {
      const [width, height] = [20 + ((n * 7) % 31), 20 + ((n * 11) % 37)];
      writeFileSync(join(cwd, 'shapes', what, `${n}.png`), shape(what, width, height));
    }
    writeFileSync(join(cwd, `new-${what}.png`), shape(what, 90, 71));
  }
  writeFileSync(join(cwd, 'shapes/ring/broken.png'), 'no picture');

  const summary = await scanstroke(['data', 'summary', '--data', 'shapes', '--json'], { cwd });
  assert.equal(summary.code, 0, summary.stderr);
  const { classes, size, own } = JSON.parse(summary.stdout);
  assert.deepEqual(classes, [
    { class: 'cross', train: 36, test: 6 },
    { class: 'ring', train: 36, test: 6 },
  ]);
  assert.deepEqual(size, { width: 28, height: 28, channels: 1 });
  assert.equal(own.leftOut[0].where, join('shapes', 'ring', 'broken.png'));

  const flags = ['--preset', 'fast', '--batch-size', '16', '--num-epochs', '8', '--chart-format', 'none'];
  const trained = await scanstroke(['train', '--data', 'shapes', ...flags, '--saving-path', 'run'], { cwd });
  assert.equal(trained.code, 0, trained.stderr);
  assert.match(
    trained.stderr + trained.stdout,
    /shapes: 1 picture left out: shapes.ring.broken\.png: expected a PNG/,
  );

  const files = ['new-ring.png', 'new-cross.png'];
  const answered = await scanstroke(['predict', 'run', ...files, '--json'], { cwd });
  assert.equal(answered.code, 0, answered.stderr);
  const found = JSON.stringify(JSON.parse(answered.stdout));
  assert.match(found, /new-ring\.png.*?"class":"ring".*new-cross\.png.*?"class":"cross"/);

  const shown = await scanstroke(['data', 'preview', '--data', 'shapes', '--out', 'sheet.svg'], { cwd });
  assert.match(shown.stdout, /20 pictures in sheet\.svg/);
});
