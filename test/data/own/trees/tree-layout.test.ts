/** Protects how the class and the part of a picture follow from its path, and from tables of labels. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Label, readLabelTable } from '#src/data/own/picture-labels.js';
import { emptyFolders, placePictures } from '#src/data/own/trees/tree-layout.js';
import { UserError } from '#src/user-error.js';

/** `PART LABEL` of each picture, or the reason why it has none. */
function placed(paths: string[], labels: Map<string, Label> | null = null): string[] {
  return placePictures(paths, labels).map((picture) =>
    picture.label === null ? picture.reason : `${picture.part ?? '–'} ${picture.label}`,
  );
}

async function tableOf(content: string | Uint8Array, path = 'metadata.csv'): Promise<Map<string, Label>> {
  const labels = new Map<string, Label>();
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  await readLabelTable(bytes, path, `data/${path}`, labels);
  return labels;
}

describe('folders', () => {
  test('a folder for each class, with folders in it', () => {
    assert.deepEqual(placed(['cat/1.png', 'cat/old/2.JPG', 'dog/1.webp', 'dog/notes.txt']), [
      '– cat',
      '– cat',
      '– dog',
    ]);
  });

  test('parts with a folder for each class', () => {
    const paths = ['train/cat/1.png', 'Test/cat/1.png', 'val/cat/1.png', 'validation/dog/a/1.png'];
    assert.deepEqual(placed(paths), ['train cat', 'test cat', 'validation cat', 'validation dog']);
  });

  test('parts with other words in their names, and a folder twice', () => {
    const want = ['train cat', 'train dog', 'test cat'];
    for (const [train, tests] of [
      ['training_set', 'test_set'],
      ['seg_train/seg_train', 'seg_test/seg_test'],
      ['train/train', 'test'],
    ]) {
      assert.deepEqual(placed([`${train}/cat/1.png`, `${train}/dog/1.png`, `${tests}/cat/1.png`]), want);
    }
    const labels = new Map([['train-set/1.png', { label: 'cat', part: null, where: '' }]]);
    assert.deepEqual(placed(['train-set/1.png', 'test-set/1.png'], labels).slice(0, 1), ['train cat']);
    // What is twice may be the class.
    assert.deepEqual(placed(['train/train/1.png', 'train/bus/1.png', 'test/train/1.png']), [
      'train train',
      'train bus',
      'test train',
    ]);
  });

  test('classes may have the words of parts in their names', () => {
    for (const folders of [
      ['test tube/old', 'train station/old', 'cat/old'],
      ['test tube', 'train station'],
      ['test tube/old', 'test pad/old'],
      ['train station/old', 'train track/old'],
    ]) {
      assert.deepEqual(
        placed(folders.map((path) => `${path}/1.png`)),
        folders.map((path) => `– ${path.split('/')[0]}`),
      );
    }
    // Beside folders that are parts by their whole names.
    const beside = placed(['train/cat/1.png', 'train/test tube/1.png', 'test/test tube/1.png']);
    assert.deepEqual(beside, ['train cat', 'train test tube', 'test test tube']);
  });

  test('folders that all pictures share are passed over, but not the folder of a class', () => {
    assert.deepEqual(placed(['my/set/cat/1.png', 'my/set/dog/1.png']), ['– cat', '– dog']);
    assert.deepEqual(placed(['my/train/cat/1.png', 'my/test/cat/1.png']), ['train cat', 'test cat']);
    assert.deepEqual(placed(['cat/1.png', 'cat/2.png']), ['– cat', '– cat']);
  });

  test('classes may be named train and test', () => {
    assert.deepEqual(placed(['test/1.png', 'train/1.png']), ['– test', '– train']);
  });

  test('pictures without a class are named with the reason', () => {
    assert.deepEqual(placed(['1.png', 'cat/1.png']), ['it is in no folder of a class', '– cat']);
    const beside = placed(['more/cat/1.png', 'train/1.png', 'train/cat/1.png']);
    assert.deepEqual(beside, [
      'it is in none of the folders train, test and validation',
      'it is in no folder of a class',
      'train cat',
    ]);
  });
});

test('folders beside those of classes may be empty', () => {
  const folders = ['a', 'a/old', 'a/x', 'b', 'c', 'test', 'train', 'train/a', 'train/c', 'notes'];
  const emptyBeside = (...paths: string[]) => emptyFolders(folders, placePictures(paths, null));
  assert.deepEqual(emptyBeside('a/1.png', 'b/old/2.png'), ['c', 'test', 'train', 'notes']);
  assert.deepEqual(emptyBeside('train/a/1.png', 'test/a/2.png'), ['train/c']);
  assert.deepEqual(emptyBeside(), []);
});

describe('tables of labels', () => {
  test('give labels, and the part where a folder or a column says so', async () => {
    const labels = await tableOf(
      'file_name,label\r\na.png,cat\r\n"b,1.png","a ""dog"""\r\nsub\\c.png,3\r\n',
      'train/metadata.csv',
    );
    const paths = ['train/a.png', 'train/b,1.png', 'train/sub/c.png', 'train/d.png'];
    assert.deepEqual(placed(paths, labels), [
      'train cat',
      'train a "dog"',
      'train 3',
      'no table of labels (metadata) names it',
    ]);
    const divided = await tableOf('File_Name,class,split\na.png,cat,test\nb.png,dog,\n');
    assert.deepEqual(placed(['a.png', 'b.png'], divided), ['test cat', '– dog']);
    const lines = await tableOf('{"file_name":"a.png","label":7}\n\n', 'metadata.jsonl');
    assert.deepEqual(placed(['a.png'], lines), ['– 7']);
  });

  test('a file that does not exist is named, also outside of the folder', async () => {
    const labels = await tableOf('file_name,label\na.png,cat\n../../etc/b.png,dog\n');
    assert.deepEqual(placed(['a.png'], labels), [
      '– cat',
      'data/metadata.csv:3 names it, but there is no such picture',
    ]);
  });

  test('tables that lack a column or are damaged are refused with the line', async () => {
    const refused = (content: string | Uint8Array, message: RegExp, path?: string) =>
      assert.rejects(
        tableOf(content, path),
        (error) => error instanceof UserError && message.test(error.message),
      );
    await refused(
      'name,label\na.png,cat\n',
      /metadata\.csv:2: expected the columns file_name and label, found "name, label"/,
    );
    await refused(
      Buffer.from('file_name,label\na.png,Ä\n', 'latin1'),
      /^data\/metadata\.csv: expected text in UTF-8, found another encoding; save it as UTF-8/,
    );
    await refused('', /expected a line of column names and a line for each picture/);
    await refused('file_name,label\n"a.png,cat\n', /metadata\.csv:\d: /);
    await refused('{"file_name":"a.png"}', /metadata\.jsonl:1: expected the columns/, 'metadata.jsonl');
    await refused('[]', /metadata\.jsonl:1: expected an object/, 'metadata.jsonl');
    await refused(`file_name,label\na.png,${'x'.repeat(201)}\n`, /more than 200 letters/);
  });
});
