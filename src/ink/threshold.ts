/**
 * Grey to ink: the highest threshold at which an image is still the same drawing. It keeps thin joints, where a fixed
 * threshold would either tear them or fill small loops.
 */

import { ComponentCounter } from './components.js';

const STEP = 25;
const LAST = 250;

/**
 * The threshold T; ink is what is greater than T.
 *
 * From 0 upwards in steps of 25, up to the first one at which less than half of the pixels above 0 are left, or the
 * number of 4- or of 8-connected components has changed, or which is 250; T is one step before.
 * @param pixels [height, width] 0 is paper, 255 is ink
 */
export function inkThreshold(pixels: Uint8Array | Uint8ClampedArray, width: number, height: number): number {
  const counter = new ComponentCounter(width, height);
  const whole = counter.measure(pixels, 0);
  let threshold = 0;
  while (threshold < LAST) {
    const left = counter.measure(pixels, threshold);
    if (left.count < 0.5 * whole.count || left.four !== whole.four || left.eight !== whole.eight) break;
    threshold += STEP;
  }
  return Math.max(0, threshold - STEP);
}
