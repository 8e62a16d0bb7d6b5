/**
 * The verbs `headForward` and `headBackward`: from the outputs of the layers to the features [B, F'], and back.
 *
 *   flatten  part (t, d) of sequence b: step t, direction d of the last layer; zeros after the sequence's end
 *   final    part (l, d): layer l, at the direction's last step (forward: the sequence's last, reverse: its first)
 *   last     the same of the last layer alone
 *   mean     part d: mean over the sequence's steps, of the last layer
 *
 * A thread computes four columns (a quad).
 */
import { type BatchCapacity, batchFunctions } from '../batch-layout.js';
import {
  type Binding,
  type Dispatch,
  dispatch,
  inTwoAxes,
  kernel,
  MAX_GROUPS,
  read,
  type Slice,
  write,
} from '../kernel.js';
import { QUAD, STORED_ACTIVATIONS } from '../stored-activations.js';
import { deviceColumns, featureColumns, type Head, type HeadArguments, padded } from '../verbs.js';

/** Threads of a workgroup where each copies a quad. */
const GROUP = 64;
/** Layers whose outputs a dispatch reads: with batch and features eight buffers, WebGPU's least limit. */
const LAYERS_OF_DISPATCH = 6;
/** Quads and threads of each quad in a workgroup of `mean`. */
const MEAN_QUADS = 32;
const MEAN_THREADS = 8;

/** Sequences of a pass, with those that are none. */
const sequencesOf = ({ blocks, lanes }: BatchCapacity): number => blocks * lanes;

/** Constants of a head, in quads. */
function sizes(head: Head): string {
  const { directions, hiddenSize } = head;
  return `
const DIRECTIONS = ${directions}u;
// Quads of a direction, of a row of outputs, and of a row of features.
const HIDDEN = ${padded(hiddenSize) / 4}u;
const OUTPUTS = ${(directions * padded(hiddenSize)) / 4}u;
const FEATURES = ${deviceColumns(featureColumns(head)) / 4}u;`;
}

export function headForward(args: HeadArguments): Dispatch[] {
  const { head, outputs } = args;
  const top = head.layers - 1;
  if (head.name === 'mean') return [meanForward(args, outputs[top]!)];
  if (head.name === 'flatten') return [flattenForward(args, outputs[top]!)];
  const first = head.name === 'final' ? 0 : top;
  const dispatches: Dispatch[] = [];
  for (let layer = first; layer <= top; layer += LAYERS_OF_DISPATCH) {
    const sources = outputs.slice(layer, Math.min(top + 1, layer + LAYERS_OF_DISPATCH)) as Slice[];
    dispatches.push(finalForward(args, sources, layer - first));
  }
  return dispatches;
}

function flattenForward(args: HeadArguments, outputs: Slice): Dispatch {
  const { head, batch, storage, features } = args;
  const { capacity, words } = batch;
  const body = `
${sizes(head)}
${batchFunctions(capacity)}
${STORED_ACTIVATIONS[storage]}
@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let quad = id.x;
  let b = id.z * ${MAX_GROUPS}u + id.y;
  if (quad >= FEATURES || b >= ${sequencesOf(capacity)}u) { return; }
  let t = quad / OUTPUTS;
  var value = vec4f(0.0);
  if (t < lengthOf(b)) {
    value = unpackedQuad(outputs[rowOf(b, t) * OUTPUTS + quad % OUTPUTS]);
  }
  features[b * FEATURES + quad] = value;
}`;
  const bindings = { batch: read('u32'), outputs: read(QUAD[storage]), features: write('vec4f') };
  const quads = deviceColumns(featureColumns(head)) / 4;
  const groups = [Math.ceil(quads / GROUP), ...inTwoAxes(sequencesOf(capacity))] as const;
  return dispatch(kernel('headForward flatten', bindings, body), { batch: words, outputs, features }, groups);
}

/** @param sources outputs of some layers @param first the part of the features of the first of them, in layers */
function finalForward(args: HeadArguments, sources: readonly Slice[], first: number): Dispatch {
  const { head, batch, storage, features } = args;
  const { capacity, words } = batch;
  const bindings: Record<string, Binding> = { batch: read('u32'), features: write('vec4f') };
  const slices: Record<string, Slice> = { batch: words, features };
  sources.forEach((source, n) => {
    bindings[`outputs${n}`] = read(QUAD[storage]);
    slices[`outputs${n}`] = source;
  });
  const cases = sources.map((_, n) => `case ${n}u: { return unpackedQuad(outputs${n}[quad]); }`);
  const body = `
${sizes(head)}
${batchFunctions(capacity)}
${STORED_ACTIVATIONS[storage]}
fn outputOf(layer: u32, quad: u32) -> vec4f {
  switch layer {
    ${cases.join('\n    ')}
    default: { return vec4f(0.0); }
  }
}
@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let quad = id.x;
  let b = id.z * ${MAX_GROUPS}u + id.y;
  if (quad >= ${sources.length}u * OUTPUTS || b >= ${sequencesOf(capacity)}u) { return; }
  let direction = quad / HIDDEN % DIRECTIONS;
  let steps = lengthOf(b);
  var value = vec4f(0.0);
  if (steps > 0u) {
    let t = select(0u, steps - 1u, direction == 0u);
    value = outputOf(quad / OUTPUTS, rowOf(b, t) * OUTPUTS + quad % OUTPUTS);
  }
  features[b * FEATURES + ${first}u * OUTPUTS + quad] = value;
}`;
  const quads = (sources.length * head.directions * padded(head.hiddenSize)) / 4;
  const groups = [Math.ceil(quads / GROUP), ...inTwoAxes(sequencesOf(capacity))] as const;
  return dispatch(kernel(`headForward ${head.name}`, bindings, body), slices, groups);
}

