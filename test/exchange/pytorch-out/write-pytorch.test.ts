/** Protects the form of exported files: an archive that PyTorch can map into memory, safetensors metadata, a harmless Python file. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filesOf } from '#src/exchange/export.js';
import { readModelMetadata } from '#src/exchange/model-metadata.js';
import { writePickle } from '#src/exchange/pytorch/write/pickle-writer.js';
import { type PytorchOptions, writePytorch } from '#src/exchange/pytorch/write-pytorch.js';
import { readSafetensors } from '#src/formats/safetensors/safetensors.js';
import { ParameterLayout } from '#src/model/parameters.js';
import { UserError } from '#src/user-error.js';
import { ROWS, STROKES } from '../../recognize/checkpoint-bytes.js';
import { everyConfig, exampleOf, OPTIMIZERS, trainedExample } from './exported-models.js';

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const NAMES = { adam: ['exp_avg', 'exp_avg_sq'], nesterov: ['momentum_buffer'], sgd: [] };

/** The entries by their local headers, in the order of the file. */
function entriesOf(file: Uint8Array) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const entries = new Map<string, { flags: number; method: number; start: number; bytes: Uint8Array }>();
  let at = 0;
  while (view.getUint32(at, true) === 0x04034b50) {
    const [flags, method] = [view.getUint16(at + 6, true), view.getUint16(at + 8, true)];
    const [packed, size] = [view.getUint32(at + 18, true), view.getUint32(at + 22, true)];
    const [name, extra] = [view.getUint16(at + 26, true), view.getUint16(at + 28, true)];
    assert.equal(packed, size);
    const start = at + 30 + name + extra;
    const bytes = file.subarray(start, start + size);
    entries.set(decode(file.subarray(at + 30, at + 30 + name)), { flags, method, start, bytes });
    at = start + size;
  }
  return entries;
}

test('a .pt is an archive of stored entries, each at a multiple of 64 bytes, as PyTorch’s are', async () => {
  for (const config of everyConfig()) {
    const { model } = await exampleOf(config, 'a name: ö/..');
    const [{ bytes }] = writePytorch(model, 'pytorch', {});
    const entries = entriesOf(bytes);
    const tensors = model.parameters.size;
    assert.deepEqual(
      [...entries.keys()],
      [
        'archive/data.pkl',
        'archive/byteorder',
        ...Array.from({ length: tensors }, (_, n) => `archive/data/${n}`),
        'archive/version',
        'archive/extra/scanstroke.json',
      ],
    );
    for (const [entry, { flags, method, start }] of entries) {
      assert.deepEqual({ flags, method, rest: start % 64 }, { flags: 0, method: 0, rest: 0 }, entry);
    }
    assert.equal(decode(entries.get('archive/version')!.bytes), '3\n');
    assert.equal(decode(entries.get('archive/byteorder')!.bytes), 'little');
    const storages = [...entries].filter(([entry]) => entry.includes('/data/')).map(([, each]) => each.bytes);
    const layout = new ParameterLayout(model.config);
    for (const [n, { name }] of layout.places.entries()) {
      const { buffer, byteOffset, byteLength } = model.parameters.get(name)!.data;
      assert.deepEqual(storages[n], new Uint8Array(buffer, byteOffset, byteLength), name);
    }
  }
});

