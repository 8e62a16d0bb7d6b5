/** Protects those who give incomplete or damaged strokes: they are refused with the file and the line. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { loadStrokes } from '#src/data/strokes/stroke-datasets.js';
import { UserError } from '#src/user-error.js';
import { names, parent, refused } from './loaded-strokes.js';
import { type Files, strokeFiles, writeArchive, writeFolder } from './stroke-fixture.js';

describe('refused, with the file and the line', () => {
  const without = (name: string) => {
    const { [name]: _, ...rest } = strokeFiles();
    return rest;
  };
  const changed = (files: Files) => ({ ...strokeFiles(), ...files });
  const cases: [string, Files, RegExp][] = [
    [
      'a missing sequence',
      without('trainimg-1-inputdata.txt'),
      /trainimg-1-inputdata\.txt is missing: trainlabels\.txt has 3 labels, numbers 0 to 2, and 2 sequences were found/,
    ],
    [
      'many missing',
      changed({ 'testlabels.txt': '3\n7\n3\n3\n' }),
      /testimg-2-inputdata\.txt and 1 more are missing/,
    ],
    [
      'one sequence too many',
      changed({ 'testimg-2-inputdata.txt': '0 0 1 1\n' }),
      /testimg-2-inputdata\.txt has no label: testlabels\.txt has 2 labels/,
    ],
    ['no labels', without('testlabels.txt'), /testlabels\.txt is missing; .*2 such sequences were found/],
    [
      'misnumbered',
      changed({ 'trainimg-03-inputdata.txt': '0 0 1 1\n' }),
      /"trainimg-03-inputdata\.txt" is misnumbered: "03"/,
    ],
    ['no number', changed({ 'testimg-one-inputdata.txt': '0 0 1 1\n' }), /misnumbered: "one"/],
    ['an empty file', changed({ 'trainimg-2-inputdata.txt': '' }), /trainimg-2-inputdata\.txt is empty/],
    [
      'a malformed move',
      changed({ 'trainimg-1-inputdata.txt': '1 1 0 0\n1 1 0\n0 0 1 1\n' }),
      /trainimg-1-inputdata\.txt:2: expected four whole numbers/,
    ],
    [
      'a malformed label',
      changed({ 'trainlabels.txt': '7\nthree\n7\n' }),
      /trainlabels\.txt:2: expected a label/,
    ],
    [
      'a label that only the test has',
      changed({ 'testlabels.txt': '3\n8\n' }),
      /testlabels\.txt:2: the label 8, which no training sequence has/,
    ],
    [
      'too many class names',
      changed({ 'classes.txt': 'a\nb\nc\n' }),
      /classes\.txt: 3 lines, but the training labels have 2 classes/,
    ],
    [
      'a file too large',
      changed({ 'trainimg-1-inputdata.txt': '1 1 0 0\n'.repeat(200_000) }),
      /trainimg-1-inputdata\.txt(: it)? has \d+ bytes; at most 1048576/,
    ],
    [
      '300 classes',
      changed({
        ...Object.fromEntries(
          Array.from({ length: 300 }, (_, n) => [`trainimg-${n}-inputdata.txt`, '0 0 1 1\n']),
        ),
        'trainlabels.txt': Array.from({ length: 300 }, (_, n) => `${n}\n`).join(''),
      }),
      /300 different labels; at most 256/,
    ],
  ];
  for (const [what, files, message] of cases) {
    test(what, async () => {
      const [folder, archive] = [join(parent, 'bad'), join(parent, 'bad.tar.gz')];
      await writeFolder(folder, files);
      await writeArchive(archive, files);
      await refused(loadStrokes(folder), message, /bad/);
      await refused(loadStrokes(archive), message, /bad\.tar\.gz/);
      assert.deepEqual(await names(), [], 'nothing is cached');
    });
  }

  test('the same file twice in an archive', async () => {
    await writeArchive(join(parent, 'a.tar'), strokeFiles(), { gzip: false });
    const bytes = await fs.readFile(join(parent, 'a.tar'));
    // Two concatenated archives are one archive that contains every file twice.
    const end = bytes.findLastIndex((byte) => byte !== 0);
    const content = bytes.subarray(0, Math.ceil(end / 512) * 512);
    await fs.writeFile(join(parent, 'twice.tar'), Buffer.concat([content, content, Buffer.alloc(1024)]));
    await refused(loadStrokes(join(parent, 'twice.tar')), /exists twice/);
  });

  test('damaged archives and other files', async () => {
    const path = join(parent, 'a.tar.gz');
    await writeArchive(path, strokeFiles());
    const good = await fs.readFile(path);
    const flipped = Buffer.from(good);
    flipped[Math.floor(good.length / 2)] ^= 0xff;
    // The first entry has a size that no number holds, and the right checksum.
    const huge = gunzipSync(good);
    huge.fill(0x80, 124, 125).fill(0xff, 125, 136).fill(' ', 148, 156);
    const sum = huge.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    huge.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    const damaged: [string, Uint8Array, RegExp][] = [
      ['cut short', good.subarray(0, good.length / 2), /damaged/],
      ['a byte changed', flipped, /damaged/],
      ['text', Buffer.from('1 2 0 0\n'.repeat(200)), /damaged, or no tar file/],
      ['nothing', Buffer.alloc(0), /damaged, or no tar file/],
      ['a size beyond all numbers', huge, /damaged, or no tar file/],
      ['text in gzip', gzipSync('hello'.repeat(1000)), /damaged, or no tar file/],
      ['cut short before it was compressed', gzipSync(gunzipSync(good).subarray(0, 700)), /damaged|missing/],
    ];
    for (const [what, bytes, message] of damaged) {
      await fs.writeFile(path, bytes);
      await assert.rejects(loadStrokes(path), (error) => {
        assert.ok(error instanceof UserError, `${what}: ${error}`);
        assert.match(error.message, message);
        assert.ok(error.message.includes(path), what);
        return true;
      });
    }
  });

  test('paths without a data set', async () => {
    await refused(
      loadStrokes(join(parent, 'nowhere')),
      /cannot read the strokes .*nowhere: it does not exist/,
    );
    await fs.mkdir(join(parent, 'empty'));
    await refused(
      loadStrokes(join(parent, 'empty')),
      /empty holds no strokes: expected .*trainimg-0-inputdata/,
    );
    await refused(loadStrokes('/dev/null'), /it is a device/);
  });

  test('a folder with a pipe in place of a file does not wait for ever', async () => {
    const folder = join(parent, 'pipe');
    await writeFolder(folder, strokeFiles());
    await fs.rm(join(folder, 'trainimg-1-inputdata.txt'));
    if (spawnSync('mkfifo', [join(folder, 'trainimg-1-inputdata.txt')]).status === 0) {
      await refused(loadStrokes(folder), /trainimg-1-inputdata\.txt: it is a device, a pipe or a socket/);
    }
  });
});
