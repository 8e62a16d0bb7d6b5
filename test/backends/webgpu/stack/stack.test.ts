/** Protects the stack: logits, losses and gradients of small networks, all layers in one kernel. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type BatchCapacity, capacityFor, layOut, layoutWords } from '#src/backends/webgpu/batch-layout.js';
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import type { Dispatch, Slice } from '#src/backends/webgpu/kernel.js';
import { sequenceGroups } from '#src/backends/webgpu/stack/sequence-kernel.js';
import { Stack, type StackDevice, stackFits } from '#src/backends/webgpu/stack/stack.js';
import type { StackNetwork } from '#src/backends/webgpu/stack/stack-network.js';
import { COUNTERS, epochWords } from '#src/backends/webgpu/update/training-state.js';
import { padded, type Storage } from '#src/backends/webgpu/verbs.js';
import { halfToNumber, numberToHalf } from '#src/half.js';
import { layerInputSize } from '#src/model/classifier-config.js';
import { assertWithin, type Tolerance } from '../../../cases/comparison.js';
import { type NetworkCase, networkCase, oracleAnswers } from '../oracle-network.js';
import { gpuOrSkip, testGpu } from '../software-gpu.js';

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

function stackNetwork({ config, layout }: NetworkCase): StackNetwork {
  const offset = (name: string) => layout.places.find((place) => place.name === name)!.offset;
  return {
    layers: Array.from({ length: config.numLayers }, (_, l) => ({
      inputs: { parts: 1, size: layerInputSize(config, l) },
      hiddenSize: config.hiddenSize,
      tensors: [
        {
          weightIh: offset(`lstm.weight_ih_l${l}`),
          weightHh: offset(`lstm.weight_hh_l${l}`),
          biasIh: offset(`lstm.bias_ih_l${l}`),
          biasHh: offset(`lstm.bias_hh_l${l}`),
        },
      ],
    })),
    head: {
      name: config.head,
      layers: config.numLayers,
      directions: 1,
      hiddenSize: config.hiddenSize,
      steps: 1,
    },
    classes: config.numClasses,
    tensors: { weight: offset('fc.weight'), bias: offset('fc.bias') },
    parameters: layout.length,
    dropout: { features: config.dropout, outputs: config.layerDropout },
  };
}

interface RunOptions {
  capacity?: BatchCapacity;
  splits?: number;
  /** Loss scale of a training's state; without, there is no state. */
  scale?: number;
  /** The sequences are those from `first` on of a batch of `total`. */
  part?: { first: number; total: number };
  storage?: Storage;
  /** Without training. */ inference?: boolean;
  /** Changes dispatches. */ rewrite?: (dispatch: Dispatch) => Dispatch;
  /** How the kernels are made. Default: as for the device. */
  device?: Partial<StackDevice>;
}

const SGD = {
  name: 'sgd',
  momentum: 0,
  nesterov: false,
  betas: [0, 0],
  eps: 0,
  weightDecay: 0,
} as const;

