/**
 * The loop over time as a chain of dispatches, one a step, for large hidden sizes and batches: a step is a matrix
 * product of all running sequences, both directions in one dispatch, and gates and states are computed at its end.
 */
import { dispatch, kernel, MAX_GROUPS, read, type Slice, write } from '../kernel.js';
import type { LstmLayer, Recurrence } from '../verbs.js';
import { chainBackward } from './chain-backward.js';
import { chainForward } from './chain-forward.js';
import { partOf, sizesOf, tensorFunctions } from './layer-sizes.js';
import type { TileChooser } from './tile.js';

export { stepTable } from './chain-steps.js';

const GROUP = 256;

/** @param steps a slice with a `stepTable` of at least the capacity's steps */
export function chain(steps: Slice, choose: TileChooser): Recurrence {
  return {
    panelsWords: (layer, backward) => recurrentWords(layer) * (backward ? 2 : 1),
    panels: ({ layer, parameters, panels, backward }) => {
      const words = recurrentWords(layer) * (backward ? 2 : 1);
      const slices = { parameters, panels: partOf(panels, 0, words) };
      const groups = Math.min(MAX_GROUPS, Math.ceil(words / GROUP));
      return [dispatch(panelsKernel(layer, words), slices, [groups])];
    },
    scratchWords: (layer, { lanes, blocks }) => {
      const { directions, hidden } = sizesOf(layer);
      return directions * hidden * lanes * blocks;
    },
    forward: (args) => chainForward(args, recurrentPanels(args.layer, args.panels).forward, steps, choose),
    backward: (args) => chainBackward(args, recurrentPanels(args.layer, args.panels).backward, steps, choose),
  };
}

/** Words of the recurrent weights of all directions, with padding. */
function recurrentWords(layer: LstmLayer): number {
  const { directions, hidden } = sizesOf(layer);
  return directions * hidden * hidden * 4;
}

/** The parts of the panels: weightHh as [D, H', H', 4] for hidden states · weights, then as [D, H', 4, H']. */
function recurrentPanels(layer: LstmLayer, panels: Slice) {
  const words = recurrentWords(layer);
  return { forward: partOf(panels, 0, words), backward: partOf(panels, words, words) };
}

function panelsKernel(layer: LstmLayer, words: number) {
  const { hiddenSize, hidden } = sizesOf(layer);
  return kernel(
    'lstm recurrent panels',
    { parameters: read('f32'), panels: write('f32') },
    `${tensorFunctions(layer)}
// weightHh from hidden state \`source\` to gate \`gate\` (unit · 4 + i, f, g or o).
fn weight(direction: u32, gate: u32, source: u32) -> f32 {
  let unit = gate / 4u;
  if (unit >= ${hiddenSize}u || source >= ${hiddenSize}u) { return 0.0f; }
  return parameters[weightHh(direction) + (gate % 4u * ${hiddenSize}u + unit) * ${hiddenSize}u + source];
}
fn panel(word: u32) -> f32 {
  let forward = word < ${recurrentWords(layer)}u;
  let direction = word / ${hidden * hidden * 4}u % ${layer.tensors.length}u;
  let place = word % ${hidden * hidden * 4}u;
  if (forward) { return weight(direction, place % ${hidden * 4}u, place / ${hidden * 4}u); }
  return weight(direction, place / ${hidden}u, place % ${hidden}u);
}
@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var word = id.x; word < ${words}u; word += groups.x * ${GROUP}u) { panels[word] = panel(word); }
}`,
  );
}
