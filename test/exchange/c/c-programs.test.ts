/**
 * Protects what surrounds the network in an exported C file: the program to try it, preprocessing to the bit, the example
 * at the head of the file, class names of any text, and the refusals.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type ClassifierConfig, SequenceClassifier, UserError } from 'scanstroke';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import type { Preprocessing } from '#src/data/input-kind.js';
import type { InputPicture } from '#src/data/inputs/input.js';
import { kindOf } from '#src/data/kinds.js';
import { floatLiteral, identifierOf, stringLiteral } from '#src/exchange/c/c-text.js';
import { quantizeRows } from '#src/exchange/c/quantization.js';
import { writeC } from '#src/exchange/c/write-c.js';
import type { ExportableModel } from '#src/exchange/exportable-model.js';
import { imageToStrokes } from '#src/ink/image-to-strokes.js';
import { Random } from '#src/random.js';
import { uniform } from '../../cases/draw.js';
import { digits } from '../../ink/images.js';
import { compile, noCompiler, runProgram, sanitizers } from './c-compiler.js';

const folder = mkdtempSync(join(tmpdir(), 'scanstroke-c-'));
after(() => rmSync(folder, { recursive: true }));
const backend = new ReferenceBackend();

/** Characters that end a string, begin an escape or a trigraph, or continue a hexadecimal escape. */
const HOSTILE = ['"quoted"', 'back\\slash', 'tri??/graph', 'émA1', 'A\n7', '*/ </script> %s%n', '日本'];

const picture: Preprocessing = {
  kind: 'images',
  sequenceLength: 4,
  inputSize: 6,
  channels: 1,
  height: 6,
  width: 4,
  mean: 0.1307,
  std: 0.3081,
  permutationSeed: null,
};
const colours: Preprocessing = {
  ...picture,
  channels: 3,
  height: 4,
  width: 2,
  permutationSeed: 5,
  mean: -0.2,
};
const upright: Preprocessing = { ...picture, permutationSeed: 3, deslant: true };
const both: Preprocessing = { ...picture, inputSize: 12, permutationSeed: 3, scan: 'both' };
/** Steps of two rows of three cells, steps of one column, and steps of one row and one column. */
const edges: Preprocessing = {
  ...picture,
  sequenceLength: 2,
  inputSize: 72,
  height: 8,
  width: 6,
  edges: true,
};
const edgesOfColumns: Preprocessing = { ...edges, sequenceLength: 3, inputSize: 48, scan: 'columns' };
const edgesOfBoth: Preprocessing = {
  ...edges,
  sequenceLength: 3,
  width: 6,
  height: 6,
  scan: 'both',
  deslant: true,
};
const strokes: Preprocessing = { kind: 'strokes', width: 28, height: 28, order: 'tour', scale: 0.3 };
const placed: Preprocessing = { ...strokes, scale: 1, position: true };
const mapped: Preprocessing = { ...strokes, height: 40, context: true };
const placedMapped: Preprocessing = { ...placed, context: true };

async function exportable(
  name: string,
  preprocessing: Preprocessing | null,
  about: Partial<ClassifierConfig> = {},
): Promise<ExportableModel> {
  const inputSize = preprocessing ? kindOf(preprocessing).inputSizeOf(preprocessing) : 2;
  const config = { inputSize, hiddenSize: 5, numClasses: HOSTILE.length, sequenceLength: 4, ...about };
  const model = new SequenceClassifier(config, backend, { seed: 3 });
  return {
    config: model.config,
    parameters: await model.stateDict(),
    preprocessing,
    classes: HOSTILE,
    temperature: 1.7,
    name,
    training: null,
  };
}

function write(model: ExportableModel, quantize = false): string {
  const [file] = writeC(model, { quantize });
  writeFileSync(join(folder, file.name), file.bytes);
  return new TextDecoder().decode(file.bytes);
}

