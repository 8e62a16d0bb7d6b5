/**
 * The native backend: a Node-API addon with the kernels for several instruction sets. The fastest one that this
 * processor supports is used; SCANSTROKE_ISA=baseline|avx2|avx512|avx512bf16 (on ARM: baseline|bf16) forces one.
 */
import { UserError } from '../../user-error.js';
import type { Backend, BackendHandle, Stored } from '../backend.js';
import { KernelBackend, outOfMemory } from '../kernel-backend.js';
import { Ledger } from '../ledger.js';
import { BackendUnavailable } from '../registry.js';
import { type Addon, loadAddon } from './load-addon.js';

const DESCRIPTIONS: Record<string, string> = {
  avx512bf16: 'AVX-512 + BF16',
  avx512: 'AVX-512',
  avx2: 'AVX2 + FMA',
  bf16: 'NEON + BF16',
};

function describe(isa: string): string {
  return DESCRIPTIONS[isa] ?? (process.arch === 'arm64' ? 'NEON' : 'SSE2');
}

/** The instruction sets that this processor supports, fastest first; empty if there is no addon for this machine. */
export function availableIsas(): string[] {
  return loadAddon().addon?.available ?? [];
}

/** @throws UserError if the memory cannot be allocated */
function sharedBytes(bytes: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(bytes);
  } catch (error) {
    if (error instanceof RangeError) throw outOfMemory('cpu', bytes);
    throw error;
  }
}

class CpuBackend extends KernelBackend<number, number> {
  readonly name = 'cpu';
  readonly description: string;
  readonly multipliesBfloat16: boolean;
  readonly #isa: string;
  readonly #ledger = new Ledger('cpu');
  readonly #addressOf: Addon['address'];
  /** Asking the addon takes ten times as long as this. */
  readonly #addresses = new WeakMap<Int32Array | Stored, number>();

  constructor(addon: Addon, isa: string) {
    super(addon.open(isa));
    this.#addressOf = addon.address;
    this.#isa = isa;
    this.description = describe(isa);
    this.multipliesBfloat16 = isa === 'avx512bf16' || isa === 'bf16';
  }

  override allocate(length: number): Float32Array {
    return this.#ledger.lend(new Float32Array(sharedBytes(length * 4)));
  }
  override allocateInts(length: number): Int32Array {
    return this.#ledger.lend(new Int32Array(sharedBytes(length * 4)));
  }
  /** The garbage collector frees the memory. */
  override release(array: Float32Array | Int32Array): void {
    this.#ledger.takeBack(array);
  }
  override handle(): BackendHandle {
    return { name: 'cpu', payload: { isa: this.#isa } };
  }
  override close(): void {
    this.#ledger.close();
  }

  protected override stored(array: Stored | null): number {
    return this.#address(array);
  }
  protected override ints(array: Int32Array | null): number {
    return this.#address(array);
  }
  #address(array: Int32Array | Stored | null): number {
    if (array === null) return 0;
    const known = this.#addresses.get(array);
    if (known !== undefined) return known;
    if (!(array.buffer instanceof SharedArrayBuffer)) {
      throw new Error('cpu: a buffer is not shared memory; get it from backend.allocate');
    }
    const address = this.#addressOf(array);
    this.#addresses.set(array, address);
    return address;
  }
}

/**
 * Opens the native backend.
 * @param options.isa `avx512bf16`, `avx512`, `avx2` or `baseline`, on ARM `bf16` or `baseline`; default: SCANSTROKE_ISA, else the fastest.
 * @throws BackendUnavailable if there is no addon for this machine
 * @throws UserError if the addon cannot be loaded, or the processor lacks the instruction set
 */
export function openCpu(options: { isa?: string } = {}): Backend {
  const { addon, reason, failed } = loadAddon();
  if (!addon) {
    const message = `backend cpu: ${reason}; \`npx scanstroke build\` compiles them`;
    throw failed ? new UserError(message) : new BackendUnavailable(message);
  }
  const isa = options.isa ?? (process.env.SCANSTROKE_ISA || addon.available[0]);
  if (!addon.available.includes(isa)) {
    throw new UserError(
      `backend cpu: instruction set '${isa}' is not available; this processor has ${addon.available.join(', ')}`,
    );
  }
  return new CpuBackend(addon, isa);
}
