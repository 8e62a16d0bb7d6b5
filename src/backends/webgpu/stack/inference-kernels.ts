/** The kernels of inference, with a sequence in each workgroup: logits after the last step, or after every step. */
import { ACTIVATIONS, SIGMOID_OR_TANH } from '../activation.js';
import { type BatchCapacity, batchFunctions } from '../batch-layout.js';
import { kernel, read, write } from '../kernel.js';
import { CLASSIFIER_MEMORY, logitsOf } from './classifier-code.js';
import { FORWARD_MEMORY, forwardPass } from './forward-pass.js';
import { laneFunctions, usesShuffles } from './lanes.js';
import type { StackNetwork } from './stack.js';
import { type StackSizes, sizeConstants } from './stack-sizes.js';
import { THREAD_VARIABLES } from './training-kernel.js';

function program(
  sizes: StackSizes,
  capacity: BatchCapacity,
  subgroupSize: number,
  statements: string,
): string {
  return `
${sizeConstants(sizes)}
${batchFunctions(capacity)}
${ACTIVATIONS}
${SIGMOID_OR_TANH}
${laneFunctions(sizes.threads, subgroupSize)}
${FORWARD_MEMORY}
${CLASSIFIER_MEMORY}
@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  ${THREAD_VARIABLES}
  if (steps == 0u) { return; }
  ${statements}
}`;
}

const extensions = (subgroupSize: number) => (usesShuffles(subgroupSize) ? (['subgroups'] as const) : []);

export function forwardKernel(
  { head }: StackNetwork,
  sizes: StackSizes,
  capacity: BatchCapacity,
  subgroupSize: number,
) {
  const bindings = {
    panels: read('vec4f'),
    batch: read('u32'),
    /** [N, I'] */ inputs: read('vec4f'),
    /** [B, K] */ logits: write('f32'),
  };
  const statements = `
  ${forwardPass(sizes, head, 'inference')}
  ${logitsOf('1u', 'featureQuad(quad)', 'logits[b * CLASSES + k] = logit;')}`;
  return kernel(
    'stack forward',
    bindings,
    program(sizes, capacity, subgroupSize, statements),
    extensions(subgroupSize),
  );
}

export function stepsKernel(
  { head }: StackNetwork,
  sizes: StackSizes,
  capacity: BatchCapacity,
  subgroupSize: number,
) {
  const bindings = {
    panels: read('vec4f'),
    batch: read('u32'),
    /** [N, I'] */ inputs: read('vec4f'),
    /** [N, F'] */ stepFeatures: write('f32'),
    /** [N, K] */ logits: write('f32'),
  };
  const feature = `vec4f(
        stepFeatures[featuresAt], stepFeatures[featuresAt + 1u],
        stepFeatures[featuresAt + 2u], stepFeatures[featuresAt + 3u])`;
  const statements = `
  ${forwardPass(sizes, head, 'steps')}
  // The logits read what other threads have stored.
  storageBarrier();
  ${logitsOf('steps', 'stepFeatureQuad(firstRow + vector * LANES, quad)', 'logits[(firstRow + vector * LANES) * CLASSES + k] = logit;')}`;
  const stepFeatureQuad = `
fn stepFeatureQuad(row: u32, quad: u32) -> vec4f {
  let featuresAt = row * FEATURES + 4u * quad;
  return ${feature};
}`;
  return kernel(
    'stack steps',
    bindings,
    program(sizes, capacity, subgroupSize, statements) + stepFeatureQuad,
    extensions(subgroupSize),
  );
}
