/**
 * The HTTP server of the page and the API. This thread receives requests, reads files and sends answers; worker threads
 * decode and compute.
 */
import { lookup } from 'node:dns/promises';
import { availableParallelism } from 'node:os';
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { BackendName } from '../backends/backend.js';
import { quote } from '../formats/quotation.js';
import type { RunPlace } from '../runs/find-runs.js';
import { isShipped } from '../runs/shipped-models.js';
import { UserError } from '../user-error.js';
import { Bodies } from './bodies.js';
import { Connections } from './connections.js';
import { errorJson, errorStatus, HttpError } from './http-error.js';
import { addPage } from './page-routes.js';
import type { PredictJob } from './predict/predict-jobs.js';
import { addPredict } from './predict/predict-routes.js';
import { addOfferedProject, openOfferedProject } from './projects/offered-project.js';
import { addProjects } from './projects/project-routes.js';
import { Trainings } from './projects/trainings.js';
import { refuseExpectation, refuseUnreadable } from './refusals.js';
import { RunEvents } from './runs/run-events.js';
import { addRuns } from './runs/run-routes.js';
import { openRunStore, type RunStore } from './runs/run-store.js';
import { openDataRoots } from './samples/allowed-data.js';
import { Samples } from './samples/samples.js';
import { foreignPage, isMeant, type Listening, readHost, SECURITY_HEADERS } from './security.js';
import * as limits from './server-limits.js';
import { WorkerPool } from './workers/worker-pool.js';

export interface ServeOptions {
  /** Run folders and checkpoints, listed first. */
  given: readonly string[];
  /** A folder of runs; null for none. */
  runs: string | null;
  /** A project file, which the page opens, and whose network answers. Default: none. */
  project?: string | null;
  /** Networks of the package, listed last. Default: none. */
  shipped?: readonly RunPlace[];
  /** Folders with data sets that may be opened, beside the built-in ones. Default: none. */
  dataRoots?: readonly string[];
  /** Whether clients may teach networks, which are written to the folder of runs. Default false. */
  allowTraining?: boolean;
  /** An address or a name. */
  host: string;
  /** Null: the first free port from 7860; 0: any free port. */
  port: number | null;
  /** Worker threads for recognition. Null: the number of cores − 1. */
  threads: number | null;
  /** Most requests in a batch. Default 64. */
  batch?: number;
  backend: BackendName | 'auto';
  /** Folder of the built page. */
  page: string;
  version: string;
  /** Called with unexpected errors. */
  onDefect(error: unknown): void;
}

export interface RunningServer {
  /** `http://127.0.0.1:7860/` */
  url: string;
  /** Whether the page is built. */
  page: boolean;
  /** Refuses new requests, answers those being processed, and ends. */
  close(): Promise<void>;
  /** Removes temporary files, for a process that a signal ends before `close` has ended; null if there are none. */
  discard: (() => void) | null;
}

/** Seconds after which a client may look for a server that has been started anew. */
const CLOSED_S = 10;
const FIRST_PORT = 7860;
const PORTS = 20;

