/**
 * Protects those who open checkpoints of strangers: whatever the metadata claim and whatever the weights are, every
 * reader refuses the file at once and with little memory, or gets a network that answers.
 */
import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { readSafetensors, type Tensor, writeSafetensors } from '#src/formats/safetensors/safetensors.js';
import { openCheckpoint } from '#src/recognize/open-checkpoint.js';
import type { RecognizerInput } from '#src/recognize/prepare-input.js';
import { describeCheckpoint, openRecognizer } from '#src/recognize/recognizer.js';
import { decodeCheckpoint, encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import {
  readCheckpoint,
  readCheckpointHeader,
  readTrainedModel,
} from '#src/runs/checkpoint/checkpoint-file.js';
import { resume } from '#src/train/run/begin/resume.js';
import { evaluateRun } from '#src/train/run/evaluate/evaluate-run.js';
import { UserError } from '#src/user-error.js';
import { checkpointBytes, ROWS, STROKES } from '../recognize/checkpoint-bytes.js';
import { FakeEngine } from '../train/fake-engine.js';
import { temporaryFolder, writeSmallMnist } from '../train/small-mnist.js';
import { HOSTILE_VALUES, withMember } from './hostile-values.js';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const data = writeSmallMnist(folder, 24, 8);

/** A training state between two updates. */
const STATE = {
  epoch: 2,
  losses: [1.5, 0.25],
  correct: [1, 2],
  updates: 6,
  epoch_seconds: 0.5,
  train_seconds: 3.5,
  best: { accuracy: 0.5, loss: 1.25, epoch: 1 },
  loss_scale: { scale: 65_536, steady_steps: 3, skipped_steps: 1 },
  batch_size: 4,
  train_count: 16,
  seed: 7,
  optimizer: 'adam',
  use_amp: true,
  data: 'ab12',
};
const FILES = {
  images: withTraining(checkpointBytes(ROWS, { hiddenSize: 2, numLayers: 1 })),
  strokes: withTraining(checkpointBytes(STROKES, { bidirectional: false, hiddenSize: 5 })),
  edges: withTraining(
    checkpointBytes(
      { ...ROWS, sequenceLength: 14, inputSize: 168, edges: true },
      { hiddenSize: 2, numLayers: 1 },
    ),
  ),
};

/** The checkpoint with a training state and vectors of Adam. */
function withTraining(bytes: Uint8Array): Uint8Array {
  const { tensors, metadata } = readSafetensors(bytes);
  for (const [name, tensor] of [...tensors]) {
    for (const vector of ['mean', 'variance']) tensors.set(`optimizer.${vector}.${name}`, ones(tensor));
  }
  return writeSafetensors(tensors, { ...metadata, training: JSON.stringify(STATE) });
}

function ones({ shape, data: { length } }: Tensor): Tensor {
  return { dtype: 'F32', shape, data: new Float32Array(length).fill(1) };
}

function rewritten(bytes: Uint8Array, change: Record<string, string>): Uint8Array {
  const { tensors, metadata } = readSafetensors(bytes);
  return writeSafetensors(tensors, { ...metadata, ...change });
}

const about = { name: 'a.safetensors' };
const FILE = at('a.safetensors');
/** Everything that opens a checkpoint, on bytes that are also in a file. */
const READERS: Record<string, (bytes: Uint8Array) => unknown> = {
  decodeCheckpoint: (bytes) => decodeCheckpoint(bytes, about.name),
  describeCheckpoint: (bytes) => describeCheckpoint(bytes, about),
  openRecognizer: (bytes) => openRecognizer(bytes, new ReferenceBackend(), about).close(),
  readCheckpoint: () => readCheckpoint(FILE),
  readTrainedModel: () => readTrainedModel(FILE),
  readCheckpointHeader: () => readCheckpointHeader(FILE),
  openCheckpoint: async () => (await openCheckpoint(FILE, new ReferenceBackend())).close(),
  evaluateRun: () => evaluateRun(FILE, { data, part: 'test', backend: 'wasm', threads: 1 }),
};

/** The error with which a reader refuses the bytes; null if it accepts them. */
async function refusal(reader: string, bytes: Uint8Array): Promise<UserError | null> {
  try {
    await READERS[reader](bytes);
    return null;
  } catch (error) {
    assert.ok(error instanceof UserError, `${reader}: ${error instanceof Error ? error.stack : error}`);
    assert.match(error.message, /a\.safetensors/, reader);
    assert.ok(error.message.length < 1000, `${reader}: ${error.message.length} letters`);
    return error;
  }
}

const model = (bytes: Uint8Array) => JSON.parse(readSafetensors(bytes).metadata.model) as object;
const preprocessing = (bytes: Uint8Array) =>
  JSON.parse(readSafetensors(bytes).metadata.preprocessing) as object;

describe('metadata that claim more than the tensors hold', () => {
  /** A few hundred bytes: one tensor, and the metadata of a network of four classes. */
  const tiny = (
    kind: 'images' | 'strokes',
    claims: Record<string, unknown>,
    picture = {},
    classes?: string[],
  ) => {
    const one: Tensor = { dtype: 'F32', shape: [1], data: Float32Array.of(1) };
    const { metadata } = readSafetensors(FILES[kind]);
    const { training: _, ...rest } = metadata;
    return writeSafetensors(new Map([['fc.bias', one]]), {
      ...rest,
      model: JSON.stringify({ ...model(FILES[kind]), ...claims }),
      preprocessing: JSON.stringify({ ...preprocessing(FILES[kind]), ...picture }),
      ...(classes && { classes: JSON.stringify(classes) }),
    });
  };
  const classes = Array.from({ length: 2000 }, (_, k) => String(k));
  const ATTACKS: Record<string, Uint8Array> = {
    'a billion layers': tiny('strokes', { num_layers: 1e9 }),
    '1024 layers both ways': tiny('strokes', { num_layers: 1024, bidirectional: true }),
    'hidden size 2^28': tiny('strokes', { hidden_size: 2 ** 28 }),
    'hidden size 2^29': tiny('strokes', { hidden_size: 2 ** 29 }),
    'hidden size 4096': tiny('strokes', { hidden_size: 4096, num_layers: 1 }),
    '2^31 classes': tiny('strokes', { num_classes: 2 ** 31 }),
    '2,000 classes, named': tiny('strokes', { num_classes: 2000 }, {}, classes),
    'a million steps': tiny(
      'images',
      { sequence_length: 2 ** 20, input_size: 16 },
      { sequence_length: 2 ** 20, input_size: 16, height: 4096, width: 4096 },
    ),
    'a step of 2^24 values': tiny(
      'images',
      { sequence_length: 1, input_size: 2 ** 24 },
      { sequence_length: 1, input_size: 2 ** 24, height: 4096, width: 4096 },
    ),
    'edges of 2^24 pixels': tiny(
      'images',
      { sequence_length: 1024, input_size: 3 * 2 ** 14 },
      { sequence_length: 1024, input_size: 3 * 2 ** 14, height: 4096, width: 4096, edges: true },
    ),
    'a picture of 2^27 pixels': tiny('images', {}, { height: 2 ** 14, width: 2 ** 13, input_size: 2 ** 27 }),
    'a picture of 2^72 values': tiny('images', {}, { height: 2 ** 24, width: 2 ** 24, channels: 2 ** 24 }),
  };
  for (const [name, bytes] of Object.entries(ATTACKS)) {
    test(`${name}: every reader refuses them at once, and with little memory`, async () => {
      writeFileSync(FILE, bytes);
      for (const reader of Object.keys(READERS)) {
        const before = process.memoryUsage().rss;
        // CPU time, and the best of three: other processes take turns with this one.
        const times: number[] = [];
        for (let n = 0; n < 3; n++) {
          const began = process.cpuUsage();
          assert.ok(await refusal(reader, bytes), `${reader} accepts it`);
          const { user, system } = process.cpuUsage(began);
          times.push((user + system) / 1000);
        }
        assert.ok(Math.min(...times) < 50, `${reader}: ${times.map(Math.round).join(', ')} ms`);
        const grown = (process.memoryUsage().rss - before) / 2 ** 20;
        assert.ok(grown < 50, `${reader}: ${Math.round(grown)} MB`);
      }
    });
  }

  test('a tensor that is missing, unknown or of another shape is named', () => {
    const refused = (change: (tensors: Map<string, Tensor>) => void, message: RegExp) => {
      const { tensors, metadata } = readSafetensors(FILES.strokes);
      change(tensors);
      assert.throws(() => decodeCheckpoint(writeSafetensors(tensors, metadata), 'a'), message);
    };
    const bias = { dtype: 'F32', shape: [5], data: new Float32Array(5) } as const;
    refused((tensors) => tensors.delete('fc.bias'), /^UserError: a: .*a model of 10 tensors, .* holds 9$/);
    refused((tensors) => {
      tensors.delete('fc.bias');
      tensors.set('fc.b', { ...bias, shape: [5] });
    }, /^UserError: a: .*fc\.bias is missing; fc\.b is unknown$/);
    refused(
      (tensors) => tensors.set('fc.bias', { ...bias, shape: [5] }),
      /fc\.bias should be \[4\], is \[5\]$/,
    );
    refused(
      (tensors) => tensors.delete('optimizer.mean.fc.bias'),
      /^UserError: a: the tensors of the optimiser's mean do not fit the parameters: fc\.bias is missing$/,
    );
    refused(
      (tensors) => tensors.set('optimizer.variance.fc.bias', { ...bias, shape: [5] }),
      /optimiser's variance .*: fc\.bias should be \[4\], is \[5\]$/,
    );
    refused(
      (tensors) => tensors.set('optimizer.hessian.fc.bias', { ...bias, shape: [5] }),
      /"optimizer\.hessian\.fc\.bias": no optimiser has such a vector/,
    );
    refused(
      (tensors) => tensors.set('training.other', { dtype: 'F64', shape: [1], data: new Float64Array(1) }),
      /"training\.other" does not belong to the training state/,
    );
  });
});

test('any value in place of any field is refused by all readers, or gives a network that answers', async () => {
  const outcomes = { refused: 0, accepted: 0 };
  const input: RecognizerInput = {
    kind: 'drawing',
    strokes: [{ xs: [10, 60, 110, 80, 50], ys: [20, 18, 22, 90, 160] }],
  };
  for (const bytes of Object.values(FILES)) {
    const { tensors, metadata } = readSafetensors(bytes);
    const fields: [part: string, key: string | null][] = [
      ...Object.keys(model(bytes)).map((key): [string, string] => ['model', key]),
      ...[...Object.keys(preprocessing(bytes)), 'kind'].map((key): [string, string] => [
        'preprocessing',
        key,
      ]),
      ...['model', 'preprocessing', 'classes', 'temperature', 'members', 'training'].map(
        (part): [string, null] => [part, null],
      ),
    ];
    for (const [part, key] of fields) {
      for (const value of [undefined, ...HOSTILE_VALUES]) {
        const json = key === null ? value : withMember(JSON.parse(metadata[part]) as object, key, value);
        if (json === undefined) continue;
        const changed = writeSafetensors(tensors, { ...metadata, [part]: json });
        const what = `${part}.${key} = ${value?.slice(0, 40)}`;
        const began = process.cpuUsage();
        const error = await refusal('decodeCheckpoint', changed);
        assert.ok(process.cpuUsage(began).user < 2e5, what);
        writeFileSync(FILE, changed);
        for (const reader of [
          'describeCheckpoint',
          'openRecognizer',
          'readCheckpoint',
          'readCheckpointHeader',
        ]) {
          assert.equal((await refusal(reader, changed)) === null, error === null, `${reader}: ${what}`);
        }
        outcomes[error ? 'refused' : 'accepted']++;
        if (error) continue;
        using recognizer = openRecognizer(changed, new ReferenceBackend(), about);
        const [answer] = await recognizer.recognize([input]);
        assert.ok(answer?.probabilities.every(Number.isFinite), what);
      }
    }
  }
  assert.ok(outcomes.refused > 500 && outcomes.accepted > 20, JSON.stringify(outcomes));
});

test('any value in place of any field of the training state is refused, or gives a state of the same form', async () => {
  const whole = decodeCheckpoint(FILES.images, 'a');
  const conditions = {
    batchSize: 4,
    trainCount: 16,
    seed: 7,
    optimizer: 'adam',
    precision: 'float16',
    data: 'ab12',
    validation: 'cd34',
  } as const;
  const resumed = async (bytes: Uint8Array) => {
    const checkpoint = decodeCheckpoint(bytes, about.name);
    const { model, preprocessing } = checkpoint;
    return (await resume(new FakeEngine(), checkpoint, about.name, model, preprocessing, conditions)).state;
  };
  assert.deepEqual((await resumed(FILES.images)).losses, STATE.losses);
  let refused = 0;
  const members: [string, (key: string, json: string | undefined) => string][] = [
    ...Object.keys(STATE).map((key): [string, (key: string, json: string | undefined) => string] => [
      key,
      (name, json) => withMember(STATE, name, json),
    ]),
    ...(['best', 'loss_scale'] as const).flatMap((outer) =>
      Object.keys(STATE[outer]).map((key): [string, (key: string, json: string | undefined) => string] => [
        key,
        (name, json) => withMember(STATE, outer, withMember(STATE[outer], name, json)),
      ]),
    ),
  ];
  for (const [key, change] of members) {
    for (const value of [undefined, ...HOSTILE_VALUES]) {
      const bytes = rewritten(FILES.images, { training: change(key, value) });
      const began = process.cpuUsage();
      try {
        const state = await resumed(bytes);
        assert.deepEqual(Object.keys(state).sort(), Object.keys(await resumed(FILES.images)).sort());
        for (const list of [state.losses, state.correct]) assert.ok(list.every(Number.isFinite));
      } catch (error) {
        assert.ok(error instanceof UserError, `${key} = ${value}: ${error}`);
        assert.match(error.message, /a\.safetensors/);
        refused++;
      }
      assert.ok(process.cpuUsage(began).user < 2e5, key);
    }
  }
  assert.ok(whole.training && refused > 400, String(refused));
});

test('names of classes are texts that can be shown, and all different', () => {
  const refused = (classes: unknown, message: RegExp) =>
    assert.throws(
      () => decodeCheckpoint(rewritten(FILES.images, { classes: JSON.stringify(classes) }), 'a'),
      message,
    );
  refused(['a', 'b', 'c'], /names of 3 classes, but the network has 4 outputs/);
  refused(
    ['a', 'b', 'c', 'b'],
    /^UserError: a: metadata "classes": the class name "b" is the name of two classes/,
  );
  refused(['a', 'b', 'c', ''], /the class name "" is empty/);
  refused(['a', 'b', 'c', '\u001b[2J'], /the class name "\\u001b\[2J" has control characters/);
  refused(['a', 'b', 'c', 'd'.repeat(1001)], /longer than 1000 characters/);
  refused(Array(2 ** 16 + 1).fill('a'), /expected a list of at most 65536, found 65537/);
});

describe('weights', () => {
  const changed = (name: string, index: number, value: number) => {
    const { tensors, metadata } = readSafetensors(FILES.images);
    const tensor = tensors.get(name);
    assert.ok(tensor?.data instanceof Float32Array);
    tensor.data[index] = value;
    return writeSafetensors(tensors, metadata);
  };

  test('that are NaN or infinite are refused by every reader, with tensor and index', async () => {
    const readers = Object.keys(READERS).filter((name) => name !== 'readCheckpointHeader');
    for (const name of readSafetensors(FILES.images).tensors.keys()) {
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        for (const index of [0, 2, 3]) {
          const bytes = changed(name, index, value);
          assert.throws(
            () => decodeCheckpoint(bytes, 'a'),
            (error) => {
              assert.ok(error instanceof UserError);
              const message = `a: tensor "${name}": value ${index} is ${value}, expected a number`;
              assert.ok(error.message.startsWith(message), error.message);
              return true;
            },
          );
        }
      }
    }
    const bytes = changed('lstm.weight_hh_l0', 15, Number.NaN);
    writeFileSync(FILE, bytes);
    for (const reader of readers) {
      const error = await refusal(reader, bytes);
      assert.match(String(error), /"lstm\.weight_hh_l0": value 15 is NaN/, reader);
    }
  });

  test('of variances that are negative are refused', () => {
    assert.throws(
      () => decodeCheckpoint(changed('optimizer.variance.fc.bias', 3, -1), 'a'),
      /"optimizer\.variance\.fc\.bias": value 3 is -1, expected a number of at least 0/,
    );
    decodeCheckpoint(changed('optimizer.mean.fc.bias', 3, -1), 'a');
  });

  test('that are not finite are never written over a good checkpoint', () => {
    const checkpoint = decodeCheckpoint(FILES.images, 'a');
    checkpoint.parameters.get('fc.weight')!.data[5] = Number.NaN;
    assert.throws(
      () => encodeCheckpoint(checkpoint),
      (error) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, /^cannot write the checkpoint: tensor "fc\.weight": value 5 is NaN/);
        assert.deepEqual(error.settings, ['learningRate', 'maxNorm']);
        return true;
      },
    );
  });

  test('with which answers overflow are refused when they answer', async () => {
    using recognizer = openRecognizer(large(FILES.strokes), new ReferenceBackend(), about);
    const input: RecognizerInput = { kind: 'drawing', strokes: [{ xs: [10, 60, 90], ys: [20, 90, 10] }] };
    const message =
      /^UserError: a\.safetensors: the network's answer is not a number, because its weights are too large/;
    await assert.rejects(recognizer.recognize([input]), message);
    await assert.rejects(recognizer.trace(input), message);
    await assert.rejects(recognizer.trace(input, { over: 'steps' }), message);
    await assert.rejects(recognizer.inspect(input), message);
    writeFileSync(at('large.safetensors'), large(checkpointBytes(ROWS, { numClasses: 10 })));
    const options = { data, part: 'test', backend: 'wasm', threads: 1 } as const;
    await assert.rejects(
      evaluateRun(at('large.safetensors'), options),
      /^UserError: evaluation: an answer to the part test is not a number/,
    );
  });

  /** With biases by which all gates are open, and a linear layer whose sums overflow. */
  function large(bytes: Uint8Array): Uint8Array {
    const { tensors, metadata } = readSafetensors(bytes);
    for (const [name, { data: values }] of tensors) {
      if (/^lstm\.bias|^fc\.weight/.test(name)) for (let i = 0; i < values.length; i++) values[i] = 3e38;
    }
    return writeSafetensors(tensors, metadata);
  }
});

