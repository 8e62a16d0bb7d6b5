/** Readers of people's own pictures: ZIP archives and tables of labels. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Zippable, zipSync } from 'fflate';
import { loadDataset } from '#src/data/open-dataset.js';
import { type Label, readLabelTable } from '#src/data/own/picture-labels.js';
import { placePictures } from '#src/data/own/trees/tree-layout.js';
import { greyPng } from '../../data/pictures/png-file.js';
import { chance, mutateBytes, pick, spliced } from '../mutations/byte-mutations.js';
import type { Input, Openers } from '../target.js';

const text = (value: string): Input => new TextEncoder().encode(value);

/** Seven pictures of each of two classes, and a table. */
function archive(level: 0 | 6, withTable: boolean): Input {
  const files: Zippable = { 'a/notes.txt': text('nothing') };
  let table = 'file_name,label\n';
  for (let n = 0; n < 14; n++) {
    const path = `${n % 2 ? 'a' : 'b'}/${n}.png`;
    const width = 3 + (n % 3);
    files[path] = greyPng(
      Uint8Array.from({ length: 4 * width }, (_, i) => (i * 31 + n) % 256),
      width,
    );
    table += `${path},${n % 3}\n`;
  }
  if (withTable) files['metadata.csv'] = text(table);
  return zipSync(files, { level });
}

const TABLES = [
  text('file_name,label,split\na.png,cat,train\n"b, 1.png","a ""dog""",test\nsub/c.png,3,validation\n'),
  text('{"file_name":"a.png","label":"cat"}\n{"file_name":"b.png","label":7,"split":"test"}\n'),
];

export const OPENERS: Openers = {
  'own-archive': async (folder) => {
    const path = join(folder, 'a.zip');
    const archives = [archive(0, false), archive(6, false), archive(0, true)];
    return {
      make: (random) => mutateBytes(random, pick(random, archives)),
      run: async (input) => {
        writeFileSync(path, input);
        const { classes, train, test } = await loadDataset(path, { channelsImg: null, order: 'tour' });
        assert.ok(classes.length >= 2 && train.count >= 4 && test.count >= 1);
        assert.ok(train.labels.every((label) => label < classes.length));
      },
    };
  },
  'label-table': async () => ({
    make: (random) => {
      const which = random.below(TABLES.length);
      const mutated = chance(random, 0.1) ? TABLES[which] : mutateBytes(random, TABLES[which]);
      return spliced(mutated, 0, 0, [which]);
    },
    run: async (input) => {
      const name = input[0] === 1 ? 'metadata.jsonl' : 'metadata.csv';
      const labels = new Map<string, Label>();
      await readLabelTable(input.subarray(1), name, `data/${name}`, labels);
      const paths = ['a.png', 'b.png', 'sub/c.png'];
      const placed = placePictures(paths, labels);
      assert.ok(placed.length >= paths.length);
    },
  }),
};
