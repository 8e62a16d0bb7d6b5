/**
 * Memory for buffers inside a WebAssembly memory: first fit over a list of free blocks, growing the memory at its
 * end. One thread allocates for all; the others get views.
 */

const PAGE = 65536;
/** Every block starts at a multiple of a cache line. */
const ALIGNMENT = 64;

interface Block {
  start: number;
  size: number;
}

export class WasmHeap {
  readonly #memory: WebAssembly.Memory;
  /** Sorted by address; neighbours are merged. */
  readonly #free: Block[] = [];
  readonly #base: number;
  readonly #sizes = new Map<number, number>();
  /** First byte past the last block. */
  #end: number;
  /** Bytes from here on have never been in a block, so they are zero. */
  #untouched: number;

  /** @param base first byte that is not the module's own. */
  constructor(memory: WebAssembly.Memory, base: number) {
    this.#memory = memory;
    this.#base = Math.ceil(base / ALIGNMENT) * ALIGNMENT;
    this.#end = this.#base;
    this.#untouched = this.#end;
  }

  /** Bytes from the first block to the end of the last one, and so 0 if there is none. */
  get extent(): number {
    return this.#end - this.#base;
  }

  /**
   * @returns the address of `bytes` zeroed bytes
   * @throws RangeError when the memory cannot grow that far (4 GiB)
   */
  allocate(bytes: number): number {
    const size = Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    const index = this.#free.findIndex((block) => block.size >= size);
    let start: number;
    if (index >= 0) {
      const block = this.#free[index];
      start = block.start;
      if (block.size === size) this.#free.splice(index, 1);
      else this.#free[index] = { start: start + size, size: block.size - size };
    } else {
      start = this.#end;
      const missing = start + size - this.#memory.buffer.byteLength;
      if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE));
      this.#end = start + size;
    }
    const used = Math.min(start + size, this.#untouched) - start;
    if (used > 0) new Uint8Array(this.#memory.buffer, start, used).fill(0);
    this.#untouched = Math.max(this.#untouched, this.#end);
    this.#sizes.set(start, size);
    return start;
  }

  /**
   * Frees the block at an address.
   * @throws Error if no block begins there
   */
  release(start: number): void {
    const size = this.#sizes.get(start);
    if (size === undefined) throw new Error(`wasm heap: nothing was allocated at ${start}`);
    this.#sizes.delete(start);
    let index = this.#free.findIndex((block) => block.start > start);
    if (index < 0) index = this.#free.length;
    this.#free.splice(index, 0, { start, size });
    for (const left of [index, index - 1]) {
      const block = this.#free[left];
      const next = this.#free[left + 1];
      if (block && next && block.start + block.size === next.start) {
        this.#free.splice(left, 2, { start: block.start, size: block.size + next.size });
      }
    }
    const last = this.#free.at(-1);
    if (last && last.start + last.size === this.#end) {
      this.#end = last.start;
      this.#free.pop();
    }
  }
}
