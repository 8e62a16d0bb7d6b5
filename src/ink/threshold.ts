/**
 * Grey to ink: finds a high threshold at which the ink still has the same components. A fixed threshold would break
 * thin joints of some images and fill small loops of others.
 */

import { ComponentCounter } from './components.js';

const INCREMENT = 25;
const MAX_THRESHOLD = 250;

/**
 * The threshold T of an image. Pixels greater than T are ink.
 *
 * Tries 0, 25, 50 … and stops at the first threshold at which fewer than half of the pixels above 0 remain, or the
 * number of 4-connected or 8-connected components has changed, or at 250. T is 25 less than that, but at least 0.
 * @param pixels [height, width] 0 is paper, 255 is ink
 */
export function inkThreshold(pixels: Uint8Array | Uint8ClampedArray, width: number, height: number): number {
  const counter = new ComponentCounter(width, height);
  const whole = counter.measure(pixels, 0);
  let threshold = 0;
  while (threshold < MAX_THRESHOLD) {
    const left = counter.measure(pixels, threshold);
    if (left.count < 0.5 * whole.count || left.four !== whole.four || left.eight !== whole.eight) break;
    threshold += INCREMENT;
  }
  return Math.max(0, threshold - INCREMENT);
}
