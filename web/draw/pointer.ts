/**
 * Turns pointer events on the canvas into points of ink. One pointer draws at a time. After the first pen event,
 * touches do not draw. If a palm touches the screen before the pen, the palm's stroke is removed. Uses all points that
 * the browser collects between two frames (`getCoalescedEvents`).
 */
import type { Ink, Tool } from './ink.js';

/** The fields of a pointer event that are used here. */
export type PointerLike = Pick<
  PointerEvent,
  'pointerId' | 'pointerType' | 'button' | 'clientX' | 'clientY' | 'pressure' | 'timeStamp'
> & { getCoalescedEvents?: () => PointerLike[] };

/** The canvas on the screen, in CSS pixels. */
export interface CanvasBox {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Turns pointer events into strokes. */
export class PointerReader {
  readonly #ink: Ink;
  #active: { id: number; tool: Tool } | null = null;
  #penSeen = false;

  constructor(ink: Ink) {
    this.#ink = ink;
  }

  /** Whether a pen has been used; touches are then ignored. */
  get penSeen(): boolean {
    return this.#penSeen;
  }

  /**
   * @param begins called before a stroke begins
   * @returns whether the pointer starts a stroke; the caller should then capture it
   */
  down(event: PointerLike, box: CanvasBox, begins?: () => void): boolean {
    const tool = toolOf(event);
    if (tool === 'pen') this.#penSeen = true;
    if ((tool === 'touch' && this.#penSeen) || event.button !== 0) return false;
    if (this.#active) {
      if (!(tool === 'pen' && this.#active.tool === 'touch')) return false;
      this.#ink.cancel();
    }
    begins?.();
    this.#active = { id: event.pointerId, tool };
    const [x, y] = toUnits(event, box, this.#ink);
    this.#ink.begin(tool, x, y, event.pressure, event.timeStamp);
    return true;
  }

  /** @returns whether points were added */
  move(event: PointerLike, box: CanvasBox): boolean {
    if (event.pointerId !== this.#active?.id) return false;
    const gathered = event.getCoalescedEvents?.() ?? [];
    let grown = false;
    for (const each of gathered.length > 0 ? gathered : [event]) {
      const [x, y] = toUnits(each, box, this.#ink);
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

  /** The browser uses the pointer for something else, such as scrolling. Removes a finger's stroke, ends any other. */
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

/** Position in units, clamped to the canvas and rounded to 1/100, which is finer than any pointer. */
function toUnits(
  { clientX, clientY }: PointerLike,
  { left, top, width, height }: CanvasBox,
  ink: Ink,
): [number, number] {
  const scaled = (value: number, side: number) =>
    Math.round(Math.min(side, Math.max(0, value * side)) * 100) / 100;
  return [scaled((clientX - left) / width, ink.width), scaled((clientY - top) / height, ink.height)];
}
