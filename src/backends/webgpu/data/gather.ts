/**
 * `gather`: puts a batch together from sequences that are in device memory. One dispatch writes the layout's words, the
 * labels, the keys of dropout and the inputs [N, I'] of a pass. The batch is chosen by a counter on the device, so the
 * same commands serve every batch.
 *
 * The plan says which sequences a batch has, in packed order:
 *   header        the words of PLAN_HEADER
 *   for each pass of each batch, RECORD words:
 *     layout      the words of batch-layout.ts
 *     sequences   [blocks · Q, 3] sample, start, label: index of the sequence, from which its keys are derived; index
 *                 of its first value; its class
 *
 * A workgroup computes some steps of a sequence. Letters: T steps, I input size, Q lanes, N rows.
 */
import { type BatchCapacity, batchFunctions, layoutWords } from '../batch-layout.js';
import {
  type Binding,
  type Dispatch,
  dispatch,
  kernel,
  read,
  type Slice,
  uniform,
  write,
} from '../kernel.js';
import { QUAD, STORED_ACTIVATIONS } from '../stored-activations.js';
import { THREEFRY } from '../threefry.js';
import { padded, type Storage } from '../verbs.js';
import { type Variation, variationFunctions } from './image-variation.js';

/** Words of the plan's header. */
export const PLAN_HEADER = {
  /** The batch whose records come first. */
  firstBatch: 0,
  /** Batches that have records. */
  batches: 1,
  /** [2] key of the epoch, from which the keys of dropout are derived. */
  dropoutKey: 2,
  /** [2] key of the epoch, from which the keys of the variation are derived. */
  variationKey: 4,
  /** 1: the epoch is not varied. */
  isPlain: 6,
  /** All words. */
  words: 8,
} as const;

/** Words of a sequence in the plan: sample, start, label. */
export const SEQUENCE_WORDS = 3;

/** Words of a pass in the plan. */
export function recordWords(capacity: BatchCapacity): number {
  return layoutWords(capacity) + SEQUENCE_WORDS * capacity.blocks * capacity.lanes;
}

/**
 * How the values of sequences lie in memory. The value of step t, column k of a sequence that begins at `start` is value
 * `start + t · I + k`:
 *   bytes   four a word; value v is `table[v]`. With `order`, value n of the sequence is value `order[n]` of the image.
 *   int16   two a word; columns 0 and 1 are multiplied by `scale`
 *   floats  one a word
 */
export type ValueFormat =
  | { name: 'bytes' /** [256] */; table: Float32Array /** [T · I] */; order: Slice | null }
  | { name: 'int16'; scale: number }
  | { name: 'floats' };

export interface GatherArguments {
  capacity: BatchCapacity;
  storage: Storage;
  /** I */ inputSize: number;
  /** All sequences. */ values: Slice;
  format: ValueFormat;
  /** Of images; null: none. */ variation: Variation | null;
  plan: Slice;
  /** Word 0: the batch. One that is not in the plan gives another of the plan. */ counters: Slice;
  /** Written by `gatherSettings`. */ settings: Slice;
  /** Out: the words of the layout. */ words: Slice;
  /** [B] out. */ labels: Slice;
  /** [B, 2] out: keys of dropout. Null: not computed. */ keys: Slice | null;
  /** [N, I'] out, in `storage`. */ inputs: Slice;
}

const GROUP = 256;
/** Vectors of four values that a thread writes. */
const QUADS = 4;

/** Words of `settings`: pass, passes, scale, an unused word, table [256]. */
export const SETTINGS_WORDS = 4 + 256;

/** @param pass of the batch, from 0 @param passes of every batch */
export function gatherSettings(format: ValueFormat, pass: number, passes: number): Uint32Array {
  const words = new Uint32Array(SETTINGS_WORDS);
  const floats = new Float32Array(words.buffer);
  words.set([pass, passes]);
  if (format.name === 'int16') floats[2] = format.scale;
  if (format.name === 'bytes') floats.set(format.table, 4);
  return words;
}

export function gather(args: GatherArguments): Dispatch[] {
  const { capacity, storage, inputSize, values, format, keys } = args;
  const order = format.name === 'bytes' ? format.order : null;
  const bindings: Record<string, Binding> = {
    values: read('u32'),
    plan: read('u32'),
    counters: read('u32'),
    settings: uniform('Settings'),
    words: write('u32'),
    labels: write('i32'),
    inputs: write(QUAD[storage]),
  };
  const { plan, counters, settings, words, labels, inputs } = args;
  const slices: Record<string, Slice> = { values, plan, counters, settings, words, labels, inputs };
  if (keys) {
    bindings.keys = write('vec2u');
    slices.keys = keys;
  }
  if (order) {
    bindings.order = read('u32');
    slices.order = order;
  }
  const quads = padded(inputSize) / 4;
  const stepsOfGroup = Math.ceil((GROUP * QUADS) / quads);
  const code = gatherCode(args, stepsOfGroup);
  const label = ['gather', format.name, ...(order ? ['ordered'] : []), ...(args.variation ? ['varied'] : [])];
  const { lanes, blocks, steps } = capacity;
  return [
    dispatch(kernel(label.join(' '), bindings, code), slices, [
      lanes,
      blocks,
      Math.ceil(steps / stepsOfGroup),
    ]),
  ];
}

