/**
 * Protects the table of input kinds. For every kind: recognition reads an example like training, a preprocessing is
 * stored and read back, and data of another kind are refused.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindNamed } from '#src/data/dataset-name.js';
import type { Dataset, Preprocessing } from '#src/data/input-kind.js';
import { KIND_NAMES, KINDS, kindOf, readPreprocessing } from '#src/data/kinds.js';
import { sequenceIn } from '#src/data/sequences/sequence.js';
import { openSequences, partsOf, sequencesOf } from '#src/data/sources.js';
import { concatenateStrokes } from '#src/data/strokes/stroke-examples.js';
import { OPTIONS } from '#src/train/config/options.js';
import { defaultConfig } from '#src/train/config/run-config.js';
import { digits } from '../ink/images.js';

const pictures = await digits(3);
const images = {
  count: 3,
  channels: 1,
  height: 28,
  width: 28,
  pixels: Uint8Array.from(pictures.flatMap(({ pixels }) => [...pixels])),
  labels: Uint8Array.of(0, 1, 0),
};
const strokes = concatenateStrokes(
  [Int16Array.of(3, 4, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1), Int16Array.of(5, 5, 0, 0, -1, 2, 0, 0, 0, 0, 1, 1)],
  [0, 1],
  'test',
);
const about = { name: 'test', classes: ['a', 'b'] };
const DATASETS: Dataset[] = [
  { kind: 'images', ...about, train: images, test: images },
  { kind: 'strokes', ...about, width: 28, height: 28, train: strokes, test: strokes },
];
const settings = { ...defaultConfig(), permute: 3 };
const settingsFor = { images: settings, strokes: { ...settings, inputSize: 4, head: 'mean' } };
const preprocessingFor = (dataset: Dataset): Preprocessing =>
  kindOf(dataset).preprocessingFor(dataset, settingsFor[dataset.kind]);

test('these tests have a data set of every kind', () => {
  assert.deepEqual(DATASETS.map(({ kind }) => kind).sort(), [...KIND_NAMES].sort());
});

for (const dataset of DATASETS) {
  const preprocessing = preprocessingFor(dataset);
  const kind = kindOf(dataset);

  test(`${dataset.kind}: recognition reads an example like training`, () => {
    const source = openSequences(sequencesOf(dataset, 'test', preprocessing));
    assert.equal(source.inputSize, kind.inputSizeOf(preprocessing));
    for (let i = 0; i < source.count; i++) {
      const prepared = kind.prepare(kind.exampleAt(dataset.test, i), preprocessing);
      assert.ok(prepared);
      const { steps, sequence } = prepared;
      assert.deepEqual({ steps, sequence }, sequenceIn(source, i));
      assert.equal(steps, kind.lengthsIn(dataset.test)?.(i) ?? kind.stepsOf(preprocessing));
    }
  });

  test(`${dataset.kind}: a preprocessing is stored and read back`, () => {
    const stored = JSON.parse(JSON.stringify(kind.writePreprocessing(preprocessing)));
    assert.deepEqual(readPreprocessing(stored, 'a file'), preprocessing);
  });

  test(`${dataset.kind}: every part has different sequences`, () => {
    const parts = partsOf(dataset, preprocessing);
    assert.deepEqual(Object.keys(parts), ['train', 'validation', 'test', ...kind.otherParts]);
    for (const part of Object.values(parts)) assert.ok(openSequences(part).count > 1);
  });

  test(`${dataset.kind}: settings without an effect are settings of a run`, () => {
    for (const [key, idle] of Object.entries(kind.idleSettings)) {
      const option = Object.entries(OPTIONS).find(([name]) => name === key);
      assert.equal(option?.[1].default, idle, key);
    }
  });

  test(`${dataset.kind}: the default of --data is of this kind`, () => {
    assert.equal(kindNamed(kind.defaultData), dataset.kind);
  });
}

test('the preprocessing of one kind is not used for data of another', () => {
  const [one, other] = DATASETS;
  assert.throws(
    () => sequencesOf(one, 'test', preprocessingFor(other)),
    /preprocessing of strokes for images/,
  );
  assert.throws(() => KINDS.images.redrawn('reversed', images), /images: there is no part reversed/);
});
