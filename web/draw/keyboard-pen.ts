/** Draws with the keyboard: arrow keys move the pen, shift moves it farther, space puts it down or lifts it. */
import { type Ink, SIDE } from './ink.js';

/** Canvas units that one key press moves the pen. */
const SMALL_DISTANCE = SIDE / 40;
const LARGE_DISTANCE = 4 * SMALL_DISTANCE;
const DIRECTIONS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export class KeyboardPen {
  x: number;
  y: number;
  down = false;
  /** Whether to show the pen's position: the last input came from the keyboard. */
  shown = false;
  readonly #ink: Ink;

  constructor(ink: Ink) {
    this.#ink = ink;
    this.x = Math.min(SIDE, ink.width) / 2;
    this.y = ink.height / 4;
  }

  /** Handles a key press. @returns whether the key is one of the pen's */
  press(
    event: Pick<KeyboardEvent, 'key' | 'shiftKey' | 'ctrlKey' | 'metaKey' | 'altKey' | 'timeStamp'>,
  ): boolean {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    // Undo may have removed the stroke.
    if (!this.#ink.isPenDown) this.down = false;
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
    const distance = event.shiftKey ? LARGE_DISTANCE : SMALL_DISTANCE;
    const within = (value: number, side: number) => Math.min(side, Math.max(0, value));
    this.x = within(this.x + direction[0] * distance, this.#ink.width);
    this.y = within(this.y + direction[1] * distance, this.#ink.height);
    if (this.down && this.#ink.extend(this.x, this.y, 0.5, event.timeStamp)) this.#ink.extended();
    return true;
  }

  /** Lifts and hides the pen: another pointer draws, or the canvas has lost the focus. */
  hide(): void {
    if (this.down && this.#ink.isPenDown) this.#ink.end();
    this.down = false;
    this.shown = false;
  }
}