async function probabilitiesOf(model: ExportableModel, inputs: Float32Array): Promise<Float64Array> {
  const { config, parameters, temperature = 1 } = model;
  const classifier = new SequenceClassifier(
    { ...config, sequenceLength: config.sequenceLength ?? undefined },
    backend,
    { parameters },
  );
  const steps = inputs.length / config.inputSize;
  const { logits } = await classifier.forward({ inputs, batchSize: 1, steps });
  const powers = Float64Array.from(logits, (logit) => Math.exp(logit / temperature));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

/** What the program must print, with six digits of each probability. */
async function answerOf(model: ExportableModel, inputs: Float32Array): Promise<string> {
  const probabilities = await probabilitiesOf(model, inputs);
  const lines = model.classes.map((name, k) => `${probabilities[k].toFixed(6).padStart(9)}  ${name}\n`);
  const best = probabilities.indexOf(Math.max(...probabilities));
  return `${lines.join('')}answer: ${model.classes[best]}\n`;
}

/** Probabilities in printed text may differ in the last digit. */
function assertSameAnswer(got: string, want: string): void {
  const numbers = /^ *\d\.\d{6}(?= {2})/gm;
  assert.equal(got.replace(numbers, ''), want.replace(numbers, ''));
  const [found, expected] = [got, want].map((text) => text.match(numbers)?.map(Number) ?? []);
  assert.equal(found.length, HOSTILE.length);
  found.forEach((value, k) => {
    assert.ok(Math.abs(value - expected[k]) < 2.5e-6, `${value} is not ${expected[k]}`);
  });
}

/** The sequence of a picture or of moves, by the code of training. */
function sequenceOf(input: InputPicture | Int16Array, preprocessing: Preprocessing): Float32Array {
  const kind = kindOf(preprocessing);
  const prepared =
    input instanceof Int16Array
      ? kind.prepare({ kind: 'strokes', moves: input }, preprocessing)
      : kind.prepare({ kind: 'picture', ...input }, preprocessing);
  assert.ok(prepared);
  return prepared.sequence;
}

/** Steep and flat, in all directions. */
const NOISE = Uint8Array.from({ length: 48 }, (_, n) => (n % 5 === 0 ? 0 : (n * n * 37 + 11) % 256));
const pixels = (count: number) => Uint8Array.from({ length: count }, (_, n) => (n * 37 + 11) % 256);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test('the program reads a PGM with comments, or raw bytes, and refuses the rest', {
  skip: noCompiler,
}, async () => {
  const model = await exportable('7 seven', picture, { head: 'flatten', bidirectional: true, numLayers: 2 });
  write(model);
  const program = compile(folder, 'seven', ['-DMODEL_7_SEVEN_MAIN', 'model_7_seven.c']);
  const grey = pixels(24);
  const want = await answerOf(model, sequenceOf({ width: 4, height: 6, pixels: grey }, picture));
  assertSameAnswer(text(runProgram(program, grey).stdout), want);
  const pgm = Buffer.concat([Buffer.from('P5\n# 9 9 by nobody\n4 6\n# 3\n255\n'), grey]);
  assertSameAnswer(text(runProgram(program, pgm).stdout), want);

  // Dark ink on bright paper: a picture file is inverted, the bytes of a program are not.
  const dark = grey.map((value, n) =>
    [5, 6, 9, 10, 13, 14, 17, 18].includes(n) ? value >> 2 : 255 - (value >> 3),
  );
  const negative = await answerOf(
    model,
    sequenceOf({ width: 4, height: 6, pixels: dark.map((value) => 255 - value) }, picture),
  );
  const file = Buffer.concat([Buffer.from('P5 4 6 255 '), dark]);
  assertSameAnswer(text(runProgram(program, file).stdout), negative);
  const asIs = await answerOf(model, sequenceOf({ width: 4, height: 6, pixels: dark }, picture));
  assertSameAnswer(text(runProgram(program, dark).stdout), asIs);

  const heads = [
    'P5 6 4 255 ',
    'P5 4 6 65535 ',
    'P5 99999999999999999999999 6 255 ',
    'P6 4 6 255 ',
    'P5',
    '',
  ];
  for (const wrong of [
    ...heads.map((head) => Buffer.concat([Buffer.from(head), grey])),
    pgm.subarray(1),
    '',
  ]) {
    if (wrong.length === 24) continue;
    const { status, stderr, stdout } = runProgram(program, wrong);
    assert.deepEqual([status, text(stdout)], [2, '']);
    assert.match(text(stderr), /^model_7_seven: expected a binary PGM \(P5\) of 4 x 6 pixels .*\n$/);
  }
});

test('the program reads moves as text, streamed or whole, and refuses half a move', {
  skip: noCompiler,
}, async () => {
  const moves = Int16Array.of(5, 3, 0, 0, 1, -1, 0, 0, 0, 0, 1, 0, -4, 2, 0, 0, 0, 0, 1, 1);
  const lines = '5 3 0 0\n1 -1 0 0\n0 0 1 0\n-4 2 0 0\n0 0 1 1\n';
  for (const [name, preprocessing, bidirectional] of [
    ['streamed', strokes, false],
    ['whole', strokes, true],
    ['streamed_places', placed, false],
    ['whole_places', placed, true],
    ['streamed_context', mapped, false],
    ['whole_context', placedMapped, true],
  ] as const) {
    const model = await exportable(name, preprocessing, { bidirectional, numLayers: 3, head: 'mean' });
    write(model);
    const program = compile(folder, name, [`-D${name.toUpperCase()}_MAIN`, `${name}.c`]);
    const want = await answerOf(model, sequenceOf(moves, preprocessing));
    assertSameAnswer(text(runProgram(program, lines).stdout), want);
    for (const wrong of [`${lines}1 2`, `${lines}1 2 x 0\n`, 'P5']) {
      const { status, stderr } = runProgram(program, wrong);
      assert.equal(status, 2);
      assert.equal(text(stderr), `${name}: expected 4 numbers for every move\n`);
    }
  }
});

test('preprocessing in C gives the bits of training: every grey level, colours, a permutation, rows and columns, edges, moves', {
  skip: noCompiler,
}, async () => {
  write(await exportable('grey', { ...picture, sequenceLength: 16, inputSize: 16, height: 16, width: 16 }));
  write(await exportable('colours', colours));
  write(await exportable('both', both));
  write(await exportable('upright', upright));
  write(await exportable('edges', edges));
  write(await exportable('edges_of_columns', edgesOfColumns), true);
  write(await exportable('edges_of_both', edgesOfBoth));
  write(await exportable('moves', strokes));
  writeFileSync(
    join(folder, 'inputs.c'),
    `#include <stdio.h>
#include "grey.c"
#include "colours.c"
#include "both.c"
#include "upright.c"
#include "edges.c"
#include "edges_of_columns.c"
#include "edges_of_both.c"
#include "moves.c"
int main(void)
{
  static uint8_t pixels[256];
  static const uint8_t noise[48] = {${NOISE.join(', ')}};
  float inputs[256], move[4];
  size_t n;
  for (n = 0; n < 256; n++) pixels[n] = (uint8_t)n;
  grey_normalise(pixels, inputs);
  fwrite(inputs, sizeof(float), 256, stdout);
  colours_normalise(pixels + 100, inputs);
  fwrite(inputs, sizeof(float), 24, stdout);
  both_normalise(pixels + 50, inputs);
  fwrite(inputs, sizeof(float), 48, stdout);
  upright_normalise(pixels + 50, inputs);
  fwrite(inputs, sizeof(float), 24, stdout);
  edges_normalise(noise, inputs);
  fwrite(inputs, sizeof(float), EDGES_STEPS * EDGES_INPUT_SIZE, stdout);
  edges_of_columns_normalise(noise, inputs);
  fwrite(inputs, sizeof(float), EDGES_OF_COLUMNS_STEPS * EDGES_OF_COLUMNS_INPUT_SIZE, stdout);
  edges_of_both_normalise(noise, inputs);
  fwrite(inputs, sizeof(float), EDGES_OF_BOTH_STEPS * EDGES_OF_BOTH_INPUT_SIZE, stdout);
  moves_move(7.0f, -3.0f, 1, 0, move);
  fwrite(move, sizeof(float), 4, stdout);
  for (n = 0; n < COLOURS_CLASSES; n++) fwrite(colours_classes[n], 1, strlen(colours_classes[n]) + 1, stdout);
  return 0;
}
`,
  );
  const { stdout } = runProgram(compile(folder, 'inputs', [...sanitizers(folder), 'inputs.c']));
  const every = Uint8Array.from({ length: 256 }, (_, n) => n);
  const wide = { ...picture, sequenceLength: 16, inputSize: 16, height: 16, width: 16 };
  const coloured = { width: 2, height: 4, channels: 3, pixels: every.slice(100, 124) };
  const want = [
    ...sequenceOf({ width: 16, height: 16, pixels: every }, wide),
    ...sequenceOf(coloured, colours),
    ...sequenceOf({ width: 4, height: 6, pixels: every.slice(50, 74) }, both),
    ...sequenceOf({ width: 4, height: 6, pixels: every.slice(50, 74) }, upright),
    ...sequenceOf({ width: 6, height: 8, pixels: NOISE }, edges),
    ...sequenceOf({ width: 6, height: 8, pixels: NOISE }, edgesOfColumns),
    ...sequenceOf({ width: 6, height: 6, pixels: NOISE.slice(0, 36) }, edgesOfBoth),
    ...sequenceOf(Int16Array.of(7, -3, 0, 0, 0, 0, 1, 1), strokes).subarray(0, 2),
    ...[1, 0],
  ];
  const bytes = 4 * want.length;
  const got = new Float32Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + bytes));
  assert.deepEqual(got, Float32Array.from(want));
  assert.equal(text(stdout.subarray(bytes)), HOSTILE.map((name) => `${name}\0`).join(''));
});

