/** Routes of the page's files, the health report and the OpenAPI description. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Health } from './api.js';
import { hasVersion, takesGzip } from './conditional.js';
import { openApi } from './openapi.js';
import { NO_PAGE, type PageFile, readPage } from './page-files.js';
import type { RunStore } from './runs/run-store.js';

export interface PageParts {
  folder: string;
  version: string;
  runs: RunStore;
  /** The server's load now. */
  load: () => Pick<Health, 'uptime_seconds' | 'waiting' | 'running'>;
}

/** @returns whether the page is built */
export function addPage(app: FastifyInstance, { folder, version, runs, load }: PageParts): boolean {
  app.get('/api/health', async (): Promise<Health> => {
    return { status: 'ok', version, models: await runs.modelCount(), ...load() };
  });
  const description = openApi(version);
  app.get('/api/openapi.json', async () => description);

  const page = readPage(folder);
  for (const [address, file] of page) app.get(address, (request, reply) => sendFile(request, reply, file));
  if (page.has('/')) return true;
  app.get('/', (_, reply) => reply.code(503).type('text/html; charset=utf-8').send(NO_PAGE));
  return false;
}

function sendFile({ headers }: FastifyRequest, reply: FastifyReply, file: PageFile): FastifyReply {
  const { type, bytes, gzip, etag, lasting } = file;
  reply.headers({
    etag,
    vary: 'accept-encoding',
    'cache-control': lasting ? 'public, max-age=31536000, immutable' : 'no-cache',
  });
  if (hasVersion(headers['if-none-match'], etag)) return reply.code(304).send();
  reply.type(type);
  if (gzip === null || !takesGzip(headers['accept-encoding'])) return reply.send(bytes);
  return reply.header('content-encoding', 'gzip').send(gzip);
}
