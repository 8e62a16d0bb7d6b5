/**
 * Compares the strokes of all 70,000 digits of MNIST with the archive that was published: the same points, the same
 * start, breaks by the rule, every step to a nearest point, and tours that are not longer.
 *
 * Runs when SCANSTROKE_STROKES names `sequences.tar.gz` or its folder, which is not part of this repository:
 *   SCANSTROKE_STROKES=…/sequences.tar.gz node --test build/test/ink/archive.test.js
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { loadImages } from '#src/data/images/image-datasets.js';
import { loadStrokes } from '#src/data/strokes/stroke-datasets.js';
import { movesOf } from '#src/data/strokes/stroke-examples.js';
import { imageToStrokes } from '#src/ink/image-to-strokes.js';
import { breaksByDefinition, closedLength, decode, firstWrongStep } from './definitions.js';

const place = process.env.SCANSTROKE_STROKES;
if (place) test('all digits, beside the archive', (context) => compare(context, place));

async function compare(context: TestContext, archive: string): Promise<void> {
  const images = await loadImages('mnist', { channelsImg: 1 });
  const published = await loadStrokes(archive);
  const counts = { digits: 0, rows: 0, identical: 0, longer: 0, shorter: 0, milliseconds: 0 };
  for (const part of ['train', 'test'] as const) {
    const { count, pixels, labels, width, height } = images[part];
    assert.equal(published[part].count, count);
    assert.deepEqual(published[part].labels, labels);
    for (let i = 0; i < count; i++) {
      const image = pixels.subarray(i * width * height, (i + 1) * width * height);
      const began = performance.now();
      const rows = imageToStrokes(image, width, height, { seed: 0 });
      counts.milliseconds += performance.now() - began;
      const theirRows = movesOf(published[part], i);
      const [ours, theirs] = [decode(rows), decode(theirRows)];
      const name = `${part} ${i}`;
      assert.equal(sorted(ours.points), sorted(theirs.points), `${name}: points`);
      assert.deepEqual(ours.points[0], theirs.points[0], `${name}: start`);
      for (const { points, breaks } of [ours, theirs]) {
        assert.deepEqual(breaks, breaksByDefinition(points), `${name}: breaks`);
        assert.equal(firstWrongStep(points), -1, `${name}: a step not to a nearest point`);
      }
      const difference = closedLength(ours.points) - closedLength(theirs.points);
      counts.digits++;
      counts.rows += rows.length / 4;
      counts.longer += Number(difference > 0);
      counts.shorter += Number(difference < 0);
      counts.identical += Number(rows.join() === theirRows.join());
    }
  }
  context.diagnostic(JSON.stringify(counts));
  assert.equal(counts.digits, 70_000);
  // Where broad ink allows too many tours to look through all of them, chance may have been kinder to the archive.
  assert.ok(counts.longer <= counts.digits / 1000, `${counts.longer} tours are longer`);
}

function sorted(points: readonly [number, number][]): string {
  return points
    .map(([x, y]) => y * 100 + x)
    .sort((a, b) => a - b)
    .join();
}
