/**
 * Protects “Look inside” in a real browser where networks differ: one that reads no drawings, one that reads columns, one
 * that reads two rows at once and their edges.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Locator } from 'playwright-core';
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
  edges: { ...ROWS, sequenceLength: 14, inputSize: 336, scan: 'both' as const, edges: true },
};

let browser: Browser;
let server: StaticServer;
/** Writes which networks the page has; it shows the first two. */
let list: (ids: (keyof typeof NETWORKS)[]) => void;

before(async () => {
  const site = join(temporaryFolder(), 'site');
  const { code, stderr } = await scanstroke(['page', 'digits', '--out', site]);
  assert.equal(code, 0, stderr);
  const index = join(site, 'models', 'index.json');
  const given = JSON.parse(readFileSync(index, 'utf8')) as ModelList;
  for (const [id, preprocessing] of Object.entries(NETWORKS)) {
    writeFileSync(join(site, 'models', `${id}.safetensors`), checkpointBytes(preprocessing));
  }
  list = (ids) => {
    const about = { ...given.models[0], classes: [...'abcd'] };
    const models = ids.map((id) => ({ ...about, id, name: id, file: `${id}.safetensors` }));
    writeFileSync(index, JSON.stringify({ ...given, models }));
  };
  browser = await launch();
  server = await serveFolder(site);
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** Where lines and frames mark what is read, as shares of the picture. */
function marksIn(place: Locator): Promise<{ left: number; top: number; width: number; height: number }[]> {
  return place.locator('.scan').evaluateAll((scans) =>
    scans.map((scan) => {
      const [own, around] = [scan, scan.parentElement!].map((each) => each.getBoundingClientRect());
      const { width, height } = around;
      return {
        left: (own.left - around.left) / width,
        top: (own.top - around.top) / height,
        width: own.width / width,
        height: own.height / height,
      };
    }),
  );
}

test('a network that reads no drawings says why; the other is shown, with the column that it reads', async () => {
  list(['large', 'columns']);
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
  const marks = await marksIn(inside('columns'));
  assert.equal(marks.length, 1);
  const [{ left, height }] = marks;
  assert.ok(Math.abs(left - 6.5 / 28) < 0.02 && height > 0.95, JSON.stringify(marks));
  await visited.close();
  assert.deepEqual(visited.troubles, []);
});

test('a network with edges shows the two rows and columns of a step, and the influence of the pixels', async () => {
  list(['edges']);
  const visited = await visit(browser, server.url);
  const { page } = visited;
  await page.locator('.answer', { hasText: 'reads pixels' }).first().waitFor();
  await draw(visited, [
    [
      [0.5, 0.2],
      [0.4, 0.5],
      [0.5, 0.8],
    ],
  ]);
  await page.getByText('Look inside the network').click();
  const inside = page.locator('[aria-label="Inside edges"]');
  await inside.getByRole('slider').fill('7');
  await inside.getByText('read up to step 7 of 14').waitFor();
  const marks = await marksIn(inside);
  assert.equal(marks.length, 2);
  const [row, column] = marks;
  // From the middle of row 12 to that of row 13; a line is some pixels thick.
  const isBand = (from: number, thickness: number) =>
    Math.abs(from - 12.5 / 28) < 0.02 && thickness > 1 / 28 - 0.01 && thickness < 1 / 28 + 0.03;
  assert.ok(isBand(row.top, row.height) && row.width > 0.95, JSON.stringify(marks));
  assert.ok(isBand(column.left, column.width) && column.height > 0.95, JSON.stringify(marks));
  const inked = await inside.locator('canvas.overlay').evaluate((element) => {
    const { width, height } = element as HTMLCanvasElement;
    const { data } = (element as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height);
    return { width, height, inked: data.filter((value, n) => n % 4 === 3 && value > 20).length };
  });
  assert.deepEqual([inked.width, inked.height], [28, 28]);
  assert.ok(inked.inked > 20, `${inked.inked} pixels have an influence`);
  await visited.close();
  assert.deepEqual(visited.troubles, []);
});
