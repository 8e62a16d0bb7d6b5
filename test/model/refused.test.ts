/** Protects what a classifier refuses: arguments that TypeScript would not let pass, from a program in JavaScript. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type Backend,
  type GradientOptions,
  type LabelledBatch,
  openBackend,
  SequenceClassifier,
  UserError,
} from 'scanstroke';

const CONFIG = { inputSize: 2, hiddenSize: 3, numClasses: 2 };
const BATCH = { inputs: new Float32Array(12), labels: Int32Array.of(0, 1), batchSize: 2, steps: 3 };

let backend: Backend;
let model: SequenceClassifier;
before(async () => {
  backend = await openBackend();
  model = new SequenceClassifier(CONFIG, backend);
});
after(() => {
  model.close();
  backend.close();
});

/** A UserError of one line with this text. */
const says = (text: string) => (error: unknown) => {
  assert.ok(error instanceof UserError, String(error));
  assert.ok(error.message.includes(text) && !error.message.includes('\n'), `${error.message} → ${text}`);
  return true;
};

test('gradients: options of another type are refused', async () => {
  const refused: [options: object, message: string][] = [
    [{ labelSmoothing: '0.2' }, 'gradients: labelSmoothing must be in [0, 1), got "0.2"'],
    [{ dropoutSeed: 'a' }, 'gradients: dropoutSeed must be a whole number from 0 to'],
    [{ classWeights: '12' }, 'gradients: classWeights must be a list of 2 weights, got "12"'],
    [{ labelsmoothing: 0.1 }, 'gradients: there is no option "labelsmoothing"; did you mean labelSmoothing?'],
    [{ labelSmoothing: 1 }, 'gradients: labelSmoothing must be in [0, 1), got 1'],
  ];
  for (const [options, message] of refused) {
    await assert.rejects(model.gradients(BATCH, options as GradientOptions), says(message));
  }
});

test('batches of other types are refused', async () => {
  const refused: [change: object, message: string][] = [
    [{ batchSize: '2' }, 'batch: batchSize must be a whole number from 1, found "2"'],
    [{ inputs: '123' }, 'batch: inputs: expected a list of numbers, found "123"'],
    [{ inputs: new ArrayBuffer(48) }, 'batch: inputs: expected a list of numbers, found an ArrayBuffer'],
    [{ labels: ['0', '1'] }, 'labels: expected a list of numbers, found a list'],
    [{ labels: undefined }, 'gradients: labels: expected a list of numbers, found nothing'],
    [{ lengths: BigInt64Array.of(3n, 2n) }, 'lengths: expected a list of numbers, found a BigInt64Array'],
  ];
  for (const [change, message] of refused) {
    await assert.rejects(model.gradients({ ...BATCH, ...change } as LabelledBatch), says(message));
  }
});

test('plain lists and other typed arrays are taken as numbers', async () => {
  const { loss, logits } = await model.gradients({ ...BATCH, lengths: Int32Array.of(3, 2) });
  const others: object[] = [
    { inputs: [...BATCH.inputs], labels: [0, 1], lengths: [3, 2] },
    { inputs: Float64Array.from(BATCH.inputs), labels: Uint8Array.of(0, 1), lengths: Int8Array.of(3, 2) },
  ];
  for (const other of others) {
    const found = await model.gradients({ ...BATCH, ...other } as LabelledBatch);
    assert.deepEqual([found.loss, found.logits], [loss, logits]);
  }
});

test('a configuration, options or a backend of another type are refused', async () => {
  const refused: [make: () => SequenceClassifier, message: string][] = [
    [() => new SequenceClassifier(JSON.parse('null'), backend), 'model: expected an object with inputSize, '],
    [
      () => new SequenceClassifier(Object.assign({ hidensize: 3 }, CONFIG), backend),
      'model: there is no option "hidensize"; did you mean hiddenSize?',
    ],
    [
      () => new SequenceClassifier(CONFIG, Object.create(null)),
      'model: expected a backend, found an object; give',
    ],
    [
      () => new SequenceClassifier(CONFIG, Object(openBackend('reference'))),
      'model: expected a backend, found a promise, which must be awaited; give what await openBackend() returns',
    ],
    [() => new SequenceClassifier(CONFIG, JSON.parse('"cpu"')), 'expected a backend, found "cpu"; give'],
    [
      () => new SequenceClassifier(CONFIG, backend, { seed: 1.5 }),
      'model: seed must be a whole number from 0 to',
    ],
    [() => new SequenceClassifier(CONFIG, backend, { seed: -1 }), ', got -1'],
    [() => new SequenceClassifier(CONFIG, backend, { seed: NaN }), ', got NaN'],
  ];
  for (const [make, message] of refused) assert.throws(make, says(message));
  const closed = await openBackend();
  closed.close();
  assert.throws(() => new SequenceClassifier(CONFIG, closed), says(`backend ${closed.name}: closed`));
});

test('parameters of another form are refused with what differs', async () => {
  const state = await model.stateDict();
  const other = (change: object) => new Map(state).set('fc.bias', Object(change));
  const refused: [parameters: object, message: string][] = [
    [
      Object.fromEntries(state),
      'model: these parameters: expected a Map of tensors by name, found an object; make one',
    ],
    [other({ shape: [2], data: new Float32Array(1) }), 'fc.bias should have 2 values, has 1'],
    [other({ shape: [3], data: new Float32Array(3) }), 'fc.bias should be [2], is [3]'],
    [other(new Float32Array(2)), 'tensor "fc.bias": expected { shape, data }, found an object'],
  ];
  for (const [parameters, message] of refused) {
    await assert.rejects(model.loadStateDict(Object(parameters)), says(message));
  }
});
