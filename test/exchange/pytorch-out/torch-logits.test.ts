/** Protects exported models: PyTorch computes scanstroke's logits from every head, depth and direction, and from the same inputs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pixelOrder } from '#src/data/images/image-preprocessing.js';
import { kindOf } from '#src/data/kinds.js';
import { sequenceIn } from '#src/data/sequences/sequence.js';
import { writePytorch } from '#src/exchange/pytorch/write-pytorch.js';
import type { SequenceClassifier } from '#src/model/classifier.js';
import { HEADS } from '#src/model/classifier-config.js';
import { Random } from '#src/random.js';
import { ROWS, STROKES } from '../../recognize/checkpoint-bytes.js';
import { batchOf, everyConfig, exampleOf, namesOf, STEPS } from './exported-models.js';
import { NO_TORCH, runInTorch, type TorchJob, values } from './torch.js';

/** float32 with sums in another order; the networks have up to 12 LSTMs of 9 steps, and logits of a few units. */
const TOLERANCE = 1e-5;

const FORMATS = ['pytorch', 'safetensors'] as const;

function assertClose(found: unknown, expected: ArrayLike<number>, what: string): void {
  assert.ok(Array.isArray(found) && found.length === expected.length, `${what}: ${JSON.stringify(found)}`);
  for (const [i, value] of found.entries()) {
    assert.ok(
      Math.abs(value - expected[i]) <= TOLERANCE,
      `${what}: value ${i}: ${value}, not ${expected[i]}`,
    );
  }
}

test('every head, 1, 2 and 6 layers, one direction and both, ragged or not: the same logits', {
  skip: NO_TORCH,
}, async () => {
  const ragged = batchOf([3, STEPS, 1, 6, STEPS]);
  const even = batchOf([STEPS, STEPS]);
  const jobs: TorchJob[] = [];
  const expected: Float32Array[][] = [];
  for (const [n, config] of everyConfig().entries()) {
    const { classifier, model } = await exampleOf(config, `model-${n}`);
    for (const format of FORMATS) {
      jobs.push({
        files: writePytorch(model, format, {}),
        run: 'logits',
        batches: [
          { inputs: values([5, STEPS, 4], ragged.inputs), lengths: Array.from(ragged.lengths ?? []) },
          { inputs: values([2, STEPS, 4], even.inputs) },
        ],
      });
      const ours = [await classifier.forward(ragged), await classifier.forward(even)];
      expected.push(ours.map(({ logits }) => logits));
    }
  }
  const results = runInTorch(jobs);
  for (const [n, { logits, classes, dropout }] of results.entries()) {
    const config = everyConfig()[Math.floor(n / FORMATS.length)];
    const what = JSON.stringify({ ...config, format: FORMATS[n % FORMATS.length] });
    assert.ok(Array.isArray(logits));
    assertClose(logits[0], expected[n][0], `${what}, ragged`);
    assertClose(logits[1], expected[n][1], what);
    assert.deepEqual(classes, namesOf(config.numClasses));
    assert.deepEqual(dropout, [0.25, config.numLayers === 1 ? 0 : 0.5, false], what);
  }
});

const COLOURS = { ...ROWS, sequenceLength: 6, inputSize: 20, channels: 3, height: 5, width: 8 };
const PICTURES = [
  ROWS,
  { ...ROWS, sequenceLength: 784, inputSize: 1, permutationSeed: 7 },
  { ...COLOURS, mean: 0.1307, std: 0.3081 },
  { ...COLOURS, permutationSeed: 2 },
  { ...COLOURS, inputSize: 40, permutationSeed: 2, scan: 'both' as const },
  { ...ROWS, permutationSeed: 2, deslant: true },
  { ...ROWS, sequenceLength: 14, inputSize: 168, edges: true },
  { ...ROWS, sequenceLength: 7, inputSize: 336, edges: true, deslant: true, scan: 'columns' as const },
  { ...ROWS, height: 8, width: 12, sequenceLength: 2, inputSize: 288, edges: true, scan: 'both' as const },
];

/** [count, height, channels, width], as scanstroke's examples, and [count, channels, height, width], as PyTorch's. */
function picturesOf({ channels, height, width }: typeof ROWS, count: number) {
  const random = new Random(5);
  const pixels = new Uint8Array(count * channels * height * width);
  const planes = new Uint8Array(pixels.length);
  for (let n = 0; n < count; n++) {
    for (let y = 0; y < height; y++) {
      for (let c = 0; c < channels; c++) {
        for (let x = 0; x < width; x++) {
          const value = random.below(256);
          pixels[((n * height + y) * channels + c) * width + x] = value;
          planes[((n * channels + c) * height + y) * width + x] = value;
        }
      }
    }
  }
  const examples = { count, labels: new Uint8Array(count), width, height, channels, pixels };
  return { examples, planes };
}

