/**
 * Protects the way from people's pictures to a data set: one size and one colour for all, whatever the order in which
 * they come; every picture in one part; clear errors where nothing can be learnt.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type CollectOptions, collectPictures } from '#src/data/own/collect-pictures.js';
import type { OwnPicture } from '#src/data/own/own-picture.js';
import { UserError } from '#src/user-error.js';
import { madeSource, plainPicture } from './made-source.js';

const OPTIONS: CollectOptions = { channels: null, size: null, form: 'padded' };

/** `each` pictures of the classes a and b. */
function twoClasses(each: number, about: Partial<OwnPicture> = {}): OwnPicture[] {
  return ['a', 'b'].flatMap((label) => Array.from({ length: each }, () => plainPicture({ label, ...about })));
}

const collect = (pictures: OwnPicture[], options: Partial<CollectOptions> = {}) =>
  collectPictures(madeSource(pictures), { ...OPTIONS, ...options });

describe('size and colour', () => {
  test('pictures of one size up to 64 × 64 keep it; others become 28 × 28', async () => {
    const sizeOf = async (pictures: OwnPicture[], options: Partial<CollectOptions> = {}) => {
      const { train, test: tests } = await collect(pictures, options);
      assert.deepEqual([train.width, train.height], [tests.width, tests.height]);
      return [train.width, train.height, train.channels];
    };
    assert.deepEqual(await sizeOf(twoClasses(7, { width: 20, height: 12 })), [20, 12, 1]);
    assert.deepEqual(await sizeOf(twoClasses(7, { width: 64, height: 64 })), [64, 64, 1]);
    const large = { width: 65, height: 10 };
    assert.deepEqual(await sizeOf(twoClasses(7, large)), [28, 28, 1]);
    const late = [...twoClasses(7), plainPicture({ width: 5 })];
    assert.deepEqual(await sizeOf(late), [28, 28, 1]);
    assert.deepEqual(await sizeOf(late, { size: 16 }), [16, 16, 1]);
    assert.deepEqual(await sizeOf(late, { size: { width: 9, height: 8 } }), [9, 8, 1]);
  });

  test('one picture in colours makes all of them colours; one channel makes all grey', async () => {
    const colours = plainPicture({
      channels: 3,
      pixels: new Uint8Array(36).map((_, i) => [250, 10, 20][i % 3]),
    });
    const source = madeSource([...twoClasses(7), colours]);
    const { train, collected } = await collectPictures(source, OPTIONS);
    assert.equal(source.readings, 2, 'the pictures before are read again');
    assert.equal(train.channels, 3);
    assert.equal(collected?.hasColours, true);
    assert.deepEqual(
      [...train.pixels.subarray(0, 36)],
      new Array(36).fill(100),
      'grey in three equal channels',
    );
    const last = train.pixels.subarray(12 * 36);
    assert.deepEqual(
      [...last.subarray(0, 12)],
      [...Array(4).fill(250), ...Array(4).fill(10), ...Array(4).fill(20)],
    );
    const grey = await collect([...twoClasses(7), colours], { channels: 1 });
    assert.equal(grey.train.channels, 1);
  });

  test('channels other than 1 and 3 are refused', async () => {
    await assert.rejects(
      collect(twoClasses(7), { channels: 2 }),
      /1 channel \(grey\) or 3 \(colours\), not 2/,
    );
  });

  test('dark ink on light paper and light ink on dark paper become the same', async () => {
    const pixels = new Uint8Array(36 * 36);
    pixels.fill(200, 500, 540);
    const size = { width: 36, height: 36 };
    const dark = twoClasses(7, { ...size, pixels });
    const light = twoClasses(7, { ...size, pixels: pixels.map((value) => 255 - value) });
    assert.deepEqual((await collect(light)).train, (await collect(dark)).train);
  });
});

