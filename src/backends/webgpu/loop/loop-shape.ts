/** What the loop's kernels are compiled for, and how their workgroups divide the work. */
import type { BatchCapacity } from '../batch-layout.js';
import { type Columns, deviceColumns, type LstmLayer, padded, type Storage } from '../verbs.js';

/** Sequences of a workgroup. Each weight that a thread reads is used for all of them. */
export const SEQUENCES = 2;

/** The loop multiplies the inputs of a step itself up to this many columns; else a product does it before. */
const MOST_INPUT_COLUMNS = 32;

/** Registers of 32 bits that a processor of a GPU has for one workgroup, as on NVIDIA's and AMD's. */
const REGISTERS = 65536;
/** Registers that a thread needs beside weights. */
const OTHER_REGISTERS = 48;
/** More weights in registers were not faster. */
const MOST_HELD = 24;

export interface LoopShape {
  /** D */ directions: number;
  /** H' */ units: number;
  /** Inputs that the loop reads. Null: the gates begin as W x + b + b'. */ inputs: Columns | null;
  capacity: BatchCapacity;
  storage: Storage;
  /** Lanes that every subgroup has at least; null without subgroups. */ subgroupSize: number | null;
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
    inputs: loopReadsInputs(layer) ? layer.inputs : null,
    capacity,
    storage,
    subgroupSize,
  };
}

export function loopReadsInputs({ inputs }: LstmLayer): boolean {
  return deviceColumns(inputs) <= MOST_INPUT_COLUMNS;
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

/** Up to four inputs: each of the four threads of a unit multiplies one of them. */
export function hasFewInputs(inputs: Columns): boolean {
  return inputs.parts === 1 && inputs.size <= 4;
}

/** vec4s of input weights that a thread multiplies at each step. */
export function inputWeightsOfThread(inputs: Columns | null): number {
  if (inputs === null) return 0;
  return hasFewInputs(inputs) ? 1 : deviceColumns(inputs) / 4;
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
