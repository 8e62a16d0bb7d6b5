/**
 * Protects memory: every object that allocates from a backend releases all its memory when it is closed or fails;
 * closed objects refuse calls; reading a checkpoint's description allocates nothing.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Backend, createOptimizer, SequenceClassifier } from 'scanstroke';
import { openBackend } from '#src/backends/open-node.js';
import { openReference } from '#src/backends/reference/reference.js';
import { openWasm } from '#src/backends/wasm/load.js';
import { NO_AUGMENTATION } from '#src/data/augmentation.js';
import { shareArrays } from '#src/data/sequences/array-sequences.js';
import { resolveClassifierConfig } from '#src/model/classifier-config.js';
import { describeCheckpoint, openRecognizer } from '#src/recognize/recognizer.js';
import { resolveOptimizer } from '#src/train/optimizer.js';
import { openTeam } from '#src/train/team/team.js';
import { startCallingThread } from '#src/train/team/threads/threads-page.js';
import { Counting } from '../cases/counting.js';
import { checkpointBytes, ROWS, STROKES } from '../recognize/checkpoint-bytes.js';

const CONFIG = { inputSize: 3, hiddenSize: 5, numLayers: 2, numClasses: 4, head: 'mean' } as const;
const BATCH = {
  inputs: Float32Array.from({ length: 2 * 6 * 3 }, (_, i) => Math.sin(i)),
  batchSize: 2,
  steps: 6,
  labels: Int32Array.of(1, 3),
};
const ONE = { inputs: BATCH.inputs.slice(0, 6 * 3), batchSize: 1, steps: 6 };
const ABOUT = { name: 'a.safetensors' };
/** A network that supports a stepper. */
const STEPPED = checkpointBytes(STROKES, { bidirectional: false });
const DOTS = { kind: 'drawing', strokes: [{ xs: [5, 60, 9], ys: [7, 70, 90] }] } as const;

/** Every kind of object with memory of a backend: created, used, closed. */
const USES: Record<string, (backend: Backend) => Promise<void>> = {
  async classifier(backend) {
    const model = new SequenceClassifier(CONFIG, backend);
    try {
      await model.forward(ONE, { states: true });
      await model.gradients(BATCH, { dropoutSeed: 1, inputGradient: true });
      await model.forward(ONE);
    } finally {
      model.close();
    }
  },
  async stepper(backend) {
    const model = new SequenceClassifier(CONFIG, backend);
    try {
      const stepper = model.stepper();
      try {
        stepper.step([1, 2, 3]);
      } finally {
        stepper.close();
      }
    } finally {
      model.close();
    }
  },
  async team(backend) {
    const model = resolveClassifierConfig(CONFIG);
    const { inputs, labels, steps, batchSize } = BATCH;
    const examples = shareArrays({ inputs, labels, steps, batchSize, inputSize: 3 }, model.numClasses);
    const team = await openTeam({
      backend,
      threads: 1,
      startThread: startCallingThread,
      model,
      parts: { train: { kind: 'arrays', ...examples } },
      training: {
        optimizer: resolveOptimizer({ name: 'adam' }),
        batchSize: 2,
        maxNorm: 1,
        labelSmoothing: 0,
        seed: 0,
        augmentation: NO_AUGMENTATION,
      },
    });
    await team.close();
  },
  async recognizer(backend) {
    const recognizer = openRecognizer(STEPPED, backend, ABOUT);
    try {
      await recognizer.recognize([DOTS]);
      await recognizer.trace(DOTS, { over: 'steps' });
      await recognizer.inspect(DOTS);
    } finally {
      recognizer.close();
    }
  },
  async optimizer(backend) {
    const tensor = () => new Map([['w', { shape: [3], data: Float32Array.of(1, 2, 3) }]]);
    await createOptimizer({ name: 'adam' }, backend).step(tensor(), tensor());
  },
};

const OPENERS: Record<string, () => Backend | Promise<Backend>> = {
  reference: openReference,
  wasm: () => openWasm(),
  'wasm, not shared': () => openWasm({ shared: false }),
  cpu: () => openBackend('cpu'),
};

