/** Protects the making of examples: it says how far it is, and a signal ends it, for pictures and for strokes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { madeImages, madeStrokes } from '#src/data/drawn/made-examples.js';
import type { Making } from '#src/data/drawn/making.js';
import type { Progress } from '#src/data/strokes/files/stroke-archive.js';

const COUNT = 300;

/** Vertical lines, each of which takes a millisecond. */
const slow: Making = {
  count: COUNT,
  labelOf: (i) => i % 10,
  at: (i) => {
    const end = performance.now() + 1;
    while (performance.now() < end);
    const pixels = new Uint8Array(784);
    for (let y = 4; y < 24; y++) pixels[28 * y + 4 + (i % 20)] = 255;
    return { drawing: null, pixels, isLast: true };
  },
};
const KINDS = {
  pictures: (options: Parameters<typeof madeImages>[2]) => madeImages(slow, 'lines', options),
  strokes: (options: Parameters<typeof madeImages>[2]) =>
    madeStrokes(slow, 'lines', { order: 'tour', threads: 1, ...options }),
};

describe('making examples', () => {
  for (const [kind, make] of Object.entries(KINDS)) {
    it(`says how far it is with ${kind}, and timers have their turn`, async () => {
      const seen: Progress[] = [];
      let ticks = 0;
      const timer = setInterval(() => ticks++, 20);
      const made = await make({ onProgress: (progress) => seen.push(progress) });
      clearInterval(timer);
      assert.equal(made.count, COUNT);
      assert.deepEqual(
        [...made.labels],
        Array.from({ length: COUNT }, (_, i) => i % 10),
      );
      const making = seen.filter(({ what }) => what === 'making lines');
      assert.ok(making.length >= 2 && ticks >= 2, `${making.length} times, ${ticks} ticks`);
      for (const [n, { done, total }] of making.entries()) {
        assert.ok(total === COUNT && done <= COUNT && done > (making[n - 1]?.done ?? 0));
      }
      const isConverted = seen.some(({ what, done }) => what === 'strokes of lines' && done === COUNT);
      assert.equal(isConverted, kind === 'strokes');
    });

    it(`ends at a signal, with ${kind}`, async () => {
      const signal = AbortSignal.timeout(60);
      let done = 0;
      const onProgress = (progress: Progress) => {
        done = progress.done;
      };
      await assert.rejects(make({ signal, onProgress }), { name: 'TimeoutError' });
      assert.ok(done < COUNT, `${done} of ${COUNT} made`);
    });
  }
});
