/** Routes below `/api/runs`: the list, one run, its events and its samples. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { quote } from '../../formats/quotation.js';
import type { SamplesPending } from '../api.js';
import { HttpError } from '../http-error.js';
import { noQuery, readQuery, sampleQuery, samplesQuery } from '../queries.js';
import type { Samples } from '../samples/samples.js';
import { Unsent } from '../unsent.js';
import type { RunEvents } from './run-events.js';
import type { RunStore } from './run-store.js';

const JSON_TYPE = 'application/json; charset=utf-8';

interface OfRun {
  Params: { id: string };
}

export function addRuns(
  app: FastifyInstance,
  { runs, events, samples }: { runs: RunStore; events: RunEvents; samples: Samples },
): void {
  const unsent = new Unsent();

  app.get('/api/runs', async (request, reply) => {
    readQuery(noQuery, request.query, 'runs');
    return reply.type(JSON_TYPE).send(await runs.list());
  });

  app.get<OfRun>('/api/runs/:id', async (request, reply) => {
    readQuery(noQuery, request.query, 'runs');
    const place = await runs.find(request.params.id);
    const details = await runs.details(place);
    unsent.add(details.length, reply.raw);
    return reply.type(JSON_TYPE).send(details);
  });

  // No HEAD: it would open an event stream.
  app.get<OfRun>('/api/runs/:id/events', { exposeHeadRoute: false }, async (request, reply) => {
    const place = await runs.find(request.params.id);
    const stream = events.listen(place, lastEpoch(request));
    reply.raw.on('close', () => stream.destroy());
    return reply.headers({ 'cache-control': 'no-store' }).type('text/event-stream').send(stream);
  });

  app.get<OfRun>('/api/runs/:id/samples', async (request, reply) => {
    const query = readQuery(samplesQuery, request.query, 'samples');
    const { part, true: label = null, predicted = null, correct, order, offset, limit } = query;
    const filter = {
      part,
      label,
      predicted,
      correct: correct === undefined ? null : correct === 'true',
      order,
    };
    return answer(reply, await samples.list(request.params.id, { ...filter, offset, limit }), unsent);
  });

  app.get<{ Params: { id: string; index: string } }>(
    '/api/runs/:id/samples/:index',
    async (request, reply) => {
      const { id, index } = request.params;
      if (!/^\d{1,9}$/.test(index)) {
        throw new HttpError(
          400,
          `samples: expected the index of a sample, a whole number from 0, found ${quote(index)}`,
        );
      }
      const { part } = readQuery(sampleQuery, request.query, 'samples');
      return answer(reply, await samples.describe(id, part, Number(index)), unsent);
    },
  );
}

/** The last epoch that a listener has. @throws HttpError 400 */
function lastEpoch({ headers }: FastifyRequest): number {
  const text = headers['last-event-id'] ?? '0';
  if (typeof text === 'string' && /^\d{1,9}$/.test(text)) return Number(text);
  throw new HttpError(
    400,
    `events: Last-Event-ID: expected the number of an epoch, found ${quote(String(text))}`,
  );
}

/** 200 with the answer, or 202 with the progress of computing it. */
function answer(reply: FastifyReply, found: string | SamplesPending, unsent: Unsent): FastifyReply {
  if (typeof found === 'string') {
    unsent.add(found.length, reply.raw);
    return reply.type(JSON_TYPE).send(found);
  }
  return reply.code(202).header('retry-after', '1').send(found);
}
