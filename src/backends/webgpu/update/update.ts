/**
 * The verb `update`: the end of a batch. Sums the gradients, judges them, changes the parameters, and writes the results
 * of the batch and the counters of the next (training-state.ts).
 *
 * One dispatch, in which sum and update are one, if nothing depends on the norm of the gradient; with clipping or mixed
 * precision two, `sumGradients` and the update.
 */
import { type Binding, type Dispatch, dispatch, kernel, read, type Slice, write } from '../kernel.js';
import type { UpdateArguments } from '../verbs.js';
import { ruleFunctions } from './rules.js';
import { blocksOf, GROUP, orderedSum, sumGradients } from './sum-gradients.js';
import { verdictFunctions } from './verdict.js';

export function update(args: UpdateArguments): Dispatch[] {
  const { rule, maxNorm, lossScaling, state, gradients, sums, accumulate, squares, vectors } = args;
  const { losses, correct, parameters } = args;
  const { partials, splits, parameters: P } = gradients;
  const needsNorm = maxNorm !== null || lossScaling !== null;
  const bindings: Record<string, Binding> = {
    state: write('u32'),
    losses: read('f32'),
    correct: read('u32'),
    parameters: write('f32'),
  };
  const slices: Record<string, Slice> = { state: state.words, losses, correct, parameters };
  const bind = (name: string, binding: Binding, slice: Slice) => {
    bindings[name] = binding;
    slices[name] = slice;
  };
  if (vectors) bind('vectors', write('f32'), vectors);
  if (needsNorm) bind('squares', read('vec2f'), squares);
  else bind('partials', read('f32'), partials);
  if (needsNorm || accumulate) bind('sums', read('f32'), sums);

  const { each, count } = blocksOf(P);
  const body = `
${verdictFunctions({ batches: state.batches, blocks: needsNorm ? count : 0, maxNorm, lossScaling })}
${needsNorm ? 'fn gradientOf(n: u32) -> f32 { return sums[n]; }' : orderedSum(splits, P, accumulate)}
${ruleFunctions(rule, P)}
@compute @workgroup_size(${GROUP})
fn main(@builtin(workgroup_id) block: vec3u, @builtin(local_invocation_index) local: u32) {
  let verdict = judge(local);
  if (verdict.updates) {
    let rates = ratesOf(now(COUNTER_BATCH), now(COUNTER_UPDATES));
    for (var e = 0u; e < ${each}u; e++) {
      let n = (block.x * ${each}u + e) * ${GROUP}u + local;
      if (n < ${P}u) { updateParameter(n, gradientOf(n) * verdict.gradient_scale, rates); }
    }
  }
  if (block.x == 0u && local == 0u) { endBatch(verdict); }
}`;
  const label = `update ${rule.name}${needsNorm ? '' : ' sum'}`;
  const updating = dispatch(kernel(label, bindings, body), slices, [count]);
  if (!needsNorm) return [updating];
  return [...sumGradients({ gradients, sums, accumulate, squares }), updating];
}
