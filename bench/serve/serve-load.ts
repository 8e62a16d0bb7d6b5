/**
 * `npm run bench:serve`: measures the server under load on loopback, with a network of the size of the preset `quick`:
 * requests per second and latencies with few and many connections, with and without batching, and with bad clients.
 * Checks every answer.
 *
 *   npm run bench:serve -- [--json] [--write] [--seconds N]
 *
 * `--write` writes the table to docs/serving.md. Clients and server share the cores of the machine.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openBackend } from '#src/backends/open-node.js';
import { loadImages } from '#src/data/images/image-datasets.js';
import { SequenceClassifier } from '#src/model/classifier.js';
import { openRecognizer } from '#src/recognize/recognizer.js';
import { encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import type { PredictResponse } from '#src/serve/api.js';
import { count, failForUsers } from '../bench-flags.js';
import { describeMachine, machineWords } from '../measure/machine.js';
import { duration, markdown, number, whole } from '../report/table.js';
import { badCrowd, type CrowdResult, crowd, post } from './http-crowd.js';

const COMMAND = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const PAGE = fileURLToPath(new URL('../../../docs/serving.md', import.meta.url));
const [BEGIN, END] = [
  '<!-- figures: written by npm run bench:serve -- --write -->',
  '<!-- end of figures -->',
];
/** Number of different pictures, sent in turn. */
const PICTURES = 200;
/** Number of pictures in a large request. */
const MANY = 64;

interface Scenario {
  name: string;
  connections: number;
  /** Pictures per request. */
  inputs: number;
  batched: boolean;
  bad?: number;
}

const SCENARIOS: Scenario[] = [
  { name: 'one client', connections: 1, inputs: 1, batched: true },
  { name: '64 clients', connections: 64, inputs: 1, batched: true },
  { name: '64 clients, not batched', connections: 64, inputs: 1, batched: false },
  { name: '1,024 clients', connections: 1024, inputs: 1, batched: true },
  { name: '1,024 clients, not batched', connections: 1024, inputs: 1, batched: false },
  { name: '4,096 clients', connections: 4096, inputs: 1, batched: true },
  { name: '16 clients, 64 pictures a request', connections: 16, inputs: MANY, batched: true },
  { name: '64 clients among 1,000 bad ones', connections: 64, inputs: 1, batched: true, bad: 1000 },
];

interface Measured extends Scenario {
  result: CrowdResult;
  /** Resident set size of the server in MiB, before and after the scenario; null if unknown. */
  memory: [before: number | null, after: number | null];
}

/** A checkpoint of the preset's size, pictures of digits, and the expected probabilities of its answers. */
async function subjects() {
  const backend = await openBackend('auto');
  const model = new SequenceClassifier(
    {
      inputSize: 28,
      hiddenSize: 128,
      numClasses: 10,
      bidirectional: true,
      head: 'flatten',
      sequenceLength: 28,
    },
    backend,
  );
  const checkpoint = encodeCheckpoint({
    parameters: await model.stateDict(),
    model: { ...model.config },
    preprocessing: {
      kind: 'images',
      sequenceLength: 28,
      inputSize: 28,
      channels: 1,
      height: 28,
      width: 28,
      mean: 0.5,
      std: 0.5,
      permutationSeed: null,
    },
    classes: [...'0123456789'],
  });
  const { test } = await loadImages('mnist', { channelsImg: 1 });
  const pictures = Array.from({ length: PICTURES }, (_, i) => test.pixels.slice(784 * i, 784 * (i + 1)));
  const recognizer = openRecognizer(checkpoint, backend, { name: 'bench' });
  const answers = await recognizer.recognize(
    pictures.map((pixels) => ({ kind: 'picture', width: 28, height: 28, pixels })),
  );
  return { checkpoint, pictures, expected: answers.map((answer) => answer!.top[0].probability) };
}

