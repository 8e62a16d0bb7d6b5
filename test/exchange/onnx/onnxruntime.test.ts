/** Protects ONNX files in ONNX Runtime for Node.js: it gives our logits, in every opset and with every option. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeOnnx } from '#src/exchange/onnx/write-onnx.js';
import { CASES, compare } from './cases.js';
import { SIDE, testDigits } from './digits.js';
import { exampleOf, furthest, PICTURES, picturesFor, TOLERANCE } from './examples.js';
import { runFile } from './run-file.js';
import { findRuntime } from './runtime.js';

const { ort, missing } = await findRuntime();

for (const [topic, casesOf] of Object.entries(CASES)) {
  test(`ONNX Runtime: ${topic}`, { skip: missing }, async () => {
    for (const each of await casesOf()) compare(each, await runFile(ort!, each.file));
  });
}

test('ONNX Runtime: pictures become the bits of our sequences', { skip: missing }, async () => {
  for (const preprocessing of PICTURES) {
    const { inputSize, sequenceLength, channels, height, width } = preprocessing;
    // Every step's output is read, so a bit that differs in the input shows.
    const { model } = await exampleOf({ head: 'flatten', inputSize, sequenceLength }, preprocessing);
    const { count, images, sequences } = picturesFor(preprocessing);
    const feeds = {
      images: { type: 'uint8' as const, dims: [count, channels, height, width], data: [...images] },
      inputs: { type: 'float32' as const, dims: [count, sequenceLength, inputSize], data: [...sequences] },
    };
    const outputs: number[][] = [];
    for (const name of ['images', 'inputs'] as const) {
      const [{ bytes }] = writeOnnx(model, { withPreprocessing: name === 'images' });
      const base64 = Buffer.from(bytes).toString('base64');
      const file = { name, base64, feeds: [{ [name]: feeds[name] }], carried: {} };
      outputs.push((await runFile(ort!, file))[0].logits);
    }
    assert.deepEqual(outputs[0], outputs[1]);
  }
});

test("ONNX Runtime: MNIST's 10,000 test digits, as pictures and as sequences", {
  skip: missing,
}, async () => {
  const { model, batches } = await testDigits(128);
  const sessionOf = (withPreprocessing: boolean) =>
    ort!.InferenceSession.create(writeOnnx(model, { withPreprocessing })[0].bytes);
  const sessions = { images: await sessionOf(true), inputs: await sessionOf(false) };
  let digits = 0;
  for (const { count, images, inputs, logits } of batches) {
    const found = [
      await sessions.images.run({ images: new ort!.Tensor('uint8', images, [count, 1, SIDE, SIDE]) }),
      await sessions.inputs.run({ inputs: new ort!.Tensor('float32', inputs, [count, SIDE, SIDE]) }),
    ];
    for (const outputs of found) {
      const difference = furthest(outputs.logits.data as Float32Array, logits);
      assert.ok(difference < TOLERANCE, `digits from ${digits}: ${difference}`);
    }
    digits += count;
  }
  assert.equal(digits, 10_000);
});
