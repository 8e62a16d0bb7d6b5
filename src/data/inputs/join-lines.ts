/** Joins the pieces of thin lines that are broken. */
import { labelComponents } from '../../ink/label-components.js';
import type { Ink } from './ink.js';

/** How far apart pixels may be that are joined, in pixels from centre to centre. */
export interface Gaps {
  /** Between pieces: pixels that no ink connects. */
  apart: number;
  /** Within a piece, where ink connects the pixels only by a detour of more than `detour` pixels: an opened loop. */
  opened: number;
  detour: number;
}

/** A straight line between two pixels. */
interface Link {
  from: number;
  to: number;
  length: number;
}

/** Any ink. */
const FAINT = 0.5 / 255;

/**
 * Draws straight links over the gaps of lines, shortest first. Each is drawn only if what is connected by then leaves its
 * ends apart, so the pieces become a tree (Kruskal 1956), and gaps between the ends of one line stay open unless they are
 * very short.
 * @returns the ink with links as dark as the lighter of their ends
 */
export function joinLines(ink: Ink, gaps: Gaps): Ink {
  const { width, height } = ink;
  const pieces = labelComponents(ink, FAINT, FAINT).labels;
  const values = ink.values.slice();
  const links = possibleLinks(pieces, width, gaps);
  links.sort((a, b) => a.length - b.length);
  for (const link of links) {
    const { from, to, length } = link;
    const [piece, other] = [pieces[from], pieces[to]];
    if (piece === other && (length > gaps.opened || leads(pieces, ink, link, gaps.detour))) continue;
    pieces.forEach((each, i) => {
      if (each === other) pieces[i] = piece;
    });
    for (const i of pixelsBetween(from, to, width)) {
      values[i] = Math.max(values[i], Math.min(ink.values[from], ink.values[to]));
      pieces[i] = piece;
    }
  }
  return { width, height, values };
}

/** Between different pieces, and the short ones within a piece. */
function possibleLinks(pieces: Int32Array, width: number, { apart, opened }: Gaps): Link[] {
  const inked = [...pieces.keys()].filter((i) => pieces[i] !== 0);
  const most = Math.max(apart, opened);
  const links: Link[] = [];
  for (const [n, from] of inked.entries()) {
    for (let next = n + 1; next < inked.length; next++) {
      const to = inked[next];
      const down = rowOf(to, width) - rowOf(from, width);
      if (down > most) break;
      const across = columnOf(to, width) - columnOf(from, width);
      if (Math.abs(across) > most) continue;
      const length = Math.hypot(across, down);
      if (length > Math.SQRT2 && length <= (pieces[from] === pieces[to] ? opened : apart)) {
        links.push({ from, to, length });
      }
    }
  }
  return links;
}

/** Whether ink leads from one pixel to another in at most so many steps, also diagonal ones. */
function leads(pieces: Int32Array, { width, height }: Ink, { from, to }: Link, most: number): boolean {
  /** [pixels] steps from `from`, plus one; 0: not reached. */
  const reached = new Uint16Array(pieces.length);
  reached[from] = 1;
  const queue = [from];
  for (const i of queue) {
    if (i === to) return true;
    if (reached[i] > most) continue;
    const [x, y] = [columnOf(i, width), rowOf(i, width)];
    for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
      for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
        const next = v * width + u;
        if (pieces[next] === 0 || reached[next] !== 0) continue;
        reached[next] = reached[i] + 1;
        queue.push(next);
      }
    }
  }
  return false;
}

function pixelsBetween(from: number, to: number, width: number): number[] {
  const [dx, dy] = [columnOf(to, width) - columnOf(from, width), rowOf(to, width) - rowOf(from, width)];
  const steps = Math.max(Math.abs(dx), Math.abs(dy));
  return Array.from({ length: steps - 1 }, (_, n) => {
    const share = (n + 1) / steps;
    return from + Math.round(dy * share) * width + Math.round(dx * share);
  });
}

const columnOf = (i: number, width: number) => i % width;
const rowOf = (i: number, width: number) => Math.floor(i / width);
