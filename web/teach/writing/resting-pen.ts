/** Takes a drawing when the pen has rested for a second. Drawings by keys are not taken by themselves: keys are slow. */
import type { Ink } from '../../draw/ink.js';

/** A pen that rests for this long has finished the drawing. */
export const REST_MS = 1000;

export class RestingPen {
  /** Whether the time runs. */
  isRunning = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param rested called when the pen has rested @param changed called when the time starts or ends */
  constructor(ink: Ink, rested: () => void, changed: () => void) {
    ink.subscribe(() => {
      clearTimeout(this.#timer);
      const last = ink.strokes.at(-1);
      const runs = last !== undefined && !ink.isPenDown && last.tool !== 'keyboard';
      if (runs) {
        this.#timer = setTimeout(() => {
          this.isRunning = false;
          changed();
          rested();
        }, REST_MS);
      }
      if (runs !== this.isRunning) {
        this.isRunning = runs;
        changed();
      }
    });
  }
}