function gatherCode(args: GatherArguments, stepsOfGroup: number): string {
  const { capacity, storage, inputSize, format, variation, keys } = args;
  const isOrdered = format.name === 'bytes' && format.order !== null;
  return `
struct Settings { passIndex: u32, passes: u32, scale: f32, unused: u32, table: array<vec4f, 64> }

// Values of a step, and vectors of four of them with the padding.
const COLUMNS = ${inputSize}u;
const QUADS = ${padded(inputSize) / 4}u;
const STEPS_OF_GROUP = ${stepsOfGroup}u;
const LAYOUT_WORDS = ${layoutWords(capacity)}u;
const SEQUENCES = ${capacity.lanes * capacity.blocks}u;

// Where this pass begins in the plan.
var<private> record: u32;
${batchFunctions(capacity, (word) => `plan[record + ${word}]`)}
fn recordOfPass() -> u32 {
  // A training that has ended by itself stays at its last batch, which may have left the plan: any batch will do.
  let batch = min(counters[0] - plan[${PLAN_HEADER.firstBatch}], plan[${PLAN_HEADER.batches}] - 1u);
  let passesBefore = batch * settings.passes + settings.passIndex;
  return ${PLAN_HEADER.words}u + passesBefore * ${recordWords(capacity)}u;
}
${THREEFRY}${STORED_ACTIVATIONS[storage]}
// The last step of deriveKey(seed, stream, epoch, sample); the key of the epoch is in the plan.
fn sampleKey(epochKey: u32, sample: u32) -> vec2u {
  return threefry(vec2u(plan[epochKey], plan[epochKey + 1u]), vec2u(sample, 3u));
}
${valueFunctions(format.name, isOrdered)}
${variation ? variationFunctions(variation) + CHOSEN_VALUE : ''}
@compute @workgroup_size(${GROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  record = recordOfPass();
  let b = group.y * LANES + group.x;
  let sequence = record + LAYOUT_WORDS + ${SEQUENCE_WORDS}u * b;
  let sample = plan[sequence];
  let start = plan[sequence + 1u];

  if (group.z == 0u) {
    // Every sequence copies a share of the layout.
    for (var w = b * ${GROUP}u + thread; w < LAYOUT_WORDS; w += SEQUENCES * ${GROUP}u) { words[w] = plan[record + w]; }
    if (thread == 0u) {
      labels[b] = i32(plan[sequence + 2u]);
      ${keys ? `keys[b] = sampleKey(${PLAN_HEADER.dropoutKey}u, sample);` : ''}
    }
  }
  ${format.name === 'bytes' ? 'loadTable(thread);' : ''}
  ${variation ? `drawVariation(sampleKey(${PLAN_HEADER.variationKey}u, sample), thread);` : ''}

  // Rows of the block's steps; past the end of the sequence, and in the padding, they are zeros.
  let steps = lengthOf(b);
  let firstStep = group.z * STEPS_OF_GROUP;
  let endStep = min(blockSteps(group.y), firstStep + STEPS_OF_GROUP);
  let firstQuad = firstStep * QUADS;
  for (var q = firstQuad + thread; q < endStep * QUADS; q += ${GROUP}u) {
    let t = q / QUADS;
    let column = 4u * (q % QUADS);
    var quad = vec4f(0.0);
    if (t < steps) {
      for (var j = 0u; j < 4u && column + j < COLUMNS; j++) {
        quad[j] = ${variation ? 'chosenValueAt' : 'valueAt'}(start, t * COLUMNS + column + j);
      }
    }
    inputs[rowOf(b, t) * QUADS + q % QUADS] = packedQuad(quad);
  }
}`;
}

/** Of a sequence that is varied, unless the epoch is not. */
const CHOSEN_VALUE = `
fn chosenValueAt(start: u32, n: u32) -> f32 {
  if (plan[${PLAN_HEADER.isPlain}] != 0u) { return valueAt(start, n); }
  return variedValueAt(start, n);
}
`;

/** `valueAt(start, n)`: value n of the sequence that begins at value `start`. */
function valueFunctions(name: ValueFormat['name'], isOrdered: boolean): string {
  if (name === 'floats') {
    return `
fn valueAt(start: u32, n: u32) -> f32 { return bitcast<f32>(values[start + n]); }
`;
  }
  if (name === 'int16') {
    return `
fn valueAt(start: u32, n: u32) -> f32 {
  let v = start + n;
  let value = f32(extractBits(i32(values[v / 2u]), 16u * (v % 2u), 16u));
  return select(value, value * settings.scale, n % COLUMNS < 2u);
}
`;
  }
  return `
var<workgroup> table: array<f32, ${GROUP}>;
fn loadTable(thread: u32) {
  table[thread] = settings.table[thread / 4u][thread % 4u];
  workgroupBarrier();
}
fn byteAt(v: u32) -> u32 { return extractBits(values[v / 4u], 8u * (v % 4u), 8u); }
// The place in the image of value n of the sequence.
fn placeOf(n: u32) -> u32 { return ${isOrdered ? 'order[n]' : 'n'}; }
fn valueAt(start: u32, n: u32) -> f32 { return table[byteAt(start + placeOf(n))]; }
`;
}
