/**
 * Groups the pieces of a line into symbols: over-segmentation, then the best path through the candidates, by dynamic
 * programming (as in LeCun et al., "Gradient-based learning applied to document recognition", 1998, section VI). A
 * candidate is up to four neighbouring pieces. Its score is the logarithm of the recogniser's probability, less
 * penalties for an unlikely shape.
 */
import type { Box } from '../../data/inputs/ink.js';
import { boxAround, type Piece } from './segmented-ink.js';

/** Most pieces of a symbol. */
const MOST_PIECES = 4;
/** Wider groups and gaps, in heights of a symbol, make no candidates. */
const WIDEST = 2;
const WIDEST_GAP = 0.8;

/** What a recogniser says about a candidate. */
export interface CandidateAnswer {
  /** Logarithm of the probability of the likeliest class that is a symbol. */
  symbol: number;
  /** Logarithm of the probability that the candidate is none of the classes. */
  none: number;
}

/** A group of pieces that is a symbol, or a piece that is left out. */
export interface Group {
  pieces: number[];
  isSymbol: boolean;
}

/** The order in which neighbours are looked for: from left to right, and as they were drawn. */
export type LineOrder = number[];

/** The orders of a line; only one if both agree, or a picture's pieces have no order. */
export function ordersOf(line: readonly number[], pieces: readonly Piece[], isDrawn: boolean): LineOrder[] {
  const middle = (n: number) => pieces[n].box.left + pieces[n].box.right;
  const byPlace = [...line].sort((a, b) => middle(a) - middle(b) || a - b);
  if (!isDrawn) return [byPlace];
  const asDrawn = [...line].sort((a, b) => a - b);
  return asDrawn.every((n, k) => n === byPlace[k]) ? [byPlace] : [byPlace, asDrawn];
}

/** The key under which a candidate's answer is kept. */
export function keyOf(pieces: readonly number[]): string {
  return [...pieces].sort((a, b) => a - b).join(' ');
}

/** The candidates that begin at a place of an order, shortest first. */
function candidatesAt(order: LineOrder, start: number, pieces: readonly Piece[], height: number): number[][] {
  const found: number[][] = [];
  for (let end = start + 1; end <= Math.min(order.length, start + MOST_PIECES); end++) {
    const group = order.slice(start, end);
    if (group.length > 1 && group.some((n) => pieces[n].correction)) break;
    const { left, right } = boxAround(group.map((n) => pieces[n].box));
    if (group.length > 1 && right - left > WIDEST * height) break;
    if (group.length > 1 && widestGap(group.map((n) => pieces[n].box)) > WIDEST_GAP * height) break;
    found.push(group);
  }
  return found;
}

/** All candidates of a line's orders, each once. */
export function candidatesOf(orders: LineOrder[], pieces: readonly Piece[], height: number): number[][] {
  const found = new Map<string, number[]>();
  for (const order of orders) {
    for (let start = 0; start < order.length; start++) {
      for (const group of candidatesAt(order, start, pieces, height)) found.set(keyOf(group), group);
    }
  }
  return [...found.values()];
}

/**
 * The best groups of a line.
 * @param answers of the candidates, by keyOf; null or missing for one without a figure
 * @returns in the better of the orders
 */
export function bestGroups(
  orders: LineOrder[],
  pieces: readonly Piece[],
  height: number,
  answers: ReadonlyMap<string, CandidateAnswer | null>,
): Group[] {
  const paths = orders.map((order) => bestPath(order, pieces, height, answers));
  return paths.reduce((best, path) => (path.score > best.score ? path : best)).groups;
}

interface Path {
  score: number;
  groups: Group[];
}

