/** Routes below `/api/projects`, by which programs teach a network: train, state, events, cancel. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { quote } from '../../formats/quotation.js';
import type { ProjectList } from '../api.js';
import type { Bodies } from '../bodies.js';
import { HttpError } from '../http-error.js';
import { noQuery, readQuery, trainQuery } from '../queries.js';
import type { ProjectBody } from './project-check.js';
import { PROJECT_NAME } from './project-schema.js';
import type { Trainings } from './trainings.js';

interface OfProject {
  Params: { name: string };
}

const TYPES: Record<string, ProjectBody['type']> = {
  'application/json': 'project',
  'application/x-ndjson': 'lines',
  'application/ndjson': 'lines',
};

/** @param trainings null if the command line does not allow trainings: all requests are then answered by 403 */
export function addProjects(
  app: FastifyInstance,
  { trainings, bodies }: { trainings: Trainings | null; bodies: Bodies },
): void {
  app.post<OfProject>('/api/projects/:name/train', async (request, reply) => {
    const allowed = need(trainings);
    const name = nameOf(request);
    const { base, none, epochs = null, seed } = readQuery(trainQuery, request.query, 'train');
    const type = typeOf(request);
    // Before the body is awaited, and again when it is there.
    allowed.checkRoom(name);
    const { body, release } = await bodies.take(request.raw);
    try {
      const choices = { base, none: none === 'true', epochs, seed };
      const wanted = () => !request.raw.socket.destroyed;
      const training = await allowed.begin({ body, type, name }, choices, wanted);
      return reply.code(202).header('location', `/api/projects/${name}`).send(training);
    } finally {
      release();
    }
  });

  app.get('/api/projects', async (request): Promise<ProjectList> => {
    const allowed = need(trainings);
    readQuery(noQuery, request.query, 'projects');
    return { projects: allowed.list() };
  });

  app.get<OfProject>('/api/projects/:name', async (request) => {
    const allowed = need(trainings);
    readQuery(noQuery, request.query, 'projects');
    return allowed.get(nameOf(request));
  });

  app.delete<OfProject>('/api/projects/:name/train', async (request) => {
    const allowed = need(trainings);
    readQuery(noQuery, request.query, 'cancel');
    return allowed.cancel(nameOf(request));
  });

  // No HEAD: it would open an event stream.
  app.get<OfProject>('/api/projects/:name/events', { exposeHeadRoute: false }, async (request, reply) => {
    const stream = need(trainings).listen(nameOf(request));
    reply.raw.on('close', () => stream.destroy());
    return reply.headers({ 'cache-control': 'no-store' }).type('text/event-stream').send(stream);
  });
}

function need(trainings: Trainings | null): Trainings {
  if (trainings !== null) return trainings;
  throw new HttpError(
    403,
    'this server does not train: whoever starts it may allow that with scanstroke serve --allow-training',
  );
}

function nameOf({ params }: FastifyRequest<OfProject>): string {
  if (PROJECT_NAME.test(params.name)) return params.name;
  throw new HttpError(
    400,
    `projects: expected a name of 1 to 64 letters a to z, digits, hyphens and underscores, beginning with a letter or a digit; found ${quote(params.name)}`,
  );
}

function typeOf({ raw: { headers } }: FastifyRequest): ProjectBody['type'] {
  const type = (headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
  if (Object.hasOwn(TYPES, type)) return TYPES[type];
  throw new HttpError(
    415,
    'train: expected a project file as application/json, or drawings, a line each, as application/x-ndjson; ' +
      `found content-type ${quote(headers['content-type'] ?? 'none')}`,
  );
}
