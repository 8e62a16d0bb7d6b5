/** ONNX Runtime as a peer: the forward pass of an ONNX file, on a batch or on one sample. Protocol: see peer.ts. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const say = (reply) => process.stdout.write(`${JSON.stringify(reply)}\n`);

let ort;
try {
  ort = await import('onnxruntime-node');
} catch (error) {
  say({ missing: error.message.split('\n')[0] });
  process.exit();
}
const packageFile = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
say({ version: `ONNX Runtime ${JSON.parse(readFileSync(packageFile, 'utf8')).version}` });

const { path, model, lengths, sampleSteps } = JSON.parse(process.argv[2]);

/** Inputs [B, T, I] from `values`, or all 0.1. */
function feeds(lengths, values) {
  const steps = Math.max(...lengths);
  const { inputSize } = model;
  const inputs = values
    ? Float32Array.from(values)
    : new Float32Array(lengths.length * steps * inputSize).fill(0.1);
  return {
    inputs: new ort.Tensor('float32', inputs, [lengths.length, steps, inputSize]),
    lengths: new ort.Tensor('int32', Int32Array.from(lengths), [lengths.length]),
  };
}

const batch = feeds(lengths);
const sample = feeds([sampleSteps]);
const sessions = new Map();

async function session(threads) {
  if (!sessions.has(threads)) {
    const options = { intraOpNumThreads: threads, interOpNumThreads: 1 };
    sessions.set(threads, await ort.InferenceSession.create(path, options));
  }
  return sessions.get(threads);
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  if (request.ask === 'logits') {
    const { logits } = await (await session(1)).run(feeds(request.lengths, request.inputs));
    say({ logits: [...logits.data] });
    continue;
  }
  const chosen = await session(request.threads);
  const inputs = request.ask === 'sample' ? sample : batch;
  const began = performance.now();
  for (let i = 0; i < request.times; i++) await chosen.run(inputs);
  say({ seconds: (performance.now() - began) / 1000 / request.times });
}
