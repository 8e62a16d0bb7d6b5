/** Protects imports from PyTorch: every form of file gives the tensors and names that PyTorch itself reads, bit for bit. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { readPytorch } from '#src/exchange/pytorch/read-pytorch.js';
import type { StateDict, TensorData } from '#src/state-dict.js';
import { interopFile, interopJson } from '../interop-files.js';

/** Name, shape, SHA-256 of the values as float32. */
type Digest = [name: string, shape: number[], sha256: string];

interface Read {
  tensors: Digest[];
  epoch?: number;
  settings?: Record<string, unknown>;
  states?: { step: number; vectors: Digest[] }[];
}

const READS: Record<string, Read> = interopJson('reads.json');
const EXPECTED: Record<string, Record<string, { shape: number[]; values: number[] }>> = interopJson(
  'variants/expected.json',
);

const variant = (name: string) => readPytorch(interopFile(`variants/${name}`), name);

function digestsOf(tensors: StateDict): Digest[] {
  return [...tensors].map(([name, { shape, data }]) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return [name, shape, createHash('sha256').update(bytes).digest('hex')];
  });
}

function valuesOf(tensors: StateDict): Record<string, { shape: number[]; values: number[] }> {
  const entry = ([name, { shape, data }]: [string, TensorData]) => [
    name,
    { shape, values: Array.from(data) },
  ];
  return Object.fromEntries([...tensors].map(entry));
}

describe('files made by PyTorch', () => {
  for (const [file, expected] of Object.entries(READS)) {
    test(file, () => {
      const model = readPytorch(interopFile(file), file);
      assert.deepEqual(digestsOf(model.tensors), expected.tensors);
      assert.equal(model.epoch, expected.epoch ?? null);
      assert.deepEqual(model.notices, []);
      const states = model.optimizer?.states.map(({ step, vectors }) => ({
        step,
        vectors: digestsOf(vectors),
      }));
      assert.deepEqual(states, expected.states);
      assert.deepEqual(model.optimizer && { ...model.optimizer.settings }, expected.settings ?? null);
    });
  }

  test('say what they are', () => {
    const formats = ['state_dict.pt', 'legacy.pt', 'checkpoint.pt', 'whole.pt', 'script.pt', 'pt2'].map(
      (kind) => readPytorch(interopFile(`torch211/last_uni.${kind}`), 'm').format,
    );
    assert.deepEqual(formats, [
      'a PyTorch state dict',
      'a PyTorch state dict',
      'a PyTorch checkpoint',
      'a PyTorch module, an object of class __main__.LastNet',
      'a TorchScript archive',
      'a program of torch.export',
    ]);
  });
});

describe('tensors', () => {
  test('of any strides become row-major; halves and doubles become float32', () => {
    assert.deepEqual(valuesOf(variant('views.pt').tensors), EXPECTED.views);
    const { t, slice } = EXPECTED.views;
    assert.deepEqual(valuesOf(variant('views_legacy.pt').tensors), { t, slice });
  });

  test('of whole numbers are left out with a notice', () => {
    const { tensors, notices } = variant('buffers.pt');
    assert.deepEqual(valuesOf(tensors), EXPECTED.buffers);
    assert.match(notices.join('\n'), /^left out, .*: "norm\.num_batches_tracked"$/);
  });

  test('that are not dense floats are refused by name', () => {
    assert.throws(
      () => variant('sparse.pt'),
      /UserError: sparse\.pt: tensor "w" is sparse.*_rebuild_sparse_tensor/,
    );
    assert.throws(() => variant('complex.pt'), /UserError: .*none of its 1 tensors holds floating-point/);
    assert.throws(() => variant('integers.pt'), /UserError: .*none of its 1 tensors holds floating-point/);
  });
});

describe('names', () => {
  test('of nested modules and TorchScript archives are those of state_dict()', () => {
    assert.deepEqual(valuesOf(variant('nested_modules.pt').tensors), EXPECTED.buffers);
    assert.deepEqual(valuesOf(variant('nested_script.pt').tensors), EXPECTED.buffers);
  });

  test('of shared modules and parameters all occur; buffers that are not saved do not', () => {
    assert.deepEqual(valuesOf(variant('tied.pt').tensors), EXPECTED.tied);
  });

  test('lose the prefixes of DataParallel and Lightning', () => {
    assert.deepEqual(valuesOf(variant('parallel.pt').tensors), EXPECTED.buffers);
    const lightning = variant('lightning.pt');
    assert.deepEqual(valuesOf(lightning.tensors), EXPECTED.buffers);
    assert.equal(lightning.epoch, 4);
    assert.equal(lightning.optimizer?.states.length, 8);
  });

  test('of modules that were saved side by side get the names they were saved under', () => {
    assert.deepEqual(valuesOf(variant('several.pt').tensors), EXPECTED.several);
  });

  test('of the earlier layout of .pt2 come from its state dict', () => {
    assert.deepEqual(valuesOf(variant('earlier.pt2').tensors), EXPECTED.buffers);
  });
});

describe('optimisers', () => {
  test('of one group come in: Adam, AdamW, SGD with and without momentum', () => {
    for (const [name, step, vectors] of [
      ['adam', 3, ['exp_avg', 'exp_avg_sq']],
      ['adamw', 3, ['exp_avg', 'exp_avg_sq']],
      ['sgd', null, []],
      ['momentum', null, ['momentum_buffer']],
    ] as const) {
      const { optimizer, epoch } = variant(`optimizer_${name}.pt`);
      assert.equal(epoch, 3);
      const found = optimizer?.states.map((state) => ({
        step: state.step,
        vectors: [...state.vectors.keys()],
      }));
      const expected = { step, vectors: [...vectors] };
      assert.deepEqual(found, [expected, expected], name);
    }
    assert.equal(variant('optimizer_adamw.pt').optimizer?.settings.weight_decay, 0.1);
  });

  test('that were pickled as objects come in, too', () => {
    const { tensors, optimizer } = variant('optimizer_object.pt');
    assert.deepEqual([...tensors.keys()], ['weight', 'bias']);
    const [{ step, vectors }] = optimizer?.states ?? [];
    assert.equal(step, 3);
    assert.deepEqual(vectors.get('exp_avg')?.shape, [2, 2]);
  });

  test('that cannot go on are left out with the reason', () => {
    for (const [name, reason] of [
      ['amsgrad', /left out: it is Adam with amsgrad/],
      ['rmsprop', /left out: its state has "square_avg"/],
      ['groups', /left out: it has 2 groups of parameters/],
    ] as const) {
      const { tensors, optimizer, notices } = variant(`optimizer_${name}.pt`);
      assert.equal(optimizer, null);
      assert.equal(tensors.size, 2);
      assert.match(notices.join('\n'), reason);
    }
  });
});

test('files without a model name what they hold, and the way out', () => {
  const wayOut = /torch\.save\(model\.state_dict\(\), "model\.pt"\)$/;
  for (const [name, found] of [
    ['one_tensor.pt', /found a tensor; /],
    ['numbers.pt', /found a dict with "a", "b"; /],
  ] as const) {
    assert.throws(() => variant(name), found);
    assert.throws(() => variant(name), wayOut);
  }
  assert.throws(() => variant('protocol4.pt'), /data\.pkl: byte 0: pickle protocol 4; only 2 and 3 are read/);
  assert.throws(() => variant('deflated.pt'), /data\.pkl" is compressed \(method 8\)/);
});
