/**
 * The order in which the gradients of a batch's units are added. It follows from the size of the batch alone, so parts
 * of it may be computed anywhere: threads and ranks change who adds, not what is added to what.
 *
 * A pass is the chain of its sums, ((s₀ + s₁) + s₂) + …. Passes are added as a tree: neighbours in pairs, the pairs in
 * pairs, and so on; with five passes ((p₀ + p₁) + (p₂ + p₃)) + p₄. So whoever has a run of passes adds most of them
 * before it needs another's, and hands on few vectors: at most about twice the logarithm of their number.
 */
import type { Units } from './units.js';

/** The sum of units `begin` … `end` - 1, in a buffer. */
export interface SumNode {
  begin: number;
  end: number;
  buffer: number;
}

/** The buffer that the sum is in, and the one that is added to it and then free. */
export type Addition = readonly [to: number, from: number];

type Tree = Pick<Units, 'count' | 'perPass'>;

/** Appends the node that follows the last one, and adds as long as the last two are neighbours in the tree. */
export function append(nodes: SumNode[], node: SumNode, tree: Tree): Addition[] {
  const additions: Addition[] = [];
  let right = node;
  for (let left = nodes.at(-1); left && areAdded(left, right, tree); left = nodes.at(-1)) {
    nodes.pop();
    additions.push([left.buffer, right.buffer]);
    right = { begin: left.begin, end: right.end, buffer: left.buffer };
  }
  nodes.push(right);
  return additions;
}

function areAdded(left: SumNode, right: SumNode, { count, perPass }: Tree): boolean {
  if (left.begin % perPass !== 0) return false;
  const passOf = (unit: number) => Math.floor(unit / perPass);
  const pass = passOf(left.begin);
  if (passOf(right.end - 1) === pass) return true;
  const wholePasses = right.begin % perPass === 0 && (right.end % perPass === 0 || right.end === count);
  if (!wholePasses) return false;
  // The left one of a pair is never cut short by the end of the batch.
  const size = passOf(right.begin) - pass;
  const end = Math.min(Math.ceil(count / perPass), pass + 2 * size);
  return pass % (2 * size) === 0 && Math.ceil(right.end / perPass) === end;
}
