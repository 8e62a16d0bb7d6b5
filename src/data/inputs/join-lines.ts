/** Joins the pieces of thin lines that are broken. */
import type { Ink } from './ink.js';

/** How far apart pixels may be that are joined, in pixels from centre to centre. */
export interface Gaps {
  /** Between pixels that no ink connects. */
  apart: number;
  /** Between pixels that ink connects already, in a detour of more than `detour` pixels: an opened loop. */
  opened: number;
  detour: number;
}

/** Any ink. */
const FAINT = 0.5 / 255;

/**
 * Draws straight links over the gaps of lines, shortest first. Each is drawn only if what is connected by then leaves its
 * ends apart, so the pieces become a tree (Kruskal 1956), and its gaps between the ends of one line stay open unless they
 * are very short.
 * @returns the ink with links as dark as the lighter of their ends
 */
export function joinLines({ width, height, values }: Ink, { apart, opened, detour }: Gaps): Ink {
  const result = values.slice();
  const isInk = (i: number) => result[i] >= FAINT;
  const inked = [...values.keys()].filter(isInk);
  const links: { from: number; to: number; length: number }[] = [];
  for (const from of inked) {
    for (const to of inked) {
      if (to <= from) continue;
      const length = Math.hypot((to % width) - (from % width), rowOf(to) - rowOf(from));
      if (length > Math.SQRT2 && length <= Math.max(apart, opened)) links.push({ from, to, length });
    }
  }
  links.sort((a, b) => a.length - b.length);
  for (const { from, to, length } of links) {
    const steps = stepsBetween(from, to);
    if (length > (steps === Infinity ? apart : opened) || steps <= detour) continue;
    const value = Math.min(values[from], values[to]);
    const pixels = Math.max(Math.abs((to % width) - (from % width)), rowOf(to) - rowOf(from));
    for (let n = 1; n < pixels; n++) {
      const at = (start: number, end: number) => Math.round(start + ((end - start) * n) / pixels);
      const i = at(rowOf(from), rowOf(to)) * width + at(from % width, to % width);
      result[i] = Math.max(result[i], value);
    }
  }
  return { width, height, values: result };

  function rowOf(i: number): number {
    return Math.floor(i / width);
  }

  /** Steps from pixel to pixel over ink, also diagonal ones; infinity if there is no way. */
  function stepsBetween(from: number, to: number): number {
    const steps = new Map([[from, 0]]);
    for (const [i, count] of steps) {
      if (i === to) return count;
      const [x, y] = [i % width, rowOf(i)];
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const next = v * width + u;
          if (isInk(next) && !steps.has(next)) steps.set(next, count + 1);
        }
      }
    }
    return Infinity;
  }
}