test('pictures of grey and in colour, permuted or not, with edges or without: the same sequences to the bit, the same logits', {
  skip: NO_TORCH,
}, async () => {
  const count = 3;
  const jobs: TorchJob[] = [];
  const ours: { sequences: Float32Array; logits: Float32Array }[] = [];
  for (const [n, preprocessing] of PICTURES.entries()) {
    for (const head of HEADS) {
      const { sequenceLength, inputSize, channels, height, width } = preprocessing;
      const config = {
        inputSize,
        hiddenSize: 5,
        numClasses: 3,
        head,
        sequenceLength,
        bidirectional: n % 2 === 0,
      };
      const { classifier, model } = await exampleOf(config, 'pictures', preprocessing);
      const { examples, planes } = picturesOf(preprocessing, count);
      const source = kindOf(preprocessing).openSequences(
        kindOf(preprocessing).sequencesOf('test', examples, preprocessing),
      );
      const sequences = new Float32Array(count * sequenceLength * inputSize);
      for (let i = 0; i < count; i++)
        sequences.set(sequenceIn(source, i).sequence, i * sequenceLength * inputSize);
      const { logits } = await classifier.forward({
        inputs: sequences,
        batchSize: count,
        steps: sequenceLength,
      });
      ours.push({ sequences, logits });
      jobs.push({
        files: writePytorch(model, FORMATS[n % 2], {}),
        run: 'preprocess',
        pictures: true,
        inputs: values([count, channels, height, width], planes),
      });
    }
  }
  assert.notDeepEqual(pixelOrder(PICTURES[1]), pixelOrder(PICTURES[3]));
  for (const [n, { sequences, logits }] of runInTorch(jobs).entries()) {
    assert.deepEqual(sequences, Array.from(ours[n].sequences), `sequences of case ${n}`);
    assertClose(logits, ours[n].logits, `case ${n}`);
  }
});

const MOVES = [3, -4, 0, 0, 5, 0, 0, 0, 0, 0, 1, 0, -7, 2, 0, 0, 0, 0, 1, 1];

test('moves of pen strokes, scaled or not, with places and context or not: the same sequences and logits', {
  skip: NO_TORCH,
}, async () => {
  const jobs: TorchJob[] = [];
  const ours: { sequence: Float32Array; logits: Float32Array }[] = [];
  const cases = [
    { scale: 1 },
    { scale: 0.1 },
    { scale: 1, position: true },
    { scale: 2, position: true },
    { scale: 1, context: true },
    { scale: 0.5, context: true, position: true, width: 40 },
  ];
  for (const [n, about] of cases.entries()) {
    for (const head of ['final', 'last', 'mean'] as const) {
      const preprocessing = { ...STROKES, ...about };
      const inputSize = kindOf(preprocessing).inputSizeOf(preprocessing);
      const config = { inputSize, hiddenSize: 6, numClasses: 3, head, numLayers: 2 };
      const { classifier, model } = await exampleOf(config, 'strokes', preprocessing);
      const prepared = kindOf(preprocessing).prepare(
        { kind: 'strokes', moves: Int16Array.from(MOVES) },
        preprocessing,
      );
      assert.ok(prepared);
      const { steps, sequence } = prepared;
      const { logits } = await classifier.forward({ inputs: sequence, batchSize: 1, steps });
      ours.push({ sequence, logits });
      jobs.push({
        files: writePytorch(model, FORMATS[n % FORMATS.length], {}),
        run: 'preprocess',
        pictures: false,
        inputs: values([1, MOVES.length / 4, 4], MOVES),
      });
    }
  }
  for (const [n, { sequences, logits }] of runInTorch(jobs).entries()) {
    assert.deepEqual(sequences, Array.from(ours[n].sequence), `sequence of case ${n}`);
    assertClose(logits, ours[n].logits, `case ${n}`);
  }
});

/** `PATH: class 1 (61.3%)` of the likeliest class. */
async function lineOf(classifier: SequenceClassifier, inputs: Float32Array, steps: number): Promise<RegExp> {
  const { logits } = await classifier.forward({ inputs, batchSize: 1, steps });
  const powers = logits.map(Math.exp);
  const best = powers.indexOf(Math.max(...powers));
  const share = powers[best] / powers.reduce((sum, power) => sum + power);
  return new RegExp(`^[^:]*: class ${best} \\(${(100 * share).toFixed(1).replace('.', '\\.')}%\\)\\n$`);
}

/** Makes the border of a grey picture paper: 0. */
function darkenBorder(pixels: { [i: number]: number }, width: number, height: number): void {
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    if (x === 0 || y === 0 || x === width - 1 || y === height - 1) pixels[i] = 0;
  }
}