test('a sparse file of 3 GB is refused by its header, before memory is allocated for it', async () => {
  const size = 3 * 2 ** 30;
  const { tensors } = readSafetensors(FILES.images);
  const other = writeSafetensors(new Map([['fc.bias', tensors.get('fc.bias')!]]), { format: 'pt' });
  for (const [name, start] of Object.entries({
    zeros: new Uint8Array(8),
    other,
    text: Buffer.from('%PDF-1.7 …'),
  })) {
    const path = at(`${name}-sparse.safetensors`);
    writeFileSync(path, start);
    truncateSync(path, size);
    for (const read of [readCheckpoint, readTrainedModel, readCheckpointHeader]) {
      const before = process.memoryUsage().rss;
      await assert.rejects(read(path), UserError);
      assert.ok(process.memoryUsage().rss - before < 2 ** 26, `${name}: ${read.name}`);
    }
  }
  writeFileSync(at('best.safetensors'), '');
  truncateSync(at('best.safetensors'), size);
  const before = process.memoryUsage().rss;
  await assert.rejects(readTrainedModel(at('best.safetensors')), UserError);
  assert.ok(process.memoryUsage().rss - before < 2 ** 26, 'readTrainedModel');
});

test('a model is read without the state of its training', async () => {
  writeFileSync(FILE, FILES.images);
  const { training, ...trained } = decodeCheckpoint(FILES.images, 'a');
  assert.ok(training);
  assert.deepEqual(await readTrainedModel(FILE), trained);
  assert.deepEqual(await readCheckpoint(FILE), { ...trained, training });
});