function meanForward(args: HeadArguments, outputs: Slice): Dispatch {
  const { head, batch, storage, features } = args;
  const { capacity, words } = batch;
  const body = `
${sizes(head)}
${batchFunctions(capacity)}
${STORED_ACTIVATIONS[storage]}
// Sums over the steps: thread n of a quad adds steps n, n + ${MEAN_THREADS}, …
var<workgroup> sums: array<array<vec4f, ${MEAN_QUADS}>, ${MEAN_THREADS}>;
@compute @workgroup_size(${MEAN_QUADS}, ${MEAN_THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let quad = group.x * ${MEAN_QUADS}u + local.x;
  let b = group.z * ${MAX_GROUPS}u + group.y;
  if (b >= ${sequencesOf(capacity)}u) { return; }
  let steps = lengthOf(b);
  var sum = vec4f(0.0);
  if (quad < OUTPUTS) {
    for (var t = local.y; t < steps; t += ${MEAN_THREADS}u) {
      sum += unpackedQuad(outputs[rowOf(b, t) * OUTPUTS + quad]);
    }
  }
  sums[local.y][local.x] = sum;
  for (var half = ${MEAN_THREADS / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local.y < half) { sums[local.y][local.x] += sums[local.y + half][local.x]; }
  }
  if (local.y == 0u && quad < OUTPUTS) {
    features[b * FEATURES + quad] = sums[0][local.x] / f32(max(1u, steps));
  }
}`;
  const bindings = { batch: read('u32'), outputs: read(QUAD[storage]), features: write('vec4f') };
  const quads = deviceColumns(featureColumns(head)) / 4;
  const groups = [Math.ceil(quads / MEAN_QUADS), ...inTwoAxes(sequencesOf(capacity))] as const;
  return dispatch(kernel('headForward mean', bindings, body), { batch: words, outputs, features }, groups);
}

/** The gradient of step t, quad `column` of a sequence's outputs, and whether there is one. */
const GRADIENT_OF_OUTPUT: Readonly<Record<Head['name'], string>> = {
  flatten: `let is_read = t < steps;
    let value = features[b * FEATURES + t * OUTPUTS + column];`,
  final: `let is_read = t < steps && t == select(0u, steps - 1u, column < HIDDEN);
    let value = features[b * FEATURES + LAYER * OUTPUTS + column];`,
  last: `let is_read = t < steps && t == select(0u, steps - 1u, column < HIDDEN);
    let value = features[b * FEATURES + column];`,
  mean: `let is_read = t < steps;
    let value = features[b * FEATURES + column] / f32(max(1u, steps));`,
};

export function headBackward(args: HeadArguments): Dispatch[] {
  const { head, batch, features, outputs, accumulate = false } = args;
  const { capacity, words } = batch;
  const layer = outputs.findIndex((slice) => slice !== null);
  const dOutputs = outputs[layer]!;
  const quads = (head.directions * padded(head.hiddenSize)) / 4;
  const body = `
${sizes(head)}
const LAYER = ${layer}u;
${batchFunctions(capacity)}
@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  // The rows of a block lie together.
  let block = id.z * ${MAX_GROUPS}u + id.y;
  if (block >= ${capacity.blocks}u) { return; }
  let first = blockStart(block) * OUTPUTS;
  let end = blockStart(block + 1u) * OUTPUTS;
  for (var at = first + id.x; at < end; at += groups.x * ${GROUP}u) {
    let column = at % OUTPUTS;
    let row_of_block = (at - first) / OUTPUTS;
    let t = row_of_block / LANES;
    let b = block * LANES + row_of_block % LANES;
    let steps = lengthOf(b);
    ${GRADIENT_OF_OUTPUT[head.name]}
    ${accumulate ? 'if (is_read) { dOutputs[at] += value; }' : 'dOutputs[at] = select(vec4f(0.0), value, is_read);'}
  }
}`;
  const bindings = { batch: read('u32'), features: read('vec4f'), dOutputs: write('vec4f') };
  const label = `headBackward ${head.name}${accumulate ? ' accumulate' : ''}`;
  const quadsOfBlock = capacity.steps * capacity.lanes * quads;
  const groups = [
    Math.min(MAX_GROUPS, Math.ceil(quadsOfBlock / GROUP)),
    ...inTwoAxes(capacity.blocks),
  ] as const;
  return [dispatch(kernel(label, bindings, body), { batch: words, features, dOutputs }, groups)];
}
