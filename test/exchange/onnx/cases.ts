/** The table of ONNX files with the outputs that a runtime must give. Runs on ONNX Runtime in Node.js and in a page. */
import assert from 'node:assert/strict';
import { type OnnxOptions, writeOnnx } from '#src/exchange/onnx/write-onnx.js';
import { directionsOf, HEADS } from '#src/model/classifier-config.js';
import {
  BATCHES,
  type Batch,
  batchOf,
  type Example,
  everyConfig,
  exampleOf,
  furthest,
  INPUT_SIZE,
  ourLogits,
  PICTURES,
  picturesFor,
  probabilitiesOf,
  STEPS,
  TOLERANCE,
} from './examples.js';
import { logitsFrom } from './initial-states.js';
import type { Feed, Outputs, RuntimeFile } from './run-file.js';

/** A file, and for each run the outputs that it must give. */
export interface Case {
  file: RuntimeFile;
  expected: Record<string, ArrayLike<number>>[];
}

/** Opsets in which operators of the files have another version. */
const OPSETS = [13, 14, 18, 19, 22];

/** Cases by topic. */
export const CASES: Record<string, () => Promise<Case[]>> = {
  'every head, 1 to 6 layers, one direction and both: ragged batches, batch 1, lengths from 0': async () => {
    const cases: Case[] = [];
    for (const config of everyConfig()) {
      const example = await exampleOf(config);
      const batches = BATCHES.filter(({ steps }) => config.head !== 'flatten' || steps === STEPS);
      cases.push(await sequenceCase(example, batches, {}));
    }
    return cases;
  },

  'every opset, with probabilities': async () => {
    const cases: Case[] = [];
    for (const head of HEADS) {
      for (const bidirectional of [false, true]) {
        const example = await exampleOf(
          { head, bidirectional, numLayers: 2 },
          null,
          bidirectional ? 2.5 : undefined,
        );
        for (let opset = 13; opset <= 22; opset++) {
          const batches = [batchOf([STEPS, 3, STEPS - 1])];
          cases.push(await sequenceCase(example, batches, { opset, probabilities: true }));
        }
      }
    }
    return cases;
  },

  'pictures: grey, in colour, permuted, with edges': async () => {
    const cases: Case[] = [];
    for (const [n, preprocessing] of PICTURES.entries()) {
      for (const head of HEADS) {
        const { inputSize, sequenceLength, channels, height, width } = preprocessing;
        const config = { head, inputSize, sequenceLength, bidirectional: n % 2 === 0 };
        const example = await exampleOf(config, preprocessing);
        const { count, images, sequences } = picturesFor(preprocessing);
        const batch = {
          inputs: sequences,
          batchSize: count,
          steps: sequenceLength,
          lengths: new Int32Array(count).fill(sequenceLength),
        };
        const feeds = { images: feed('uint8', [count, channels, height, width], images) };
        const logits = await ourLogits(example, batch);
        const options = { withPreprocessing: true, opset: OPSETS[n % OPSETS.length] };
        cases.push({ file: fileOf(example, options, [feeds]), expected: [{ logits }] });
      }
    }
    return cases;
  },

  'initial states': async () => {
    const cases: Case[] = [];
    for (const head of HEADS) {
      for (const [n, numLayers] of [1, 2, 3, 2, 3].entries()) {
        for (const bidirectional of [false, true]) {
          const example = await exampleOf({ head, numLayers, bidirectional });
          cases.push(statesCase(example, { initialStates: true, opset: OPSETS[n] }));
        }
      }
    }
    return cases;
  },

  'one step at a time': async () => {
    const cases: Case[] = [];
    for (const head of ['final', 'last', 'mean'] as const) {
      for (const [n, numLayers] of [1, 2, 3, 6, 2].entries()) {
        const example = await exampleOf({ head, numLayers }, null, n % 2 === 0 ? 0.6 : undefined);
        cases.push(stepsCase(example, { streaming: true, probabilities: true, opset: OPSETS[n] }));
      }
    }
    return cases;
  },
};

/** @throws AssertionError naming the file, the run and the output that is wrong */
export function compare({ file, expected }: Case, outputs: Outputs): void {
  assert.equal(outputs.length, expected.length);
  for (const [run, values] of expected.entries()) {
    for (const [name, numbers] of Object.entries(values)) {
      const difference = furthest(outputs[run][name], numbers);
      assert.ok(difference < TOLERANCE, `${file.name}, run ${run}: ${name} differs by ${difference}`);
    }
  }
}

