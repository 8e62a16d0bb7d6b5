/** Protects the stack: logits, losses and gradients of small networks, all layers in one kernel. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import type { Dispatch } from '#src/backends/webgpu/kernel.js';
import { stackFits } from '#src/backends/webgpu/stack/stack.js';
import { COUNTERS } from '#src/backends/webgpu/update/training-state.js';
import { halfToNumber, numberToHalf } from '#src/half.js';
import { assertWithin, type Tolerance } from '../../../cases/oracle/comparison.js';
import { type NetworkCase, oracleAnswers } from '../oracle-network.js';
import { gpuOrSkip, testGpu } from '../software-gpu.js';
import { NETWORKS, RAGGED } from './stack-cases.js';
import { type RunOptions, runStack, stackNetwork, withCode } from './stack-run.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

const CLOSE: Tolerance = {
  units: 100,
  floor: 1,
  why: 'float32 sums of up to 100 products in each of up to 20 steps, one after the other; values of about 1',
};
const GRADIENTS: Tolerance = {
  units: 200,
  why: 'as the logits; gradients pass through all steps and layers twice, and are sums over all rows',
};

const classOf = (logits: ArrayLike<number>) => Array.from(logits).indexOf(Math.max(...Array.from(logits)));

async function assertAsOracle(device: GpuDevice, network: NetworkCase, options: RunOptions = {}) {
  const { layout, lengths, labels, config } = network;
  const K = config.numClasses;
  const got = await runStack(device, network, options);
  const want = oracleAnswers(network);
  assertWithin('logits', got.logits, want.logits, CLOSE);
  assertWithin('losses', got.losses, want.losses, CLOSE);
  lengths.forEach((_, b) => {
    const right = classOf(want.logits.subarray(b * K, (b + 1) * K)) === labels[b];
    assert.equal(got.correct[b], right ? 1 : 0, `correct[${b}]`);
  });
  const share = options.part ? lengths.length / options.part.total : 1;
  const scale = share * (options.scale ?? 1);
  for (const { name, offset, length } of layout.places) {
    const scaled = want.gradients.subarray(offset, offset + length).map((g) => g * scale);
    assertWithin(name, got.gradients.subarray(offset, offset + length), scaled, GRADIENTS);
  }
  return got;
}

for (const [name, network, options] of NETWORKS) {
  test(`a stack of ${name}`, async (t) => {
    const gpu = await gpuOrSkip(t);
    if (!gpu) return;
    assert.ok(stackFits(stackNetwork(network), gpu.device, true));
    await assertAsOracle(gpu.device, network, options);
  });
}

test('the same answers without shuffles, and with weights in registers', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  await assertAsOracle(gpu.device, RAGGED, { device: { subgroupSize: null, isSoftware: false } });
});

/** Shuffles of large subgroups, through workgroup memory. */
function withoutSubgroups(code: string): string {
  const call = /subgroupShuffleXor\((.*), (\d+u)\)/g;
  const emulated = code.replace('enable subgroups;', '').replaceAll(call, (_, value: string, mask) => {
    const isVector = value.startsWith('select(partial');
    return isVector ? `shuffled(${value}, ${mask}, thread)` : `shuffled(vec2f(${value}), ${mask}, thread).x`;
  });
  return `${emulated}
var<workgroup> shuffledValues: array<vec2f, ${THREADS_OF_RAGGED}>;
fn shuffled(value: vec2f, mask: u32, thread: u32) -> vec2f {
  shuffledValues[thread] = value;
  workgroupBarrier();
  let other = shuffledValues[thread ^ mask];
  workgroupBarrier();
  return other;
}`;
}

const THREADS_OF_RAGGED = 4 * RAGGED.config.hiddenSize * RAGGED.config.numLayers;

test('the same answers with shuffles of 16 threads', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const device = { subgroupSize: 16, features: new Set(['subgroups']) };
  const rewrite = (dispatch: Dispatch) => withCode(dispatch, withoutSubgroups);
  await assertAsOracle(gpu.device, RAGGED, { device, rewrite });
});

test("mixed precision: halves as inputs, and a training's state that gives the loss scale and begins its batch", async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const rounded = RAGGED.sequences.map((values) => values.map((x) => halfToNumber(numberToHalf(x))));
  const network = { ...RAGGED, sequences: rounded };
  const { state } = await assertAsOracle(gpu.device, network, { storage: 'float16', scale: 1024 });
  const now = state!.subarray(16, 32);
  assert.equal(now[COUNTERS.sequences], RAGGED.lengths.length);
  assert.equal(new Float32Array(now.buffer, now.byteOffset)[COUNTERS.scale], 1024);
});

test('a training step has 2 dispatches; panels, forward and steps have 1', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const { dispatches } = await runStack(gpu.device, RAGGED);
  assert.deepEqual(dispatches, ['panels 1', 'training 2', 'forward 1', 'steps 1']);
});