/** Runs every kernel of a stack, in memory that is full of NaN. */
async function runStack(device: GpuDevice, network: NetworkCase, options: RunOptions = {}) {
  const { config, lengths, sequences, labels, parameters, labelSmoothing } = network;
  const { storage = 'float32', scale } = options;
  const [B, I, K, P] = [lengths.length, config.inputSize, config.numClasses, parameters.length];
  const { first, total } = options.part ?? { first: 0, total: B };
  const capacity = options.capacity ?? capacityFor(B, lengths[0]);
  const laidOut = layOut(capacity, lengths, total, first);
  const { limits, features, subgroupSize, isSoftware } = device;
  const stack = new Stack(stackNetwork(network), {
    limits,
    features,
    subgroupSize,
    isSoftware,
    ...options.device,
  });
  const slices: Slice[] = [];
  const allocate = (words: number, values?: Float32Array | Int32Array | Uint32Array) => {
    const slice = device.allocate(words);
    slices.push(slice);
    device.write(slice, new Float32Array(slice.size / 4).fill(Number.NaN));
    if (values) device.write(slice, values);
    return slice;
  };
  const width = padded(I);
  const inputs = new Float32Array(capacity.rows * width);
  sequences.forEach((sequence, b) => {
    for (let t = 0; t < lengths[b]; t++) {
      inputs.set(sequence.subarray(t * I, (t + 1) * I), laidOut.rowOf(b, t) * width);
    }
  });
  const stored =
    storage === 'float32' ? inputs : new Uint32Array(Uint16Array.from(inputs, numberToHalf).buffer);
  const splits = options.splits ?? capacity.blocks;
  const epoch = scale === undefined ? null : epochWords(1, SGD, epochWith(scale));
  const state = epoch && { batches: 1, words: allocate(epoch.length, epoch) };
  const shared = {
    batch: { capacity, words: allocate(layoutWords(capacity), laidOut.words) },
    panels: allocate(stack.panelsWords(true)),
    inputs: allocate(stored.length, stored),
    storage,
  };
  const outputs = {
    losses: allocate(total),
    correct: allocate(total),
    logits: allocate(B * K),
    partials: allocate(splits * P),
    stepLogits: allocate(capacity.rows * K),
  };
  const lists = {
    panels: stack.panels({ parameters: allocate(P, parameters), panels: shared.panels, backward: true }),
    training: stack.train({
      ...shared,
      labels: allocate(B, labels),
      labelSmoothing,
      state,
      losses: outputs.losses,
      correct: outputs.correct,
      scratch: allocate(stack.trainScratchWords(capacity)),
      gradients: { partials: outputs.partials, splits, parameters: P },
    }),
    forward: stack.forward({ ...shared, logits: outputs.logits }),
    steps: stack.steps({
      ...shared,
      logits: outputs.stepLogits,
      scratch: allocate(stack.stepsScratchWords(capacity)),
    }),
  };
  const { training, ...others } = lists;
  const dispatches = [...Object.values(others).flat(), ...(options.inference ? [] : training)];
  await device.run(options.rewrite ? dispatches.map(options.rewrite) : dispatches);
  const { losses, correct, logits, partials, stepLogits } = outputs;
  const read = await device.read(
    losses,
    correct,
    logits,
    partials,
    stepLogits,
    ...(state ? [state.words] : []),
  );
  for (const slice of slices) device.release(slice);
  const [lossValues, , logitValues, partialValues, stepValues] = read.map((bytes) => new Float32Array(bytes));
  const gradients = new Float64Array(P);
  for (let n = 0; n < splits * P; n++) gradients[n % P] += partialValues[n];
  return {
    losses: lossValues.subarray(first, first + B),
    correct: new Uint32Array(read[1]).subarray(first, first + B),
    logits: logitValues.subarray(0, B * K),
    partials: partialValues,
    gradients,
    state: state && new Uint32Array(read[5]),
    /** Logits [K] after step t of sequence b. */
    stepLogits: (b: number, t: number) => {
      const row = laidOut.rowOf(b, t);
      return stepValues.subarray(row * K, (row + 1) * K);
    },
    dispatches: Object.entries(lists).map(([name, list]) => `${name} ${list.length}`),
  };
}

const epochWith = (scale: number) => ({
  firstBatch: 0,
  learningRates: [1],
  updatesBefore: 0,
  lossScale: { scale, steadySteps: 0, skippedSteps: 0 },
});

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

const NETWORKS: [string, NetworkCase, RunOptions?][] = [
  [
    '2 layers of 32 units, head final, ragged',
    networkCase({ inputSize: 4, hiddenSize: 32, numLayers: 2, numClasses: 10 }, [13, 12, 9, 9, 4, 1]),
  ],
  [
    '4 layers of 16 units, label smoothing, one sequence',
    networkCase({ inputSize: 3, hiddenSize: 16, numLayers: 4, numClasses: 5 }, [11], 0.1),
  ],
  [
    '3 layers of 10 units, head mean, 2 blocks, many splits',
    networkCase(
      { inputSize: 5, hiddenSize: 10, numLayers: 3, numClasses: 3, head: 'mean' },
      Array.from({ length: 19 }, (_, b) => 12 - Math.floor(b / 2)),
    ),
    { splits: 7 },
  ],
  [
    '1 layer of 50 units, head last, more classes than threads, part of a batch, less than its capacity',
    networkCase(
      { inputSize: 28, hiddenSize: 50, numLayers: 1, numClasses: 300, head: 'last' },
      [6, 6, 3],
      0.2,
    ),
    { capacity: capacityFor(20, 9), part: { first: 4, total: 12 } },
  ],
];

for (const [name, network, options] of NETWORKS) {
  test(`a stack of ${name}`, async (t) => {
    const gpu = await gpuOrSkip(t);
    if (!gpu) return;
    assert.ok(stackFits(stackNetwork(network), gpu.device, true));
    await assertAsOracle(gpu.device, network, options);
  });
}

