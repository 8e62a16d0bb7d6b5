/**
 * Protects mergeCheckpoints: the merged network comes back from its file, names its members, and answers with the mean of
 * their logits; networks that do not fit each other are refused by name.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { readSafetensors, writeSafetensors } from '#src/formats/safetensors/safetensors.js';
import { openRecognizer } from '#src/recognize/recognizer.js';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import { mergeCheckpoints } from '#src/runs/checkpoint/merge-checkpoints.js';
import { checkpointBytes, ROWS, STROKES } from '../recognize/checkpoint-bytes.js';

/** A checkpoint whose weights differ from those of other factors. */
function scaled(bytes: Uint8Array, factor: number, change: Partial<Checkpoint> = {}): Uint8Array {
  const checkpoint = decodeCheckpoint(bytes, 'x');
  for (const { data } of checkpoint.parameters.values()) {
    for (let i = 0; i < data.length; i++) data[i] *= factor;
  }
  return encodeCheckpoint({ ...checkpoint, ...change });
}

const [A, B, C] = [1, 0.7, -0.4].map((factor) => scaled(checkpointBytes(STROKES), factor));
const named = (...all: Uint8Array[]) => all.map((bytes, n) => ({ name: `runs/${'abc'[n]}`, bytes }));

test('the merged checkpoint comes back from its file, and names its members', async () => {
  const bytes = await mergeCheckpoints(named(A, B, C));
  const { model, members, classes, preprocessing, temperature, training } = decodeCheckpoint(bytes, 'merged');
  assert.deepEqual([model.hiddenSize, model.numLayers, model.head], [18, 2, 'mean']);
  assert.deepEqual([classes, preprocessing], [['a', 'b', 'c', 'd'], STROKES]);
  assert.deepEqual([temperature, training], [undefined, undefined]);
  const hashes = [A, B, C].map((each) => createHash('sha256').update(each).digest('hex'));
  assert.deepEqual(
    members,
    hashes.map((sha256, n) => ({ name: `runs/${'abc'[n]}`, sha256 })),
  );
  assert.deepEqual(encodeCheckpoint(decodeCheckpoint(bytes, 'merged')), bytes);
});

test('a recogniser answers with the mean of the logits', async () => {
  await answersWithTheMean(A, B);
});

test('networks that read rows, columns and both become one that reads both', async () => {
  const both = { ...ROWS, scan: 'both', inputSize: 56 } as const;
  const columns = { ...ROWS, scan: 'columns' } as const;
  for (const change of [{}, { permutationSeed: 3 }, { deslant: true, fitted: false }]) {
    const read = (factor: number, preprocessing: typeof ROWS) =>
      scaled(checkpointBytes({ ...preprocessing, ...change }), factor);
    const [byRows, byColumns, byBoth] = [read(1, ROWS), read(0.7, columns), read(-0.4, both)];
    for (const all of [
      [byRows, byColumns],
      [byColumns, byRows, byBoth],
      [byBoth, byColumns],
    ]) {
      const { model, preprocessing } = decodeCheckpoint(await answersWithTheMean(...all), 'merged');
      assert.deepEqual([model.inputSize, model.hiddenSize], [56, 6 * all.length]);
      assert.deepEqual(preprocessing, { ...both, ...change });
    }
  }
  const edges = { ...ROWS, sequenceLength: 14, inputSize: 168, edges: true };
  const ofEdges = (factor: number, scan: 'rows' | 'columns') =>
    scaled(checkpointBytes({ ...edges, ...(scan === 'columns' && { scan }) }), factor);
  const merged = await answersWithTheMean(ofEdges(1, 'rows'), ofEdges(0.7, 'columns'));
  const { model, preprocessing } = decodeCheckpoint(merged, 'merged');
  assert.deepEqual([model.inputSize, preprocessing], [336, { ...edges, scan: 'both', inputSize: 336 }]);
  const alike = decodeCheckpoint(
    await answersWithTheMean(ofEdges(1, 'rows'), ofEdges(0.5, 'rows')),
    'merged',
  );
  assert.deepEqual([alike.model.inputSize, alike.preprocessing], [168, edges]);

  const twice = decodeCheckpoint(
    await answersWithTheMean(scaled(checkpointBytes(columns), 1), scaled(checkpointBytes(columns), 2)),
    'merged',
  );
  assert.deepEqual([twice.model.inputSize, twice.preprocessing], [28, columns]);
});

/** The merged checkpoint, after a look at its answer. */
async function answersWithTheMean(...all: Uint8Array[]): Promise<Uint8Array> {
  const bytes = await mergeCheckpoints(named(...all));
  const members = await Promise.all(all.map(scoresOf));
  const merged = await scoresOf(bytes);
  merged.forEach((log, k) => {
    const mean = members.reduce((sum, scores) => sum + scores[k], 0) / all.length;
    // Probabilities are float32, and so are the weights of the linear layer.
    assert.ok(Math.abs(log - mean) < 1e-4, `class ${k}`);
  });
  return bytes;
}

