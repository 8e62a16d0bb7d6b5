/**
 * The verbs `linearForward` and `linearBackward`: logits = features · weightᵀ + bias, and its gradients. F may be 14,336
 * and K ten, so both are limited by reading the features, which each does once. The weights are read from the parameters
 * in place: columns of the parameters and of the features differ by the features' padding.
 *
 * Sums over the features are in an order that depends on F alone; sums over sequences, in that of the batch.
 */
import { batchFunctions } from '../batch-layout.js';
import { type Binding, type Dispatch, dispatch, kernel, read, type Slice, write } from '../kernel.js';
import {
  type Columns,
  deviceColumns,
  type LinearBackwardArguments,
  type LinearForwardArguments,
  padded,
} from '../verbs.js';

/** Threads of a workgroup. */
const FORWARD_GROUP = 256;
const BACKWARD_GROUP = 64;
/** Most classes that a thread computes at once. */
const FORWARD_CLASSES = 16;
const BACKWARD_CLASSES = 32;
/** linearForward: columns that a thread loads at once, so that several reads are on their way. */
const COLUMNS = 4;
/** linearForward: vectors of four sums that are added over the workgroup at once; 12 KB of its memory. */
const SUMS = 3;
/** linearForward: a workgroup computes several sequences if the workgroups are still this many. */
const WORKGROUPS = 128;
/** linearBackward: sequences that a thread loads at once, and whose dLogits are in the workgroup's memory. */
const ROWS = 4;
const TILE = 64;

/** Repeats lines of WGSL for n = 0 … count - 1. */
function repeated(count: number, line: (n: number) => string, indent = '  '): string {
  return Array.from({ length: count }, (_, n) => line(n)).join(`\n${indent}`);
}

/** WGSL: sizes of the layer, and how columns of the weights and of the features belong together. */
function sizes(args: LinearForwardArguments | LinearBackwardArguments): string {
  const { columns, classes, tensors, batch } = args;
  return `
// Columns of the weights, and of the features on the device.
const F = ${columns.parts * columns.size}u;
const DEVICE_F = ${deviceColumns(columns)}u;
const K = ${classes}u;
// Rows of features and logits.
const B = ${batch.capacity.blocks * batch.capacity.lanes}u;
// Where the tensors begin in the parameters.
const WEIGHT = ${tensors.weight}u;
const BIAS = ${tensors.bias}u;
${columnFunctions(columns)}
${batchFunctions(batch.capacity)}`;
}

function columnFunctions({ size }: Columns): string {
  const wide = padded(size);
  if (size === wide) {
    return `
fn deviceColumn(c: u32) -> u32 { return c; }
fn isPadding(column: u32) -> bool { return false; }
fn trueColumn(column: u32) -> u32 { return column; }`;
  }
  return `
fn deviceColumn(c: u32) -> u32 { return c / ${size}u * ${wide}u + c % ${size}u; }
fn isPadding(column: u32) -> bool { return column % ${wide}u >= ${size}u; }
fn trueColumn(column: u32) -> u32 { return column / ${wide}u * ${size}u + column % ${wide}u; }`;
}

/**
 * A workgroup computes up to 4 sequences and 16 classes. Its threads share the columns; the sums of the threads are added
 * as a tree.
 */
