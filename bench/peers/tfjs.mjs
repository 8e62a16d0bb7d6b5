/** TensorFlow.js on its WASM backend as a peer: a training update of the models on images. Protocol: see peer.ts. */
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { createInterface } from 'node:readline';

const say = (reply) => process.stdout.write(`${JSON.stringify(reply)}\n`);

let tf;
try {
  tf = await import('@tensorflow/tfjs');
  const { setWasmPaths, version_wasm } = await import('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')) + sep);
  await tf.setBackend('wasm');
  say({ version: `TensorFlow.js ${version_wasm} (WASM)` });
} catch (error) {
  say({ missing: error.message.split('\n')[0] });
  process.exit();
}

const { model, lengths } = JSON.parse(process.argv[2]);
const steps = lengths[0];
const network = tf.sequential();
for (let layer = 0; layer < model.numLayers; layer++) {
  const lstm = tf.layers.lstm({
    units: model.hiddenSize,
    returnSequences: true,
    recurrentActivation: 'sigmoid',
    recurrentInitializer: 'glorotUniform', // the orthogonal initialiser takes minutes; the values do not matter
  });
  const inputs = layer === 0 ? { inputShape: [steps, model.inputSize] } : {};
  network.add(tf.layers.bidirectional({ layer: lstm, mergeMode: 'concat', ...inputs }));
}
network.add(tf.layers.flatten());
network.add(tf.layers.dropout({ rate: model.dropout }));
network.add(tf.layers.dense({ units: model.numClasses, activation: 'softmax' }));
network.compile({ optimizer: tf.train.adam(1e-4), loss: 'categoricalCrossentropy' });

const inputs = tf.randomNormal([lengths.length, steps, model.inputSize], 0, 1, 'float32', 1);
const classes = Int32Array.from(lengths, (_, b) => b % model.numClasses);
const labels = tf.oneHot(tf.tensor1d(classes, 'int32'), model.numClasses);

await network.trainOnBatch(inputs.slice(0, 1), labels.slice(0, 1));
for await (const line of createInterface({ input: process.stdin })) {
  const { times } = JSON.parse(line);
  const began = performance.now();
  for (let i = 0; i < times; i++) await network.trainOnBatch(inputs, labels);
  say({ seconds: (performance.now() - began) / 1000 / times });
}
