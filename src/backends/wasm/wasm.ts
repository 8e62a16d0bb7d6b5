/**
 * The WASM backend: the kernels as a WebAssembly SIMD module, for machines without a compiler and for pages.
 *
 * All buffers live in one WebAssembly memory, shared where it can be. A worker thread opens the same module on the same
 * memory from a handle. The kernels have no state, so the thread needs only a separate stack, which is in the handle.
 */
import type { Backend, BackendHandle, Stored } from '../backend.js';
import { KernelBackend, outOfMemory, requireVerbs, type Verbs } from '../kernel-backend.js';
import { Ledger } from '../ledger.js';
import { type Precision, precisionOf } from '../stored.js';
import { WasmHeap } from './heap.js';
import type { KernelModule } from './module.js';

type Exports = Verbs<number, number> & {
  __stack_pointer: WebAssembly.Global;
  __heap_base: WebAssembly.Global;
};

interface Payload {
  kernels: KernelModule;
  memory: WebAssembly.Memory;
  /** The top of the thread's own stack. */
  stack: number;
}

/** `Kind` of kernels/verbs.h. */
const MARKS: Record<Precision, number> = { float32: 0, float16: 1, bfloat16: 2 };

const STACK_BYTES = 65536;
const INITIAL_PAGES = 256;
const MAX_PAGES = 65536;
/** Of a memory that is not shared, at most: 1 GiB. */
const FIXED_PAGES = 16384;

class WasmBackend extends KernelBackend<number, number> {
  readonly name = 'wasm';
  readonly description: string;
  readonly multipliesBfloat16 = false;
  readonly #kernels: KernelModule;
  readonly #memory: WebAssembly.Memory;
  /** Null in a worker thread: there is one allocator for a memory. */
  readonly #heap: WasmHeap | null;
  readonly #ledger = new Ledger('wasm');

  constructor(kernels: KernelModule, memory: WebAssembly.Memory, exports: Exports, heap: WasmHeap | null) {
    super(exports);
    this.description = `WebAssembly ${kernels.relaxed ? 'relaxed ' : ''}SIMD, 128 bits`;
    this.#kernels = kernels;
    this.#memory = memory;
    this.#heap = heap;
  }

  #allocate(bytes: number): number {
    if (!this.#heap) throw new Error('wasm: only the thread that opened the memory allocates');
    try {
      return this.#heap.allocate(bytes);
    } catch (error) {
      if (error instanceof RangeError) throw outOfMemory('wasm', bytes);
      throw error;
    }
  }
  override allocate(length: number): Float32Array {
    const address = this.#allocate(length * 4); // may grow the memory, and so renew its buffer
    return this.#ledger.lend(new Float32Array(this.#memory.buffer, address, length));
  }
  override allocateInts(length: number): Int32Array {
    const address = this.#allocate(length * 4);
    return this.#ledger.lend(new Int32Array(this.#memory.buffer, address, length));
  }
  override release(array: Float32Array | Int32Array): void {
    if (this.#ledger.takeBack(array)) this.#heap?.release(array.byteOffset);
  }
  override handle(): BackendHandle {
    if (!this.#kernels.shared) throw new Error('wasm: a memory that is not shared stays in its thread');
    const stack = this.#allocate(STACK_BYTES) + STACK_BYTES;
    const payload: Payload = { kernels: this.#kernels, memory: this.#memory, stack };
    return { name: 'wasm', payload };
  }
  override close(): void {
    this.#ledger.close();
  }

  /** The precision is marked by the two lowest bits of the address. */
  protected override stored(array: Stored | null): number {
    return array === null ? 0 : this.#address(array) | MARKS[precisionOf(array)];
  }
  protected override ints(array: Int32Array | null): number {
    return array === null ? 0 : this.#address(array);
  }
  #address(array: Int32Array | Stored): number {
    // A shared memory has a buffer for each size that it has had.
    const { buffer } = array;
    if (this.#kernels.shared ? !(buffer instanceof SharedArrayBuffer) : buffer !== this.#memory.buffer) {
      throw new Error('wasm: a buffer is not in the memory of the kernels; get it from backend.allocate');
    }
    return array.byteOffset;
  }
}

function instantiate({ module }: KernelModule, memory: WebAssembly.Memory): Exports {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  requireKernels(exports);
  return exports;
}

function requireKernels(exports: unknown): asserts exports is Exports {
  requireVerbs(exports, 'wasm');
  for (const name of ['__stack_pointer', '__heap_base']) {
    if (!(Reflect.get(exports, name) instanceof WebAssembly.Global)) {
      throw new Error(`backend wasm: the kernels export no global ${name}`);
    }
  }
}

function createMemory(shared: boolean): WebAssembly.Memory {
  if (shared) return new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MAX_PAGES, shared });
  // It must not grow, which would detach every view of it: address space is reserved now, and costs nothing until used.
  for (let pages = FIXED_PAGES; ; pages /= 2) {
    try {
      return new WebAssembly.Memory({ initial: pages, maximum: pages });
    } catch (error) {
      if (!(error instanceof RangeError) || pages <= INITIAL_PAGES) throw error;
    }
  }
}

export function createWasmBackend(kernels: KernelModule): Backend {
  const memory = createMemory(kernels.shared);
  const exports = instantiate(kernels, memory);
  return new WasmBackend(kernels, memory, exports, new WasmHeap(memory, Number(exports.__heap_base.value)));
}

/** Opens the backend that `handle` came from in another thread. */
export function openWasmHandle(handle: BackendHandle): Backend {
  const { kernels, memory, stack } = handle.payload as Payload;
  const exports = instantiate(kernels, memory);
  exports.__stack_pointer.value = stack;
  return new WasmBackend(kernels, memory, exports, null);
}
