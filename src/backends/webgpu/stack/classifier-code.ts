/** WGSL of the linear layer on a sequence's features, and of the loss. 16 threads compute a logit. */
import { lossFunctions } from '../head/loss-functions.js';

/** Declarations of workgroup memory. */
export const CLASSIFIER_MEMORY = `
const LOGIT_GROUPS = THREADS / 16u;
// [F'] features; in training, later their gradient.
var<workgroup> features: array<f32, FEATURES>;
fn featureQuad(quad: u32) -> vec4f {
  return vec4f(features[4u * quad], features[4u * quad + 1u], features[4u * quad + 2u], features[4u * quad + 3u]);
}
// Quad of fc.weight; at quad FEATURE_QUADS, the bias in component 0.
fn classifierQuad(k: u32, quad: u32) -> vec4f { return panels[CLASSIFIER + k * (FEATURE_QUADS + 1u) + quad]; }
`;

/**
 * Statements that compute the logits of `vectors` feature vectors, vectors · K of them.
 * @param vectors WGSL, uniform
 * @param feature WGSL of the quad `quad` of feature vector `vector`
 * @param store statement that stores `logit` of class k and feature vector `vector`
 */
export function logitsOf(vectors: string, feature: string, store: string): string {
  return `
  for (var first = 0u; first < ${vectors} * CLASSES; first += LOGIT_GROUPS) {
    let item = first + thread / 16u;
    let inRange = item < ${vectors} * CLASSES;
    let vector = select(0u, item / CLASSES, inRange);
    let k = item % CLASSES;
    var partial = 0.0;
    for (var quad = thread % 16u; quad < FEATURE_QUADS; quad += 16u) {
      partial += dot(classifierQuad(k, quad), ${feature});
    }
    let logit = total16(partial, thread) + classifierQuad(k, FEATURE_QUADS).x;
    if (inRange && thread % 16u == 0u) { ${store} }
    workgroupBarrier();
  }`;
}

/** Declarations for `loss`. */
export function lossDeclarations(classes: number, labelSmoothing: number, weighted: boolean): string {
  return `
var<workgroup> logits: array<f32, CLASSES>;
var<workgroup> dLogits: array<f32, CLASSES>;
${lossFunctions(classes, labelSmoothing, weighted)}`;
}

/**
 * Statements: losses, correct, and the gradient of `logits`; then features and gradients of the logits to the summary of
 * sequence b, and the gradient of `features`. Every thread computes the largest logit and the softmax's sum.
 */
export function loss(hasState: boolean): string {
  return `
  {
    let label = labels[b];
    let summary = SUMMARIES + b * SUMMARY;
    // The first of the largest.
    var best = 0u;
    for (var k = 1u; k < CLASSES; k++) { if (logits[k] > logits[best]) { best = k; } }
    // Σ_{k ≠ best} e^x_k and Σ w_k x_k, with x the logits less the largest.
    var rest = 0.0;
    var sum_x = 0.0;
    for (var k = 0u; k < CLASSES; k++) {
      let x = logits[k] - logits[best];
      rest += select(expOf(x), 0.0, k == best);
      sum_x += weighted(k, x);
    }
    if (thread == 0u) {
      losses[firstSequence() + b] = lossOf(label, logits[label] - logits[best], rest, sum_x);
      correct[firstSequence() + b] = select(0u, 1u, best == label);
    }
    let scaleOfGradient = ${hasState ? 'lossScale()' : '1.0'} / batchWeight();
    for (var k = thread; k < CLASSES; k += THREADS) {
      let dLogit = scaleOfGradient * logitGradient(logits[k] - logits[best], k, label, best, rest);
      dLogits[k] = dLogit;
      scratch[summary + FEATURE_QUADS + k / 4u][k % 4u] = dLogit;
    }
    workgroupBarrier();
    if (thread < FEATURE_QUADS) {
      var dFeature = vec4f(0.0);
      for (var k = 0u; k < CLASSES; k++) { dFeature = fma(vec4f(dLogits[k]), classifierQuad(k, thread), dFeature); }
      scratch[summary + thread] = featureQuad(thread);
      for (var n = 0u; n < 4u; n++) { features[4u * thread + n] = dFeature[n]; }
    }
    workgroupBarrier();
  }`;
}
