/**
 * Protects exported C files: they compile without a warning, compute our logits for every head, 1 to 6 layers and both
 * directions, stream to the same bits, and stay inside of their arrays.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type ClassifierConfig, type Head, SequenceClassifier } from 'scanstroke';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { quantizeRows } from '#src/exchange/c/quantization.js';
import { writeC } from '#src/exchange/c/write-c.js';
import type { ExportableModel } from '#src/exchange/exportable-model.js';
import { Random } from '#src/random.js';
import type { StateDict } from '#src/state-dict.js';
import { uniform } from '../../cases/draw.js';
import { ROWS } from '../../recognize/checkpoint-bytes.js';
import {
  compile,
  compilers,
  cxxCompilers,
  noCompiler,
  runProgram,
  STRICT,
  sanitizers,
} from './c-compiler.js';

const HEADS: readonly Head[] = ['flatten', 'final', 'last', 'mean'];
/** Steps of the head flatten; other heads read any number. */
const T = 7;
const LENGTHS = [0, 1, 2, 7, 11];
/**
 * float32 in C against float64 sums: logits up to 10 and sums of up to 200 products, so a few dozen roundings of
 * 10 · 2⁻²⁴. The largest difference seen is 1.6e-6.
 */
const TOLERANCE = 1e-5;

const folder = mkdtempSync(join(tmpdir(), 'scanstroke-c-'));
after(() => rmSync(folder, { recursive: true }));
const oracle = new ReferenceBackend({ storage: 'float64' });

interface TestModel {
  id: string;
  quantize: boolean;
  model: SequenceClassifier;
  exported: ExportableModel;
  /** [11, I] */ inputs: Float32Array;
}

/** The state dict with the weights that `quantize` keeps. */
function dequantized(tensors: StateDict): StateDict {
  const result: StateDict = new Map();
  for (const [name, { shape, data }] of tensors) {
    if (shape.length < 2) result.set(name, { shape, data });
    else {
      const { integers, scales } = quantizeRows(data, shape[0]);
      result.set(name, {
        shape,
        data: Float32Array.from(integers, (q, n) => q * scales[Math.floor(n / shape[1])]),
      });
    }
  }
  return result;
}

async function testModel(config: ClassifierConfig, id: string, quantize: boolean): Promise<TestModel> {
  const random = new Random(7, id.length, config.hiddenSize);
  const drawn = new SequenceClassifier(config, oracle, { seed: config.hiddenSize });
  const parameters = await drawn.stateDict();
  // Trained weights are larger than initial ones, and gates come near 0 and 1.
  for (const { data } of parameters.values()) data.set(data.map((value) => 4 * value));
  const model = new SequenceClassifier(config, oracle, {
    parameters: quantize ? dequantized(parameters) : parameters,
  });
  return {
    id,
    quantize,
    model,
    inputs: uniform(random, Math.max(...LENGTHS) * config.inputSize, 2),
    exported: {
      config: model.config,
      parameters,
      preprocessing: null,
      classes: Array.from({ length: config.numClasses }, (_, k) => `class ${k}`),
      name: id,
      training: null,
    },
  };
}

/** Every head, number of layers and direction, with sizes that are multiples of nothing. */
async function testModels(): Promise<TestModel[]> {
  const models: TestModel[] = [];
  for (const head of HEADS) {
    for (let numLayers = 1; numLayers <= 6; numLayers++) {
      for (const bidirectional of [false, true]) {
        const n = models.length;
        const [inputSize, hiddenSize, numClasses] = [1 + (n % 6), 1 + (n % 11), 1 + (n % 5)];
        const config = {
          inputSize,
          hiddenSize,
          numLayers,
          bidirectional,
          numClasses,
          head,
          sequenceLength: T,
        };
        models.push(await testModel(config, `m${n}`, false));
        if (numLayers === 1 || numLayers === 3) models.push(await testModel(config, `m${n}_q`, true));
      }
    }
  }
  return models;
}

function write(exported: ExportableModel, quantize = false): string {
  const [file] = writeC(exported, { quantize });
  writeFileSync(join(folder, file.name), file.bytes);
  return file.name;
}

