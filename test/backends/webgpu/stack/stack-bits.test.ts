/**
 * Protects that a stack's bits stay the same: for a sequence alone and in company, a batch in one pass and in two,
 * workgroups along one axis and along two, and a sequence that ends after any of its steps.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { capacityFor } from '#src/backends/webgpu/batch-layout.js';
import type { Dispatch } from '#src/backends/webgpu/kernel.js';
import { sequenceGroups } from '#src/backends/webgpu/stack/sequence-kernel.js';
import { type NetworkCase, networkCase } from '../oracle-network.js';
import { gpuOrSkip, testGpu } from '../software-gpu.js';
import { RAGGED, TWO_BLOCKS } from './stack-cases.js';
import { runStack, withCode } from './stack-run.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

/** Every kernel that does not need other sizes is made for this one, because compiling takes longest. */
const ROOM = capacityFor(RAGGED.lengths.length, RAGGED.lengths[0]);

/** The first steps of one sequence. */
function alone(network: NetworkCase, b: number, steps: number): NetworkCase {
  return {
    ...network,
    lengths: [steps],
    sequences: [network.sequences[b]],
    labels: network.labels.slice(b, b + 1),
  };
}

test('a sequence alone and in company has the same bits', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const K = RAGGED.config.numClasses;
  const all = await runStack(gpu.device, RAGGED);
  const again = await runStack(gpu.device, RAGGED);
  assert.deepEqual(again.partials, all.partials);
  const b = 4;
  const one = alone(RAGGED, b, RAGGED.lengths[b]);
  const inRoom = await runStack(gpu.device, one, { capacity: ROOM });
  assert.deepEqual(inRoom.losses, all.losses.subarray(b, b + 1));
  for (const { logits } of [inRoom, await runStack(gpu.device, one, { inference: true })]) {
    assert.deepEqual(logits, all.logits.subarray(b * K, (b + 1) * K));
  }
});

test('a batch in two passes has the gradients of one pass, each in its split', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const { lengths, sequences, labels } = TWO_BLOCKS;
  const [B, P] = [lengths.length, TWO_BLOCKS.parameters.length];
  const { partials } = await runStack(gpu.device, TWO_BLOCKS);
  const capacity = { ...capacityFor(16, lengths[0]), blocks: 1 };
  for (const [split, from, to] of [
    [0, 0, 16],
    [1, 16, B],
  ]) {
    const part = {
      ...TWO_BLOCKS,
      lengths: lengths.slice(from, to),
      sequences: sequences.slice(from, to),
      labels: labels.slice(from, to),
    };
    const pass = await runStack(gpu.device, part, { capacity, part: { first: from, total: B } });
    assert.deepEqual(pass.partials, partials.subarray(split * P, (split + 1) * P), `split ${split}`);
  }
});

test('more sequences than a dispatch has workgroups in one axis', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  assert.deepEqual(sequenceGroups(capacityFor(70_000, 1)), [65_535, 2]);
  // The same with a limit of 3.
  const rewrite = (dispatch: Dispatch): Dispatch => {
    const { groups } = dispatch;
    const limited = withCode(dispatch, (code) => code.replace('group.y * 65535u', 'group.y * 3u'));
    return limited.kernel.code === dispatch.kernel.code
      ? dispatch
      : { ...limited, groups: [3, 3, groups[2]] };
  };
  const all = await runStack(gpu.device, RAGGED);
  const limited = await runStack(gpu.device, RAGGED, { rewrite });
  assert.deepEqual(limited.logits, all.logits);
  assert.deepEqual(limited.partials, all.partials);
});

test('the logits after each step are those of the sequence up to there', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const networks = (['last', 'mean'] as const).map((head) =>
    networkCase({ inputSize: 4, hiddenSize: 12, numLayers: 3, numClasses: 7, head }, [4, 3]),
  );
  for (const network of [RAGGED, ...networks]) {
    const capacity = capacityFor(network.lengths.length, network.lengths[0]);
    const all = await runStack(gpu.device, network, { capacity, inference: true });
    for (const [b, length] of network.lengths.entries()) {
      for (let steps = 1; steps <= Math.min(4, length); steps++) {
        const { logits } = await runStack(gpu.device, alone(network, b, steps), {
          capacity,
          inference: true,
        });
        assert.deepEqual(all.stepLogits(b, steps - 1), logits, `${network.config.head}, ${b}, step ${steps}`);
      }
    }
  }
});
