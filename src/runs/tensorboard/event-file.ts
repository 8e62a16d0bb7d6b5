/**
 * Writes event files of TensorBoard: records with their lengths and checksums
 * (https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details). Node.js only.
 *
 * A process adds a file to the run's folder `tensorboard` and never touches one of an earlier process. TensorBoard reads
 * the files in the order of their names.
 */
import fs from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { crc32c } from '../../formats/crc32.js';
import { explainFileError } from '../../formats/file-errors.js';
import { makeFolder } from '../../formats/files.js';
import { RUN_FILES } from '../run-folder.js';
import { restartEvent, type SummaryValue, summaryEvent, versionEvent } from './event-messages.js';

const PREFIX = 'events.out.tfevents.';
/** Bytes of a length, and of a checksum. */
const LENGTH = 8;
const CHECKSUM = 4;

export class EventFile {
  private constructor(
    readonly path: string,
    readonly handle: fs.FileHandle,
  ) {}

  /**
   * Begins a new file, after those that are there.
   *
   * @param folder the run folder
   * @param from events of earlier files are void from this step on; null: they stay
   * @throws UserError if it cannot be written
   */
  static async create(folder: string, from: number | null): Promise<EventFile> {
    const events = join(folder, RUN_FILES.tensorboard);
    await makeFolder(events);
    const path = join(events, await nextName(events));
    try {
      const file = new EventFile(path, await fs.open(path, 'wx'));
      await file.#append(versionEvent(now()));
      if (from !== null) await file.#append(restartEvent(now(), from));
      return file;
    } catch (error) {
      throw explainFileError('write', path, error);
    }
  }

  /** @throws UserError if it cannot be written, for example on a full disk */
  async add(step: number, values: readonly SummaryValue[]): Promise<void> {
    try {
      await this.#append(summaryEvent(now(), step, values));
    } catch (error) {
      throw explainFileError('write', this.path, error);
    }
  }

  /** Waits until the disk has everything. */
  async flush(): Promise<void> {
    await this.handle.datasync().catch((error) => {
      throw explainFileError('write', this.path, error);
    });
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  async #append(event: Uint8Array): Promise<void> {
    await this.handle.appendFile(recordOf(event));
  }
}

/** Seconds since 1970: the time that TensorBoard shows. */
export function now(): number {
  return Date.now() / 1000;
}

/** A record: length, its checksum, data, their checksum. */
export function recordOf(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(LENGTH + CHECKSUM + data.length + CHECKSUM);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(LENGTH, maskedChecksum(record.subarray(0, LENGTH)), true);
  record.set(data, LENGTH + CHECKSUM);
  view.setUint32(LENGTH + CHECKSUM + data.length, maskedChecksum(data), true);
  return record;
}

/** Rotated and shifted, so that the checksum of data that contain checksums is no trivial number. */
export function maskedChecksum(data: Uint8Array): number {
  const checksum = crc32c(data);
  return (((checksum >>> 15) | (checksum << 17)) + 0xa282_ead8) >>> 0;
}

/** A name that follows all others in the folder, even where two files are begun within a second. */
async function nextName(events: string): Promise<string> {
  const times = (await fs.readdir(events).catch(() => []))
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => Number.parseInt(name.slice(PREFIX.length), 10))
    .filter(Number.isSafeInteger);
  const time = times.reduce((latest, each) => Math.max(latest, each + 1), Math.floor(Date.now() / 1000));
  const host = hostname()
    .replace(/[^\w-]/g, '-')
    .slice(0, 64);
  return `${PREFIX}${String(time).padStart(10, '0')}.${host}.${process.pid}`;
}
