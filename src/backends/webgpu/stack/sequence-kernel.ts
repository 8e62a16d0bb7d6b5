/** The kernels whose workgroups compute a sequence each: training step, logits, and logits after every step. */
import { ACTIVATIONS, SIGMOID_OR_TANH } from '../activation.js';
import { type BatchCapacity, batchFunctions } from '../batch-layout.js';
import { weightBinding } from '../head/class-weights.js';
import { type Binding, inTwoAxes, type Kernel, kernel, MAX_GROUPS, read, write } from '../kernel.js';
import { BEGIN_BATCH } from '../update/training-state.js';
import type { CrossEntropyArguments, Head, Storage } from '../verbs.js';
import { BACKWARD_MEMORY, backwardPass } from './backward-pass.js';
import { CLASSIFIER_MEMORY, logitsOf, loss, lossDeclarations } from './classifier-code.js';
import { FORWARD_MEMORY, forwardPass } from './forward-pass.js';
import { laneFunctions, usesShuffles } from './lanes.js';
import { type StackSizes, sizeConstants, trainingScratch } from './stack-sizes.js';

/** The workgroups of a dispatch: one a sequence, and perhaps some without. */
export function sequenceGroups({ blocks, lanes }: BatchCapacity): [number, number] {
  return inTwoAxes(blocks * lanes);
}

/** What the kernels are made for. */
export interface SequenceSetting {
  sizes: StackSizes;
  head: Head;
  capacity: BatchCapacity;
  /** Of the inputs. */ storage: Storage;
  /** 1: no shuffles. */ subgroupSize: number;
}

/** The loss of a training kernel. With a state, that gives the loss scale, and the kernel begins the batch. */
type LossSetting = Pick<CrossEntropyArguments, 'labelSmoothing' | 'classWeights' | 'state'>;

export function trainingKernel(
  setting: SequenceSetting,
  { labelSmoothing, classWeights, state }: LossSetting,
): Kernel {
  const hasState = state !== null;
  const { sizes, head, capacity } = setting;
  const { summaries } = trainingScratch(sizes, capacity);
  const bindings: Record<string, Binding> = {
    /** [B] */ labels: read('u32'),
    /** Records [N, L], then summaries [B']. */ scratch: write('vec4f'),
    /** [B] of the whole batch */ losses: write('f32'),
    /** [B] of the whole batch */ correct: write('u32'),
    ...(hasState ? { state: write('u32') } : {}),
    ...weightBinding(sizes.classes, classWeights),
  };
  const declarations = `
// Where the summaries begin in the scratch memory.
const SUMMARIES = ${summaries}u;
${lossDeclarations(sizes.classes, labelSmoothing, Boolean(classWeights))}
${BACKWARD_MEMORY}
${hasState ? BEGIN_BATCH : ''}`;
  const start = `
  ${hasState ? 'if (b == 0u && thread == 0u) { beginBatch(batchSequences(), batchWeight()); }' : ''}
  // Rows of the block after the end of the sequence add nothing to the gradients of the weights.
  for (var t = steps; t < blockSteps(b / LANES); t++) {
    for (var n = thread; n < LAYERS * RECORD; n += THREADS) {
      scratch[rowOf(b, t) * LAYERS * RECORD + n] = vec4f(0.0);
    }
  }`;
  const passes = `
  ${forwardPass(sizes, head, 'training')}
  ${logitsOf('1u', 'featureQuad(quad)', 'logits[k] = logit;')}
  ${loss(hasState)}
  // The backward pass reads what other threads have stored.
  storageBarrier();
  ${backwardPass(sizes, head)}`;
  return sequenceKernel(setting, { label: 'stack training', bindings, declarations, start, passes });
}

/** Logits after the last step. */
export function forwardKernel(setting: SequenceSetting): Kernel {
  const passes = `
  ${forwardPass(setting.sizes, setting.head, 'inference')}
  ${logitsOf('1u', 'featureQuad(quad)', 'logits[b * CLASSES + k] = logit;')}`;
  const bindings = { /** [B, K] */ logits: write('f32') };
  return sequenceKernel(setting, { label: 'stack forward', bindings, declarations: '', start: '', passes });
}

/** Logits after every step. */
export function stepsKernel(setting: SequenceSetting): Kernel {
  const declarations = `
fn stepFeatureQuad(row: u32, quad: u32) -> vec4f {
  let at = row * FEATURES + 4u * quad;
  return vec4f(stepFeatures[at], stepFeatures[at + 1u], stepFeatures[at + 2u], stepFeatures[at + 3u]);
}`;
  const row = 'firstRow + vector * LANES';
  const passes = `
  ${forwardPass(setting.sizes, setting.head, 'steps')}
  // The logits read what other threads have stored.
  storageBarrier();
  ${logitsOf('steps', `stepFeatureQuad(${row}, quad)`, `logits[(${row}) * CLASSES + k] = logit;`)}`;
  const bindings = { /** [N, F'] */ stepFeatures: write('f32'), /** [N, K] */ logits: write('f32') };
  return sequenceKernel(setting, { label: 'stack steps', bindings, declarations, start: '', passes });
}

interface Program {
  label: string;
  bindings: Record<string, Binding>;
  declarations: string;
  /** Statements for every workgroup. */ start: string;
  /** Statements for workgroups that have a sequence. */ passes: string;
}

function sequenceKernel(setting: SequenceSetting, program: Program): Kernel {
  const { sizes, capacity, storage, subgroupSize } = setting;
  const bindings = {
    panels: read('vec4f'),
    batch: read('u32'),
    /** [N, I'] */ inputs: read(storage === 'float32' ? 'vec4f' : 'vec2u'),
    ...program.bindings,
  };
  const body = `
${sizeConstants(sizes)}
${batchFunctions(capacity)}
${ACTIVATIONS}
${SIGMOID_OR_TANH}
${laneFunctions(sizes.threads, subgroupSize)}
${INPUT_QUAD[storage]}
${FORWARD_MEMORY}
${CLASSIFIER_MEMORY}
${program.declarations}
@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let b = group.y * ${MAX_GROUPS}u + group.x;
  if (b >= ${capacity.blocks * capacity.lanes}u) { return; }
  let layer = thread / LAYER_THREADS;
  let layerThread = thread % LAYER_THREADS;
  let steps = lengthOf(b);
  let firstRow = rowOf(b, 0u);
  ${program.start}
  if (steps == 0u) { return; }
  ${program.passes}
}`;
  return kernel(program.label, bindings, body, usesShuffles(subgroupSize) ? ['subgroups'] : []);
}

const INPUT_QUAD: Record<Storage, string> = {
  float32: `
fn inputQuad(row: u32, quad: u32) -> vec4f { return inputs[row * INPUT_STRIDE + quad]; }`,
  float16: `
fn inputQuad(row: u32, quad: u32) -> vec4f {
  let halves = inputs[row * INPUT_STRIDE + quad];
  return vec4f(unpack2x16float(halves.x), unpack2x16float(halves.y));
}`,
};
