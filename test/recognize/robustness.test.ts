/** Protects the measurement of robustness: counts, intervals, and the same result for any number of threads. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Precision } from '#src/backends/backend.js';
import type { Change } from '#src/data/inputs/changes.js';
import { measureRobustness } from '#src/recognize/robustness/measure-robustness.js';
import { robustnessRows, wilsonInterval } from '#src/recognize/robustness/robustness-rows.js';
import { decodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import { digits } from '../ink/images.js';
import { checkpointBytes, ROWS, recognizerFor } from './checkpoint-bytes.js';

suite('rows', () => {
  const change = (name: string, ways: number): Change => ({
    name,
    form: name === 'unchanged' ? 'data' : 'picture',
    variants: Array.from({ length: ways }, (_, n) => ({
      name: `way ${n}`,
      change: () => assert.fail('rows only count'),
    })),
  });

  test('count correct answers, unread inputs, and the worst class', () => {
    const changes = [change('unchanged', 1), change('turned', 2)];
    const [[only], [left, right]] = changes.map(({ variants }) => variants);
    const labels = Int32Array.of(0, 0, 2, 2);
    const answers = new Map([
      [only, Int32Array.of(0, 0, 2, 0)],
      [left, Int32Array.of(0, -1, 2, 2)],
      [right, Int32Array.of(-1, -1, 2, 0)],
    ]);
    const [unchanged, turned] = robustnessRows(changes, answers, labels, ['cat', 'dog', 'ape']);
    assert.deepEqual(unchanged, {
      change: 'unchanged',
      form: 'data',
      accuracy: 0.75,
      difference: 0,
      interval: wilsonInterval(0.75, 4),
      count: 4,
      correct: 3,
      unread: 0,
      variants: [{ name: 'way 0', correct: 3, unread: 0 }],
      // There is no dog.
      worstClass: { class: 'ape', recall: 0.5 },
    });
    assert.deepEqual(turned, {
      change: 'turned',
      form: 'picture',
      accuracy: 0.5,
      difference: -25,
      interval: wilsonInterval(0.5, 4),
      count: 8,
      correct: 4,
      unread: 3,
      variants: [
        { name: 'way 0', correct: 3, unread: 1 },
        { name: 'way 1', correct: 1, unread: 2 },
      ],
      worstClass: { class: 'cat', recall: 0.25 },
    });
  });
  test("Wilson's interval", () => {
    const rounded = (share: number, samples: number) =>
      wilsonInterval(share, samples).map((value) => Number(value.toFixed(4)));
    // Newcombe 1998 ("Two-sided confidence intervals for the single proportion"), table I: 81/263, 15/148, 0/20, 1/29.
    assert.deepEqual(rounded(81 / 263, 263), [0.2553, 0.3662]);
    assert.deepEqual(rounded(15 / 148, 148), [0.0624, 0.1605]);
    assert.deepEqual(rounded(0, 20), [0, 0.1611]);
    assert.deepEqual(rounded(1 / 29, 29), [0.0061, 0.1718]);
    assert.deepEqual(rounded(1, 20)[1], 1);
  });
});

suite('a measurement', async () => {
  const found = await digits(150);
  const pixels = Uint8Array.from(found.flatMap((digit) => [...digit.pixels]));
  pixels.fill(0, 20 * 784, 21 * 784); // One picture is blank.
  const labels = Uint8Array.from(found, (_, n) => n % 4);
  const examples = { count: 150, channels: 1, height: 28, width: 28, pixels, labels };
  const measure = (threads: number, seed = 0, precision: Precision = 'float32') => {
    const progress: number[] = [];
    const rows = measureRobustness({
      checkpoint: decodeCheckpoint(checkpointBytes(ROWS), 'a.safetensors'),
      name: 'a.safetensors',
      samples: {
        data: { kind: 'images', name: 'test', examples, preprocessing: ROWS },
        pictures: null,
        indices: Int32Array.from({ length: 140 }, (_, n) => 149 - n),
        seed,
      },
      backend: 'wasm',
      precision,
      threads,
      onProgress: ({ done, total }) => progress.push(done / total),
    });
    return rows.then((measured) => ({ rows: measured, progress }));
  };

  test('does not depend on the number of threads, and depends on the seed', async () => {
    const [one, three, other] = await Promise.all([measure(1), measure(3), measure(1, 1)]);
    assert.deepEqual(three.rows, one.rows);
    const isRandom = ({ change }: { change: string }) => /noise|salt/.test(change);
    const [still, random] = [false, true].map((wanted) =>
      one.rows.map((row, n) => [row, other.rows[n]]).filter(([row]) => isRandom(row) === wanted),
    );
    for (const [row, again] of still) assert.deepEqual(again, row, row.change);
    assert.ok(random.some(([row, again]) => row.correct !== again.correct));
    assert.equal(one.progress.at(-1), 1);
    assert.ok(one.progress.length > 19, 'progress in pieces');
  });
  test('asks as a user does: the answers to unchanged samples are those of recognize', async () => {
    const { rows } = await measure(2);
    const recognizer = recognizerFor(ROWS);
    let correct = 0;
    for (let i = 10; i < 150; i++) {
      const picture = {
        kind: 'picture' as const,
        width: 28,
        height: 28,
        pixels: pixels.slice(784 * i, 784 * (i + 1)),
      };
      const [answer] = await recognizer.recognize([picture]);
      if (answer?.top[0].index === labels[i]) correct++;
    }
    recognizer.close();
    assert.deepEqual([rows[0].correct, rows[0].count, rows[0].unread], [correct, 140, 1]);
    assert.ok(correct > 0 && correct < 140);
    const moved = rows.find(({ change }) => change.startsWith('shifted'));
    assert.equal(moved?.count, 4 * 140);
  });
});
