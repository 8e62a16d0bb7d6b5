/**
 * Labels: whole numbers that stand for numbers which a model computes, in blocks of consecutive labels. The graph moves
 * them through its operators, and the linear layer's inputs then tell which outputs of which LSTM it reads.
 */
import { UserError } from '../../../user-error.js';

/** What the labels of a block stand for. */
export type BlockKind =
  /** Elements of an input of the graph, row-major. */
  | { kind: 'input'; name: string; shape: readonly number[] }
  /**
   * Hidden states of one layer and direction: `(step · B + batch) · H + unit`. Step T stands for the sum over the
   * steps of a sequence, T + 1 for the mean.
   */
  | { kind: 'state'; layer: number; direction: 0 | 1 }
  /** Final cell states, which a classifier does not read. */
  | { kind: 'cell' }
  /** Outputs of the linear layer: `row · K + class`. */
  | { kind: 'answer' };

/** Labels are in an Int32Array. */
const MAX_GRAPH_LABELS = 2 ** 31 - 1;

export type Block = BlockKind & { base: number; count: number };

export class Labels {
  /** In the order of their labels. */
  readonly #blocks: Block[] = [];
  #next = 1;

  constructor(readonly file: string) {}

  /** @throws UserError if there are more labels than 32 bits tell apart */
  add(kind: BlockKind, count: number): Block {
    if (this.#next + count > MAX_GRAPH_LABELS) {
      throw new UserError(
        `${this.file}: the graph computes more than ${MAX_GRAPH_LABELS} numbers; export the model with a smaller batch`,
      );
    }
    const block = { ...kind, base: this.#next, count };
    this.#blocks.push(block);
    this.#next += count;
    return block;
  }

  /** The block of a label. @param label not 0 */
  blockOf(label: number): Block {
    let [low, high] = [0, this.#blocks.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#blocks[middle].base <= label) low = middle;
      else high = middle - 1;
    }
    return this.#blocks[low];
  }
}