const [, RAGGED] = NETWORKS[0];
/** Every kernel that does not need other sizes is made for this one, because compiling takes longest. */
const ROOM = capacityFor(RAGGED.lengths.length, RAGGED.lengths[0]);

test('the same answers without shuffles, and with weights in registers', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  await assertAsOracle(gpu.device, RAGGED, { device: { subgroupSize: null, isSoftware: false } });
});

function withCode(dispatch: Dispatch, change: (code: string) => string): Dispatch {
  const { kernel } = dispatch;
  return { ...dispatch, kernel: { ...kernel, code: change(kernel.code) } };
}

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
  const [, network] = NETWORKS[2];
  const { lengths, sequences, labels } = network;
  const [B, P] = [lengths.length, network.parameters.length];
  const { partials } = await runStack(gpu.device, network);
  const capacity = { ...capacityFor(16, lengths[0]), blocks: 1 };
  for (const [split, from, to] of [
    [0, 0, 16],
    [1, 16, B],
  ]) {
    const part = {
      ...network,
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

test('kernels of 6 layers of 32 units for a large GPU are valid', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const { device } = gpu.device;
  const sizes = { inputSize: 4, hiddenSize: 32, numLayers: 6, numClasses: 10 };
  const network = networkCase(sizes, [1]);
  const stack = new Stack(stackNetwork(network), { ...LARGE, limits: gpu.device.limits });
  const slice = gpu.device.allocate(0);
  const pass = {
    batch: { capacity: capacityFor(64, 100), words: slice },
    panels: slice,
    inputs: slice,
    storage: 'float32',
  } as const;
  const results = { losses: slice, correct: slice, logits: slice, scratch: slice };
  const gradients = { partials: slice, splits: 20, parameters: network.layout.length };
  const loss = { labels: slice, labelSmoothing: 0, state: null, gradients };
  for (const { kernel } of [
    ...stack.train({ ...pass, ...results, ...loss }),
    ...stack.forward({ ...pass, ...results }),
    ...stack.steps({ ...pass, ...results }),
  ]) {
    device.pushErrorScope('validation');
    device.createShaderModule({ code: kernel.code });
    assert.equal((await device.popErrorScope())?.message, undefined, kernel.label);
    const buffers = Object.values(kernel.bindings).filter(({ access }) => access !== 'uniform');
    assert.ok(buffers.length <= 8, `${kernel.label}: more storage buffers than every device has`);
  }
  gpu.device.release(slice);
});

/** A large GPU: every stack that fits one fits this one. */
const LARGE: StackDevice = {
  limits: {
    maxComputeInvocationsPerWorkgroup: 1024,
    maxComputeWorkgroupSizeX: 1024,
    maxComputeWorkgroupStorageSize: 32768,
  } as GPUSupportedLimits,
  features: new Set(['subgroups']),
  subgroupSize: 32,
  isSoftware: false,
};

test('what a stack can be', () => {
  const limited = (limits: Partial<GPUSupportedLimits>) => ({
    ...LARGE,
    limits: { ...LARGE.limits, ...limits },
  });
  const small = limited({ maxComputeInvocationsPerWorkgroup: 256 });
  const strokes = { inputSize: 4, hiddenSize: 32, numLayers: 6, numClasses: 10 };
  const fits = (change: object, device: StackDevice = LARGE, training = true) =>
    stackFits(stackNetwork(networkCase({ ...strokes, ...change }, [1])), device, training);
  assert.ok(fits({}));
  assert.ok(!fits({}, small), '768 threads');
  assert.ok(fits({ numLayers: 2 }, small));
  assert.ok(!fits({ numLayers: 9 }), '1152 threads');
  assert.ok(!fits({ hiddenSize: 65, numLayers: 1 }), 'more units than registers for their weights');
  assert.ok(!fits({ inputSize: 33 }), 'more inputs than units');
  assert.ok(!fits({ dropout: 0.1 }) && !fits({ layerDropout: 0.1 }), 'dropout in training');
  assert.ok(fits({ dropout: 0.1, layerDropout: 0.1 }, LARGE, false));
  assert.ok(!fits({}, limited({ maxComputeWorkgroupStorageSize: 8192 })), 'workgroup memory');
  assert.ok(!fits({ head: 'flatten', sequenceLength: 3 }));
});