for (const [name, open] of Object.entries(OPENERS)) {
  suite(name, () => {
    for (const [what, use] of Object.entries(USES)) {
      test(`${what}: all memory is released after close, and after any failed allocation`, async () => {
        const counting = new Counting(await open());
        await use(counting.backend);
        assert.ok(counting.allocations > 0);
        assert.equal(counting.live.size, 0);
        const { allocations } = counting;
        for (let succeed = 0; succeed < allocations; succeed++) {
          counting.left = succeed;
          await assert.rejects(use(counting.backend), /no memory left/);
          assert.equal(counting.live.size, 0, `after ${succeed} allocations`);
        }
      });
    }

    test('releasing a buffer twice, a subarray or a foreign buffer is an error', async () => {
      const [backend, other] = [await open(), await open()];
      const floats = backend.allocate(8);
      const ints = backend.allocateInts(8);
      assert.throws(
        () => backend.release(floats.subarray(0, 4)),
        /release takes an array from allocate, once/,
      );
      assert.throws(() => other.release(floats), /foreign/);
      assert.throws(() => backend.release(new Float32Array(8)), /foreign/);
      backend.release(floats);
      backend.release(ints);
      assert.throws(() => backend.release(floats), /a released/);
      assert.throws(() => backend.release(ints), /a released/);
    });

    test('a backend can be closed twice; afterwards it refuses allocations and accepts releases', async () => {
      const backend = await open();
      const model = new SequenceClassifier(CONFIG, backend);
      backend.close();
      backend.close();
      model.close();
      assert.throws(() => backend.allocate(1), /closed, so it allocates nothing/);
      assert.throws(() => new SequenceClassifier(CONFIG, backend), /closed/);
    });

    test('closed objects refuse calls with a message', async () => {
      const backend = await open();
      const model = new SequenceClassifier(CONFIG, backend);
      const [stepper, orphan] = [model.stepper(), model.stepper()];
      stepper.close();
      stepper.close();
      assert.throws(() => stepper.step([1, 2, 3]), /this stepper is closed/);
      assert.throws(() => stepper.hidden, /this stepper is closed/);
      assert.throws(() => stepper.reset(), /this stepper is closed/);
      const tensors = await model.stateDict();
      model.close();
      model.close();
      const closed = /this classifier is closed/;
      assert.throws(() => orphan.step([1, 2, 3]), closed);
      assert.throws(() => model.stepper(), closed);
      await assert.rejects(model.forward(BATCH), closed);
      await assert.rejects(model.gradients(BATCH), closed);
      await assert.rejects(model.stateDict(), closed);
      await assert.rejects(model.loadStateDict(tensors), closed);
      const recognizer = openRecognizer(STEPPED, backend, ABOUT);
      recognizer.close();
      await assert.rejects(recognizer.recognize([DOTS]), closed);
    });
  });
}

test('the WASM backend has the same free memory as before', async () => {
  const backend = await openWasm();
  /** Addresses of a new small and a new large buffer. */
  const addresses = () => {
    const buffers = [backend.allocate(1), backend.allocate(100_000)];
    for (const buffer of buffers) backend.release(buffer);
    return buffers.map(({ byteOffset }) => byteOffset);
  };
  const before = addresses();
  for (const use of Object.values(USES)) await use(backend);
  assert.deepEqual(addresses(), before);
});

test('`using` closes a classifier, a stepper, a recognizer and an optimizer', async () => {
  const backend = openReference();
  const model = new SequenceClassifier(CONFIG, backend);
  const things = [
    model,
    model.stepper(),
    openRecognizer(STEPPED, backend, ABOUT),
    createOptimizer({ name: 'sgd' }),
  ];
  for (const thing of things.reverse()) thing[Symbol.dispose]();
  await assert.rejects(model.forward(BATCH), /closed/);
});

test('a description of a checkpoint is read without a backend and equals that of openRecognizer', () => {
  for (const bytes of [STEPPED, checkpointBytes(ROWS)]) {
    const about = { ...ABOUT, preset: 'quick', testAccuracy: 0.9 };
    assert.deepEqual(describeCheckpoint(bytes, about), openRecognizer(bytes, openReference(), about).info);
  }
  assert.throws(() => describeCheckpoint(checkpointBytes(STROKES, { inputSize: 5 }), ABOUT), /input size 5/);
  assert.throws(() => describeCheckpoint(new Uint8Array(9), ABOUT), /a\.safetensors/);
});