export function linearForward(args: LinearForwardArguments): Dispatch[] {
  const { columns, classes, batch, parameters, features, logits } = args;
  const { capacity, words } = batch;
  const rows = capacity.blocks * capacity.lanes;
  const R = Math.max(1, Math.min(4, 2 ** Math.floor(Math.log2(rows / WORKGROUPS))));
  const K = Math.min(FORWARD_CLASSES, classes);
  const quads = Math.ceil(K / 4);
  const loads = Math.min(COLUMNS, Math.ceil((columns.parts * columns.size) / FORWARD_GROUP));
  const body = `
${sizes(args)}
// A group's first class, and where the weights of its class k begin.
var<private> first_k: u32;
fn weightsOf(k: u32) -> u32 { return WEIGHT + min(first_k + k, K - 1u) * F; }
// Column c of the weights of classes first_k + k … + 3.
fn weightQuad(k: u32, c: u32) -> vec4f {
  return vec4f(
    parameters[weightsOf(k) + c],
    parameters[weightsOf(k + 1u) + c],
    parameters[weightsOf(k + 2u) + c],
    parameters[weightsOf(k + 3u) + c],
  );
}
${forwardSums()}

@compute @workgroup_size(${FORWARD_GROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  // ${R} sequences from first_b on, ${K} classes from first_k on.
  let first_b = group.x * ${R}u;
  first_k = group.y * ${K}u;
  ${repeated(R, (r) => `let row_${r} = min(first_b + ${r}u, B - 1u) * DEVICE_F;`)}
  // sum_r_q: of sequence r, classes 4q … 4q + 3.
  ${repeated(R, (r) => repeated(quads, (q) => `var sum_${r}_${q} = vec4f(0.0);`))}
  for (var start = local; start < F; start += ${FORWARD_GROUP * loads}u) {
    // Columns from the end on are multiplied by 0.
    ${repeated(loads, (n) => loadedColumn(n, R, quads), '    ')}
    ${repeated(
      loads,
      (n) =>
        repeated(
          R,
          (r) =>
            repeated(
              quads,
              (q) => `sum_${r}_${q} = fma(vec4f(x_${r}_${n}), w_${q}_${n}, sum_${r}_${q});`,
              '    ',
            ),
          '    ',
        ),
      '    ',
    )}
  }
  ${addedSums(R, quads)}
}`;
  const bindings = {
    batch: read('u32'),
    parameters: read('f32'),
    features: read('f32'),
    logits: write('f32'),
  };
  const slices = { batch: words, parameters, features, logits };
  const groups = [Math.ceil(rows / R), Math.ceil(classes / K)] as const;
  return [dispatch(kernel(`linearForward ${R} × ${K}`, bindings, body), slices, groups)];
}

/** Column n of those that a thread loads at once: x of R sequences, w of all classes. */
function loadedColumn(n: number, R: number, quads: number): string {
  return `let c_${n} = min(start + ${n * FORWARD_GROUP}u, F - 1u);
    let within_${n} = start + ${n * FORWARD_GROUP}u < F;
    ${repeated(R, (r) => `let x_${r}_${n} = select(0.0, features[row_${r} + deviceColumn(c_${n})], within_${n});`, '    ')}
    ${repeated(quads, (q) => `let w_${q}_${n} = weightQuad(${4 * q}u, c_${n});`, '    ')}`;
}

/** WGSL: addParts, which adds `parts` over the threads, and finish, which writes four logits. */
function forwardSums(): string {
  return `
// Of ${SUMS} sums at a time, the parts of all threads.
var<workgroup> parts: array<array<vec4f, ${FORWARD_GROUP}>, ${SUMS}>;
fn addParts(local: u32) {
  for (var half = ${FORWARD_GROUP / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) {
      ${repeated(SUMS, (n) => `parts[${n}][local] += parts[${n}][local + half];`, '      ')}
    }
  }
  workgroupBarrier();
}
fn finish(n: u32, b: u32, k: u32) {
  if (b >= B) { return; }
  for (var j = 0u; j < 4u; j++) {
    if (k + j < K) { logits[b * K + k + j] = parts[n][0][j] + parameters[BIAS + k + j]; }
  }
}`;
}

/** Adds the sums of all threads, some at a time. */
function addedSums(R: number, quads: number): string {
  const sums = Array.from({ length: R * quads }, (_, n) => ({ r: Math.floor(n / quads), q: n % quads }));
  const chunks = Array.from({ length: Math.ceil(sums.length / SUMS) }, (_, n) =>
    sums.slice(n * SUMS, (n + 1) * SUMS),
  );
  return chunks
    .map(
      (chunk) => `
  ${chunk.map(({ r, q }, n) => `parts[${n}][local] = sum_${r}_${q};`).join('\n  ')}
  addParts(local);
  if (local == 0u) {
    ${chunk.map(({ r, q }, n) => `finish(${n}u, first_b + ${r}u, first_k + ${4 * q}u);`).join('\n    ')}
  }
  workgroupBarrier();`,
    )
    .join('');
}

