/** Reads event files of TensorBoard as TensorBoard does: for tests of what a run logs. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ProtobufReader } from '#src/exchange/onnx/read/protobuf-reader.js';
import { maskedChecksum } from '#src/runs/tensorboard/event-file.js';

export interface LoggedValue {
  step: number;
  tag: string;
  /** Of a scalar. */
  number?: number;
  /** Of a picture. */
  png?: Uint8Array;
  size?: [width: number, height: number];
  /** Of a text: Markdown. */
  text?: string;
  /** Of the plugin hparams. */
  plugin?: Uint8Array;
}

/** The events of a run's folder `tensorboard`, file by file; a file that begins with START voids later steps. */
export function readEvents(folder: string): LoggedValue[] {
  let values: LoggedValue[] = [];
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    const records = recordsOf(readFileSync(path));
    assert.match(Buffer.from(records[0]).toString('latin1'), /brain\.Event:2/, path);
    for (const record of records.slice(1)) {
      const event = readEvent(record, path);
      if (event.restart) values = values.filter(({ step }) => step < event.step);
      values.push(...event.values.map((value) => ({ ...value, step: event.step })));
    }
  }
  return values;
}

/** The records of a file; a torn record at the end is left out. */
export function recordsOf(bytes: Buffer): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let at = 0; at + 16 <= bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    if (at + 16 + length > bytes.length) break;
    const data = bytes.subarray(at + 12, at + 12 + length);
    assert.equal(bytes.readUInt32LE(at + 8), maskedChecksum(bytes.subarray(at, at + 8)));
    assert.equal(bytes.readUInt32LE(at + 12 + length), maskedChecksum(data));
    records.push(data);
    at += 16 + length;
  }
  return records;
}

type Value = Omit<LoggedValue, 'step'>;

function readEvent(record: Uint8Array, path: string): { step: number; restart: boolean; values: Value[] } {
  const event = { step: 0, restart: false, values: [] as Value[] };
  const reader = new ProtobufReader(record, path, 'an event');
  while (reader.next()) {
    if (reader.field === 2) event.step = reader.whole();
    else if (reader.field === 7) event.restart = fieldsOf(reader.message('a log'), [1]).get(1) === 1;
    else if (reader.field === 5) {
      const summary = reader.message('a summary');
      while (summary.next()) event.values.push(readValue(summary.message('a value')));
    } else reader.skip();
  }
  return event;
}

function readValue(reader: ProtobufReader): Value {
  const value: Value = { tag: '' };
  while (reader.next()) {
    if (reader.field === 1) value.tag = reader.text(1000);
    else if (reader.field === 2) value.number = reader.float();
    else if (reader.field === 4) {
      const image = reader.message('a picture');
      const size = [0, 0];
      while (image.next()) {
        if (image.field < 3) size[2 - image.field] = image.whole();
        else if (image.field === 4) value.png = image.bytesOf();
        else image.skip();
      }
      value.size = [size[0], size[1]];
    } else if (reader.field === 8) {
      const tensor = reader.message('a tensor');
      while (tensor.next()) {
        if (tensor.field === 8) value.text = tensor.text(100_000);
        else tensor.skip();
      }
    } else if (reader.field === 9) {
      const metadata = reader.message('metadata');
      while (metadata.next()) value.plugin = metadata.bytesOf();
    } else reader.skip();
  }
  return value;
}

function fieldsOf(reader: ProtobufReader, wanted: readonly number[]): Map<number, number> {
  const fields = new Map<number, number>();
  while (reader.next()) {
    if (wanted.includes(reader.field)) fields.set(reader.field, reader.whole());
    else reader.skip();
  }
  return fields;
}
