/** Protects epochs without augmentation: after the last varied epoch, sequences are those of the data, to the bit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Augmentation, isAugmenting, NO_AUGMENTATION } from '#src/data/augmentation.js';
import { sequenceIn } from '#src/data/sequences/sequence.js';
import { openAugmented, openSequences, type SequencesData } from '#src/data/sources.js';
import { images, strokes } from '../train/gpu/small-parts.js';

const UNTIL = 4;
const amounts: Augmentation = {
  ...NO_AUGMENTATION,
  rotation: 12,
  shift: 1,
  drop: 0.5,
  resample: 0.4,
  until: UNTIL,
};
const parts: [string, SequencesData][] = [
  ['images', images(8, 3, 7)],
  ['images with edges', images(2, 36, null, { channels: 1, height: 4, width: 6, edges: true })],
  ['strokes', strokes()],
];

for (const [name, data] of parts) {
  test(`${name}: varied up to an epoch, then as they are, and no longer than announced`, () => {
    const plain = openSequences(data);
    const always = openAugmented(data, { ...amounts, until: Number.POSITIVE_INFINITY }, 1);
    const source = openAugmented(data, amounts, 1);
    const indices = Int32Array.of(3, 0, 3, 17);
    for (const epoch of [1, UNTIL, UNTIL + 1, UNTIL + 9]) {
      const [drawn, varied] = [source.draw(indices, epoch), always.draw(indices, epoch)];
      assert.equal(drawn.count, 4);
      indices.forEach((i, n) => {
        const expected = epoch > UNTIL ? sequenceIn(plain, i) : sequenceIn(varied, n);
        assert.deepEqual(sequenceIn(drawn, n), expected, `epoch ${epoch}, sequence ${i}`);
        assert.equal(drawn.labelOf(n), plain.labelOf(i));
        assert.ok(expected.steps <= source.mostSteps(i) && expected.steps <= source.maxSteps);
      });
    }
    const [last, next] = [UNTIL, UNTIL + 1].map((epoch) => sequenceIn(source.draw(indices, epoch), 1));
    assert.notDeepEqual(last, next, 'the last varied epoch is varied');
  });
}

test('which epochs are varied', () => {
  const varied = [1, UNTIL, UNTIL + 1].map((epoch) => isAugmenting(amounts, epoch));
  assert.deepEqual(varied, [true, true, false]);
  assert.equal(isAugmenting({ ...amounts, until: 0 }), false);
  assert.equal(isAugmenting({ ...NO_AUGMENTATION, until: UNTIL }), false);
});