test('the bytes of a .pt depend on the model alone: not on the time, the time zone or the name', async () => {
  const [config] = everyConfig();
  const { model } = await exampleOf(config, 'a');
  const [{ bytes }] = writePytorch(model, 'pytorch', {});
  const zone = process.env.TZ;
  for (const other of ['Asia/Tokyo', 'America/Los_Angeles', 'UTC']) {
    process.env.TZ = other;
    assert.deepEqual(writePytorch({ ...model, name: 'b' }, 'pytorch', {})[0].bytes, bytes);
  }
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

test('pickles hold whole numbers of every size, floats, tuples of every length and nested dicts', () => {
  const int = (value: number) => [...writePickle({ int: value })].slice(2, -1);
  assert.deepEqual(int(255), [0x4b, 255]);
  assert.deepEqual(int(256), [0x4a, 0, 1, 0, 0]);
  assert.deepEqual(int(-2), [0x4a, 0xfe, 0xff, 0xff, 0xff]);
  assert.deepEqual(int(2 ** 31), [0x8a, 8, 0, 0, 0, 0x80, 0, 0, 0, 0]);
  assert.deepEqual(int(2 ** 53 - 1), [0x8a, 8, 255, 255, 255, 255, 255, 255, 31, 0]);
  assert.equal(
    Buffer.from(writePickle({ float: -0.5 })).toString('latin1'),
    '\x80\x02G\xbf\xe0\0\0\0\0\0\0.',
  );
  const tuple = (count: number) => writePickle({ tuple: Array<null>(count).fill(null) });
  const texts = [0, 1, 2, 3, 4].map((count) => Buffer.from(tuple(count)).toString('latin1'));
  assert.deepEqual(texts, [
    '\x80\x02).',
    '\x80\x02N\x85.',
    '\x80\x02NN\x86.',
    '\x80\x02NNN\x87.',
    '\x80\x02(NNNNt.',
  ]);
  const nested = writePickle({
    dict: [
      ['ä', { list: [true, false] }],
      ['b', { dict: [] }],
    ],
  });
  assert.equal(
    Buffer.from(nested).toString('latin1'),
    '\x80\x02}(X\x02\0\0\0\xc3\xa4](\x88\x89eX\x01\0\0\0b}(uu.',
  );
});

test('both files hold model, preprocessing and classes for the way back', async () => {
  for (const preprocessing of [
    ROWS,
    { ...ROWS, permutationSeed: 5 },
    { ...STROKES, scale: 0.1 + 0.2 },
    null,
  ]) {
    const sizes = { inputSize: preprocessing?.kind === 'images' ? 28 : 4, hiddenSize: 3, numClasses: 2 };
    const { model } = await exampleOf(
      { ...sizes, dropout: 0.3, layerDropout: 0.1, forgetBias: 1 },
      'm',
      preprocessing,
    );
    const temperature = preprocessing === ROWS ? 1.37142 : null;
    if (temperature !== null) model.temperature = temperature;
    const { config, classes } = model;
    const expected = { config, classes, preprocessing, temperature };
    const [{ bytes: pt }] = await filesOf(model, { format: 'pytorch' });
    const json = decode(entriesOf(pt).get('archive/extra/scanstroke.json')!.bytes);
    assert.deepEqual(readModelMetadata(JSON.parse(json), 'm.pt'), expected);
    const [{ name, bytes }] = await filesOf(model, { format: 'safetensors' });
    assert.equal(name, 'm.safetensors');
    const { tensors, metadata } = readSafetensors(bytes);
    assert.equal(metadata.format, 'pt');
    assert.deepEqual(readModelMetadata(metadata, name), expected);
    assert.deepEqual(
      new Map([...tensors].map(([key, { shape, data }]) => [key, { shape, data }])),
      new Map([...model.parameters].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    );
  }
});

test('the Python file divides the logits by the temperature, if there is one', async () => {
  const { model } = await exampleOf({ inputSize: 28, hiddenSize: 3, numClasses: 2 }, 'm', ROWS);
  const textOf = async (temperature?: number) => {
    const [, file] = await filesOf({ ...model, temperature }, { format: 'pytorch' });
    return decode(file.bytes);
  };
  for (const plain of [await textOf(), await textOf(1)]) {
    assert.match(plain, /\n {12}probabilities = model\(preprocess\(read\(path\)\)\)\.softmax\(1\)\n/);
    assert.ok(!plain.includes('TEMPERATURE'));
  }
  const scaled = await textOf(2);
  assert.match(scaled, /\nTEMPERATURE = 2\.0\n/);
  assert.match(
    scaled,
    /\n {12}logits = model\(preprocess\(read\(path\)\)\)\n {12}probabilities = \(logits \/ TEMPERATURE\)\.softmax\(1\)\n/,
  );
});

test('metadata of a stranger are refused by name', () => {
  const refused = (metadata: Record<string, unknown>, message: RegExp) =>
    assert.throws(
      () => readModelMetadata(metadata, 'm.pt'),
      (error) => error instanceof UserError && message.test(error.message),
    );
  const model = '{"input_size":4,"hidden_size":3,"num_classes":2}';
  refused({ classes: '["a","b"]' }, /^m\.pt: metadata "model": expected a text, found nothing$/);
  refused({ model: { inputSize: 4 }, classes: '[]' }, /metadata "model": expected a text, found an object$/);
  refused({ model: '[]', classes: '["a"]' }, /^m\.pt: metadata "model" must be a JSON object$/);
  refused({ model: '{', classes: '["a"]' }, /^m\.pt: metadata "model": not valid JSON/);
  for (const temperature of ['0', '-1', '1e400', '"2"', 'NaN']) {
    refused({ model, classes: '["a","b"]', temperature }, /^m\.pt: metadata "temperature": /);
  }
  refused(
    { model, classes: '["a","a"]' },
    /^m\.pt: "classes": the class name "a" is the name of two classes/,
  );
  refused(
    { model: '{"input_size":4}', classes: '["a"]' },
    /^m\.pt: model: "hidden_size": expected a whole number/,
  );
  refused(
    { model, classes: '["a","b"]', preprocessing: '{"kind":"sound"}' },
    /^m\.pt: preprocessing: kind must be/,
  );
});

test('a safetensors file holds the vectors of the optimiser under PyTorch’s names', async () => {
  for (const [name, vectors] of Object.entries(NAMES)) {
    const { model, settings } = await trainedExample(OPTIMIZERS[name], 2, name);
    const [{ bytes }] = writePytorch(model, 'safetensors', { withOptimizer: true, optimizer: settings });
    const { tensors, metadata } = readSafetensors(bytes);
    const names = [...model.parameters.keys()];
    const expected = [
      ...names,
      'optimizer.step',
      ...vectors.flatMap((vector) => names.map((each) => `optimizer.${vector}.${each}`)),
    ];
    assert.deepEqual([...tensors.keys()].toSorted(), expected.toSorted());
    assert.deepEqual(tensors.get('optimizer.step'), { dtype: 'F32', shape: [], data: Float32Array.of(2) });
    assert.equal(metadata.epoch, '3');
    assert.equal(JSON.parse(metadata.optimizer).lr, settings.lr);
  }
});

test('checkpoints of the first version hold the optimiser’s vectors in one piece', async () => {
  const { model, settings } = await trainedExample(OPTIMIZERS.nesterov, 2, 'flat');
  const options = { withOptimizer: true, optimizer: settings };
  const layout = new ParameterLayout(model.config);
  const velocity = new Float32Array(layout.length);
  for (const { name, offset } of layout.places) {
    velocity.set(model.training!.optimizer.get(`velocity.${name}`)!.data, offset);
  }
  const optimizer = new Map([['velocity', { shape: [velocity.length], data: velocity }]]);
  const flat = { ...model, training: { ...model.training!, optimizer } };
  assert.deepEqual(writePytorch(flat, 'pytorch', options), writePytorch(model, 'pytorch', options));
});

test('without the state of a training, or with settings of another optimiser, nothing is written', async () => {
  const { model, settings } = await trainedExample(OPTIMIZERS.adam, 1, 'my-run');
  const { settings: sgd } = await trainedExample(OPTIMIZERS.nesterov, 1, 'other');
  const refused = (changes: Partial<typeof model>, options: PytorchOptions, message: RegExp) =>
    assert.throws(
      () => writePytorch({ ...model, ...changes }, 'pytorch', { withOptimizer: true, ...options }),
      (error) => error instanceof UserError && message.test(error.message),
    );
  const optimizer = settings;
  refused({ training: null }, { optimizer }, /^export: my-run has no state of a training.*last\.safetensors/);
  refused({}, {}, /^export: my-run: a checkpoint does not have the settings of its optimiser/);
  refused({}, { optimizer: sgd }, /was trained with the optimiser adam, but the settings are of sgd$/);
  refused(
    {},
    { optimizer: { ...settings, lr: Number.NaN } },
    /"lr": expected a number of at least 0, found NaN$/,
  );
  const training = model.training!;
  const state = { ...training.state, updates: -1 };
  refused(
    { training: { ...training, state } },
    { optimizer },
    /"updates": expected a whole number from 0, found -1$/,
  );
  const some = new Map([...training.optimizer].slice(1));
  refused(
    { training: { ...training, optimizer: some } },
    { optimizer },
    /optimiser's mean does not fit.* is missing/,
  );
  const parameters = new Map([...model.parameters].slice(1));
  refused({ parameters }, { optimizer }, /another architecture/);
});

test('the Python file begins with the line by which scanstroke knows its files, and keeps PEP 8’s lines', async () => {
  for (const format of ['pytorch', 'safetensors'] as const) {
    for (const preprocessing of [
      ROWS,
      { ...ROWS, permutationSeed: 3 },
      STROKES,
      { ...STROKES, scale: 2 },
      null,
    ]) {
      for (const config of everyConfig()) {
        const { model } = await exampleOf(config, 'digits', preprocessing);
        if (preprocessing?.kind === 'strokes' && config.head === 'flatten') continue;
        const [, { name, bytes }] = writePytorch(model, format, {});
        assert.equal(name, 'digits.py');
        checkLines(decode(bytes));
      }
    }
    for (const [name, config] of Object.entries(OPTIMIZERS)) {
      const { model, settings } = await trainedExample(config, 1, name);
      const [, { bytes }] = writePytorch(model, format, { withOptimizer: true, optimizer: settings });
      checkLines(decode(bytes));
    }
  }
});

/** black's length of lines, and no more than two empty lines. */
function checkLines(text: string): void {
  assert.match(text, /^# Written by scanstroke/);
  assert.doesNotMatch(text, /\n{4}|[ \t]\n|\t|undefined|NaN|\n\n$/);
  assert.match(text, /\n$/);
  for (const line of text.split('\n')) assert.ok(line.length <= 88, line);
}

test('names of models and classes cannot leave their quotes in the Python file', async () => {
  const [config] = everyConfig();
  const { model } = await exampleOf(config, 'plain');
  const name = 'x"""\nimport os\u2028#\u202e';
  const classes = ['"\nexit()', '\\', '"""'];
  const lines = (each: typeof model) => decode(writePytorch(each, 'pytorch', {})[1].bytes).split('\n');
  const [plain, hostile] = [lines(model), lines({ ...model, name, classes })];
  const changed = hostile.filter((line, n) => line !== plain[n]);
  assert.equal(hostile.length, plain.length);
  assert.deepEqual(changed, [
    '    python model.py sequences.npy',
    'FILE = Path(__file__).with_name("x\\"\\"\\"\\nimport os\\u2028#\\u202e.pt")',
    'CLASSES = ["\\"\\nexit()", "\\\\", "\\"\\"\\""]',
  ]);
});
