/** Protects the meaning of labels: a network and the data that it is evaluated on are compared by names of classes. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import { loadFitting } from '#src/train/run/evaluate/evaluation-data.js';
import { trainRun } from '#src/train/run/run.js';
import { UserError } from '#src/user-error.js';
import { smallConfig, temporaryFolder } from '../small-mnist.js';

const folder = temporaryFolder();
const shipped = decodeCheckpoint(
  readFileSync(new URL('../../../../models/digit-strokes/best.safetensors', import.meta.url)),
  'digit-strokes',
);

/** A file with seven flat lines and seven upright ones, each named. */
function drawings(names: readonly [string, string]): string {
  const path = join(folder, `${names.join('-')}.ndjson`);
  const lines = names.flatMap((word, upright) =>
    Array.from({ length: 7 }, (_, n) => ({
      word,
      drawing: [
        upright
          ? [
              [n, n],
              [0, 90],
            ]
          : [
              [0, 90],
              [n, n],
            ],
      ],
    })),
  );
  writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return path;
}

const fitting = (classes: string[], names: readonly [string, string]) =>
  loadFitting(drawings(names), 'none', {
    checkpoint: { ...shipped, classes, model: { ...shipped.model, numClasses: classes.length } },
    folder: '',
    checkpointPath: 'net.safetensors',
    config: null,
    project: null,
  });

test('data get the order of the classes of the network, with the class none or without', async () => {
  for (const classes of [
    ['flat', 'upright'],
    ['upright', 'flat'],
    ['upright', 'flat', 'none'],
  ]) {
    const { classes: ordered, test, train } = await fitting(classes, ['flat', 'upright']);
    assert.deepEqual(ordered, classes.slice(0, 2));
    for (const { labels } of [train, test]) {
      const flat = labels.subarray(0, labels.length / 2);
      assert.ok(flat.every((label) => ordered[label] === 'flat'));
      assert.ok(labels.subarray(labels.length / 2).every((label) => ordered[label] === 'upright'));
    }
  }
});

test('other names are refused; numbers in place of names are compared by their order', async () => {
  await assert.rejects(fitting(['flat', 'upright'], ['apple', 'pear']), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /knows the classes "flat, upright", but .* has "apple, pear"/);
    return true;
  });
  assert.deepEqual((await fitting(['0', '1'], ['apple', 'pear'])).classes, ['apple', 'pear']);
});

test('a training needs two classes', async () => {
  const config = smallConfig(drawings(['one', 'one']), join(folder, 'run'), { preset: 'strokes' });
  const training = async () => {
    for await (const _ of trainRun(config, { stop: new AbortController().signal }));
  };
  await assert.rejects(training, (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /all samples of .* are of the class "one"; at least two classes are needed/);
    return true;
  });
});
