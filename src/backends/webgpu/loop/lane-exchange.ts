/**
 * Exchanges of values between threads of a workgroup: thread l and thread l xor `distance` give each other a value.
 * By a subgroup's shuffle where the two are always in one subgroup, else through workgroup memory.
 *
 * The shuffle relies on subgroups that are consecutive threads of a one-dimensional workgroup, as on all devices that
 * offer subgroups of a known size.
 */
import type { Extension } from '../kernel.js';

/** How many floats are exchanged at once. */
export type Components = 1 | 2 | 4;

const TYPES: Record<Components, string> = { 1: 'f32', 2: 'vec2f', 4: 'vec4f' };

/**
 * Generates the exchanges of one kernel, in the order in which its threads execute them.
 *
 * Exchanges through memory use two areas by turns, so each needs one barrier: a thread writes to an area again only
 * after the barrier of the exchange between, which all threads reach after they have read the area. A kernel's loop
 * must have a barrier of its own between two rounds.
 */
export class LaneExchange {
  readonly #threads: number;
  readonly #subgroupSize: number;
  /** Components that each of the two areas has room for. */
  readonly #areas: [number, number] = [0, 0];
  #next: 0 | 1 = 0;
  readonly #functions = new Map<string, string>();
  #shuffles = false;

  /**
   * @param threads of the workgroup
   * @param subgroupSize lanes that every subgroup has at least, a power of two; null without subgroups
   */
  constructor(threads: number, subgroupSize: number | null) {
    this.#threads = threads;
    this.#subgroupSize = subgroupSize ?? 1;
  }

  /** An expression: the value of the thread whose number, `thread` in the kernel, differs in the bit `distance`. */
  swap(components: Components, value: string, distance: 1 | 2 | 4 | 8): string {
    const type = TYPES[components];
    if (distance < this.#subgroupSize) {
      this.#shuffles = true;
      return `subgroupShuffleXor(${value}, ${distance}u)`;
    }
    const area = this.#next;
    this.#next = area === 0 ? 1 : 0;
    this.#areas[area] = Math.max(this.#areas[area], components);
    const name = `swap${components}In${area}`;
    const places = Array.from({ length: components }, (_, c) => `thread + ${c * this.#threads}u`);
    const parts = components === 1 ? [''] : ['.x', '.y', '.z', '.w'].slice(0, components);
    const writes = places.map((place, c) => `  area_${area}[${place}] = value${parts[c]};`);
    const reads = places.map((place) => `area_${area}[${place.replace('thread', '(thread ^ distance)')}]`);
    this.#functions.set(
      name,
      `fn ${name}(value: ${type}, thread: u32, distance: u32) -> ${type} {
${writes.join('\n')}
  workgroupBarrier();
  return ${type}(${reads.join(', ')});
}`,
    );
    return `${name}(${value}, thread, ${distance}u)`;
  }

  /** WGSL before the functions of the kernel: of all exchanges so far. */
  declarations(): string {
    const areas = this.#areas.map((components, area) =>
      components === 0
        ? ''
        : `// [${components}, threads]\nvar<workgroup> area_${area}: array<f32, ${components * this.#threads}>;`,
    );
    return [...areas, ...this.#functions.values()].filter((text) => text !== '').join('\n');
  }

  /** Of all exchanges so far. */
  extensions(): Extension[] {
    return this.#shuffles ? ['subgroups'] : [];
  }

  /** Bytes of workgroup memory of all exchanges so far. */
  bytes(): number {
    return 4 * this.#threads * (this.#areas[0] + this.#areas[1]);
  }
}
