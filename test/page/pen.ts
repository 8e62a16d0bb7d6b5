/** Draws on the page's canvas with real pointer events of the browser: mouse, finger or pen. */

import { imageToStrokes } from '#src/ink/image-to-strokes.js';
import { movesToStrokes } from '#src/ink/render-strokes.js';
import type { Visit } from './browser.js';

export type Tool = 'mouse' | 'touch' | 'pen';

/** Strokes; coordinates are shares of the canvas's width and height, 0 to 1. */
export type Drawing = readonly (readonly (readonly [x: number, y: number])[])[];

/** A drawing of an MNIST digit [28, 28]: the strokes of its thinned picture. */
export function drawingOfDigit(pixels: Uint8Array): Drawing {
  return movesToStrokes(imageToStrokes(pixels, 28, 28)).map(({ xs, ys }) =>
    Array.from(xs, (x, n) => [(x + 0.5) / 28, (ys[n] + 0.5) / 28] as const),
  );
}

/** Draws all strokes as fast as possible, so that one frame gets many events, as with a fast pen. */
export async function draw({ page, cdp }: Visit, drawing: Drawing, tool: Tool = 'mouse'): Promise<void> {
  const canvas = page.locator('canvas.ink');
  await canvas.scrollIntoViewIfNeeded();
  const box = (await canvas.boundingBox())!;
  const sent: Promise<unknown>[] = [];
  for (const stroke of drawing) {
    stroke.forEach(([x, y], n) => {
      const point = { x: box.x + x * box.width, y: box.y + y * box.height };
      const last = n === stroke.length - 1;
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
  action: 'down' | 'move' | 'up',
  { x, y }: { x: number; y: number },
) {
  if (tool === 'touch') {
    const type = ({ down: 'touchStart', move: 'touchMove', up: 'touchEnd' } as const)[action];
    return cdp.send('Input.dispatchTouchEvent', { type, touchPoints: action === 'up' ? [] : [{ x, y }] });
  }
  const type = ({ down: 'mousePressed', move: 'mouseMoved', up: 'mouseReleased' } as const)[action];
  return cdp.send('Input.dispatchMouseEvent', {
    type,
    x,
    y,
    button: 'left',
    buttons: action === 'up' ? 0 : 1,
    clickCount: 1,
    pointerType: tool,
    force: tool === 'pen' ? 0.7 : 0,
  });
}

/** One model's answer as the page shows it. */
export interface ShownAnswer {
  /** The likeliest class; empty without an answer. */
  glyph: string;
  text: string;
  unsure: boolean;
}

/** Waits for the answers to all points of the drawing, then reads them from the page. */
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

/** The file that the page saves. */
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