test('the ink around moves in C has the bits of training', { skip: noCompiler }, async () => {
  write(await exportable('mapped', mapped, { bidirectional: true, head: 'last' }));
  write(await exportable('unscaled', { ...placedMapped, scale: 1 }, { bidirectional: true, head: 'last' }));
  writeFileSync(
    join(folder, 'context.c'),
    `#include <stdio.h>
#include "mapped.c"
#include "unscaled.c"
int main(void)
{
  static float mapped[400 * MAPPED_INPUT_SIZE], unscaled[400 * UNSCALED_INPUT_SIZE];
  float move[4], place[2] = {0};
  size_t steps = 0;
  while (scanf("%f %f %f %f", &move[0], &move[1], &move[2], &move[3]) == 4) {
    const int eos = move[2] > 0.0f, eod = move[3] > 0.0f;
    mapped_move(move[0], move[1], eos, eod, mapped + steps * MAPPED_INPUT_SIZE);
    unscaled_move(place, move[0], move[1], eos, eod, unscaled + steps * UNSCALED_INPUT_SIZE);
    steps++;
  }
  mapped_context(mapped, steps);
  unscaled_context(unscaled, steps);
  fwrite(mapped, sizeof(float), steps * MAPPED_INPUT_SIZE, stdout);
  fwrite(unscaled, sizeof(float), steps * UNSCALED_INPUT_SIZE, stdout);
  return 0;
}
`,
  );
  const program = compile(folder, 'context', [...sanitizers(folder), 'context.c']);
  for (const { pixels } of await digits(12)) {
    const moves = imageToStrokes(pixels, 28, 28);
    const lines = Array.from({ length: moves.length / 4 }, (_, t) =>
      moves.subarray(4 * t, 4 * t + 4).join(' '),
    );
    const { stdout } = runProgram(program, `${lines.join('\n')}\n`);
    const got = new Float32Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.length));
    const want: number[] = [mapped, placedMapped].flatMap((each) => [...sequenceOf(moves, each)]);
    assert.deepEqual(got, Float32Array.from(want));
  }
});

