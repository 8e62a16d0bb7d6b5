/** What the loop's kernels are compiled for, and how their workgroups divide the work. */
import type { BatchCapacity } from '../batch-layout.js';
import { type LstmLayer, padded, type Storage } from '../verbs.js';

/** Sequences of a workgroup. Each weight that a thread reads is used for all of them. */
export const SEQUENCES = 2;

/** Registers of 32 bits that a processor of a GPU has for one workgroup, as on NVIDIA's and AMD's. */
const REGISTERS = 65536;
/** Registers that a thread needs beside weights. */
const OTHER_REGISTERS = 48;
/** More weights in registers were not faster. */
const MOST_HELD = 24;

export interface LoopShape {
  /** D */ directions: number;
  /** H' */ units: number;
  capacity: BatchCapacity;
  storage: Storage;
  /** Lanes that every subgroup has at least; null without subgroups. */
  subgroupSize: number | null;
}

export function loopShape(
  layer: LstmLayer,
  capacity: BatchCapacity,
  storage: Storage,
  subgroupSize: number | null,
): LoopShape {
  return {
    directions: layer.tensors.length,
    units: padded(layer.hiddenSize),
    capacity,
    storage,
    subgroupSize,
  };
}

/** Threads of a workgroup: one for each recurrent weight row [4H']. */
export function threadsFor(units: number): number {
  return 4 * units;
}

/** vec4s of recurrent weights that a thread multiplies at each step. */
export function weightsOfThread(units: number): number {
  return units / 4;
}

/** How many of them a thread keeps in registers for all steps. It reads the others at each step. */
export function heldWeights(units: number): number {
  const room = Math.floor((REGISTERS / threadsFor(units) - OTHER_REGISTERS) / 4);
  return Math.max(0, Math.min(weightsOfThread(units), MOST_HELD, room));
}

/** Workgroups in x and y: sequences, and directions. */
export function groupsFor({ capacity: { lanes, blocks }, directions }: LoopShape): [number, number] {
  return [(blocks * lanes) / Math.min(SEQUENCES, lanes), directions];
}

/** WGSL that both kernels begin with. */
export function loopConstants({ units, directions, capacity: { lanes } }: LoopShape): string {
  return `
// H', and D·H' of both directions.
const UNITS = ${units}u;
const COLUMNS = ${directions * units}u;
// Sequences of a workgroup: ${SEQUENCES}, of which a batch of one sequence has only the first.
const TOGETHER = ${Math.min(SEQUENCES, lanes)}u;
`;
}

/** WGSL: the weights that a thread keeps in registers, w_0, w_1 …, from \`weights\` [H'/4, threads]. */
export function loadHeldWeights(units: number): string {
  return Array.from({ length: heldWeights(units) }, (_, n) => `  let w_${n} = ${fromMemory(units, n)};`).join(
    '\n',
  );
}

/** WGSL: the n-th vec4 of a thread's weights. */
export function weight(units: number, n: number): string {
  return n < heldWeights(units) ? `w_${n}` : fromMemory(units, n);
}

function fromMemory(units: number, n: number): string {
  return `weights[own_weights + ${n * threadsFor(units)}u]`;
}
