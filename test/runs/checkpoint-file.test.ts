/**
 * Protects reading checkpoints from the disk: the largest model that can be trained can also be read, and a header is
 * read without the tensors after it.
 */
import assert from 'node:assert/strict';
import { constants } from 'node:buffer';
import { symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MAX_HEADER_BYTES } from '#src/formats/safetensors/safetensors.js';
import { resolveClassifierConfig } from '#src/model/classifier-config.js';
import { ParameterLayout } from '#src/model/parameters.js';
import { decodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import { readCheckpoint, readCheckpointHeader } from '#src/runs/checkpoint/checkpoint-file.js';
import { MAX_CHECKPOINT_BYTES, MAX_EPOCH_UPDATES } from '#src/runs/limits.js';
import { UserError } from '#src/user-error.js';
import { checkpointBytes, ROWS } from '../recognize/checkpoint-bytes.js';
import { temporaryFolder } from '../train/small-mnist.js';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

/** Writes the header of a checkpoint, and after it a hole (a sparse file) in place of its tensors. */
function writeSparse(path: string, tensors: { name: string; shape: number[] }[], missing = 0): number {
  let offset = 0;
  const entries = tensors.map(({ name, shape }) => {
    const start = offset;
    offset += 4 * shape.reduce((a, b) => a * b, 1);
    return [name, { dtype: 'F32', shape, data_offsets: [start, offset] }];
  });
  const { numClasses, ...model } = MODEL;
  const metadata = {
    format: 'scanstroke',
    format_version: '1',
    model: JSON.stringify({
      input_size: model.inputSize,
      hidden_size: model.hiddenSize,
      num_classes: numClasses,
    }),
    preprocessing: JSON.stringify({
      sequence_length: 28,
      input_size: 28,
      channels: 1,
      height: 28,
      width: 28,
      mean: 0.5,
      std: 0.5,
      permutation_seed: null,
    }),
    classes: JSON.stringify(['a', 'b']),
    training: '{}',
  };
  const header = Buffer.from(JSON.stringify({ ...Object.fromEntries(entries), __metadata__: metadata }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(path, Buffer.concat([length, header]));
  const size = 8 + header.length + offset - missing;
  truncateSync(path, size);
  return size;
}

/** Just below the largest number of parameters. */
const MODEL = { inputSize: 28, hiddenSize: 8170, numClasses: 2 };
const { places, length } = new ParameterLayout(resolveClassifierConfig(MODEL));
const optimizer = ['mean', 'variance'].map((name) => ({ name: `optimizer.${name}`, shape: [length] }));

test('the largest model with its optimiser is within the limit, and a file at the limit fits into a buffer', async () => {
  assert.ok(length > 0.99 * 2 ** 28, `${length} parameters`);
  const size = writeSparse(at('large.safetensors'), [...places, ...optimizer]);
  assert.ok(size > 2 ** 31 && size <= MAX_CHECKPOINT_BYTES, `${size} bytes`);
  const lists = 16 * MAX_EPOCH_UPDATES;
  assert.ok(
    MAX_CHECKPOINT_BYTES <= 12 * 2 ** 28 + lists + MAX_HEADER_BYTES + 8,
    'and no larger than necessary',
  );
  assert.ok(MAX_CHECKPOINT_BYTES < constants.MAX_LENGTH);
  const before = process.memoryUsage().rss;
  const { parameters, tensors, classes, training } = await readCheckpointHeader(at('large.safetensors'));
  assert.ok(process.memoryUsage().rss - before < 2 ** 28, 'the tensors are not read');
  assert.deepEqual([parameters, tensors.length, classes, training], [length, 6, ['a', 'b'], {}]);
});

test('a larger file is refused before memory is allocated for it', async () => {
  writeFileSync(at('larger.safetensors'), '');
  truncateSync(at('larger.safetensors'), MAX_CHECKPOINT_BYTES + 1);
  await assert.rejects(readCheckpoint(at('larger.safetensors')), (error) => {
    return (
      error instanceof UserError && error.message.includes(`at most ${MAX_CHECKPOINT_BYTES} are accepted`)
    );
  });
});

test('the header alone gives the same description as the whole checkpoint', async () => {
  const bytes = checkpointBytes(ROWS);
  writeFileSync(at('whole.safetensors'), bytes);
  const { parameters, ...rest } = decodeCheckpoint(bytes, 'whole');
  const {
    tensors,
    parameters: count,
    training,
    ...header
  } = await readCheckpointHeader(at('whole.safetensors'));
  assert.deepEqual(header, rest);
  assert.equal(training, null);
  assert.deepEqual(
    tensors.map(({ name, shape }) => [name, shape]),
    [...parameters].map(([name, { shape }]) => [name, shape]),
  );
  assert.equal(
    count,
    [...parameters.values()].reduce((sum, { data }) => sum + data.length, 0),
  );
});

test('a file that is cut short or not a checkpoint is refused with its name', async () => {
  const bytes = checkpointBytes(ROWS);
  for (const end of [0, 7, 8, 500, bytes.length - 1]) {
    writeFileSync(at('cut.safetensors'), bytes.subarray(0, end));
    await assert.rejects(readCheckpointHeader(at('cut.safetensors')), (error) => {
      return error instanceof UserError && error.message.includes(at('cut.safetensors'));
    });
  }
  writeSparse(at('hole.safetensors'), [...places, ...optimizer], 1);
  await assert.rejects(
    readCheckpointHeader(at('hole.safetensors')),
    /hole\.safetensors: tensor .* cut short/,
  );
  await assert.rejects(readCheckpointHeader(folder), UserError);
  await assert.rejects(
    readCheckpointHeader(at('none')),
    /cannot read the checkpoint .*none: it does not exist/,
  );
});

test('a link is followed', async () => {
  writeFileSync(at('target.safetensors'), checkpointBytes(ROWS));
  symlinkSync(at('target.safetensors'), at('link.safetensors'));
  assert.equal((await readCheckpointHeader(at('link.safetensors'))).classes.length, 4);
});
