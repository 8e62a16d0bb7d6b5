/**
 * The buffers of a network's passes, laid out once for the largest batch in one piece of memory, so that a pass
 * allocates nothing and memory is known beforehand. The views are made once, too: one of shared memory takes V8
 * longer than a verb takes on a short sequence. Smaller batches use the first rows of each buffer.
 */
import type { Backend, Precision, Stored } from '../backends/backend.js';
import { viewIn } from '../backends/stored.js';
import {
  directionsOf,
  eachDirection,
  eachLayer,
  featuresOf,
  layerInputSize,
  type ResolvedClassifierConfig,
} from './classifier-config.js';

export type { Precision } from '../backends/backend.js';

/** The precisions of a network's passes. */
export interface PassPrecisions {
  /** Of passes of the training. */
  precision: Precision;
  /** Of passes of inference; default float32. */
  inference?: Precision;
}

/** The largest batch that a workspace is for. */
export interface Capacity {
  batchSize: number;
  steps: number;
  rows: number;
  /** Also holds the buffers that the backward pass needs. */
  training: boolean;
}

/** Floats and ints from the backend, as many as `workspaceSize` says. */
export interface WorkspaceMemory {
  floats: Float32Array;
  ints: Int32Array;
}

interface LayerBuffers {
  /** [N, D·H] */ outputs: Stored;
  /** [N, D·H] outputs after dropout, where there is any before the next layer. */ dropped: Stored | null;
  /** [direction] [N, H] */ cells: Stored[];
  /** [direction] [N, 4H] */ gates: (Stored | null)[];
}

/** First elements of the rows that the head copies, in their source and their target. */
interface CopyOffsets {
  sourceOffsets: Int32Array;
  targetOffsets: Int32Array;
}

/** Letters: B sequences and N rows of the capacity; I, H, D, F, K as in backends/backend.ts. */
export interface Workspace {
  capacity: Capacity;
  /** [N, I] the inputs in 16 bits, in float16 and bfloat16. */
  inputs: Stored | null;
  layers: LayerBuffers[];
  /** Of each copy of the head: [N], or [D·B] of every layer for the head `final`. */
  headOffsets: CopyOffsets[];
  /** [N] for the head `mean`. */
  headScales: Float32Array | null;
  /** [B, F]; the backward pass overwrites them with their gradient. */
  features: Float32Array;
  /** [B, K] */
  logits: Float32Array;
  /** [N, 2] and [N]: key and first counter of every row. */
  dropout: { keys: Int32Array; offsets: Int32Array } | null;
  /** [N, D·H] twice: the gradients of a layer's outputs and of those of the layer below. */
  gradients: [Float32Array, Float32Array] | null;
  /** For one verb at a time; its content means nothing afterwards. */
  scratch: Float32Array;
  /** [1] where a buffer begins: 0. */
  start: Int32Array;
}

/** A network's model and how it computes. */
export interface WorkspacePlan extends PassPrecisions {
  config: ResolvedClassifierConfig;
  backend: Backend;
  capacity: Capacity;
}

/** Floats and ints that a workspace needs. */
export function workspaceSize(plan: WorkspacePlan): { floats: number; ints: number } {
  const [floats, ints] = [countFloats(), countInts()];
  layOut(plan, floats, ints);
  return { floats: floats.used, ints: ints.used };
}

/** @throws Error if the memory is too small */
export function openWorkspace(plan: WorkspacePlan, memory: WorkspaceMemory): Workspace {
  return layOut(plan, floatsIn(memory.floats), intsIn(memory.ints));
}

function layOut(
  { config, backend, precision, inference = 'float32', capacity }: WorkspacePlan,
  floats: Arena<Float32Array>,
  ints: Arena<Int32Array>,
): Workspace {
  const { batchSize: B, rows: N, training } = capacity;
  const { hiddenSize: H, numLayers, numClasses, head } = config;
  const D = directionsOf(config);
  const passes = training ? precision : inference;
  const stored = (length: number) => takeStored(floats, length, passes);
  const drops = training && (config.dropout > 0 || config.layerDropout > 0);
  const copies = head === 'final' ? numLayers : 1;
  const copied = head === 'final' || head === 'last' ? D * B : N;
  return {
    capacity,
    inputs: passes !== 'float32' ? stored(N * config.inputSize) : null,
    layers: eachLayer(config, (layer) => ({
      outputs: stored(N * D * H),
      dropped: drops && config.layerDropout > 0 && layer < numLayers - 1 ? stored(N * D * H) : null,
      cells: eachDirection(config, () => stored(N * H)),
      gates: eachDirection(config, () => (training ? stored(N * 4 * H) : null)),
    })),
    headOffsets: Array.from({ length: copies }, () => ({
      sourceOffsets: ints.take(copied),
      targetOffsets: ints.take(copied),
    })),
    headScales: head === 'mean' ? floats.take(N) : null,
    features: floats.take(B * featuresOf(config)),
    logits: floats.take(B * numClasses),
    dropout: drops ? { keys: ints.take(2 * N), offsets: ints.take(N) } : null,
    gradients: training ? [floats.take(N * D * H), floats.take(N * D * H)] : null,
    scratch: floats.take(scratchLength(config, backend, capacity)),
    start: ints.take(1),
  };
}

/** Hands out buffers one after the other, each from a multiple of 64 bytes on. */
export class Arena<A> {
  /** Elements so far. */
  used = 0;
  readonly #view: (from: number, to: number) => A;

  /** @param view gives the elements from one index up to another */
  constructor(view: (from: number, to: number) => A) {
    this.#view = view;
  }

  take(length: number): A {
    const start = this.used;
    this.used = start + Math.ceil(length / 16) * 16;
    return this.#view(start, start + length);
  }
}

/** An arena in a buffer, whose `take` throws when the buffer is full. */
export function floatsIn(buffer: Float32Array): Arena<Float32Array> {
  return new Arena((from, to) => {
    requireRoom(buffer, to);
    return buffer.subarray(from, to);
  });
}

function intsIn(buffer: Int32Array): Arena<Int32Array> {
  return new Arena((from, to) => {
    requireRoom(buffer, to);
    return buffer.subarray(from, to);
  });
}

/** Arenas that only count: all they hand out is empty. */
export function countFloats(): Arena<Float32Array> {
  return new Arena(() => new Float32Array(0));
}

function countInts(): Arena<Int32Array> {
  return new Arena(() => new Int32Array(0));
}

function requireRoom(buffer: { readonly length: number }, needed: number): void {
  if (needed > buffer.length) throw new Error('network: the workspace is too small for this batch');
}

/** Numbers in a precision. */
function takeStored(arena: Arena<Float32Array>, length: number, precision: Precision): Stored {
  if (precision === 'float32') return arena.take(length);
  return viewIn(precision, arena.take(Math.ceil(length / 2))).subarray(0, length);
}

function scratchLength(config: ResolvedClassifierConfig, backend: Backend, capacity: Capacity): number {
  const B = capacity.batchSize;
  const layers = eachLayer(config, (layer) =>
    backend.lstmScratchLength(B, layerInputSize(config, layer), config.hiddenSize, capacity.training),
  );
  const linear = backend.linearScratchLength(B, featuresOf(config), config.numClasses);
  return Math.max(capacity.training ? linear : 0, ...layers);
}