async function sequenceCase(
  example: Example,
  batches: readonly Batch[],
  options: OnnxOptions,
): Promise<Case> {
  const { config, temperature } = example.model;
  const expected: Case['expected'] = [];
  for (const batch of batches) {
    const logits = await ourLogits(example, batch);
    expected.push(
      options.probabilities
        ? { logits, probabilities: probabilitiesOf(logits, config.numClasses, temperature) }
        : { logits },
    );
  }
  const feeds = batches.map((batch) => batchFeeds(example, batch));
  return { file: fileOf(example, options, feeds), expected };
}

function statesCase(example: Example, options: OnnxOptions): Case {
  const { config } = example.model;
  const batch = batchOf(config.head === 'flatten' ? [STEPS, STEPS, STEPS] : [STEPS, 1, 4]);
  const shape = [config.numLayers * directionsOf(config), batch.batchSize, config.hiddenSize];
  const count = shape.reduce((product, size) => product * size);
  const hidden = Float32Array.from({ length: count }, (_, n) => Math.sin(n));
  const cell = Float32Array.from({ length: count }, (_, n) => 2 * Math.cos(3 * n));
  const feeds = {
    ...batchFeeds(example, batch),
    h0: feed('float32', shape, hidden),
    c0: feed('float32', shape, cell),
  };
  const logits = logitsFrom(example.model, batch, { hidden, cell });
  return { file: fileOf(example, options, [feeds]), expected: [{ logits }] };
}

/** Two sequences side by side, against a stepper for each. */
function stepsCase(example: Example, options: OnnxOptions): Case {
  const { hiddenSize, numLayers, numClasses, head } = example.model.config;
  const B = 2;
  const steppers = Array.from({ length: B }, () => example.classifier.stepper());
  const zeros = (...shape: number[]) =>
    feed('float32', shape, new Float32Array(shape.reduce((a, b) => a * b)));
  const carried: Record<string, string> = { next_hidden: 'hidden', next_cell: 'cell' };
  const first: Record<string, Feed> = {
    hidden: zeros(numLayers, B, hiddenSize),
    cell: zeros(numLayers, B, hiddenSize),
  };
  if (head === 'mean') {
    Object.assign(carried, { next_sum: 'sum', next_count: 'count' });
    Object.assign(first, { sum: zeros(B, hiddenSize), count: feed('int32', [B], [0, 0]) });
  }
  const feeds: Record<string, Feed>[] = [];
  const expected: Case['expected'] = [];
  for (let t = 0; t < 40; t++) {
    const inputs = Float32Array.from({ length: B * INPUT_SIZE }, (_, n) => 2 * Math.sin(t * t + n));
    const rows = steppers.map((stepper, b) => [
      ...stepper.step(inputs.subarray(b * INPUT_SIZE, (b + 1) * INPUT_SIZE)),
    ]);
    const logits = Float32Array.from(rows.flat());
    feeds.push({ ...(t === 0 && first), inputs: feed('float32', [B, INPUT_SIZE], inputs) });
    expected.push({ logits, probabilities: probabilitiesOf(logits, numClasses, example.model.temperature) });
  }
  for (const stepper of steppers) stepper.close();
  return { file: { ...fileOf(example, options, feeds), carried }, expected };
}

function batchFeeds({ model }: Example, { inputs, lengths, batchSize, steps }: Batch): Record<string, Feed> {
  const { head, inputSize } = model.config;
  const sequences = feed('float32', [batchSize, steps, inputSize], inputs);
  return head === 'flatten'
    ? { inputs: sequences }
    : { inputs: sequences, lengths: feed('int32', [batchSize], lengths) };
}

function feed(type: Feed['type'], dims: number[], data: ArrayLike<number>): Feed {
  return { type, dims, data: Array.from(data) };
}

function fileOf({ model }: Example, options: OnnxOptions, feeds: Record<string, Feed>[]): RuntimeFile {
  const [{ name, bytes }] = writeOnnx(model, options);
  const base64 = Buffer.from(bytes).toString('base64');
  return { name: `${name} ${JSON.stringify(options)}`, base64, feeds, carried: {} };
}
