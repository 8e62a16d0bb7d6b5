/**
 * Takes in the bodies of requests: none larger than allowed, and all that are arriving or waiting together no larger
 * than memory is meant for them, however many come at once and however slowly.
 */
import type { IncomingMessage } from 'node:http';
import { HttpError } from './http-error.js';
import { MAX_BODY_BYTES, MAX_WAITING_BYTES } from './limits.js';

export class Bodies {
  #bytes = 0;

  /** Bytes that are held at the moment. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The whole body; `release` must be called when it is not needed any more.
   * @throws HttpError 413 for one that is too large, 503 when too many arrive at once, 400 when it was broken off
   */
  async take(request: IncomingMessage): Promise<{ body: Uint8Array; release: () => void }> {
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
    // In memory of its own: small buffers share theirs, which posting to a worker would copy as a whole.
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