/** The logits for a drawing, up to a constant. */
async function scoresOf(bytes: Uint8Array): Promise<number[]> {
  const strokes = [{ xs: [10, 60, 110, 80, 50], ys: [20, 18, 22, 90, 160] }];
  using recognizer = openRecognizer(bytes, new ReferenceBackend(), { name: 'x' });
  const [answer] = await recognizer.recognize([{ kind: 'drawing', strokes }]);
  const logs = [...answer!.probabilities].map(Math.log);
  return logs.map((log) => log - logs[0]);
}

test('the temperature is the geometric mean, where a network without one counts as 1', async () => {
  const temperatureOf = async (...temperatures: (number | undefined)[]) => {
    const all = temperatures.map((temperature, n) =>
      scaled(checkpointBytes(STROKES), 1 + n, temperature === undefined ? {} : { temperature }),
    );
    return decodeCheckpoint(await mergeCheckpoints(named(...all)), 'x').temperature;
  };
  assert.equal(await temperatureOf(0.5, 2), 1);
  assert.ok(Math.abs((await temperatureOf(4, undefined))! - 2) < 1e-12);
  assert.equal(await temperatureOf(100, 100, 100), 100);
  assert.equal(await temperatureOf(0.01, 0.01, 0.01), 0.01);
});

test('a checkpoint to resume from gives its network, not its training', async () => {
  const training = { optimizer: new Map(), state: { epoch: 2 } };
  const merged = await mergeCheckpoints(named(A, scaled(B, 1, { training })));
  assert.equal(decodeCheckpoint(merged, 'x').training, undefined);
});

test('networks that do not fit are refused by name', async () => {
  const rows = checkpointBytes(ROWS);
  const strokes = (model: object, classes?: string[]) => checkpointBytes(STROKES, model, classes);
  const other = (change: object) =>
    scaled(checkpointBytes(STROKES), 1, { preprocessing: { ...STROKES, ...change } });
  const wide = (scan: 'rows' | 'columns', sequenceLength: number, inputSize: number) => {
    const mean = scan === 'rows' ? 0.5 : 0.1;
    return checkpointBytes({ ...ROWS, scan, sequenceLength, inputSize, mean });
  };
  const cases: [Uint8Array[], RegExp][] = [
    [[], /^merge: expected at least two networks, found none; name more runs$/],
    [[A], /^merge: expected at least two networks, found one, runs\/a; name more runs$/],
    [[A, B, A], /^merge: runs\/a and runs\/c are the same network; name each network once$/],
    [
      [A, B, strokes({ hiddenSize: 7 })],
      /^merge: runs\/c does not fit runs\/a: expected hidden size 6, found 7; merge networks of one shape/,
    ],
    [[A, strokes({ numLayers: 1 })], /runs\/b does not fit runs\/a: expected layers 2, found 1;/],
    [[A, strokes({ bidirectional: false })], /expected bidirectional true, found false;/],
    [[A, strokes({ head: 'last' })], /expected head mean, found last;/],
    [[A, strokes({ numClasses: 3 })], /expected names of 4 classes, found 3 classes;/],
    [[A, strokes({}, ['a', 'c', 'b', 'd'])], /expected class 1 "b", found "c";/],
    [[A, other({ scale: 0.5 })], /expected preprocessing with scale 1, found 0\.5;/],
    [
      [
        checkpointBytes({ ...ROWS, sequenceLength: 14, inputSize: 168, edges: true }),
        wide('columns', 14, 56),
      ],
      /^merge: runs\/b does not fit runs\/a: expected preprocessing with edges true, found none; merge networks of/,
    ],
    [
      [wide('rows', 14, 56), checkpointBytes({ ...ROWS, sequenceLength: 14, inputSize: 168, edges: true })],
      /expected preprocessing with edges none, found true;/,
    ],
    [[A, other({ deslant: true })], /expected preprocessing with deslant none, found true;/],
    [
      [A, checkpointBytes({ ...STROKES, context: true })],
      /expected preprocessing with context none, found true;/,
    ],
    [[checkpointBytes(STROKES, { head: 'mean' }), rows], /expected head mean, found flatten;/],
    [[rows, wide('columns', 14, 56)], /expected input size 28, found 56;/],
    [[wide('rows', 28, 28), wide('columns', 28, 28)], /expected preprocessing with mean 0\.5, found 0\.1;/],
    [[A, new Uint8Array(20)], /^runs\/b: /],
    [[A, Object(A.buffer)], /^runs\/b: .*expected a Uint8Array, found an? (?:Shared)?ArrayBuffer$/],
  ];
  for (const [all, message] of cases) {
    await assert.rejects(mergeCheckpoints(named(...all)), { name: 'UserError', message });
  }
});

test('damaged members in the metadata are refused', () => {
  const { tensors, metadata } = readSafetensors(A);
  const member = '{"name":"a","sha256":null}';
  for (const members of ['{}', 'null', '[]', `[${member}]`, `[${member},3]`, `[${member},{"name":3}]`, 'x']) {
    assert.throws(() => decodeCheckpoint(writeSafetensors(tensors, { ...metadata, members }), 'm'), {
      name: 'UserError',
      message: /^m: metadata "members": /,
    });
  }
  const good = writeSafetensors(tensors, { ...metadata, members: `[${member},${member}]` });
  assert.equal(decodeCheckpoint(good, 'm').members?.length, 2);
});