test('the example at the head of the file compiles, links and runs', { skip: noCompiler }, async () => {
  const cases: [string, Preprocessing | null, Partial<ClassifierConfig>][] = [
    ['picture_example', picture, { bidirectional: true, numLayers: 3 }],
    ['edges_example', edges, { sequenceLength: 2 }],
    ['stroke_example', strokes, {}],
    ['whole_strokes', strokes, { bidirectional: true, head: 'last', numLayers: 2 }],
    ['placed_example', placed, {}],
    ['placed_whole', placed, { bidirectional: true, head: 'last', numLayers: 2 }],
    ['mapped_example', mapped, {}],
    ['mapped_whole', placedMapped, { bidirectional: true, head: 'last', numLayers: 2 }],
    ['numbers', null, { head: 'mean' }],
    ['flat_numbers', null, { head: 'flatten', bidirectional: true, numLayers: 2 }],
  ];
  for (const [name, preprocessing, about] of cases) {
    const source = write(await exportable(name, preprocessing, about));
    const example = source.slice(source.indexOf('#include <stdio.h>'), source.indexOf('\n */\n'));
    const program = example.replaceAll(/^ \* {0,3}/gm, '').replaceAll(/ *\/\/.*/g, '');
    writeFileSync(join(folder, 'example.c'), program);
    const { status, stdout } = runProgram(compile(folder, 'example', ['example.c', `${name}.c`]));
    assert.equal(status, 0);
    assert.ok(HOSTILE.includes(text(stdout).slice(0, -1)), text(stdout));
  }
});

