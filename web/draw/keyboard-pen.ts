/** A pen for those who use the keys: arrows move it, shift in larger steps, space puts it down and lifts it. */
import { type Ink, SIDE } from './ink.js';

const STEP = SIDE / 40;
const LARGE_STEP = 4 * STEP;
const DIRECTIONS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export class KeyboardPen {
  x = SIDE / 2;
  y = SIDE / 4;
  down = false;
  /** Whether the keys have been used, so that it is worth showing where the pen is. */
  shown = false;
  readonly #ink: Ink;

  constructor(ink: Ink) {
    this.#ink = ink;
  }

  /** @returns whether the key was the pen's */
  press(
    event: Pick<KeyboardEvent, 'key' | 'shiftKey' | 'ctrlKey' | 'metaKey' | 'altKey' | 'timeStamp'>,
  ): boolean {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    // Undo may have taken the stroke away.
    if (!this.#ink.drawing) this.down = false;
    if (event.key === ' ') {
      this.shown = true;
      this.down = !this.down;
      if (this.down) this.#ink.begin('keyboard', this.x, this.y, 0.5, event.timeStamp);
      else this.#ink.end();
      return true;
    }
    const direction = DIRECTIONS[event.key];
    if (!direction) return false;
    this.shown = true;
    const step = event.shiftKey ? LARGE_STEP : STEP;
    const within = (value: number) => Math.min(SIDE, Math.max(0, value));
    this.x = within(this.x + direction[0] * step);
    this.y = within(this.y + direction[1] * step);
    if (this.down && this.#ink.extend(this.x, this.y, 0.5, event.timeStamp)) this.#ink.extended();
    return true;
  }

  /** Another pen draws, or the keys go elsewhere: lifts it. */
  hide(): void {
    if (this.down && this.#ink.drawing) this.#ink.end();
    this.down = false;
    this.shown = false;
  }
}