test('the Python file classifies as a program: a NumPy array, a picture, a text file of moves', {
  skip: NO_TORCH,
}, async () => {
  const jobs: TorchJob[] = [];
  const lines: RegExp[] = [];
  const sizes = { hiddenSize: 6, numClasses: 4 };
  for (const preprocessing of [ROWS, COLOURS]) {
    const { inputSize, sequenceLength, channels, height, width } = preprocessing;
    const { classifier, model } = await exampleOf(
      { ...sizes, inputSize, sequenceLength, head: 'flatten' },
      'a name with "quotes"',
      preprocessing,
    );
    const { examples, planes } = picturesOf(preprocessing, 1);
    if (channels === 1) {
      for (const pixels of [examples.pixels, planes]) darkenBorder(pixels, width, height);
    }
    const source = kindOf(preprocessing).openSequences({
      kind: 'images',
      name: 'test',
      examples,
      preprocessing,
    });
    const line = await lineOf(classifier, sequenceIn(source, 0).sequence, sequenceLength);
    lines.push(line, line);
    const files = writePytorch(model, 'pytorch', {});
    const inputs = values([1, channels, height, width], planes);
    jobs.push({ files, run: 'command', input: 'images.npy', type: 'uint8', inputs });
    const byPixel = Array.from({ length: planes.length }, (_, i) => {
      return planes[(i % channels) * height * width + Math.floor(i / channels)];
    });
    const shape = channels === 1 ? [height, width] : [height, width, channels];
    jobs.push({ files, run: 'command', input: 'picture.png', inputs: values(shape, byPixel) });
    if (channels > 1) continue;
    const darkOnBright = byPixel.map((value) => 255 - value);
    lines.push(line);
    jobs.push({ files, run: 'command', input: 'picture.png', inputs: values(shape, darkOnBright) });
  }
  const { classifier, model } = await exampleOf({ ...sizes, inputSize: 4, head: 'mean' }, 'strokes', {
    ...STROKES,
  });
  lines.push(await lineOf(classifier, Float32Array.from(MOVES), MOVES.length / 4));
  const text = `${MOVES.join(' ').replace(/((\S+ ){3}\S+) /g, '$1\n')}\n`;
  jobs.push({ files: writePytorch(model, 'pytorch', {}), run: 'command', input: 'moves.txt', text });
  const plain = await exampleOf({ ...sizes, inputSize: 4 }, 'plain');
  lines.push(await lineOf(plain.classifier, Float32Array.from(MOVES), MOVES.length / 4));
  const inputs = values([1, MOVES.length / 4, 4], MOVES);
  const files = writePytorch(plain.model, 'pytorch', {});
  jobs.push({ files, run: 'command', input: 'sequences.npy', type: 'float64', inputs });
  for (const [n, { status, output, errors }] of runInTorch(jobs).entries()) {
    assert.equal(status, 0, String(errors));
    assert.equal(errors, '');
    assert.match(String(output), lines[n], `case ${n}`);
  }
});

test('the parameters are not written over by the Python file', async () => {
  const { model } = await exampleOf({ inputSize: 4, hiddenSize: 3, numClasses: 4 }, 'a');
  for (const format of ['pytorch', 'safetensors'] as const) {
    assert.throws(
      () => writePytorch(model, format, { fileName: 'a.py' }),
      /a\.py is the name of the Python file/,
    );
  }
});

test('torch.load with weights_only gives a state dict under PyTorch’s names, and names of classes are only texts', {
  skip: NO_TORCH,
}, async () => {
  const { model } = await exampleOf(
    { inputSize: 4, hiddenSize: 300, numClasses: 4, bidirectional: true },
    'a',
  );
  const classes = ['"""', "'\\", 'Ä 🙂 \u202e\u{e0041}', '", exit(), "'];
  const files = writePytorch({ ...model, classes }, 'pytorch', { fileName: 'b c.pth' });
  const [{ classes: read }, loaded] = runInTorch([
    { files, run: 'logits', batches: [] },
    { files, run: 'checkpoint' },
  ]);
  assert.deepEqual(read, classes);
  const layers = ['l0', 'l0_reverse'].flatMap((layer) =>
    ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map((part) => `lstm.${part}_${layer}`),
  );
  const names = [...layers, 'fc.weight', 'fc.bias'];
  const shapes = [[1200, 4], [1200, 300], [1200], [1200]];
  assert.deepEqual(loaded, {
    keys: names,
    names,
    type: 'OrderedDict',
    shapes: [...shapes, ...shapes, [4, 600], [4]],
    contiguous: true,
    rest: {},
  });
});