/** C that writes, for every length, the logits of `predict`; and compares the stream's with them. */
function driverOf(models: readonly TestModel[]): string {
  const calls = models.map(({ id, model: { config } }) => {
    const ID = id.toUpperCase();
    const workspace = config.bidirectional && config.numLayers > 1;
    const limit = config.head === 'flatten' ? `(steps < ${T} ? steps : ${T})` : 'steps';
    const stream = `
      {
        ${id}_state state;
        float streamed[${ID}_CLASSES];
        ${id}_reset(&state);
        ${id}_answer(&state, streamed);
        for (t = 0; t < steps; t++) ${id}_step(&state, inputs + t * ${ID}_INPUT_SIZE, streamed);
        if (memcmp(logits, streamed, sizeof logits) != 0) return 3;
      }`;
    return `
  {
    float *inputs = (float *)malloc(${Math.max(...LENGTHS)} * sizeof(float) * ${ID}_INPUT_SIZE);
    if (fread(inputs, sizeof(float), ${Math.max(...LENGTHS)} * ${ID}_INPUT_SIZE, stdin) == 0) return 2;
    for (length = 0; length < ${LENGTHS.length}; length++) {
      const size_t steps = lengths[length];
      float logits[${ID}_CLASSES];
      ${workspace ? `float *workspace = (float *)malloc(${ID}_WORKSPACE(${limit}) * sizeof(float) + 1);` : ''}
      ${id}_predict(inputs, steps, logits${workspace ? ', workspace' : ''});
      ${workspace ? 'free(workspace);' : ''}${config.bidirectional ? '' : stream}
      fwrite(logits, sizeof(float), ${ID}_CLASSES, stdout);
    }
    free(inputs);
  }`;
  });
  return `
#include <stdio.h>
#include <stdlib.h>
${models.map(({ id }) => `#include "${id}.c"\n`).join('')}
int main(void)
{
  static const size_t lengths[] = {${LENGTHS.join(', ')}};
  size_t length, t;
  (void)t;
${calls.join('\n')}
  return 0;
}
`;
}

/** The logits that a model must give for `steps` steps: without steps, the linear layer reads zeros. */
async function expected({ model, inputs }: TestModel, steps: number): Promise<Float32Array> {
  const { inputSize, head } = model.config;
  if (steps === 0) return (await model.stateDict()).get('fc.bias')!.data;
  const read = head === 'flatten' ? Math.min(steps, T) : steps;
  const batch = { inputs: inputs.slice(0, read * inputSize), batchSize: 1, steps: read };
  return (await model.forward(batch)).logits;
}

test('C gives our logits: every head, 1 to 6 layers, both directions, float32 and int8, any length', {
  skip: noCompiler,
}, async () => {
  const models = await testModels();
  for (const { exported, quantize } of models) write(exported, quantize);
  writeFileSync(join(folder, 'all.c'), driverOf(models));
  // One file holds all models, so names of different models do not clash either.
  const program = compile(folder, 'all', ['-O1', ...sanitizers(folder), 'all.c']);
  const input = Buffer.concat(models.map(({ inputs }) => new Uint8Array(inputs.buffer)));
  const { status, stdout, stderr } = runProgram(program, input);
  assert.equal(status, 0, `3: a stream differs from predict; else the sanitizer: ${stderr.toString()}`);

  const logits = new Float32Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.length));
  let [at, worst] = [0, 0];
  for (const model of models) {
    for (const steps of LENGTHS) {
      const want = await expected(model, steps);
      for (const value of want) {
        const difference = Math.abs(value - logits[at++]);
        const { head, numLayers, bidirectional } = model.model.config;
        const where = `${model.id}: ${head}, ${numLayers} layers, bidirectional ${bidirectional}, ${steps} steps`;
        assert.ok(difference <= TOLERANCE, `${where}: ${value}, differs by ${difference}`);
        worst = Math.max(worst, difference);
      }
    }
  }
  assert.equal(at, logits.length);
  assert.ok(worst > 0, 'the comparison sees differences');
});

test('C without steps is our classifier with zero hidden states: a sequence of length 0 is refused there', async () => {
  const { model } = await testModel({ inputSize: 2, hiddenSize: 3, numClasses: 2 }, 'm', false);
  const batch = { inputs: new Float32Array(0), batchSize: 1, steps: 0 };
  await assert.rejects(async () => model.forward(batch), /steps must be a whole number from 1/);
});

test('every compiler here accepts every form without a warning, as C99 and as C++', {
  skip: noCompiler,
}, async () => {
  const names: string[] = [];
  for (const head of HEADS) {
    for (const bidirectional of [false, true]) {
      const config = {
        inputSize: 4,
        hiddenSize: 8,
        numLayers: 3,
        bidirectional,
        numClasses: 4,
        head,
        sequenceLength: T,
      };
      const id = `form_${head}_${bidirectional}`;
      const { exported } = await testModel(config, id, false);
      names.push(write(exported, head === 'mean'));
    }
  }
  const pictures = { ...ROWS, sequenceLength: 14, inputSize: 168, edges: true };
  for (const [n, preprocessing] of [
    pictures,
    { ...pictures, deslant: true, scan: 'columns' as const },
    { ...pictures, sequenceLength: 7, inputSize: 672, scan: 'both' as const },
  ].entries()) {
    const config = { inputSize: preprocessing.inputSize, hiddenSize: 3, numClasses: 4 };
    const { exported } = await testModel(config, `form_edges_${n}`, false);
    names.push(write({ ...exported, preprocessing }, n === 2));
  }
  const main = names.map((name) => `#include "${name}"\n`).join('');
  writeFileSync(join(folder, 'forms.c'), `${main}int main(void) { return 0; }\n`);
  assert.ok(compilers.length > 0, 'no C compiler runs here');
  // Only the optimiser sees some problems, such as a loop that would run past an array.
  for (const compiler of compilers) compile(folder, 'forms', ['-O3', 'forms.c'], compiler);
  for (const compiler of cxxCompilers) {
    const args = [...STRICT, '-fsyntax-only', '-x', 'c++', 'forms.c'];
    const { status, stderr } = spawnSync(compiler, args, { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 0, `${compiler}: ${stderr}`);
  }
});

test('a stroke model of 6 layers of 32 streams with less than 4 KB of state', {
  skip: noCompiler,
}, async () => {
  const config = { inputSize: 4, hiddenSize: 32, numLayers: 6, numClasses: 10 };
  const { exported } = await testModel(config, 'six', false);
  const name = write(exported);
  writeFileSync(
    join(folder, 'size.c'),
    `#define SIX_HEADER
#include "${name}"
#include <stdio.h>
typedef char state_is_under_4_kb[sizeof(six_state) < 4096 ? 1 : -1];
int main(void) { printf("%d\\n", (int)sizeof(six_state)); return 0; }
`,
  );
  const bytes = runProgram(compile(folder, 'size', ['size.c'])).stdout.toString();
  assert.equal(Number(bytes), 6 * 32 * 2 * 4);
  const [file] = writeC(exported, {});
  assert.match(new TextDecoder().decode(file.bytes), /six_state: 1536 bytes/);
});
