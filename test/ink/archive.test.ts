/**
 * Compares the strokes of all 70,000 MNIST digits with the published archive: they have the same points, the same start
 * and breaks by the same rule, every move goes to a nearest point, and tours are not longer.
 *
 * Runs only if SCANSTROKE_STROKES names `sequences.tar.gz` or its folder, which is not part of this repository:
 *   SCANSTROKE_STROKES=…/sequences.tar.gz node --test build/test/ink/archive.test.js
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { loadImages } from '#src/data/images/image-datasets.js';
import { loadStrokes } from '#src/data/strokes/stroke-datasets.js';
import { movesOf } from '#src/data/strokes/stroke-examples.js';
import { imageToStrokes } from '#src/ink/image-to-strokes.js';
import { breaksByDefinition, closedLength, decode, firstWrongMove } from './definitions.js';

const place = process.env.SCANSTROKE_STROKES;
if (place) test('all digits match the published archive', (context) => compare(context, place));

async function compare(context: TestContext, archive: string): Promise<void> {
  const images = await loadImages('mnist', { channelsImg: 1 });
  const published = await loadStrokes(archive);
  const counts = { digits: 0, moves: 0, identical: 0, longer: 0, shorter: 0, milliseconds: 0 };
  for (const part of ['train', 'test'] as const) {
    const { count, pixels, labels, width, height } = images[part];
    assert.equal(published[part].count, count);
    assert.deepEqual(published[part].labels, labels);
    for (let i = 0; i < count; i++) {
      const image = pixels.subarray(i * width * height, (i + 1) * width * height);
      const began = performance.now();
      const moves = imageToStrokes(image, width, height, { seed: 0 });
      counts.milliseconds += performance.now() - began;
      const theirMoves = movesOf(published[part], i);
      const [ours, theirs] = [decode(moves), decode(theirMoves)];
      const name = `${part} ${i}`;
      assert.equal(sorted(ours.points), sorted(theirs.points), `${name}: points`);
      assert.deepEqual(ours.points[0], theirs.points[0], `${name}: start`);
      for (const { points, breaks } of [ours, theirs]) {
        assert.deepEqual(breaks, breaksByDefinition(points), `${name}: breaks`);
        assert.equal(firstWrongMove(points), -1, `${name}: a move not to a nearest point`);
      }
      const difference = closedLength(ours.points) - closedLength(theirs.points);
      counts.digits++;
      counts.moves += moves.length / 4;
      counts.longer += Number(difference > 0);
      counts.shorter += Number(difference < 0);
      counts.identical += Number(moves.join() === theirMoves.join());
    }
  }
  context.diagnostic(JSON.stringify(counts));
  assert.equal(counts.digits, 70_000);
  // Wide ink has too many tours for a complete search. There the archive's random tours may be shorter.
  assert.ok(counts.longer <= counts.digits / 1000, `${counts.longer} tours are longer`);
}

function sorted(points: readonly [number, number][]): string {
  return points
    .map(([x, y]) => y * 100 + x)
    .sort((a, b) => a - b)
    .join();
}
