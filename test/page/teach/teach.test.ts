/**
 * Protects the Teach view in a real browser: symbols taught by real pointer events are recognised; a reload keeps them;
 * projects, drawings and the network go out and in; fingers, and browsers that store nothing.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import type { Browser, Download, Page } from 'playwright-core';
import { drawingOf, readProject } from '#src/data/pens/project.js';
import { describeCheckpoint } from '#src/recognize/recognizer.js';
import { starterProject } from '#src/teach/starters.js';
import { scanstroke } from '../../e2e/command.js';
import { temporaryFolder } from '../../train/small-mnist.js';
import {
  after,
  before,
  DESKTOP,
  launch,
  PHONE,
  problemsInBothSchemes,
  test,
  type Visit,
  visit,
} from '../browser.js';
import { type Drawing, draw, type Tool } from '../pen.js';
import { type StaticServer, serveFolder } from '../static-server.js';
import { expectCounts } from './card-counts.js';

/** Five symbols, with this many drawings to learn from, and others to recognise. */
const SYMBOLS = ['circle', 'square', 'triangle', 'check mark', 'cross'];
const TAUGHT = 6;
const HELD_OUT = 4;
/** A training of some dozen drawings, on a machine that has other work. */
const TRAINING_MS = 90_000;

let browser: Browser;
let folder: string;
let server: StaticServer;
/** A page whose only network reads images: there are no features of strokes. */
let withoutStrokes: StaticServer;
let drawings: Map<string, Drawing[]>;

before(async () => {
  folder = temporaryFolder();
  for (const model of ['digit-strokes', 'digits']) {
    const { code, stderr } = await scanstroke(['page', model, '--out', join(folder, model)]);
    assert.equal(code, 0, stderr);
  }
  browser = await launch();
  server = await serveFolder(join(folder, 'digit-strokes'), { isolated: true });
  withoutStrokes = await serveFolder(join(folder, 'digits'));
  drawings = generatedDrawings();
});

after(async () => {
  await browser?.close();
  await server?.close();
  await withoutStrokes?.close();
});

/** Drawings by a made hand, in shares of the canvas, with few points: each event takes the browser a frame. */
function generatedDrawings(): Map<string, Drawing[]> {
  const { classes, drawings: all } = starterProject('shapes', { seed: 7, perClass: TAUGHT + HELD_OUT });
  return new Map(
    classes.map(({ id, name }) => [
      name,
      all.filter((each) => each.class === id).map((each) => onCanvas(each.drawing)),
    ]),
  );
}

function onCanvas(drawing: number[][][]): Drawing {
  const [xs, ys] = [drawing.flatMap(([x]) => x), drawing.flatMap(([, y]) => y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const size = Math.max(Math.max(...xs) - left, Math.max(...ys) - top);
  return drawingOf({ drawing }).strokes.map((stroke) => {
    const points = Array.from(
      stroke.xs,
      (x, n) => [0.15 + (0.7 * (x - left)) / size, 0.15 + (0.7 * (stroke.ys[n] - top)) / size] as const,
    );
    const every = Math.max(1, Math.floor(points.length / 12));
    return points.filter((_, n) => n % every === 0 || n === points.length - 1);
  });
}

/** The drawing on the wide pad, as wide as it is high: people do not stretch their symbols. */
async function inSquare(page: Page, drawing: Drawing): Promise<Drawing> {
  const { width, height } = (await page.locator('canvas.ink').boundingBox())!;
  return drawing.map((stroke) => stroke.map(([x, y]) => [(x * height) / width, y] as const));
}

/** Opens the view and runs a test; fails on console errors, exceptions and requests to elsewhere. */
async function onPage(
  options: Parameters<typeof visit>[2],
  body: (visited: Visit, page: Page) => Promise<void>,
  host = server,
): Promise<void> {
  const visited = await visit(browser, `${host.url}#/teach`, options);
  try {
    await visited.page.locator('.begin').waitFor();
    await body(visited, visited.page);
  } finally {
    await visited.close();
  }
  assert.deepEqual(visited.troubles, []);
}

/** Draws an example and takes it with Enter. */
async function teach(visited: Visit, drawing: Drawing, tool?: Tool): Promise<void> {
  const { page } = visited;
  await draw(visited, drawing, tool);
  await page.keyboard.press('Enter');
  await page.locator('.teach .hint').waitFor();
}

/** Begins an empty project with these symbols. */
async function beginWith(page: Page, names: readonly string[]): Promise<void> {
  await page.getByRole('button', { name: /^Your own/ }).click();
  for (const [n, name] of names.entries()) {
    if (n > 0) await page.getByRole('button', { name: '+ Add a symbol' }).click();
    const field = page.locator('.class-card .name').nth(n);
    await field.fill(name);
    await field.press('Enter');
  }
}

async function choose(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name: `Draw ${name}`, exact: true }).click();
}