/** best[end] has, by the length of the last group, the best path over the first `end` pieces. */
function bestPath(
  order: LineOrder,
  pieces: readonly Piece[],
  height: number,
  answers: ReadonlyMap<string, CandidateAnswer | null>,
): Path {
  const best: Path[][] = Array.from({ length: order.length + 1 }, () => []);
  best[0] = [{ score: 0, groups: [] }];
  for (let start = 0; start < order.length; start++) {
    for (const group of candidatesAt(order, start, pieces, height)) {
      const answer = answers.get(keyOf(group)) ?? null;
      const choices: { score: number; isSymbol: boolean }[] = [];
      const isGiven = pieces[group[0]].correction !== undefined;
      if (isGiven) choices.push({ score: 0, isSymbol: true });
      else if (answer) choices.push({ score: scoreOf(group, answer, pieces, height), isSymbol: true });
      if (group.length === 1 && !isGiven) {
        choices.push({ score: leaveOut(pieces[group[0]].box, answer, height), isSymbol: false });
      }
      for (const { score, isSymbol } of choices) {
        for (const before of best[start]) {
          const last = before.groups.at(-1);
          const between = isSymbol && last?.isSymbol ? boundary(last.pieces, group, pieces, height) : 0;
          best[start + group.length].push({
            score: before.score + score + between,
            groups: [...before.groups, { pieces: group, isSymbol }],
          });
        }
      }
    }
    // Paths that end with the same group continue alike.
    best[start + 1] = bestByLast(best[start + 1]);
  }
  return best[order.length].reduce((a, b) => (b.score > a.score ? b : a));
}

function bestByLast(paths: Path[]): Path[] {
  const found = new Map<string, Path>();
  for (const path of paths) {
    const last = path.groups[path.groups.length - 1];
    const key = `${last.isSymbol} ${last.pieces.length}`;
    const known = found.get(key);
    if (!known || path.score > known.score) found.set(key, path);
  }
  return [...found.values()];
}

/** The score of a candidate as a symbol: of several pieces the logarithm counts for each, as if read one by one. */
function scoreOf(group: number[], answer: CandidateAnswer, pieces: readonly Piece[], height: number): number {
  const boxes = group.map((n) => pieces[n].box);
  const { left, top, right, bottom } = boxAround(boxes);
  const size = Math.max(bottom - top, (right - left) * 0.75) / height;
  let score = answer.symbol * (1 + 0.5 * (group.length - 1));
  score -= 5 * Math.max(0, Math.abs(Math.log(size)) - Math.log(1.3));
  score -= 5 * Math.max(0, (right - left) / height - 1.25);
  const sorted = group.map((n) => pieces[n]).sort((a, b) => a.box.left - b.box.left);
  for (let n = 1; n < sorted.length; n++) {
    const before = sorted.slice(0, n);
    const gap = (sorted[n].box.left - Math.max(...before.map(({ box }) => box.right))) / height;
    if (gap <= 0 || before.some(({ touching }) => touching.some((k) => pieces[k] === sorted[n]))) continue;
    score -= 8 * Math.max(0, gap - 0.1);
    if (isHigh(sorted[n - 1].box, height) && isHigh(sorted[n].box, height)) score -= 3;
  }
  return score;
}

function isHigh({ top, bottom }: Box, height: number): boolean {
  return bottom - top > 0.75 * height;
}

/** The score of leaving a piece out: small ones are cheap. */
function leaveOut({ left, top, right, bottom }: Box, answer: CandidateAnswer | null, height: number): number {
  const size = Math.min(1, Math.max(right - left, bottom - top) / height);
  return -1.5 - 4 * size * size + (answer?.none ?? 0);
}

/** What speaks against a boundary: symbols that share columns, are very near, or touch. */
function boundary(
  before: readonly number[],
  after: readonly number[],
  pieces: readonly Piece[],
  height: number,
): number {
  const a = boxAround(before.map((n) => pieces[n].box));
  const b = boxAround(after.map((n) => pieces[n].box));
  const narrower = Math.min(a.right - a.left, b.right - b.left);
  const shared = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  let score = shared > 0 && narrower > 0 ? -4 * Math.min(1, shared / narrower) : 0;
  // Of two symbols of full height nearness says nothing; a low one may be a part of the other.
  if (!isHigh(a, height) || !isHigh(b, height)) {
    score -= 1.5 * Math.min(1, Math.max(0, 1 + shared / (0.15 * height)));
  }
  if (before.some((n) => after.some((m) => pieces[n].touching.includes(m)))) score -= 2;
  return score;
}

function widestGap(boxes: readonly Box[]): number {
  const sorted = [...boxes].sort((a, b) => a.left - b.left);
  let [end, widest] = [sorted[0].right, 0];
  for (const { left, right } of sorted) {
    widest = Math.max(widest, left - end);
    end = Math.max(end, right);
  }
  return widest;
}