/**
 * One dispatch for up to 32 classes: a thread has a column and a split. It reads the column of the split's sequences one
 * by one, adds up the gradients of the weights, and writes the gradient of the feature to where it read. With more
 * classes, a thread has 32 of them, and a second dispatch computes the gradient of the features.
 */
export function linearBackward(args: LinearBackwardArguments): Dispatch[] {
  const { columns, classes, batch, parameters, features, dLogits, dFeatures, gradients } = args;
  const { capacity, words } = batch;
  const K = Math.min(BACKWARD_CLASSES, classes);
  const isWhole = K === classes;
  const inPlace = features.buffer === dFeatures.buffer && features.offset === dFeatures.offset;
  const bindings: Record<string, Binding> = {
    batch: read('u32'),
    dLogits: read('f32'),
    partials: write('f32'),
    features: isWhole && inPlace ? write('f32') : read('f32'),
  };
  const slices: Record<string, Slice> = { batch: words, dLogits, partials: gradients.partials, features };
  if (isWhole) {
    bindings.parameters = read('f32');
    slices.parameters = parameters;
    if (!inPlace) {
      bindings.dFeatures = write('f32');
      slices.dFeatures = dFeatures;
    }
  }
  const body = weightGradientCode(args, K, isWhole ? (inPlace ? 'features' : 'dFeatures') : null);
  const width = Math.ceil(deviceColumns(columns) / BACKWARD_GROUP);
  const label = `linearBackward${isWhole ? '' : ' weights'}`;
  const groups = [width, gradients.splits, Math.ceil(classes / K)] as const;
  const weights = dispatch(kernel(label, bindings, body), slices, groups);
  if (isWhole) return [weights];
  const rows = capacity.blocks * capacity.lanes;
  const featureGradient = dispatch(
    kernel(
      'linearBackward features',
      { batch: read('u32'), parameters: read('f32'), dLogits: read('f32'), dFeatures: write('f32') },
      featureGradientCode(args),
    ),
    { batch: words, parameters, dLogits, dFeatures },
    [width, Math.ceil(rows / ROWS)],
  );
  return [weights, featureGradient];
}

