/**
 * Receives the bodies of requests. Limits the size of each body and the sum of all bodies in memory, however many
 * requests arrive and however slowly.
 */
import type { IncomingMessage } from 'node:http';
import { quote } from '../formats/quotation.js';
import { HttpError } from './http-error.js';
import { MAX_BODY_BYTES, MAX_WAITING_BYTES } from './server-limits.js';

export class Bodies {
  #bytes = 0;

  /** Bytes in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The whole body. The caller calls `release` when it is done with the body.
   * @throws HttpError 415 if the body is compressed, 413 if it is too large, 503 if all bodies together are, 400 if the connection breaks
   */
  async take(request: IncomingMessage): Promise<{ body: Uint8Array; release: () => void }> {
    const coding = request.headers['content-encoding'] ?? 'identity';
    if (coding.toLowerCase() !== 'identity') {
      throw new HttpError(
        415,
        `expected a body that is not compressed, found content-encoding ${quote(coding)}; send it as it is`,
      );
    }
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > MAX_BODY_BYTES) throw tooLarge(`${announced} bytes`);
    const chunks: Buffer[] = [];
    let length = 0;
    const release = () => {
      this.#bytes -= length;
      length = 0;
    };
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        length += chunk.length;
        this.#bytes += chunk.length;
        if (length > MAX_BODY_BYTES) throw tooLarge('more');
        if (this.#bytes > MAX_WAITING_BYTES) {
          throw new HttpError(503, 'too much is arriving at once; try again later');
        }
        chunks.push(chunk);
      }
    } catch (error) {
      release();
      if (error instanceof HttpError) throw error;
      throw new HttpError(400, 'the body was broken off');
    }
    // A copy: small buffers share a pool, and posting one to a worker would copy the whole pool.
    const body = new Uint8Array(length);
    let at = 0;
    for (const chunk of chunks) {
      body.set(chunk, at);
      at += chunk.length;
    }
    return { body, release };
  }
}

function tooLarge(found: string): HttpError {
  return new HttpError(413, `a body of at most ${MAX_BODY_BYTES} bytes is accepted, found ${found}`);
}
