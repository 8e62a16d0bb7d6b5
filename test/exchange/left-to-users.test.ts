/** Protects what exported files say about strokes that their code reads as they are given: the rules are in each file. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESLANT_FIRST } from '#src/data/deslant.js';
import { SORT_STROKES } from '#src/data/strokes/sort-strokes.js';
import { CONTEXT_AFTER } from '#src/data/strokes/stroke-context.js';
import { POSITIONS_AFTER } from '#src/data/strokes/stroke-positions.js';
import { DEFAULT_STROKE_PREPROCESSING } from '#src/data/strokes/stroke-preprocessing.js';
import { writeC } from '#src/exchange/c/write-c.js';
import { writeOnnx } from '#src/exchange/onnx/write-onnx.js';
import { writePytorch } from '#src/exchange/pytorch/write-pytorch.js';
import { exampleOf } from './pytorch-out/exported-models.js';

const RULES = { deslant: DESLANT_FIRST, sorted: SORT_STROKES };

for (const [key, rule] of Object.entries(RULES)) {
  test(`ONNX, C and PyTorch files of a network with "${key}" have its rule, others do not`, async () => {
    for (const isSet of [true, false]) {
      const preprocessing = { ...DEFAULT_STROKE_PREPROCESSING, ...(isSet && { [key]: true }) };
      const config = { inputSize: 4, hiddenSize: 5, numClasses: 3, head: 'mean' } as const;
      const { model } = await exampleOf(config, 'strokes', preprocessing);
      for (const [format, files] of Object.entries({
        onnx: writeOnnx(model, {}),
        c: writeC(model, {}),
        pytorch: writePytorch(model, 'pytorch', {}),
      })) {
        // Comments break lines, and begin them with an asterisk.
        const text = files
          .map(({ bytes }) =>
            Buffer.from(bytes)
              .toString('latin1')
              .replace(/[\s*]+/g, ' '),
          )
          .join(' ');
        assert.equal(text.includes(rule.replace(/[\s*]+/g, ' ')), isSet, format);
      }
    }
  });
}

test('strokes are sorted after slant is removed: a PyTorch file then does not advise to sort before', async () => {
  const config = { inputSize: 4, hiddenSize: 5, numClasses: 3, head: 'mean' } as const;
  for (const deslant of [false, true]) {
    const preprocessing = { ...DEFAULT_STROKE_PREPROCESSING, sorted: true, ...(deslant && { deslant }) };
    const { model } = await exampleOf(config, 'strokes', preprocessing);
    const [text] = writePytorch(model, 'pytorch', {})
      .map(({ bytes }) => Buffer.from(bytes).toString('latin1'))
      .filter((each) => each.includes('data strokes --data FOLDER'));
    assert.equal(/data strokes .* --sort /.test(text), !deslant);
    assert.equal(text.includes('does not sort strokes, which follows the removal of slant.'), deslant);
  }
});

test('an ONNX file says what the further values of a step are', async () => {
  for (const [position, context, inputSize] of [
    [false, false, 4],
    [true, false, 6],
    [false, true, 29],
    [true, true, 31],
  ] as const) {
    const preprocessing = { ...DEFAULT_STROKE_PREPROCESSING, position, context };
    const { model } = await exampleOf(
      { inputSize, hiddenSize: 5, numClasses: 3, head: 'mean' },
      'strokes',
      preprocessing,
    );
    const [{ bytes }] = writeOnnx(model, {});
    const text = Buffer.from(bytes).toString('latin1');
    assert.equal(text.includes(POSITIONS_AFTER), position);
    assert.equal(text.includes(CONTEXT_AFTER), context);
  }
});