/** Starts the server. @throws UserError if a given run or data root does not exist, or the address cannot be used */
export async function startServer(given: ServeOptions): Promise<RunningServer> {
  const options = { ...given, host: readHost(given.host) };
  const roots = await openDataRoots(options.dataRoots ?? []);
  const project = options.project ? await openOfferedProject(options.project) : null;
  const undo = (error: unknown): never => {
    project?.close?.();
    throw error;
  };
  const runs = await openRunStore(options.given, options.runs, options.shipped, project).catch(undo);
  const events = new RunEvents(runs, options.onDefect);
  const samples = new Samples(runs, options.backend, roots);
  const bodies = new Bodies();
  const pool = new WorkerPool<PredictJob, string>({
    script: new URL('./predict/predict-worker.js', import.meta.url),
    data: { backend: options.backend },
    threads: options.threads ?? Math.max(1, availableParallelism() - 1),
    jobs: options.batch ?? limits.MAX_BATCH_REQUESTS,
    bytes: limits.MAX_BATCH_BYTES,
    deadline: limits.COMPUTE_MS,
    heapMiB: limits.MAX_WORKER_HEAP_MIB,
    waiting: limits.MAX_WAITING_REQUESTS,
  });
  const trainings = options.allowTraining ? await openTrainings(options, runs).catch(undo) : null;
  const { app, connections } = bareServer(options);
  const began = performance.now();
  addPredict(app, { runs, pool, bodies });
  addRuns(app, { runs, events, samples });
  addProjects(app, { trainings, bodies });
  addOfferedProject(app, project);
  const page = addPage(app, {
    folder: options.page,
    version: options.version,
    runs,
    load: () => ({
      uptime_seconds: Math.round((performance.now() - began) / 1000),
      waiting: pool.waiting,
      running: pool.running,
    }),
  });
  app.addHook('preClose', async () => {
    events.close();
    // Before open requests are awaited: a training takes minutes.
    await trainings?.close();
    connections.end();
  });
  app.addHook('onClose', async () => {
    await Promise.all([pool.close(), samples.close(), runs.close()]);
    project?.close?.();
  });
  try {
    const port = await listen(app, options);
    // Reads the runs now, so that the first request waits less.
    runs.context().catch(() => {});
    const host = options.host.includes(':') ? `[${options.host}]` : options.host;
    const discard = project?.close ?? null;
    return { url: `http://${host}:${port}/`, page, discard, close: () => close(app) };
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** @throws UserError if there is no folder to write runs to */
async function openTrainings({ backend, onDefect }: ServeOptions, runs: RunStore): Promise<Trainings> {
  const { folder } = runs;
  if (folder === null || isShipped(folder)) {
    throw new UserError('serve: --allow-training needs a folder of runs to write to; give it with --runs');
  }
  return new Trainings({
    runs: folder,
    backend,
    // The other cores answer requests.
    threads: Math.max(1, Math.floor(availableParallelism() / 2)),
    onRun: (written) => runs.idOf(written),
    onDefect,
  });
}

/** An application without routes: limits, security headers, errors as JSON. */
function bareServer({ host, onDefect }: ServeOptions): { app: FastifyInstance; connections: Connections } {
  let isClosing = false;
  const app: FastifyInstance = fastify({
    bodyLimit: limits.MAX_BODY_BYTES,
    connectionTimeout: limits.IDLE_MS,
    keepAliveTimeout: limits.KEEP_ALIVE_MS,
    requestTimeout: limits.REQUEST_MS,
    http: {
      headersTimeout: limits.HEADERS_MS,
      connectionsCheckingInterval: 2000,
      // Checked below, for an answer in JSON.
      requireHostHeader: false,
    },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => refuseUnreadable(error, socket, connections.isAnswering(socket)),
    routerOptions: { maxParamLength: 512 },
    frameworkErrors: (error, _, reply: FastifyReply) => {
      const status = error.statusCode ?? 400;
      void reply
        .code(status)
        .headers(SECURITY_HEADERS)
        .send(errorJson(status, shortened(error.message)));
    },
  });
  const connections: Connections = new Connections(app.server);
  app.server.maxConnections = limits.MAX_CONNECTIONS;
  app.server.on('checkExpectation', refuseExpectation);
  app.addHook('preClose', async () => {
    isClosing = true;
  });
  const listening: Listening = { host, address: null };
  app.server.on('listening', () => {
    const address = app.server.address();
    listening.address = typeof address === 'object' ? (address?.address ?? null) : null;
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    // The queue may be long. The time for a request to arrive is limited by itself.
    request.raw.socket.setTimeout(0);
    if (isClosing) throw new HttpError(503, 'the server is closing; try again later', CLOSED_S);
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1') {
      throw new HttpError(400, 'expected a header Host, which every request of HTTP/1.1 has');
    }
    if (!isMeant(request.headers.host, listening)) {
      throw new HttpError(
        421,
        `this server accepts requests from this machine only: expected 127.0.0.1 or localhost as the host, found ${quote(request.headers.host ?? 'none')}`,
      );
    }
    const foreign = isOfPage(request) ? null : foreignPage(request.headers);
    if (foreign === null) return;
    throw new HttpError(
      403,
      `requests of other web pages are refused: expected an Origin with the host ${quote(request.headers.host ?? 'none')}, or none, found ${foreign}`,
    );
  });
  app.addHook('onSend', async (request) => {
    request.raw.socket.setTimeout(limits.IDLE_MS);
  });
  // The routes read bodies themselves.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_: FastifyRequest, __, done) => done(null));
  app.setErrorHandler((error, request, reply) => {
    const { status, message } = problemOf(error, request);
    if (status === 500) onDefect(error);
    if (status === 503)
      reply.header('retry-after', String(error instanceof HttpError ? error.retryAfter : 1));
    // The rest of a refused body is not awaited.
    if (!request.raw.complete) reply.header('connection', 'close');
    void reply.code(status).send(errorJson(status, message));
  });
  app.setNotFoundHandler((request, reply) => {
    const message = `there is nothing at ${request.method} ${quote(request.url.split('?')[0])}; GET /api/openapi.json lists all addresses`;
    void reply.code(404).send(errorJson(404, message));
  });
  return { app, connections };
}

/** Status and message of an error of a route, or of Fastify. */
function problemOf(error: unknown, { headers }: FastifyRequest): { status: number; message: string } {
  const { statusCode: status, code = '', message } = error as Partial<FastifyError>;
  if (code.startsWith('FST_ERR_CTP_INVALID_MEDIA_TYPE')) {
    return {
      status: 415,
      message: `expected a content-type such as image/png or application/json, found ${quote(headers['content-type'] ?? 'none')}; GET /api/openapi.json lists what each address takes`,
    };
  }
  if (status === undefined || status >= 500 || message === undefined) return errorStatus(error);
  return { status, message: shortened(message) };
}

/** Whether a request is for a file of the page, to which other pages may link. */
function isOfPage({ routeOptions }: FastifyRequest): boolean {
  const route = routeOptions.url ?? '';
  return !route.startsWith('/api/') && !route.startsWith('/models/');
}

/** Fastify's own messages quote the whole address. */
function shortened(message: string): string {
  return message.length > 300 ? `${message.slice(0, 300)}…` : message;
}

async function listen(app: FastifyInstance, { host, port }: ServeOptions): Promise<number> {
  const ports = port === null ? Array.from({ length: PORTS }, (_, n) => FIRST_PORT + n) : [port];
  for (const candidate of ports) {
    try {
      await app.listen({ host: await addressOf(host), port: candidate, backlog: limits.MAX_BACKLOG });
      const address = app.server.address();
      return typeof address === 'object' && address !== null ? address.port : candidate;
    } catch (error) {
      const problem = listenProblem(error, host, candidate);
      if (problem === null) throw error;
      if (problem !== IN_USE || candidate === ports.at(-1)) {
        throw new UserError(`serve: cannot listen on ${host} port ${ports.join(', ')}: ${problem}`, {
          settings: ['host', 'port'],
        });
      }
    }
  }
  throw new Error('serve: no port to listen on');
}

/**
 * The address to listen on. Of localhost, which may have two, it is one: Fastify would open a server of its own for the
 * other, whose connections this file does not know.
 */
async function addressOf(host: string): Promise<string> {
  return /^localhost$/i.test(host) ? (await lookup(host, { order: 'ipv4first' })).address : host;
}

const IN_USE = 'another program is there already; choose another port, or 0 for any';

function listenProblem(error: unknown, host: string, port: number): string | null {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return IN_USE;
    case 'EACCES':
      return port < 1024
        ? 'ports below 1024 need special rights; choose another port'
        : 'the system does not permit it';
    case 'EADDRNOTAVAIL':
      return `this machine has no address ${host}; use 127.0.0.1, or 0.0.0.0 for all its addresses`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `there is no host ${quote(host)}; use 127.0.0.1, or 0.0.0.0 for all its addresses`;
    default:
      return null;
  }
}

/** Answers the requests being processed; after SHUTDOWN_MS their connections are closed. */
async function close(app: FastifyInstance): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), limits.SHUTDOWN_MS);
  await app.close();
  clearTimeout(timer);
}
