/** Protects “Look inside” in a real browser where networks differ: one that reads no drawings, one that reads columns. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import type { ModelList } from '#src/serve/api.js';
import { scanstroke } from '../../e2e/command.js';
import { checkpointBytes, ROWS } from '../../recognize/checkpoint-bytes.js';
import { temporaryFolder } from '../../train/small-mnist.js';
import { after, before, launch, test, visit } from '../browser.js';
import { draw } from '../pen.js';
import { type StaticServer, serveFolder } from '../static-server.js';

const NETWORKS = {
  large: { ...ROWS, width: 32, height: 32, sequenceLength: 32, inputSize: 32 },
  columns: { ...ROWS, scan: 'columns' as const },
};

let browser: Browser;
let server: StaticServer;

before(async () => {
  const site = join(temporaryFolder(), 'site');
  const { code, stderr } = await scanstroke(['page', 'digits', '--out', site]);
  assert.equal(code, 0, stderr);
  const index = join(site, 'models', 'index.json');
  const list = JSON.parse(readFileSync(index, 'utf8')) as ModelList;
  const models = Object.entries(NETWORKS).map(([id, preprocessing]) => {
    const file = `${id}.safetensors`;
    writeFileSync(join(site, 'models', file), checkpointBytes(preprocessing));
    return { ...list.models[0], id, name: id, classes: [...'abcd'], file };
  });
  writeFileSync(index, JSON.stringify({ ...list, models }));
  browser = await launch();
  server = await serveFolder(site);
});

after(async () => {
  await browser?.close();
  await server?.close();
});

test('a network that reads no drawings says why; the other is shown, with the column that it reads', async () => {
  const visited = await visit(browser, server.url);
  const { page } = visited;
  await page.locator('.answer', { hasText: 'reads pixels' }).nth(1).waitFor();
  await draw(visited, [
    [
      [0.5, 0.2],
      [0.4, 0.5],
      [0.5, 0.8],
    ],
  ]);
  await page.getByText('Look inside the network').click();
  const inside = (name: string) => page.locator(`[aria-label="Inside ${name}"]`);
  await inside('large').locator('.reason', { hasText: '32' }).waitFor();
  await inside('columns').getByRole('slider').fill('7');
  const lines = await inside('columns')
    .locator('.scan')
    .evaluateAll((scans) =>
      scans.map((scan) => {
        const [{ left, height }, around] = [scan, scan.parentElement!].map((each) =>
          each.getBoundingClientRect(),
        );
        return { at: (left - around.left) / around.width, height: height / around.height };
      }),
    );
  assert.equal(lines.length, 1);
  const [{ at, height }] = lines;
  assert.ok(Math.abs(at - 6.5 / 28) < 0.02 && height > 0.95, JSON.stringify(lines));
  await visited.close();
  assert.deepEqual(visited.troubles, []);
});
