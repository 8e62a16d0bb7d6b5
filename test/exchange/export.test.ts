/** Protects programs that export a classifier: what scanstroke itself would refuse to import is not written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exportModel, importModel, type Preprocessing, SequenceClassifier } from 'scanstroke';
import { openReference } from '#src/backends/reference/reference.js';

const classifier = new SequenceClassifier(
  { inputSize: 4, hiddenSize: 3, numClasses: 2, head: 'last' },
  openReference(),
  { seed: 1 },
);
const strokes: Preprocessing = { kind: 'strokes', width: 28, height: 28, order: 'tour', scale: 1 };

test('classes and preprocessing that are given go out and come back', async () => {
  for (const format of ['onnx', 'pytorch', 'safetensors'] as const) {
    const classes = ['yes', 'no'];
    const files = await exportModel(classifier, { format, classes, preprocessing: strokes });
    const found = await importModel(files[0].bytes);
    assert.deepEqual(found.classes, classes);
    assert.deepEqual(found.preprocessing, strokes);
  }
});

test('a model that is no checkpoint and no classifier is refused', async () => {
  await assert.rejects(exportModel(Object(new ArrayBuffer(9)), { format: 'onnx' }), {
    name: 'UserError',
    message: 'exportModel: the model: expected a Uint8Array, found an ArrayBuffer',
  });
});

test('classes and preprocessing that do not fit the network are refused', async () => {
  const pixels = { channels: 1, mean: 0, std: 1, permutationSeed: null };
  const cases: [{ classes?: string[]; preprocessing?: Preprocessing }, RegExp][] = [
    [{ classes: ['yes'] }, /^exportModel: names of 1 classes, but the network has 2 outputs$/],
    [{ classes: ['no', 'no'] }, /^exportModel: "classes": the class name "no" is the name of two classes/],
    [
      {
        preprocessing: { kind: 'images', sequenceLength: 5, inputSize: 5, height: 5, width: 5, ...pixels },
      },
      /^exportModel: the network has input size 4, but its preprocessing gives 5$/,
    ],
    [
      {
        preprocessing: { kind: 'images', sequenceLength: 4, inputSize: 4, height: 5, width: 5, ...pixels },
      },
      /^exportModel: preprocessing: sequence length 4 × input size 4 = 16, but the model's images have 25 pixels/,
    ],
  ];
  for (const [about, message] of cases) {
    for (const format of ['onnx', 'pytorch', 'safetensors', 'html', 'c'] as const) {
      await assert.rejects(exportModel(classifier, { format, ...about }), { name: 'UserError', message });
    }
  }
});
