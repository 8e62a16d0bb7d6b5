/** Protects the memory of the WASM backend: blocks do not overlap, are zeroed, and are reused after a release. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WasmHeap } from '#src/backends/wasm/heap.js';
import { openWasm } from '#src/backends/wasm/load.js';

const BASE = 1000;

function heapOf(pages: number): { heap: WasmHeap; memory: WebAssembly.Memory } {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: 1024, shared: true });
  return { heap: new WasmHeap(memory, BASE), memory };
}

test('after any allocations and releases, blocks do not overlap and are aligned, inside the memory and zeroed', () => {
  const action = fc.record({ bytes: fc.integer({ min: 0, max: 100_000 }), release: fc.option(fc.nat()) });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const { heap, memory } = heapOf(1);
      const blocks: { start: number; bytes: number }[] = [];
      for (const { bytes, release } of actions) {
        const start = heap.allocate(bytes);
        assert.equal(start % 64, 0);
        assert.ok(start >= BASE && start + bytes <= memory.buffer.byteLength);
        for (const other of blocks) {
          assert.ok(start >= other.start + other.bytes || start + bytes <= other.start, 'overlap');
        }
        const view = new Uint8Array(memory.buffer, start, bytes);
        assert.ok(view.every((byte) => byte === 0));
        view.fill(0xff);
        blocks.push({ start, bytes });
        if (release !== null && blocks.length > 0) {
          const [gone] = blocks.splice(release % blocks.length, 1);
          heap.release(gone.start);
        }
      }
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('released blocks are reused: the memory does not grow', () => {
  const { heap, memory } = heapOf(4);
  for (let i = 0; i < 100; i++) {
    const blocks = [10_000, 20_000, 30_000].map((bytes) => heap.allocate(bytes));
    for (const block of i % 2 ? blocks : blocks.reverse()) heap.release(block);
  }
  assert.equal(memory.buffer.byteLength, 4 * 65536);
});

test('after releases in any order no block is in use, and new blocks are zeroed', () => {
  const { heap, memory } = heapOf(1);
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
    [1, 2, 0],
  ]) {
    const blocks = [100, 5_000, 70_000].map((bytes) => ({ start: heap.allocate(bytes), bytes }));
    for (const { start, bytes } of blocks) {
      const view = new Uint8Array(memory.buffer, start, bytes);
      assert.ok(view.every((byte) => byte === 0));
      view.fill(0xff);
    }
    assert.ok(heap.extent >= 75_100);
    for (const n of order) heap.release(blocks[n].start);
    assert.equal(heap.extent, 0);
  }
});

test('releasing a block that was not allocated is an error', () => {
  assert.throws(() => heapOf(1).heap.release(64), /nothing was allocated/);
});

for (const shared of [true, false]) {
  test(`a buffer larger than the memory's first pages; earlier ones stay valid; shared: ${shared}`, async () => {
    const backend = await openWasm({ shared });
    const early = backend.allocate(1).fill(2);
    const large = backend.allocate(20_000_000);
    assert.equal(large.length, 20_000_000);
    large[large.length - 1] = 1;
    assert.equal(backend.sumSquares(large), 1);
    assert.equal(backend.sumSquares(early), 4);
  });
}
