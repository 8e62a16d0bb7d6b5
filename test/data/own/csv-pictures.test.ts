/** Protects pictures in CSV files: headers, labels, separators and scales of all kinds; mistakes are named with their line. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UserError } from 'scanstroke';
import { cellsOf } from '#src/data/own/tables/csv-lines.js';
import { Random } from '#src/random.js';
import { tableOf } from './tables-on-disk.js';

const shown = async (csv: string) =>
  (await tableOf({ 'a.csv': csv }, 'a.csv')).pictures.map(({ label, pixels }) => [label, ...pixels]);

test('a header or none, the label first or last, quotes, other separators, numbers of lines', async () => {
  const want = [
    ['3', 0, 1, 2, 255],
    ['0', 9, 8, 7, 6],
  ];
  for (const csv of [
    'label,pixel0,pixel1,pixel2,pixel3\n3,0,1,2,255\n0,9,8,7,6\n',
    '3,0,1,2,255\n0,9,8,7,6',
    '\uFEFFlabel,1x1,1x2,2x1,2x2\r\n3,0,1,2,255\r\n\r\n0,9,8,7,6\r\n',
    'p0;p1;p2;p3;class\n0;1;2;255;3\n9;8;7;6;0\n',
    '"","label","a","b","c","d"\n"1","3",0,1,2,255\n"2",0,9,8,7,6\n',
    'Unnamed: 0\tlabel\t0\t1\t2\t3\n0\t3.0\t0\t1\t2\t255\n1\t0\t9\t8\t7\t6\n',
  ]) {
    assert.deepEqual(await shown(csv), want, csv);
  }
  assert.deepEqual(await shown('label,a,b,c,d\n"cat, small",0,0.5,1,0\n'), [['cat, small', 0, 128, 255, 0]]);
});

test('columns that are numbered are read in the order of their numbers', async () => {
  const want = [
    ['3', 0, 1, 2, 255],
    ['0', 9, 8, 7, 6],
  ];
  for (const csv of [
    'pixel2,label,pixel0,pixel3,pixel1\n2,3,0,255,1\n7,0,9,6,8\n',
    'label,p9,p8,p10,p11\n3,1,0,2,255\n0,8,9,7,6\n',
    'id,3,1,class,0,2\n7,255,1,3,0,2\n8,6,8,0,9,7\n',
    '2x2,1x2,label,2x1,1x1\n255,1,3,2,0\n6,8,0,7,9\n',
  ]) {
    assert.deepEqual(await shown(csv), want, csv);
  }
  // By number, not by letter.
  const names = Array.from({ length: 16 }, (_, n) => `pixel${n}`).sort();
  const [row] = await shown(`label,${names}\n1,${names.map((name) => name.slice(5))}\n`);
  assert.deepEqual(row, ['1', ...Array.from({ length: 16 }, (_, n) => n)]);
  const refused = (csv: string, message: RegExp) =>
    assert.rejects(tableOf({ 'a.csv': csv }, 'a.csv'), message);
  await refused('label,p0,p1,p4,p2\n1,2,3,4,5\n', /numbered, but "p3" is missing; write all pixels/);
  await refused('label,p0,p1,p1,p2\n1,2,3,4,5\n', /numbered, but "p1" is there twice/);
  await refused('label,class,a,b,c,d\n1,2,3,4,5,6\n', /"label" and "class" could all be the label/);
  await refused(
    'p0,p1,p2,p3,species\n1,2,3,4,5\n',
    /found "p0, p1, p2, …, species"; rename the column with the classes/,
  );
});

test('without names, a label in the last column is refused, and one in the first is not', async () => {
  const random = new Random(7);
  const lines = (make: (n: number) => (number | string)[]) =>
    Array.from({ length: 600 }, (_, n) => make(n).join()).join('\n');
  const pixels: Record<string, () => number[]> = {
    'of a photo': () => Array.from({ length: 9 }, () => random.below(256)),
    // The corners of digits are paper, with a speck here and there.
    'of a digit': () => [
      0,
      ...Array.from({ length: 7 }, () => random.below(256)),
      random.below(300) === 0 ? 90 : 0,
    ],
    'of two values': () => Array.from({ length: 9 }, () => random.below(2)),
    'from 0 to 1': () => Array.from({ length: 9 }, () => random.below(256) / 255),
  };
  for (const [name, of] of Object.entries(pixels)) {
    for (const label of [(n: number) => n % 10, (n: number) => `kind ${n % 3}`]) {
      const first = await tableOf({ 'a.csv': lines((n) => [label(n), ...of()]) }, 'a.csv');
      assert.equal(first.pictures.length, 600, name);
      assert.equal(first.pictures[4].label, String(label(4)));
      await assert.rejects(
        tableOf({ 'a.csv': lines((n) => [...of(), label(n)]) }, 'a.csv'),
        /DIR\/a\.csv: .*the last looks more like one: it has (10 values, 0 to 9|3 values), the first .*add a line of names/,
        name,
      );
    }
  }
  const named = `${Array.from({ length: 9 }, (_, n) => `p${n}`)},label\n${lines((n) => [...pixels['of a photo'](), n % 10])}`;
  assert.equal((await tableOf({ 'a.csv': named }, 'a.csv')).pictures[4].label, '4');
});

test('colours, where each pixel has three numbers', async () => {
  const { pictures } = await tableOf(
    { 'a.csv': `1,${Array.from({ length: 12 }, (_, n) => n).join()}` },
    'a.csv',
  );
  const [{ width, height, channels, pixels, part, where }] = pictures;
  assert.deepEqual([width, height, channels, part], [2, 2, 3, null]);
  assert.deepEqual([...pixels], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  assert.match(where, /a\.csv:1$/);
});

test('a line that cannot be read is left out with its reason', async () => {
  const good = '2,9,9,9,9\n'.repeat(12);
  const csv = `label,a,b,c,d\n1,0,0,0,255\n1,0,0,0\n1,0,x,0,0\n1,0,0,300,0\n${good}`;
  const { pictures, leftOut } = await tableOf({ 'a.csv': csv }, 'a.csv');
  assert.deepEqual([pictures.length, pictures[0].label, pictures[12].label], [13, '1', '2']);
  assert.deepEqual(
    leftOut.map((line) => line.replace(/^.*a\.csv/, '')),
    [':3: it has 4 columns, not 5', ':4: pixel 2 is "x", no number', ':5: pixel 3 is 300, outside 0 to 255'],
  );
});

test('the files of a competition: the parts by their names, and the file without labels left out', async () => {
  const files = {
    'train.csv': 'label,pixel0,pixel1,pixel2,pixel3\n1,0,0,0,255\n',
    'test.csv': 'pixel0,pixel1,pixel2,pixel3\n0,0,0,255\n',
    'sample_submission.csv': 'ImageId,Label\n1,0\n',
    'mnist_validation.csv': '2,0,0,0,255\n',
  };
  const { pictures, leftOut } = await tableOf(files);
  assert.deepEqual(pictures.map(({ label, part }) => [label, part]).sort(), [
    ['1', 'train'],
    ['2', 'validation'],
  ]);
  assert.equal(leftOut.length, 2);
  assert.match(leftOut.join(), /test\.csv: expected a column label, found "pixel0, pixel1, pixel2, pixel3"/);
});

test('mistakes are named with what to do', async () => {
  const refused = (csv: string | Uint8Array, message: RegExp) =>
    assert.rejects(tableOf({ 'a.csv': csv }, 'a.csv'), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      return true;
    });
  await refused('label,a,b,c\n1,2,3,4\n', /a\.csv: a picture has 3 numbers, .* no square: 4 would be 2 × 2/);
  await refused('a,b,c,d\n1,2,3,4\n', /expected a column label, found "a, b, c, d"/);
  await refused('file_name,label\n1.png,cat\n', /name files; put it beside the pictures as metadata\.csv/);
  await refused('label,a,b,c,d\n', /expected a line for each picture.*found none$/);
  await refused('label,a,b,c,d\n1,2,3\n', /none that can be read \(DIR\/a\.csv:2: it has 3 columns, not 5\)/);
  await refused('label,a,b,c,d\n1,-1,0,0,1\n', /numbers from -1 to 1; rescale/);
  await refused(Uint8Array.of(0xff, 0xfe, 49, 0), /found UTF-16/);
  // In Windows-1252, Ä and Ö would become the same class.
  await refused(
    Buffer.from('Ä,0,0,0,9\nÖ,0,0,0,9\n', 'latin1'),
    /a\.csv:1: expected text in UTF-8, found another encoding; .*“CSV UTF-8”$/,
  );
  await refused(Uint8Array.of(49, 44, 0, 10), /found binary data/);
  await refused('', /found none/);
});

test('cells come back, whatever is in them', () => {
  const cell = fc.string().filter((text) => !/[\r\n]/.test(text));
  fc.assert(
    fc.property(
      fc.array(cell, { minLength: 1, maxLength: 6 }),
      fc.constantFrom(',', ';', '\t'),
      (cells, separator) => {
        const line = cells.map((text) => `"${text.replaceAll('"', '""')}"`).join(separator);
        assert.deepEqual(cellsOf(line, separator), cells);
      },
    ),
  );
});
