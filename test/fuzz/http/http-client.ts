/** A client that sends any bytes to a server, and reads whatever comes back. */
import { connect, type Socket } from 'node:net';

export interface Answer {
  /** Null if the connection was closed without an answer. */
  status: number | null;
  headers: string;
  body: string;
  /** All that was received, headers and further answers included. */
  all: string;
}

/** A server that neither answers nor closes the connection in this time hangs. */
const ANSWER_MS = 10_000;

/** One connection at a time; kept open from one exchange to the next where the answer allows it. */
export class RawClient {
  #kept: Socket | undefined;

  constructor(
    readonly host: string,
    readonly port: number,
  ) {}

  /**
   * Sends a request whose answer has an end that its headers tell, and keeps the connection.
   * @param hasBody false for HEAD
   */
  async request(bytes: Uint8Array, hasBody: boolean): Promise<Answer> {
    const isEnd = (received: string) => isComplete(received, hasBody);
    const wasKept = this.#kept !== undefined;
    const answer = await this.#exchange(bytes, isEnd, null);
    // The server may have ended a kept connection while the request was on its way.
    return answer.status === null && wasKept ? this.#exchange(bytes, isEnd, null) : answer;
  }

  /**
   * Sends any bytes on a new connection, and reads until the first answer is complete, or the server closes the
   * connection. Ends this side at once if the request cannot be complete, else after a while without an answer.
   * Node.js aborts a request whose sender has ended.
   */
  raw(bytes: Uint8Array): Promise<Answer> {
    this.close();
    const text = Buffer.from(bytes).toString('latin1');
    return this.#exchange(
      bytes,
      (received) => isComplete(received, !text.startsWith('HEAD')),
      endAfterMs(text),
    );
  }

  close(): void {
    this.#kept?.destroy();
    this.#kept = undefined;
  }

  /** Keeps a connection until the server ends it. */
  #keep(socket: Socket): void {
    this.#kept = socket;
    const drop = () => {
      if (this.#kept === socket) this.#kept = undefined;
      socket.destroy();
    };
    socket.on('end', drop).on('close', drop);
  }

  /** @param endMs when this side ends; null: never, and the connection is kept */
  #exchange(bytes: Uint8Array, isEnd: (received: string) => boolean, endMs: number | null): Promise<Answer> {
    const kept = this.#kept;
    this.#kept = undefined;
    kept?.removeAllListeners();
    const socket = kept ?? connect({ host: this.host, port: this.port, allowHalfOpen: true });
    return new Promise((resolve, reject) => {
      let received = '';
      const finish = (keep: boolean) => {
        clearTimeout(timer);
        clearTimeout(ending);
        socket.removeAllListeners();
        socket.on('error', () => {});
        if (keep) this.#keep(socket);
        else socket.destroy();
        resolve(answerOf(received));
      };
      const timer = setTimeout(() => {
        socket.destroy();
        reject(new Error(`no answer in ${ANSWER_MS} ms; received ${JSON.stringify(received.slice(0, 200))}`));
      }, ANSWER_MS);
      const ending = endMs === null ? undefined : setTimeout(() => socket.end(), endMs);
      socket.on('data', (piece: Buffer) => {
        received += piece.toString('latin1');
        if (isEnd(received)) finish(endMs === null && isKept(received));
      });
      socket.on('error', () => finish(false));
      socket.on('end', () => finish(false));
      socket.on('close', () => finish(false));
      socket.write(bytes);
    });
  }
}

/** A request that is whole is answered in this time, on an idle machine. */
const WHOLE_MS = 100;

/** 0 if the text is the beginning of a request, and more is expected. */
function endAfterMs(text: string): number {
  const end = text.indexOf(HEAD_END);
  if (end < 0) return 0;
  const [head, body] = [text.slice(0, end), text.slice(end + HEAD_END.length)];
  const length = /^content-length: *(\d+)/im.exec(head);
  if (length && body.length < Number(length[1])) return 0;
  return /^transfer-encoding:/im.test(head) && !body.endsWith('0\r\n\r\n') ? 0 : WHOLE_MS;
}

const HEAD_END = '\r\n\r\n';

function isComplete(received: string, hasBody: boolean): boolean {
  const end = received.indexOf(HEAD_END);
  if (end < 0) return false;
  const head = received.slice(0, end);
  if (/^content-type: text\/event-stream/im.test(head)) return true;
  const status = Number(head.slice(9, 12));
  if (status === 100) return isComplete(received.slice(end + HEAD_END.length), hasBody);
  if (!hasBody || status === 204 || status === 304) return true;
  const length = /^content-length: (\d+)/im.exec(head);
  if (length) return received.length >= end + HEAD_END.length + Number(length[1]);
  return /^transfer-encoding: chunked/im.test(head) && received.endsWith('0\r\n\r\n');
}

function isKept(received: string): boolean {
  const head = received.slice(0, received.indexOf(HEAD_END));
  return !/^connection: close/im.test(head) && !/^content-type: text\/event-stream/im.test(head);
}

function answerOf(all: string): Answer {
  // `100 Continue` comes before the answer.
  const received = all.replace(/^(HTTP\/1\.1 100 [\s\S]*?\r\n\r\n)+/, '');
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(received);
  const end = received.indexOf(HEAD_END);
  const [headers, body] =
    end < 0 ? [received, ''] : [received.slice(0, end), received.slice(end + HEAD_END.length)];
  return { status: status ? Number(status[1]) : null, headers, body, all };
}
