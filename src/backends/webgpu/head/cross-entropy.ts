/**
 * The verb `crossEntropy`: loss, correctness and gradient of each sequence (torch.nn.CrossEntropyLoss with label
 * smoothing and weights of classes), in float32.
 *
 * The formulas are in loss-functions.ts. 16 threads share a sequence; thread n takes classes n, n + 16, …
 */
import { ACTIVATIONS } from '../activation.js';
import { batchFunctions } from '../batch-layout.js';
import { type Binding, type Dispatch, dispatch, kernel, read, type Slice, write } from '../kernel.js';
import { BEGIN_BATCH } from '../update/training-state.js';
import type { CrossEntropyArguments } from '../verbs.js';
import { weightBinding } from './class-weights.js';
import { lossFunctions } from './loss-functions.js';

/** Threads of a sequence, and sequences of a workgroup. */
const THREADS = 16;
const SEQUENCES = 16;

export function crossEntropy(args: CrossEntropyArguments): Dispatch[] {
  const { batch, classes, logits, labels, classWeights, losses, correct, dLogits, state } = args;
  const { capacity, words } = batch;
  const bindings: Record<string, Binding> = {
    batch: read('u32'),
    logits: read('f32'),
    labels: read('i32'),
    losses: write('f32'),
    correct: write('u32'),
  };
  const slices: Record<string, Slice> = { batch: words, logits, labels, losses, correct };
  if (dLogits) {
    bindings.dLogits = write('f32');
    slices.dLogits = dLogits;
  }
  if (state) {
    bindings.state = write('u32');
    slices.state = state.words;
  }
  if (classWeights) {
    Object.assign(bindings, weightBinding(classes, classWeights));
    slices.classWeights = classWeights;
  }
  const rows = capacity.blocks * capacity.lanes;
  const body = `
// Logits, losses and labels: rows are sequences of the pass. ${classes} classes.
${batchFunctions(capacity)}
${ACTIVATIONS}
${state ? BEGIN_BATCH : ''}
const CLASSES = ${classes}u;
${lossFunctions(classes, args.labelSmoothing, Boolean(classWeights))}
${MEMORY}

@compute @workgroup_size(${THREADS * SEQUENCES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let b = group.x * ${SEQUENCES}u + local / ${THREADS}u;
  let thread = local % ${THREADS}u;
  let exists = b < sequences();
  // Sequences after the last are computed as the last, and nothing of them is kept.
  let row = select(sequences() - 1u, b, exists) * CLASSES;
  let label = u32(labels[row / CLASSES]);

  // The largest logit, and the first class that has it.
  var best = Best(logits[row], 0u);
  for (var k = thread; k < CLASSES; k += ${THREADS}u) { best = better(best, Best(logits[row + k], k)); }
  bests[local] = best;
  for (var half = ${THREADS / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (thread < half) { bests[local] = better(bests[local], bests[local + half]); }
  }
  workgroupBarrier();
  best = bests[local - thread];

  // Σ_{k ≠ m} e^x_k, and Σ w_k x_k.
  var sum = vec2f(0.0);
  for (var k = thread; k < CLASSES; k += ${THREADS}u) {
    let x = logits[row + k] - best.logit;
    sum += vec2f(select(expOf(x), 0.0, k == best.k), weighted(k, x));
  }
  sums[local] = sum;
  for (var half = ${THREADS / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (thread < half) { sums[local] += sums[local + half]; }
  }
  workgroupBarrier();
  sum = sums[local - thread];
  let rest = sum.x;

  if (exists && thread == 0u) {
    losses[firstSequence() + b] = lossOf(label, logits[row + label] - best.logit, rest, sum.y);
    correct[firstSequence() + b] = select(0u, 1u, best.k == label);
  }
  ${dLogits ? gradient(rows, state !== null) : ''}
  ${state ? 'if (group.x == 0u && local == 0u) { beginBatch(batchSequences(), batchWeight()); }' : ''}
}`;
  const label = `crossEntropy${dLogits ? '' : ' loss only'}`;
  return [dispatch(kernel(label, bindings, body), slices, [Math.ceil(rows / SEQUENCES)])];
}

/** Of a workgroup: largest logits; sums. */
const MEMORY = `
struct Best { logit: f32, k: u32 }
var<workgroup> bests: array<Best, ${THREADS * SEQUENCES}>;
var<workgroup> sums: array<vec2f, ${THREADS * SEQUENCES}>;

fn better(a: Best, b: Best) -> Best {
  if (b.logit > a.logit || (b.logit == a.logit && b.k < a.k)) { return b; }
  return a;
}`;

function gradient(rows: number, scaled: boolean): string {
  return `
  if (b < ${rows}u) {
    let scale = ${scaled ? 'lossScale()' : '1.0'} / batchWeight();
    for (var k = thread; k < CLASSES; k += ${THREADS}u) {
      let d = scale * logitGradient(logits[row + k] - best.logit, k, label, best.k, rest);
      dLogits[b * CLASSES + k] = select(0.0, d, exists);
    }
  }`;
}
