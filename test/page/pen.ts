/** Draws on the page's canvas with the browser's own pointer events: mouse, finger or pen. */

import { imageToStrokes } from '#src/ink/image-to-strokes.js';
import { penPaths } from '#src/ink/render-strokes.js';
import type { Visit } from './browser.js';

export type Tool = 'mouse' | 'touch' | 'pen';

/** Lines in shares of the canvas's side, 0 to 1. */
export type Lines = readonly (readonly (readonly [x: number, y: number])[])[];

/** A digit of MNIST as a pen might draw it: along the strokes of its thinned picture. */
export function linesOfDigit(pixels: Uint8Array): Lines {
  return penPaths(imageToStrokes(pixels, 28, 28)).map(({ xs, ys }) =>
    Array.from(xs, (x, n) => [(x + 0.5) / 28, (ys[n] + 0.5) / 28] as const),
  );
}

/** Draws all lines as fast as the browser takes them: many events come together in one frame, as with a fast pen. */
export async function draw({ page, cdp }: Visit, lines: Lines, tool: Tool = 'mouse'): Promise<void> {
  const canvas = page.locator('canvas.ink');
  await canvas.scrollIntoViewIfNeeded();
  const box = (await canvas.boundingBox())!;
  const sent: Promise<unknown>[] = [];
  for (const line of lines) {
    line.forEach(([x, y], n) => {
      const point = { x: box.x + x * box.width, y: box.y + y * box.height };
      const last = n === line.length - 1;
      if (n === 0) sent.push(send(cdp, tool, 'down', point));
      else sent.push(send(cdp, tool, 'move', point));
      if (last) sent.push(send(cdp, tool, 'up', point));
    });
  }
  await Promise.all(sent);
}

function send(
  cdp: Visit['cdp'],
  tool: Tool,
  what: 'down' | 'move' | 'up',
  { x, y }: { x: number; y: number },
) {
  if (tool === 'touch') {
    const type = ({ down: 'touchStart', move: 'touchMove', up: 'touchEnd' } as const)[what];
    return cdp.send('Input.dispatchTouchEvent', { type, touchPoints: what === 'up' ? [] : [{ x, y }] });
  }
  const type = ({ down: 'mousePressed', move: 'mouseMoved', up: 'mouseReleased' } as const)[what];
  return cdp.send('Input.dispatchMouseEvent', {
    type,
    x,
    y,
    button: 'left',
    buttons: what === 'up' ? 0 : 1,
    clickCount: 1,
    pointerType: tool,
    force: tool === 'pen' ? 0.7 : 0,
  });
}

/** One model's answer as the page shows it. */
export interface ShownAnswer {
  /** Empty if nothing is recognised. */
  glyph: string;
  text: string;
  unsure: boolean;
}

/** Waits until all points of the drawing are answered, and reads what stands there. */
export async function answers({ page }: Visit): Promise<ShownAnswer[]> {
  await page.locator('.answers[aria-busy="false"]').waitFor();
  return page.locator('.answer').evaluateAll((cards) =>
    cards.map((card) => ({
      glyph: card.querySelector('.glyph')?.textContent ?? '',
      text: card.querySelector('.verdict')?.textContent ?? '',
      unsure: card.classList.contains('unsure'),
    })),
  );
}

/** What the page saves of the drawing. */
export interface SavedDrawing {
  strokes: { x: number[]; y: number[]; t: number[] }[];
  answers: { model: string; classes: string[]; probabilities: number[] | null }[];
}

export async function save({ page }: Visit): Promise<SavedDrawing> {
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save' }).click();
  const stream = await (await download).createReadStream();
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return JSON.parse(Buffer.concat(pieces).toString('utf8')) as SavedDrawing;
}