const idle = (page: Page) =>
  page.locator('.training[data-state="idle"]', { hasText: 'Taught with' }).waitFor({ timeout: TRAINING_MS });

/** Draws in the mode Try it, and reads the answer. */
async function answerTo(visited: Visit, drawing: Drawing): Promise<{ name: string; by: string }> {
  const { page } = visited;
  await page
    .getByRole('button', { name: 'Clear' })
    .isEnabled()
    .then((on) => (on ? page.keyboard.press('Delete') : null));
  await draw(visited, drawing);
  const panel = page.locator('.what');
  await panel.locator('.found strong').waitFor();
  // The answer to the last point: nothing changes any more.
  const read = () => panel.textContent();
  let seen: string | null = '';
  for (let now = await read(); now !== seen; now = await read()) {
    seen = now;
    await page.waitForTimeout(60);
  }
  return {
    name: (await panel.locator('.found strong').textContent())!,
    by: (await panel.getAttribute('data-by')) ?? '',
  };
}

async function contentOf(download: Download): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of await download.createReadStream()) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

async function takeAway(page: Page, title: string): Promise<{ name: string; bytes: Buffer }> {
  const download = page.waitForEvent('download');
  await page.locator('.offers button', { hasText: title }).first().click();
  const file = await download;
  return { name: file.suggestedFilename(), bytes: await contentOf(file) };
}

async function checkAccess(page: Page, what: string): Promise<void> {
  assert.deepEqual(await problemsInBothSchemes(page), [], what);
  const overflow = await page.evaluate(() => {
    // Not innerWidth: on a phone it grows with the content.
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth - clientWidth;
  });
  assert.ok(overflow <= 0, `${what}: no horizontal overflow`);
}

test('five symbols taught with a mouse are recognised, kept over a reload, and taken out and in', async () => {
  await onPage(DESKTOP, async (visited, page) => {
    assert.ok(await page.evaluate(() => crossOriginIsolated));
    await checkAccess(page, 'before the first symbol');
    await beginWith(page, SYMBOLS);
    for (const name of SYMBOLS) {
      await choose(page, name);
      for (const drawing of drawings.get(name)!.slice(0, TAUGHT)) await teach(visited, drawing);
    }
    await expectCounts(page, ...SYMBOLS.map(() => TAUGHT));
    await page.getByText('Try it').click();
    // At once, by the nearest examples.
    const [first] = drawings.get('cross')!.slice(TAUGHT);
    assert.equal((await answerTo(visited, first)).name, 'cross');
    await pauseAndContinue(page);
    await idle(page);
    const held = SYMBOLS.flatMap((name) =>
      drawings
        .get(name)!
        .slice(TAUGHT)
        .map((drawing) => ({ name, drawing })),
    );
    const wrong: string[] = [];
    for (const { name, drawing } of held) {
      const answer = await answerTo(visited, drawing);
      assert.equal(answer.by, 'network');
      if (answer.name !== name) wrong.push(`${name}: ${answer.name}`);
    }
    assert.ok(
      wrong.length <= 0.05 * held.length,
      `${wrong.length} of ${held.length} wrong: ${wrong.join(', ')}`,
    );
    await page.getByText('Write words').click();
    await page.locator('.pad .hint').waitFor();
    await draw(visited, await inSquare(page, held[0].drawing));
    await page.locator(`.reading[data-text=${JSON.stringify(held[0].name)}]`).waitFor();
    assert.equal(await page.locator('.reading .by').textContent(), 'by the taught network');
    // Every figure names its base.
    for (const figure of await page.locator('.figures dd b').allTextContents())
      assert.match(figure, /^\d+ of [1-9]\d*$/);
    await checkAccess(page, 'taught');

    await page.locator('.kept', { hasText: 'Kept in this browser' }).waitFor();
    const taught = await page.locator('.figures').textContent();
    await page.reload();
    await page.locator('.class-card').nth(4).waitFor();
    await expectCounts(page, ...SYMBOLS.map(() => TAUGHT));
    await idle(page);
    await page.locator('.figures', { hasText: 'left out in turn' }).waitFor();
    assert.equal(await page.locator('.figures').textContent(), taught);
    await page.getByText('Try it').click();
    assert.deepEqual(await answerTo(visited, first), { name: 'cross', by: 'network' });

    await outAndIn(page, folder);
  });
});

