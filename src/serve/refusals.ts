/** Answers to what never becomes a request of a route: damaged headers, too large or too slow ones, a header Expect. */
import { type IncomingMessage, maxHeaderSize, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { inOneLine, quote } from '../formats/quotation.js';
import { errorJson } from './http-error.js';
import { SECURITY_HEADERS } from './security.js';
import { HEADERS_MS, REQUEST_MS } from './server-limits.js';

/**
 * Answers what cannot be read as a request, and closes the connection.
 * @param isAnswering whether an answer has begun on the connection, into which another must not be written
 */
export function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket, isAnswering: boolean): void {
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswering) {
    socket.destroy();
    return;
  }
  const { status, message } = problemOf(error);
  const { headers, body } = refusal(status, message);
  const lines = Object.entries({ ...headers, date: new Date().toUTCString() });
  socket.write(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.map((line) => line.join(': ')).join('\r\n')}\r\n\r\n${body}`,
  );
  socket.destroySoon();
}

function problemOf(error: NodeJS.ErrnoException): { status: number; message: string } {
  switch (error.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return {
        status: 408,
        message: `the request arrives too slowly: its headers must be there in ${HEADERS_MS / 1000} s, all of it in ${REQUEST_MS / 1000} s`,
      };
    case 'HPE_HEADER_OVERFLOW':
      return {
        status: 431,
        message: `the headers are too large: at most ${maxHeaderSize} bytes are accepted`,
      };
    default:
      return { status: 400, message: `this cannot be read as an HTTP request: ${inOneLine(error.message)}` };
  }
}

/** Answers a request with a header `Expect` other than `100-continue`. */
export function refuseExpectation({ headers }: IncomingMessage, response: ServerResponse): void {
  const message = `expected no header Expect, or Expect: 100-continue, found ${quote(headers.expect ?? '')}`;
  const answer = refusal(417, message);
  response.writeHead(417, answer.headers).end(answer.body);
}

function refusal(status: number, message: string): { headers: Record<string, string>; body: string } {
  const body = JSON.stringify(errorJson(status, message));
  const headers = {
    ...SECURITY_HEADERS,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  return { headers, body };
}
