/**
 * WGSL of the backward pass of all layers, for one sequence in a workgroup.
 *
 * The gradient of a unit's output is the sum over the gates' gradients of its own layer at the step after and of the
 * layer above at the same step. 16 threads compute four units: each multiplies a 16th of those gradients with the
 * weights of all four units; then they exchange their sums, and the first four threads compute a unit each.
 */
import type { Head } from '../verbs.js';
import { product, weightRegisters } from './product.js';
import type { StackSizes } from './stack-sizes.js';

/**
 * Declarations of workgroup memory. `dGates` [2, L + 1, H'] holds the gradients before the activations of layer l at
 * slot l; slot L stays zero. Layer l multiplies slots l and l + 1. Stages write one half and read the other.
 */
export const BACKWARD_MEMORY = `
const GATE_SLOTS = (LAYERS + 1u) * UNITS;
var<workgroup> dGates: array<vec4f, 2u * GATE_SLOTS>;
`;

/** Statements. They use: thread, layer, layerThread, steps, firstRow, and `features`, which hold their gradient. */
export function backwardPass(sizes: StackSizes, head: Head): string {
  return `
  {
    // Stage s: layer l computes step t = steps - 1 - (s - (L - 1 - l)).
    let part = layerThread % 16u;
    let unit = layerThread / 16u * 4u + part % 4u;
    let isOwner = part < 4u;
    let weightsAt = BACKWARD + layer * WEIGHTS * LAYER_THREADS + layerThread;
    ${weightRegisters(sizes)}
    let lag = LAYERS - 1u - layer;
    ${dFeature(head)}
    // From the step after; valid in owners.
    var dCell = 0.0;
    var cell = scratch[((firstRow + (steps - 1u) * LANES) * LAYERS + layer) * RECORD + CELLS + unit / 4u][unit % 4u];
    for (var stage = 0u; stage < steps + LAYERS - 1u; stage++) {
      let isRunning = stage >= lag && stage - lag < steps;
      let t = steps - 1u - select(0u, stage - lag, isRunning);
      let record = ((firstRow + t * LANES) * LAYERS + layer) * RECORD;
      var gates = vec4f(0.0);
      var cellBefore = 0.0;
      if (isOwner) {
        gates = scratch[record + unit];
        if (t > 0u) { cellBefore = scratch[record - LANES * LAYERS * RECORD + CELLS + unit / 4u][unit % 4u]; }
      }
      let readAt = ((stage + 1u) % 2u) * GATE_SLOTS + layer * UNITS + part;
      var sum = vec4f(0.0);
      ${product(sizes, (m) => `dGates[readAt + 16u * ${m}]`)}
      var dOutput = sumOf16(sum, thread);
      if (isRunning && isOwner) {
        ${head.name === 'mean' ? 'dOutput += dFeature;' : 'if (t + 1u == steps) { dOutput += dFeature; }'}
        let tanhCell = tanhOf(cell);
        let dc = dCell + dOutput * gates.w * (1.0 - tanhCell * tanhCell);
        let dGate = vec4f(
          dc * gates.z * gates.x * (1.0 - gates.x),
          dc * cellBefore * gates.y * (1.0 - gates.y),
          dc * gates.x * (1.0 - gates.z * gates.z),
          dOutput * tanhCell * gates.w * (1.0 - gates.w));
        dGates[(stage % 2u) * GATE_SLOTS + layer * UNITS + unit] = dGate;
        scratch[record + unit] = dGate;
        dCell = dc * gates.y;
        cell = cellBefore;
      }
      workgroupBarrier();
    }
  }`;
}

/** Declares the gradient that the head gives to the output of a unit, in the last step or, for `mean`, in every step. */
function dFeature({ name }: Head): string {
  if (name === 'final') return 'let dFeature = features[layer * UNITS + unit];';
  const value = name === 'last' ? 'features[unit]' : 'features[unit] / f32(steps)';
  return `let dFeature = select(0.0, ${value}, layer == LAYERS - 1u);`;
}