/** A paused training stands still, as soon as the part of a pass that was under way has ended. */
async function pauseAndContinue(page: Page): Promise<void> {
  const bar = page.locator('.training progress');
  await bar.waitFor();
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.locator('.training[data-state="paused"]').waitFor();
  const seen: (string | null)[] = [];
  // On a busy machine such a part may take seconds; all of the training takes far more of them.
  do {
    seen.push(await bar.getAttribute('value'));
    await page.waitForTimeout(1000);
  } while (seen.length < 5 && (await bar.getAttribute('value')) !== seen.at(-1));
  assert.equal(await bar.getAttribute('value'), seen.at(-1), `moved on: ${seen.join(', ')}`);
  assert.ok(Number(seen.at(-1)) < Number(await bar.getAttribute('max')), 'stands still before its end');
  await page.getByRole('button', { name: 'Continue' }).click();
}

/** The files of the open project; then the project again from its file, and its drawings from theirs. */
async function outAndIn(page: Page, folder: string): Promise<void> {
  const onnx = await takeAway(page, 'ONNX');
  assert.equal(onnx.name, 'my-symbols.onnx');
  const session = await InferenceSession.create(onnx.bytes);
  assert.ok(session.outputNames.includes('probabilities'), session.outputNames.join());
  const checkpoint = await takeAway(page, '.safetensors');
  const { classes } = describeCheckpoint(checkpoint.bytes, { name: checkpoint.name });
  assert.deepEqual(classes.slice(0, SYMBOLS.length), SYMBOLS);
  const html = await takeAway(page, 'A page of its own');
  assert.match(html.bytes.toString('utf16le'), /<title>my-symbols – scanstroke<\/title>/);
  assert.equal((await takeAway(page, 'C99')).name, 'my_symbols.c');
  const names: string[] = [];
  page.on('download', (file) => names.push(file.suggestedFilename()));
  await page.locator('.offers button', { hasText: 'PyTorch' }).click();
  while (names.length < 2) await page.waitForTimeout(20);
  assert.deepEqual(names.sort(), ['my-symbols.pt', 'my-symbols.py']);
  const project = await takeAway(page, 'Project');
  const { drawings: kept, network } = readProject(project.bytes, project.name);
  assert.equal(kept.length, TAUGHT * SYMBOLS.length);
  assert.ok(network && checkpoint.bytes.equals(network.checkpoint));
  const lines = await takeAway(page, 'Drawings');
  writeFileSync(join(folder, project.name), project.bytes);
  writeFileSync(join(folder, lines.name), lines.bytes);
  // Drawings of a file are added to the open project: the same names, so twice as many.
  const pick = page.locator('input[type=file]').first();
  await pick.setInputFiles(join(folder, lines.name));
  await page
    .locator('.class-card .count', { hasText: `${2 * TAUGHT} drawings` })
    .nth(4)
    .waitFor();
  await page.getByRole('button', { name: /^Undo: add my-symbols.ndjson/ }).click();
  await page
    .locator('.class-card .count', { hasText: `${TAUGHT} drawings` })
    .nth(4)
    .waitFor();
  await page.getByText('Projects', { exact: true }).click();
  await page.getByRole('button', { name: 'New project' }).click();
  await page.locator('.begin').waitFor();
  await dropFile(page, join(folder, project.name), project.name);
  await page.locator('.class-card').nth(4).waitFor();
  await page.locator('.training', { hasText: 'Taught with' }).waitFor();
  await page.getByText('Projects', { exact: true }).click();
  // The project before is still there.
  await page.locator('.project-bar .entry').nth(1).waitFor();
  // A file of something else is refused in words.
  await dropFile(page, join(folder, 'digit-strokes', 'icon.svg'), 'icon.ndjson');
  await page.locator('#teach-message.notice-line', { hasText: 'icon.ndjson' }).waitFor();
}

