/** Protects event files of TensorBoard: framing and checksums, and messages that protobuf's own compiler reads. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { UserError } from 'scanstroke';
import { crc32, crc32c } from '#src/formats/crc32.js';
import { EventFile, maskedChecksum, recordOf } from '#src/runs/tensorboard/event-file.js';
import { runStart, scalar, summaryEvent, text, versionEvent } from '#src/runs/tensorboard/event-messages.js';
import { temporaryFolder } from '../train/small-mnist.js';
import { readEvents, recordsOf } from './event-reader.js';

const folder = temporaryFolder();
const bytes = (letters: string) => new TextEncoder().encode(letters);

test('the checksums of "123456789" are those of the catalogue of CRCs', () => {
  assert.equal(crc32(bytes('123456789')), 0xcbf43926);
  assert.equal(crc32c(bytes('123456789')), 0xe3069283);
});

test('a record is length, masked checksum, data, masked checksum: the bytes that TensorFlow writes', () => {
  // The first record of every event file, here with a wall time of 0: 24 bytes of data without it.
  const record = Buffer.from(recordOf(versionEvent(0)));
  assert.equal(record.readBigUInt64LE(0), 24n);
  assert.equal(record.subarray(12, -4).toString('hex'), `09${'00'.repeat(8)}1a0d${hex('brain.Event:2')}`);
  // tf.io.TFRecordWriter: the length 24 has the masked checksum 0xa37f4b22 in every event file.
  assert.equal(record.subarray(0, 12).toString('hex'), `18${'00'.repeat(7)}a37f4b22`);
  assert.equal(record.readUInt32LE(36), maskedChecksum(record.subarray(12, 36)));
});

const hex = (letters: string) => Buffer.from(letters).toString('hex');

test('files of one second follow each other, and a new start voids later steps', async () => {
  const first = await EventFile.create(folder, 1);
  for (const step of [10, 20, 30]) await first.add(step, [scalar('loss', step / 8)]);
  await first.close();
  const path = join(folder, 'tensorboard', readdirSync(join(folder, 'tensorboard'))[0]);
  writeFileSync(path, readFileSync(path).subarray(0, -3)); // torn by a killed process
  const second = await EventFile.create(folder, 11);
  await second.add(20, [scalar('loss', 1)]);
  await second.close();
  const third = await EventFile.create(folder, null);
  await third.add(20, [text('settings', 'a *b*')]);
  await third.close();
  assert.equal(readdirSync(join(folder, 'tensorboard')).length, 3);
  const values = readEvents(join(folder, 'tensorboard'));
  assert.deepEqual(
    values.map(({ step, tag, number, text }) => [step, tag, number ?? text]),
    [
      [10, 'loss', 1.25],
      [20, 'loss', 1],
      [20, 'settings', 'a *b*'],
    ],
  );
});

test('what cannot be written is explained', async () => {
  const blocked = temporaryFolder();
  writeFileSync(join(blocked, 'tensorboard'), '');
  await assert.rejects(EventFile.create(blocked, null), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /tensorboard/);
    return true;
  });
});

const protoc = spawnSync('protoc', ['--version']).status === 0;
const skip = !protoc && process.env.SCANSTROKE_NO_SKIPS !== '1' && 'protoc is not installed';

test('protoc reads the messages', { skip }, () => {
  const event = summaryEvent(1.5, 300, [
    scalar('loss/train', 0.5),
    runStart(
      [
        ['head', 'flatten'],
        ['nesterov', true],
        ['hidden_size', 128],
      ],
      2,
    ),
  ]);
  const record = recordsOf(Buffer.from(recordOf(event)))[0];
  const { stdout } = spawnSync('protoc', ['--decode_raw'], { input: record, encoding: 'utf8' });
  const lines = stdout.split('\n').map((line) => line.trim());
  // Field numbers as in TensorFlow's event.proto and summary.proto, and TensorBoard's plugin_data.proto.
  assert.deepEqual(lines.slice(0, 7), [
    '1: 0x3ff8000000000000',
    '2: 300',
    '5 {',
    '1 {',
    '1: "loss/train"',
    '2: 0x3f000000',
    '}',
  ]);
  for (const part of ['1: "_hparams_/session_start_info"', '1: "hparams"', '3: "flatten"', '4: 1'])
    assert.ok(lines.includes(part), part);
});