test('the file is ASCII, whatever the names are, and the same each time', async () => {
  const name = '../Größe */ "7"\n#error\\';
  const model = await exportable(name, strokes);
  const [file] = writeC(model, {});
  assert.equal(file.name, 'gr_e_7_error.c');
  assert.ok(file.bytes.every((byte) => byte === 10 || (byte >= 0x20 && byte < 0x7f)));
  const source = text(file.bytes);
  assert.ok(!/\?\?|\bname_|\bNAME\b|NAME_/.test(source.replaceAll(/\\\?/g, '')), 'a placeholder is left');
  assert.deepEqual(writeC(model, {})[0].bytes, file.bytes);
  for (const line of source.split('\n')) assert.ok(line.length <= 130, line);
});

test('words of C from words of users', () => {
  const names = {
    'my-run': 'my_run',
    'A__b.c': 'a_b_c',
    '9': 'model_9',
    '': 'model',
    日本: 'model',
    _x_: 'x',
  };
  for (const [name, identifier] of Object.entries(names)) assert.equal(identifierOf(name), identifier);
  assert.equal(identifierOf(`${'a'.repeat(31)}-b`), 'a'.repeat(31));
  assert.equal(stringLiteral('A"\\?\n7é'), '"A\\"\\\\\\?\\0127\\303\\251"');
  const literals = {
    1: '1.0f',
    0.5: '0.5f',
    '-0.2': '-0.2f',
    1e-9: '1e-9f',
    16777216: '16777216.0f',
    1e30: '1e+30f',
  };
  for (const [value, literal] of Object.entries(literals)) assert.equal(floatLiteral(Number(value)), literal);
});

test('8-bit weights differ by half a scale at most, which is 1/254 of the largest in the row', () => {
  const rows = 6;
  const values = uniform(new Random(1, 2), rows * 50, 3);
  values.fill(0, 50, 100); // a row without weights
  values.fill(1e-44, 100, 150); // whose scale underflows
  const { integers, scales } = quantizeRows(values, rows);
  for (let row = 0; row < rows; row++) {
    const own = values.subarray(row * 50, (row + 1) * 50);
    const largest = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    own.forEach((value, n) => {
      const integer = integers[row * 50 + n];
      assert.ok(Math.abs(integer) <= 127);
      // The scale itself is rounded to float32.
      assert.ok(Math.abs(value - integer * scales[row]) <= (largest / 254) * (1 + 1e-4) + 1e-43);
    });
  }
  assert.ok(integers.includes(127) || integers.includes(-127), 'the range is used');
});

test('models that do not fit are refused with what is expected and found', async () => {
  const good = await exportable('good', picture, { head: 'flatten' });
  const refused = (model: ExportableModel, message: RegExp) =>
    assert.throws(
      () => writeC(model, {}),
      (error) => error instanceof UserError && message.test(error.message),
      String(message),
    );
  refused({ ...good, classes: ['a'] }, /"good" has 7 classes, found 1 names/);
  refused({ ...good, classes: HOSTILE.map((_, k) => 'x'.repeat(5000) + k) }, /longer than 4095 bytes/);
  refused(
    { ...good, preprocessing: strokes },
    /reads 4 steps of 6 values, found .* any number of steps of 4/,
  );
  refused(
    { ...good, preprocessing: colours, config: { ...good.config, sequenceLength: 5 } },
    /of another architecture/,
  );
  refused(
    { ...good, config: { ...good.config, hiddenSize: 4096 } },
    /weights, and compilers take up to 16777216/,
  );
  const parameters = new Map(good.parameters);
  parameters.set('fc.bias', {
    shape: [HOSTILE.length],
    data: new Float32Array(HOSTILE.length).fill(Number.NaN),
  });
  refused({ ...good, parameters }, /value 0 of fc.bias is NaN, expected a finite number/);
});
