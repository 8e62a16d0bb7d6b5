/** Routes of `POST /api/predict` and of the models. */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { announcedPixels } from '../../data/pictures/picture.js';
import { quote } from '../../formats/quotation.js';
import { openFile } from '../../runs/file-stamp.js';
import type { Bodies } from '../bodies.js';
import { hasVersion } from '../conditional.js';
import { HttpError } from '../http-error.js';
import { noQuery, predictQuery, readQuery } from '../queries.js';
import type { RunStore } from '../runs/run-store.js';
import { MAX_BATCH_BYTES } from '../server-limits.js';
import type { WorkerPool } from '../workers/worker-pool.js';
import type { PredictJob } from './predict-jobs.js';

interface OfModel {
  Params: { file: string };
}

export interface PredictParts {
  runs: RunStore;
  pool: WorkerPool<PredictJob, string>;
  bodies: Bodies;
}

const JSON_TYPE = 'application/json; charset=utf-8';
const TYPES: Record<string, PredictJob['type']> = {
  // The first bytes of the body tell which of them it is.
  'image/png': 'picture',
  'image/jpeg': 'picture',
  'image/webp': 'picture',
  'application/octet-stream': 'raw',
  'application/json': 'json',
};

export function addPredict(app: FastifyInstance, { runs, pool, bodies }: PredictParts): void {
  app.post('/api/predict', async (request, reply) => {
    const { type, model, size, several } = readRequest(request);
    const { body, release } = await bodies.take(request.raw);
    try {
      pool.context = await runs.context();
      const answer = await pool.run(
        { body, type, model, size, several },
        // A reading takes long: it is a batch alone.
        {
          bytes: several ? MAX_BATCH_BYTES : body.length + announcedPixels(body),
          wanted: () => !request.raw.socket.destroyed,
        },
      );
      return reply.type(JSON_TYPE).send(answer);
    } finally {
      release();
    }
  });

  const list = async (request: FastifyRequest, reply: FastifyReply) => {
    readQuery(noQuery, request.query, request.url.split('?')[0]);
    return reply.type(JSON_TYPE).send(await runs.models());
  };
  app.get('/api/models', list);
  app.get('/models/index.json', list);

  const send = async (request: FastifyRequest<OfModel>, reply: FastifyReply<OfModel>) => {
    const { path } = await runs.model(request.params.file);
    const file = await openFile(path).catch(() => {
      throw gone(request.params.file);
    });
    try {
      const found = await file.stat();
      // A pipe or a folder may have replaced the file since it was listed.
      if (!found.isFile()) throw gone(request.params.file);
      const { size, mtimeMs, ino } = found;
      const etag = `"${[Math.round(mtimeMs * 1000), size, ino].map((n) => n.toString(36)).join('-')}"`;
      reply.headers({ etag, 'cache-control': 'no-cache' }).type('application/octet-stream');
      const known = hasVersion(request.headers['if-none-match'], etag);
      if (known || request.method === 'HEAD') {
        await file.close();
        return known ? reply.code(304).send() : reply.header('content-length', size).send();
      }
      return reply
        .header('content-length', size)
        .send(file.createReadStream({ start: 0, end: Math.max(0, size - 1) }));
    } catch (error) {
      await file.close();
      throw error;
    }
  };
  // Fastify's own HEAD would read the file to its end.
  app.get('/models/:file', { exposeHeadRoute: false }, send);
  app.head('/models/:file', send);
}

function gone(file: string): HttpError {
  return new HttpError(404, `the model file ${quote(file)} was removed a moment ago; ask again`);
}

/** Reads type, model and size from a request's headers and URL. @throws HttpError 415, 400 */
function readRequest(request: FastifyRequest): Omit<PredictJob, 'body'> {
  const query = readQuery(predictQuery, request.query, 'predict');
  const { model = null, width, height, channels = 1 } = query;
  const several = query.several === 'true';
  const type = TYPES[mediaType(request.raw)];
  if (type === undefined) {
    throw new HttpError(
      415,
      `predict: expected a body of image/png, image/jpeg, image/webp, application/json, or application/octet-stream with ?width= and &height=, ` +
        `found content-type ${quote(request.headers['content-type'] ?? 'none')}`,
    );
  }
  if (type !== 'raw') {
    const vain = (['width', 'height', 'channels'] as const).find((key) => query[key] !== undefined);
    if (vain)
      throw new HttpError(400, `predict: ${vain} is for raw pixels (application/octet-stream); leave it out`);
    return { type, model, size: null, several };
  }
  if (width === undefined || height === undefined) {
    throw new HttpError(
      400,
      'predict: raw pixels need their size: expected ?width= and &height= in the address',
    );
  }
  return { type, model, size: { width, height, channels }, several };
}

function mediaType({ headers }: IncomingMessage): string {
  return (headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
}
