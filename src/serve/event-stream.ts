/** Server-Sent Events on a stream: one event, and heartbeats. */
import { PassThrough } from 'node:stream';
import { MAX_BEHIND_BYTES } from './server-limits.js';

/** Interval of heartbeats, so that proxies keep the connection open. */
const BEAT_MS = 15_000;

/** A stream that tells a browser to connect again after a second. */
export function openEventStream(): PassThrough {
  const stream = new PassThrough();
  stream.write('retry: 1000\n\n');
  return stream;
}

/**
 * Sends an event. A client that has not taken earlier ones for too long is cut off.
 * @param json one line
 * @param id of the event, which a client sends when it connects again
 */
export function sendEvent(stream: PassThrough, name: string, json: string, id?: number): void {
  if (stream.writableLength > MAX_BEHIND_BYTES) {
    stream.destroy();
    return;
  }
  stream.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${json}\n\n`);
}

/** Sends heartbeats to the streams until the timer is cleared. @param streams gives those that are open now */
export function beat(streams: () => Iterable<PassThrough>): NodeJS.Timeout {
  return setInterval(() => {
    for (const stream of streams()) stream.write(': beat\n\n');
  }, BEAT_MS);
}