async function main(): Promise<void> {
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    options: { json: flag, write: flag, seconds: { type: 'string', default: '10' } },
  });
  const seconds = count('bench:serve --seconds', values.seconds);
  const { checkpoint, pictures, expected } = await subjects();
  const folder = mkdtempSync(join(tmpdir(), 'scanstroke-serve-'));
  const path = join(folder, 'bench.safetensors');
  writeFileSync(path, checkpoint);
  const measured: Measured[] = [];
  try {
    for (const scenario of SCENARIOS) {
      process.stderr.write(`${scenario.name} …\n`);
      measured.push(await measure(scenario, path, pictures, expected, seconds));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const machine = await describeMachine(['cpu']);
  const text = `${machineWords(machine)}; ${seconds} s each; ${new Date().toISOString().slice(0, 10)}\n\n${table(measured)}`;
  if (values.write) {
    const page = readFileSync(PAGE, 'utf8');
    const [head, tail] = [page.split(BEGIN)[0], page.split(END)[1]];
    if (tail === undefined) throw new Error(`bench:serve: ${PAGE} has no marks ${BEGIN} and ${END}`);
    writeFileSync(PAGE, `${head}${BEGIN}\n\n${text}\n\n${END}${tail}`);
  }
  console.log(values.json ? JSON.stringify({ machine, measured: measured.map(figures) }, null, 2) : text);
}

async function measure(
  scenario: Scenario,
  path: string,
  pictures: Uint8Array[],
  expected: number[],
  seconds: number,
): Promise<Measured> {
  const { connections, inputs, batched, bad = 0 } = scenario;
  const server = await start(path, batched);
  const which = (n: number, k: number) => (n * 7 + k) % PICTURES;
  const requests = Array.from({ length: PICTURES }, (_, first) => requestFor(pictures, first, inputs));
  const load = (connections: number, seconds: number) =>
    crowd({
      port: server.port,
      connections,
      seconds,
      request: (n, k) => requests[which(n, k)],
      isRight: (body, n, k) => {
        const { results }: Partial<PredictResponse> = JSON.parse(body);
        return (
          results?.length === inputs &&
          results.every((each, i) => each?.probability === expected[(which(n, k) + i) % PICTURES])
        );
      },
    });
  try {
    await load(Math.min(64, connections), 1);
    const badClients = badCrowd(server.port, bad);
    const before = server.memory();
    const result = await load(connections, seconds);
    badClients.stop();
    return { ...scenario, result, memory: [before, server.memory()] };
  } finally {
    await server.stop();
  }
}

function requestFor(pictures: Uint8Array[], first: number, inputs: number): Uint8Array {
  if (inputs === 1)
    return post('/api/predict?width=28&height=28', 'application/octet-stream', pictures[first]);
  const list = Array.from({ length: inputs }, (_, i) => ({
    pixels: Buffer.from(pictures[(first + i) % PICTURES]).toString('base64'),
    width: 28,
    height: 28,
  }));
  return post('/api/predict', 'application/json', Buffer.from(JSON.stringify({ inputs: list })));
}

/** Starts the server in a new process, as users do. */
async function start(path: string, batched: boolean) {
  const args = [COMMAND, 'serve', path, '--port', '0', '--json', '--runs', `${path}.none`];
  const child = spawn(process.execPath, [...args, ...(batched ? [] : ['--batch', '1'])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const piece of child.stdout) {
    text += piece;
    if (text.includes('}')) break;
  }
  const { url } = JSON.parse(text) as { url: string };
  return {
    port: Number(new URL(url).port),
    memory: () => residentMb(child.pid),
    stop: () =>
      new Promise<void>((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGTERM');
      }),
  };
}

/** Resident set size of a process in MiB; null on other systems than Linux. */
function residentMb(pid: number | undefined): number | null {
  try {
    const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kilobytes === undefined ? null : Number(kilobytes) / 1024;
  } catch {
    return null;
  }
}

function figures({ name, connections, inputs, batched, result, memory }: Measured) {
  const sorted = [...result.latencies].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return {
    name,
    connections,
    inputs,
    batched,
    requests: sorted.length,
    failures: result.failures,
    requests_per_second: sorted.length / result.seconds,
    p50: at(0.5),
    p99: at(0.99),
    memory_before_mb: memory[0],
    memory_after_mb: memory[1],
  };
}

function table(measured: Measured[]): string {
  const header = ['load', 'requests/s', 'pictures/s', 'p50', 'p99', 'wrong', 'memory before', 'after'];
  const megabytes = (value: number | null) => (value === null ? '–' : `${whole(Math.round(value))} MB`);
  const rows = measured.map((each) => {
    const { name, inputs, failures, requests_per_second: rate, p50, p99, ...memory } = figures(each);
    return [
      name,
      number(rate),
      number(rate * inputs),
      duration(p50),
      duration(p99),
      whole(failures),
      megabytes(memory.memory_before_mb),
      megabytes(memory.memory_after_mb),
    ];
  });
  return markdown({ header, rows });
}

await failForUsers(main);