describe('parts', () => {
  test('without a test part, every seventh picture of a class is for the test', async () => {
    const pictures = Array.from({ length: 29 }, (_, n) =>
      plainPicture({ label: n % 2 === 0 ? 'even' : 'odd', value: n }),
    );
    const { classes, train, test: tests } = await collect(pictures);
    assert.deepEqual(classes, ['even', 'odd']);
    const valuesOf = ({ pixels }: { pixels: Uint8Array }) => [...pixels].filter((_, i) => i % 12 === 0);
    assert.deepEqual(valuesOf(tests), [12, 13, 26, 27]);
    assert.deepEqual([...tests.labels], [0, 1, 0, 1]);
    assert.deepEqual(
      valuesOf(train),
      [...Array(29).keys()].filter((n) => ![12, 13, 26, 27].includes(n)),
    );
  });

  test('of a class with 3 to 6 pictures the last is for the test, of one with 2 none', async () => {
    for (const [count, tests] of [
      [2, 0],
      [3, 1],
      [6, 1],
      [7, 1],
      [13, 1],
      [14, 2],
    ]) {
      const lines: string[] = [];
      const few = Array.from({ length: count }, (_, n) => plainPicture({ label: 'few', value: n }));
      const data = await collect([...few, ...twoClasses(7)], { onNotice: (line) => lines.push(line) });
      const few0 = data.classes.indexOf('few');
      assert.equal(data.test.labels.filter((label) => label === few0).length, tests, `${count} pictures`);
      assert.equal(
        lines.some((line) => /no test picture of "few": the test says nothing about them/.test(line)),
        tests === 0,
      );
      if (count === 6) assert.equal(data.test.pixels[data.test.labels.indexOf(few0) * 12], 5, 'the last');
    }
  });

  test('a part validation is the test part if there is none, else it joins the training pictures', async () => {
    const train = twoClasses(3, { part: 'train' });
    const validation = twoClasses(2, { part: 'validation' });
    const two = await collect([...validation, ...train]);
    assert.deepEqual([two.train.count, two.test.count, two.collected?.testPart], [6, 4, 'validation']);
    const three = await collect([...twoClasses(1, { part: 'test' }), ...validation, ...train]);
    assert.deepEqual([three.train.count, three.test.count, three.collected?.validationCount], [10, 2, 4]);
  });

  test('every picture is in one part with its label and its pixels, whatever the source knows of their number', async () => {
    const picture = fc.record({ label: fc.constantFrom('a', 'b', '10', '9'), value: fc.nat(127) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(picture, { minLength: 60, maxLength: 200 }),
        fc.boolean(),
        async (list, isKnown) => {
          const pictures = list.map((each) => plainPicture(each));
          const total = isKnown ? pictures.length : null;
          const {
            classes,
            train,
            test: tests,
          } = await collectPictures(madeSource(pictures, { total }), OPTIONS);
          const found = [train, tests].flatMap(({ labels, pixels }) =>
            Array.from(labels, (label, i) => `${classes[label]} ${pixels[i * 12]}`),
          );
          assert.deepEqual(found.sort(), list.map(({ label, value }) => `${label} ${value}`).sort());
          assert.deepEqual(
            classes,
            ['9', '10', 'a', 'b'].filter((name) => classes.includes(name)),
          );
        },
      ),
      { numRuns: 50, seed: 1 },
    );
  });

  test('memory grows with pictures of which the source does not know the number', async () => {
    const pictures = twoClasses(1500);
    const { train, test: tests } = await collectPictures(madeSource(pictures, { total: null }), OPTIONS);
    assert.equal(train.count + tests.count, 3000);
    assert.ok(train.pixels.every((value) => value === 100));
  });
});

describe('what cannot be learnt from is refused', () => {
  const refused = (pictures: OwnPicture[], message: RegExp) =>
    assert.rejects(
      collect(pictures),
      (error: unknown) => error instanceof UserError && message.test(error.message),
    );

  test('no pictures, one class, a class without training pictures or with one', async () => {
    await refused([], /made: no pictures found; expected PNG/);
    await refused(twoClasses(7).slice(0, 7), /all 7 pictures are of the class "a"; at least two/);
    const [a] = twoClasses(7);
    await refused(
      [...twoClasses(3, { part: 'train' }), plainPicture({ label: 'c', part: 'test' })],
      /the class "c" is in the test part alone/,
    );
    await refused(
      [...twoClasses(7), { ...a, label: 'c' }],
      /the class "c" is left with a single training picture/,
    );
    await refused(
      twoClasses(2),
      /no picture is left for the test; .* one .* for the test if it has 3 at least/,
    );
  });

  test('257 classes', async () => {
    const labels = Array.from({ length: 257 }, (_, n) =>
      plainPicture({ label: `c${n}`, where: `t.csv:${n}` }),
    );
    await refused(labels, /t\.csv:256: the label "c256" would be class 257; at most 256/);
  });

  test('a tenth of the pictures may be left out, with a line that says why; more may not', async () => {
    const lines: string[] = [];
    const pictures = [...twoClasses(9), plainPicture({ label: '', where: 'x.png' })];
    const options = { ...OPTIONS, onNotice: (line: string) => lines.push(line) };
    const { collected } = await collectPictures(madeSource(pictures, { bad: ['y.png'] }), options);
    assert.deepEqual(collected?.leftOut, [
      { where: 'x.png', reason: 'it has no label' },
      { where: 'y.png', reason: 'it is damaged' },
    ]);
    assert.ok(
      lines.includes('made: 2 pictures left out: x.png: it has no label; y.png: it is damaged'),
      lines.join('\n'),
    );
    await assert.rejects(
      collectPictures(madeSource(pictures, { bad: ['y.png', 'z.png'] }), OPTIONS),
      /made: 3 of 21 pictures cannot be used, more than a tenth: x\.png: it has no label; y\.png/,
    );
  });

  test('classes of very different size get an advice', async () => {
    const lines: string[] = [];
    await collect([...twoClasses(7), ...twoClasses(14).slice(0, 14)], {
      onNotice: (line) => lines.push(line),
    });
    assert.ok(
      lines.some((line) => /"a" has 18 training examples and "b" 6; --class-weights balanced/.test(line)),
    );
    const weighted: string[] = [];
    await collect([...twoClasses(7), ...twoClasses(14).slice(0, 14)], {
      onNotice: (line) => weighted.push(line),
      isWeighted: true,
    });
    assert.equal(lines.length, weighted.length + 1, 'the advice is gone once it is followed');
    assert.ok(!weighted.some((line) => /class-weights/.test(line)));
  });
});
