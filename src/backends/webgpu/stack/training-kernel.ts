/** The kernel that computes forward pass, loss and backward pass of a sequence in each workgroup. */
import { ACTIVATIONS, SIGMOID_OR_TANH } from '../activation.js';
import { type BatchCapacity, batchFunctions } from '../batch-layout.js';
import { type Binding, type Kernel, kernel, read, uniform, write } from '../kernel.js';
import { BACKWARD_MEMORY, backwardPass } from './backward-pass.js';
import { CLASSIFIER_MEMORY, LOSS_MEMORY, logitsOf, loss } from './classifier-code.js';
import { FORWARD_MEMORY, forwardPass } from './forward-pass.js';
import { laneFunctions, usesShuffles } from './lanes.js';
import type { StackNetwork } from './stack.js';
import { type StackSizes, sizeConstants } from './stack-sizes.js';

export interface TrainingOptions {
  labelSmoothing: number;
  /** The gradient is multiplied by a loss scale. */ scaled: boolean;
  /** 1: no shuffles. */ subgroupSize: number;
}

/** Variables of a thread that the passes use. */
export const THREAD_VARIABLES = `
  let b = group.x;
  let layer = thread / LAYER_THREADS;
  let layerThread = thread % LAYER_THREADS;
  let steps = lengthOf(b);
  let firstRow = rowOf(b, 0u);`;

export function trainingKernel(
  network: StackNetwork,
  sizes: StackSizes,
  capacity: BatchCapacity,
  { labelSmoothing, scaled, subgroupSize }: TrainingOptions,
): Kernel {
  const bindings: Record<string, Binding> = {
    panels: read('vec4f'),
    batch: read('u32'),
    /** [N, I'] */ inputs: read('vec4f'),
    /** [B] */ labels: read('u32'),
    /** [N, L] records */ activations: write('vec4f'),
    /** [B', F' + K] */ summaries: write('f32'),
    /** [B] */ losses: write('f32'),
    /** [B] */ correct: write('f32'),
  };
  const body = `
${sizeConstants(sizes)}
${batchFunctions(capacity)}
${ACTIVATIONS}
${SIGMOID_OR_TANH}
${laneFunctions(sizes.threads, subgroupSize)}
${FORWARD_MEMORY}
${CLASSIFIER_MEMORY}
${LOSS_MEMORY}
${BACKWARD_MEMORY}
@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  ${THREAD_VARIABLES}
  // Rows of the block after the end of the sequence add nothing to the gradients of the weights.
  for (var t = steps; t < blockSteps(b / LANES); t++) {
    for (var n = thread; n < LAYERS * RECORD; n += THREADS) {
      activations[rowOf(b, t) * LAYERS * RECORD + n] = vec4f(0.0);
    }
  }
  if (steps == 0u) { return; }
  ${forwardPass(sizes, network.head, 'training')}
  ${logitsOf('1u', 'featureQuad(quad)', 'logits[k] = logit;')}
  ${loss(labelSmoothing, scaled)}
  // The backward pass reads what other threads have stored.
  storageBarrier();
  ${backwardPass(sizes, network.head)}
}`;
  const extensions = usesShuffles(subgroupSize) ? (['subgroups'] as const) : [];
  return kernel(
    'stack training',
    scaled ? { ...bindings, scale: uniform('f32') } : bindings,
    body,
    extensions,
  );
}