/** @param target the buffer to which the gradient of the features is written; null: it is not computed */
function weightGradientCode(args: LinearBackwardArguments, K: number, target: string | null): string {
  const { gradients } = args;
  const quads = Math.ceil(K / 4);
  const dots = Array.from({ length: quads }, (_, q) => `dot(d_${q}, w_${q})`).join(' + ');
  const row = (r: number) => `{
        ${repeated(quads, (q) => `let d_${q} = tile[i + ${r}u][${q}];`, '        ')}
        ${repeated(quads, (q) => `sum_${q} = fma(vec4f(x_${r}), d_${q}, sum_${q});`, '        ')}
        ${target ? `if (is_column && start + i + ${r}u < end) { ${target}[(start + i + ${r}u) * DEVICE_F + column] = ${dots}; }` : ''}
      }`;
  return `
${sizes(args)}
const PARAMETERS = ${gradients.parameters}u;
// Sequences first … of a split: those of its blocks.
fn splitStart(split: u32) -> u32 { return split * ${args.batch.capacity.blocks}u / ${gradients.splits}u * LANES; }
// dLogits of some sequences, with zeros from 'limit' on, the end of the split or of the sequences, and after the last
// of the ${K} classes from first_k on.
var<workgroup> tile: array<array<vec4f, ${quads}>, ${TILE}>;
var<private> limit: u32;
var<private> first_k: u32;
fn dLogit(b: u32, k: u32) -> f32 {
  if (b >= limit || k >= ${K}u || first_k + k >= K) { return 0.0; }
  return dLogits[b * K + first_k + k];
}
// Rows after the last sequence may hold anything.
fn feature(b: u32, end: u32, column: u32) -> f32 {
  return select(0.0, features[min(b, end - 1u) * DEVICE_F + min(column, DEVICE_F - 1u)], b < limit);
}

@compute @workgroup_size(${BACKWARD_GROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let column = group.x * ${BACKWARD_GROUP}u + local;
  let split = group.y;
  first_k = group.z * ${K}u;
  let end = splitStart(split + 1u);
  limit = min(end, sequences());
  let is_column = column < DEVICE_F;
  let is_weight = is_column && !isPadding(column);
  let c = select(0u, trueColumn(column), is_weight);
  ${target ? repeated(quads, (q) => loadedWeights(q, K)) : ''}
  // sum_q: gradients of the weights of classes 4q … 4q + 3.
  ${repeated(quads, (q) => `var sum_${q} = vec4f(0.0);`)}
  var bias_sum = 0.0;
  for (var start = splitStart(split); start < end; start += ${TILE}u) {
    workgroupBarrier();
    for (var n = local; n < ${TILE * quads}u; n += ${BACKWARD_GROUP}u) {
      let b = start + n / ${quads}u;
      let k = n % ${quads}u * 4u;
      tile[n / ${quads}u][n % ${quads}u] =
        vec4f(dLogit(b, k), dLogit(b, k + 1u), dLogit(b, k + 2u), dLogit(b, k + 3u));
    }
    workgroupBarrier();
    for (var i = 0u; i < min(${TILE}u, end - start); i += ${ROWS}u) {
      ${repeated(ROWS, (r) => `let x_${r} = feature(start + i + ${r}u, end, column);`, '      ')}
      ${repeated(ROWS, row, '      ')}
    }
    if (group.x == 0u && local < ${K}u) {
      for (var i = 0u; i < ${TILE}u; i++) { bias_sum += tile[i][local / 4u][local % 4u]; }
    }
  }
  let first = split * PARAMETERS;
  if (is_weight) {
    ${repeated(K, (k) => `if (first_k + ${k}u < K) { partials[first + WEIGHT + (first_k + ${k}u) * F + c] = sum_${Math.floor(k / 4)}[${k % 4}]; }`, '    ')}
  }
  if (group.x == 0u && local < ${K}u && first_k + local < K) { partials[first + BIAS + first_k + local] = bias_sum; }
}`;
}

/** Weights of a thread's column and classes 4q …, zeros in the padding. */
function loadedWeights(q: number, K: number): string {
  const weight = (k: number) =>
    k < K ? `select(0.0, parameters[WEIGHT + ${k}u * F + c], is_weight)` : '0.0';
  return `let w_${q} = vec4f(
    ${[0, 1, 2, 3].map((j) => weight(4 * q + j)).join(',\n    ')},
  );`;
}

/** A thread computes a column of some sequences. */
function featureGradientCode(args: LinearBackwardArguments): string {
  return `
${sizes(args)}
@compute @workgroup_size(${BACKWARD_GROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let column = group.x * ${BACKWARD_GROUP}u + local;
  let b = group.y * ${ROWS}u;
  if (column >= DEVICE_F) { return; }
  let is_weight = !isPadding(column);
  let c = select(0u, trueColumn(column), is_weight);
  ${repeated(ROWS, (r) => `let row_${r} = min(b + ${r}u, sequences() - 1u) * K;`)}
  ${repeated(ROWS, (r) => `var sum_${r} = 0.0;`)}
  for (var k = 0u; k < K; k++) {
    let weight = parameters[WEIGHT + k * F + c];
    ${repeated(ROWS, (r) => `sum_${r} = fma(weight, dLogits[row_${r} + k], sum_${r});`, '    ')}
  }
  ${repeated(ROWS, (r) => `if (b + ${r}u < B) { dFeatures[(b + ${r}u) * DEVICE_F + column] = select(0.0, sum_${r}, is_weight && b + ${r}u < sequences()); }`)}
}`;
}
