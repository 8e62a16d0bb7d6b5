/**
 * The WASM backend: the kernels as a WebAssembly SIMD module, for machines without a compiler and for pages.
 *
 * All buffers live in one shared WebAssembly memory. A worker thread opens the same module on the same memory from a
 * handle; since the kernels keep no state, all it needs of its own is a stack, which the handle brings along.
 */
import type { Backend, BackendHandle, Stored } from '../backend.js';
import { KernelBackend, outOfMemory, type Verbs } from '../kernel-backend.js';
import { WasmHeap } from './heap.js';

type Exports = Verbs<number, number> & {
  __stack_pointer: WebAssembly.Global;
  __heap_base: WebAssembly.Global;
};

interface Payload {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** The top of the thread's own stack. */
  stack: number;
}

const STACK_BYTES = 65536;
const INITIAL_PAGES = 256;
const MAXIMUM_PAGES = 65536;

class WasmBackend extends KernelBackend<number, number> {
  readonly name = 'wasm';
  readonly description = 'WebAssembly SIMD, 128 bits';
  readonly #module: WebAssembly.Module;
  readonly #memory: WebAssembly.Memory;
  /** Null in a worker thread: there is one allocator for a memory. */
  readonly #heap: WasmHeap | null;

  constructor(
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    exports: Exports,
    heap: WasmHeap | null,
  ) {
    super(exports);
    this.#module = module;
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
    return new Float32Array(this.#memory.buffer, address, length);
  }
  override allocateInts(length: number): Int32Array {
    const address = this.#allocate(length * 4);
    return new Int32Array(this.#memory.buffer, address, length);
  }
  override release(array: Float32Array | Int32Array): void {
    this.#heap?.release(array.byteOffset);
  }
  override handle(): BackendHandle {
    const stack = this.#allocate(STACK_BYTES) + STACK_BYTES;
    return { name: 'wasm', payload: { module: this.#module, memory: this.#memory, stack } satisfies Payload };
  }
  override close(): void {}

  protected override floats(array: Float32Array | null): number {
    return array === null ? 0 : this.#address(array);
  }
  /** Halves are marked by the lowest bit of the address. */
  protected override stored(array: Stored | null): number {
    return array instanceof Uint16Array ? this.#address(array) | 1 : this.floats(array);
  }
  protected override ints(array: Int32Array): number {
    return this.#address(array);
  }
  #address(array: Int32Array | Stored): number {
    if (!(array.buffer instanceof SharedArrayBuffer)) {
      throw new Error('wasm: a buffer is not in the memory of the kernels; get it from backend.allocate');
    }
    return array.byteOffset;
  }
}

function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Exports {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports;
}

/** @param module kernels/kernels.wasm, compiled. */
export function createWasmBackend(module: WebAssembly.Module): Backend {
  const memory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MAXIMUM_PAGES, shared: true });
  const exports = instantiate(module, memory);
  return new WasmBackend(module, memory, exports, new WasmHeap(memory, Number(exports.__heap_base.value)));
}

/** Opens the backend that `handle` came from in another thread. */
export function openWasmHandle(handle: BackendHandle): Backend {
  const { module, memory, stack } = handle.payload as Payload;
  const exports = instantiate(module, memory);
  exports.__stack_pointer.value = stack;
  return new WasmBackend(module, memory, exports, null);
}
