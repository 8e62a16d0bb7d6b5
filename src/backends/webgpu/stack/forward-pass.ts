/**
 * WGSL of the forward pass of all layers, for one sequence in a workgroup.
 *
 * Four threads compute a unit of a layer. Each multiplies a quarter of the operands with the weights of all four gates;
 * then the four exchange their sums, and each applies the activation of one gate.
 */
import type { Head } from '../verbs.js';
import { product, weightRegisters } from './product.js';
import type { StackSizes } from './stack-sizes.js';

/** What a pass leaves behind: activations for the backward pass, features after the last step, or after every step. */
export type ForwardKind = 'training' | 'inference' | 'steps';

/**
 * Declarations of workgroup memory.
 *
 * `operands` [2, L + 1, H'] holds, at slot l, the output of layer l - 1 (the inputs for l = 0). Layer l multiplies
 * slots l and l + 1, which lie together. Stages write one half and read the other.
 */
export const FORWARD_MEMORY = `
const UNIT_QUADS = UNITS / 4u;
const OPERAND_QUADS = (LAYERS + 1u) * UNIT_QUADS;
var<workgroup> operands: array<vec4f, 2u * OPERAND_QUADS>;
// By a switch: threads write components of one vec4 at the same time, so none may be written back as a whole.
fn setOperand(quad: u32, component: u32, value: f32) {
  switch (component) {
    case 0u: { operands[quad].x = value; }
    case 1u: { operands[quad].y = value; }
    case 2u: { operands[quad].z = value; }
    default: { operands[quad].w = value; }
  }
}
`;

/** Statements. They use: thread, layer, layerThread, steps, firstRow (of the sequence, at step 0). */
export function forwardPass(sizes: StackSizes, head: Head, kind: ForwardKind): string {
  const training = kind === 'training';
  return `
  {
    // Stage s: layer l computes step t = s - l.
    let unit = layerThread / 4u;
    let gateOfThread = layerThread % 4u;
    let weightsAt = layer * WEIGHTS * LAYER_THREADS + layerThread;
    ${weightRegisters(sizes)}
    let bias = panels[BIASES + layer * UNITS + unit][gateOfThread];
    // Valid in odd threads.
    var cell = 0.0;
    ${head.name === 'mean' ? 'var outputSum = 0.0;' : ''}
    // Inputs are read a stage before they are written to the operands.
    var nextInput = vec4f(0.0);
    if (thread < INPUT_QUADS) {
      operands[OPERAND_QUADS + thread] = inputQuad(firstRow, thread);
      nextInput = inputQuad(firstRow + min(1u, steps - 1u) * LANES, thread);
    }
    workgroupBarrier();
    for (var stage = 0u; stage < steps + LAYERS - 1u; stage++) {
      let t = stage - layer;
      let isRunning = stage >= layer && t < steps;
      let readAt = ((stage + 1u) % 2u) * OPERAND_QUADS + layer * UNIT_QUADS;
      let writeAt = (stage % 2u) * OPERAND_QUADS;
      var sum = vec4f(0.0);
      ${product(sizes, (m) => `operands[readAt + gateOfThread + 4u * ${m}]`)}
      let gate = sigmoidOrTanh(sumOf4(sum, thread) + bias, gateOfThread == 2u);
      let state = stateGates(gate, thread);
      let newCell = fma(state.y, cell, state.x);
      let output = state.z * tanhOf(newCell);
      if (isRunning) {
        let row = firstRow + t * LANES;
        cell = newCell;
        if (gateOfThread == 1u) {
          setOperand(writeAt + (layer + 1u) * UNIT_QUADS + unit / 4u, unit % 4u, output);
          ${kind === 'steps' ? featureOfStep(head) : featureAtEnd(head)}
        }
        ${training ? STORE_ACTIVATIONS : ''}
      }
      if (thread < INPUT_QUADS) {
        operands[writeAt + thread] = nextInput;
        nextInput = inputQuad(firstRow + min(stage + 2u, steps - 1u) * LANES, thread);
      }
      workgroupBarrier();
    }
  }`;
}

const STORE_ACTIVATIONS = `
        let record = (row * LAYERS + layer) * RECORD;
        scratch[record + unit][gateOfThread] = gate;
        if (gateOfThread == 3u) { scratch[record + CELLS + unit / 4u][unit % 4u] = cell; }
        if (layerThread < 2u * UNIT_QUADS) {
          scratch[record + OPERANDS + layerThread] = operands[readAt + layerThread];
        }`;

/** Writes `features` [F'] in the last step. */
function featureAtEnd({ name }: Head): string {
  const atEnd = 't + 1u == steps';
  const inLastLayer = 'layer == LAYERS - 1u';
  if (name === 'final') return `if (${atEnd}) { features[layer * UNITS + unit] = output; }`;
  if (name === 'last') return `if (${inLastLayer} && ${atEnd}) { features[unit] = output; }`;
  return `outputSum += output;
          if (${inLastLayer} && ${atEnd}) { features[unit] = outputSum / f32(steps); }`;
}

/** Writes `stepFeatures` [N, F'] in every step. */
function featureOfStep({ name }: Head): string {
  const inLastLayer = 'layer == LAYERS - 1u';
  if (name === 'final') return 'stepFeatures[row * FEATURES + layer * UNITS + unit] = output;';
  if (name === 'last') return `if (${inLastLayer}) { stepFeatures[row * FEATURES + unit] = output; }`;
  return `outputSum += output;
          if (${inLastLayer}) { stepFeatures[row * FEATURES + unit] = outputSum / f32(t + 1u); }`;
}
