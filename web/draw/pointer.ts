/**
 * Pointers on the canvas → points of ink. One pointer draws at a time. Once a pen has been seen, fingers and palms do
 * not draw any more; a palm that came down before its pen is taken back. Every point that the browser gathered
 * between two frames is taken (`getCoalescedEvents`).
 */
import { type Ink, SIDE, type Tool } from './ink.js';

/** What the browser says of a pointer, as far as it matters here. */
export type PointerLike = Pick<
  PointerEvent,
  'pointerId' | 'pointerType' | 'button' | 'clientX' | 'clientY' | 'pressure' | 'timeStamp'
> & { getCoalescedEvents?: () => PointerLike[] };

/** Where the canvas is on the screen. */
export interface Frame {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Turns pointer events into strokes. */
export class PenReader {
  readonly #ink: Ink;
  #active: { id: number; tool: Tool } | null = null;
  #penSeen = false;

  constructor(ink: Ink) {
    this.#ink = ink;
  }

  /** Whether a pen has drawn, so that touches do not. */
  get penSeen(): boolean {
    return this.#penSeen;
  }

  /** @returns whether the pointer draws from here on, and should be captured */
  down(event: PointerLike, frame: Frame): boolean {
    const tool = toolOf(event);
    if (tool === 'pen') this.#penSeen = true;
    if ((tool === 'touch' && this.#penSeen) || event.button !== 0) return false;
    if (this.#active) {
      if (!(tool === 'pen' && this.#active.tool === 'touch')) return false;
      this.#ink.cancel();
    }
    this.#active = { id: event.pointerId, tool };
    const [x, y] = place(event, frame);
    this.#ink.begin(tool, x, y, event.pressure, event.timeStamp);
    return true;
  }

  /** @returns whether the drawing has grown */
  move(event: PointerLike, frame: Frame): boolean {
    if (event.pointerId !== this.#active?.id) return false;
    const gathered = event.getCoalescedEvents?.() ?? [];
    let grown = false;
    for (const each of gathered.length > 0 ? gathered : [event]) {
      const [x, y] = place(each, frame);
      if (this.#ink.extend(x, y, each.pressure, each.timeStamp)) grown = true;
    }
    if (grown) this.#ink.extended();
    return grown;
  }

  up(event: PointerLike): void {
    if (event.pointerId !== this.#active?.id) return;
    this.#active = null;
    this.#ink.end();
  }

  /** The browser took the pointer for something else. What a finger had begun was no drawing. */
  cancel(event: PointerLike): void {
    if (event.pointerId !== this.#active?.id) return;
    const { tool } = this.#active;
    this.#active = null;
    if (tool === 'touch') this.#ink.cancel();
    else this.#ink.end();
  }
}

function toolOf({ pointerType }: PointerLike): Tool {
  return pointerType === 'pen' || pointerType === 'touch' ? pointerType : 'mouse';
}

/** Within the canvas, in hundredths of a unit: finer than any pointer. */
function place({ clientX, clientY }: PointerLike, { left, top, width, height }: Frame): [number, number] {
  const scaled = (value: number, size: number) =>
    Math.round(Math.min(SIDE, Math.max(0, (value * SIDE) / size)) * 100) / 100;
  return [scaled(clientX - left, width), scaled(clientY - top, height)];
}
