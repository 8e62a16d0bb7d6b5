/**
 * Many HTTP clients of one server on plain sockets, which cost little processor time. Good clients send the next request
 * as soon as the last one is answered; bad clients send garbage or break off.
 */
import { connect, type Socket } from 'node:net';

/** Time after the end of the test in which open requests may still be answered. */
const LAST_ANSWER_MS = 30_000;

export interface CrowdResult {
  /** Seconds from sending a request to the last byte of its answer, one value per answer. */
  latencies: number[];
  /** Seconds from the first request to the last answer. */
  seconds: number;
  /** Answers with another status than 200 or a wrong body, and broken connections. */
  failures: number;
}

export interface CrowdOptions {
  port: number;
  connections: number;
  seconds: number;
  /** The bytes of request k of connection n. */
  request: (n: number, k: number) => Uint8Array;
  /** Whether the body is the right answer to request k of connection n. */
  isRight: (body: string, n: number, k: number) => boolean;
}

/** The bytes of a POST request on a keep-alive connection. */
export function post(path: string, type: string, body: Uint8Array): Uint8Array {
  const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** Runs the clients for `seconds`, then waits for the last answers. */
export async function crowd(options: CrowdOptions): Promise<CrowdResult> {
  const result: CrowdResult = { latencies: [], seconds: 0, failures: 0 };
  const began = performance.now();
  const until = began + 1000 * options.seconds;
  await Promise.all(Array.from({ length: options.connections }, (_, n) => client(options, n, until, result)));
  result.seconds = (performance.now() - began) / 1000;
  return result;
}

function client(
  { port, request, isRight }: CrowdOptions,
  n: number,
  until: number,
  result: CrowdResult,
): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1').setNoDelay(true);
    let answer = '';
    let k = 0;
    let sent = 0;
    let waits = true;
    const deadline = setTimeout(() => socket.destroy(), until - performance.now() + LAST_ANSWER_MS);
    const send = () => {
      waits = true;
      sent = performance.now();
      socket.write(request(n, k));
    };
    socket.on('connect', send);
    socket.on('data', (piece) => {
      answer += piece.toString('latin1');
      const end = answer.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(answer)?.[1]);
      if (answer.length < end + 4 + length) return;
      const now = performance.now();
      result.latencies.push((now - sent) / 1000);
      const right = answer.startsWith('HTTP/1.1 200 ') && isRight(answer.slice(end + 4), n, k);
      if (!right) result.failures++;
      answer = '';
      waits = false;
      k++;
      if (now < until) send();
      else socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(deadline);
      if (waits) result.failures++;
      resolve();
    });
  });
}

/** Opens bad connections until `stop` is called: garbage, slow requests, interrupted uploads. */
export function badCrowd(port: number, connections: number): { stop: () => void; made: () => number } {
  const open = new Set<Socket>();
  let stopped = false;
  let made = 0;
  const misbehave = (n: number) => {
    if (stopped) return;
    made++;
    const socket = connect(port, '127.0.0.1', () => {
      const head =
        'POST /api/predict HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: image/png\r\ncontent-length: 4000000\r\n';
      if (n % 4 === 0) socket.write('\0garbage\r\n\r\n');
      else if (n % 4 === 1) socket.write(head);
      else socket.write(`${head}\r\n${'x'.repeat(20_000)}`);
      if (n % 4 === 3) setTimeout(() => socket.destroy(), 50);
      if (n % 4 === 2) setTimeout(() => socket.destroy(), 3000);
    });
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      open.delete(socket);
      setTimeout(() => misbehave(n), 20);
    });
  };
  for (let n = 0; n < connections; n++) misbehave(n);
  return {
    stop: () => {
      stopped = true;
      for (const socket of open) socket.destroy();
    },
    made: () => made,
  };
}