async function dropFile(page: Page, path: string, name: string): Promise<void> {
  const content = readFileSync(path, 'utf8');
  await page.evaluate(
    ({ content, name }) => {
      const data = new DataTransfer();
      data.items.add(new File([content], name));
      for (const type of ['dragover', 'drop'])
        document.body.dispatchEvent(
          new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }),
        );
    },
    { content, name },
  );
}

test('on a phone, a finger draws one example after the other: each is taken when it has rested for a second', async () => {
  await onPage(
    PHONE,
    async (visited, page) => {
      assert.equal(await page.evaluate(() => crossOriginIsolated), false);
      await checkAccess(page, 'before the first symbol');
      await page.getByRole('button', { name: /^Your own/ }).click();
      const rings = drawings.get('circle')!;
      for (const n of [0, 1]) {
        await draw(visited, rings[n], 'touch');
        await page.locator('.chips label', { hasText: `symbol 1${n + 1}` }).waitFor();
      }
      await page.getByText('Projects', { exact: true }).click();
      await checkAccess(page, 'with the menu of projects');
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'New symbol' }).click();
      await page.locator('.chips .chosen', { hasText: 'symbol 2' }).waitFor();
      for (const n of [0, 1]) {
        await draw(visited, drawings.get('cross')![n], 'touch');
        await page.locator('.chips label', { hasText: `symbol 2${n + 1}` }).waitFor();
      }
      // Without a network for strokes, the first training answers.
      await page.getByText('after the first training').waitFor();
      await page.getByText('Try it').click();
      await idle(page);
      await draw(visited, rings[2], 'touch');
      await page.locator('.what[data-by="network"] .found strong', { hasText: 'symbol 1' }).waitFor();
      await checkAccess(page, 'taught');
      const name = page.locator('.class-card .name').last();
      await name.fill('W'.repeat(60));
      await name.press('Enter');
      await page.getByLabel('Drawing 1 of symbol 1').click();
      await page.getByLabel('Move to').waitFor();
      await checkAccess(page, 'with a selected drawing, and a symbol of a long name');
    },
    withoutStrokes,
  );
});

test('data that the browser clears are kept anew: a connection that has ended is opened again', async () => {
  await onPage(DESKTOP, async (_, page) => {
    await beginWith(page, ['arrow']);
    const kept = page.locator('.kept', { hasText: 'Kept in this browser' });
    await kept.waitFor();
    await page.evaluate(
      () =>
        new Promise((resolve, reject) => {
          const request = indexedDB.deleteDatabase('scanstroke-teach');
          request.onsuccess = resolve;
          request.onerror = reject;
        }),
    );
    await page.getByRole('button', { name: '+ Add a symbol' }).click();
    await page.locator('.kept', { hasText: 'Keeping' }).waitFor();
    await kept.waitFor();
    await page.reload();
    await page.locator('.class-card').nth(1).waitFor();
  });
});

test('a browser that stores nothing says so, and the work goes on', async () => {
  const visited = await visit(browser, server.url);
  const { page } = visited;
  // As browsers do where a setting forbids storage.
  await page.addInitScript(() => {
    Object.defineProperty(globalThis, 'indexedDB', {
      get() {
        throw new DOMException('The operation is insecure.', 'SecurityError');
      },
    });
  });
  await page.goto(`${server.url}?again#/teach`);
  await page.locator('.notice-line', { hasText: 'Your work is not kept.' }).waitFor();
  await page.getByRole('button', { name: /^Shapes/ }).click();
  await page.locator('.class-card').nth(6).waitFor();
  const { bytes, name } = await takeAway(page, 'Project');
  assert.equal(readProject(bytes, name).classes.length, 7);
  await visited.close();
  assert.deepEqual(visited.troubles, []);
});
