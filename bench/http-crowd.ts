/**
 * Many clients of one server, as cheaply as possible: sockets that send the same request again as soon as it has been
 * answered, and sockets that behave badly.
 */
import { connect, type Socket } from 'node:net';

/** An answer that comes later than this after the end does not come. */
const LATEST_MS = 30_000;

export interface CrowdResult {
  /** Seconds from the first byte sent to the last one of the answer, one for each answer. */
  latencies: number[];
  /** From the first request to the last answer. */
  seconds: number;
  /** Answers that were not 200, or not what was expected; connections that broke. */
  failures: number;
}

export interface CrowdOptions {
  port: number;
  connections: number;
  seconds: number;
  /** The bytes of the request that connection n sends for the k-th time. */
  request: (n: number, k: number) => Uint8Array;
  /** Whether an answer's body is the right one. */
  isRight: (body: string, n: number, k: number) => boolean;
}

/** Bytes of a POST request that keeps its connection. */
export function post(path: string, type: string, body: Uint8Array): Uint8Array {
  const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** Runs the crowd for its time, and until all have their last answer. */
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
    const deadline = setTimeout(() => socket.destroy(), until - performance.now() + LATEST_MS);
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

/** Opens bad connections again and again: slow ones, garbage, uploads that break off. Stops when told to. */
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
