/** OpenAPI 3.1 description of the HTTP API, made from the schemas that requests are checked with. */
import { z } from 'zod';
import { KIND_NAMES } from '../data/kinds.js';
import type { Health, ModelList, PredictResponse, ReadResponse, RunList } from './api.js';
import { PROJECT_NAME, projectTraining } from './projects/project-schema.js';
import { predictQuery, sampleQuery, samplesQuery, trainQuery } from './queries.js';
import { MAX_BODY_BYTES, MAX_INPUTS } from './server-limits.js';

const share = z.number().min(0).max(1);
const id = z.string().describe('as in the list');

const kind = z.enum(KIND_NAMES).describe('the kind of input that the network reads');

const shipped = z.boolean().describe('whether the network came with the package');

const byte = z.int().min(0).max(255);
const picture = z
  .object({
    pixels: z
      .union([z.array(byte), z.base64()])
      .describe('pixel row by pixel row, 0 for paper and 255 for ink; numbers, or bytes in base64'),
    width: z.int().min(1),
    height: z.int().min(1),
    channels: z.int().min(1).default(1),
  })
  .describe('a picture of any size, unless the network reads IDX images that are not 28 × 28 grey');
const bit = z.union([z.literal(0), z.literal(1)]);
const strokes = z
  .object({
    strokes: z
      .array(z.tuple([z.int(), z.int(), bit, bit]))
      .describe('moves dx, dy, end of stroke, end of drawing'),
  })
  .describe('pen strokes, as in docs/strokes.md');
const coordinates = z.array(z.number());
const penStroke = z.union([
  z.object({ x: coordinates, y: coordinates, t: coordinates.optional() }),
  z.array(z.union([z.array(z.number()).min(2), z.object({ x: z.number(), y: z.number() })])),
]);
const drawing = z
  .object({ drawing: z.object({ strokes: z.array(penStroke) }) })
  .describe('the points of a pen, in any unit, y downwards');
const input = z.union([picture, strokes, drawing]);
export const predictBody = z.union([
  z.object({ model: z.string().optional() }).and(input),
  z.object({ model: z.string().optional(), inputs: z.array(input).min(1).max(MAX_INPUTS) }),
]);

const guess = z.object({ index: z.int(), class: z.string(), probability: share });
const prediction = z.object({
  ...guess.pick({ class: true, probability: true }).shape,
  unsure: z.boolean().describe('the probability of the likeliest class is below 0.7'),
  top: z.array(guess).describe('three at most, likeliest first'),
  probabilities: z.array(share).describe("in the order of the model's classes"),
});
export const predictResponse = z.object({
  model: z.string(),
  results: z
    .array(prediction.nullable())
    .describe('one for each input; null where there is nothing to recognise'),
}) satisfies z.ZodType<PredictResponse>;

const box = z.object({ left: z.number(), top: z.number(), right: z.number(), bottom: z.number() });
const parts = z
  .array(z.object({ index: z.int(), from: z.number(), to: z.number() }))
  .optional()
  .describe('points of strokes of a drawing, or columns of components of a picture');
export const readResponse = z.object({
  model: z.string(),
  results: z.array(
    z.object({
      text: z.string().describe('lines separated by newlines; empty if there is nothing to recognise'),
      symbols: z.array(
        z.object({
          ...prediction.pick({ class: true, probability: true, unsure: true, probabilities: true }).shape,
          alternatives: z.array(guess).describe('four at most, likeliest first'),
          box,
          line: z.int().describe('from 0 at the top'),
          strokes: parts,
          components: parts,
        }),
      ),
      left_out: z
        .array(z.object({ reason: z.enum(['none', 'dot']), box, strokes: parts, components: parts }))
        .describe('ink that belongs to no symbol'),
    }),
  ),
}) satisfies z.ZodType<ReadResponse>;

export const modelList = z.object({
  api: z.boolean(),
  default: z.string().nullable(),
  models: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      shipped,
      kind,
      preset: z.string().nullable(),
      classes: z.array(z.string()),
      parameters: z.int(),
      test_accuracy: share.nullable(),
      file: z.string().describe('relative to /models/'),
      bytes: z.int(),
      version: z.string(),
    }),
  ),
  project: z
    .object({ name: z.string(), id: z.string() })
    .nullable()
    .optional()
    .describe('the project file that the page opens'),
}) satisfies z.ZodType<ModelList>;

export const health = z.object({
  status: z.literal('ok'),
  version: z.string(),
  uptime_seconds: z.number(),
  models: z.int(),
  waiting: z.int(),
  running: z.int(),
}) satisfies z.ZodType<Health>;

const number = z.number().nullable();
export const runList = z.object({
  runs: z.array(
    z.object({
      id: z.string(),
      folder: z.string(),
      state: z.enum(['live', 'done', 'stopped']),
      started: z.iso.datetime(),
      changed: z.iso.datetime(),
      preset: z.string().nullable(),
      data: z.string().nullable(),
      kind: kind.nullable(),
      epochs: z.int(),
      num_epochs: number,
      best_val_accuracy: number,
      test_accuracy: number,
      parameters: number,
      train_seconds: number,
      samples_per_second: number,
      peak_rss_mb: number,
      model: z.boolean(),
      shipped,
      problem: z.string().nullable(),
    }),
  ),
}) satisfies z.ZodType<RunList>;

const projectList = z.object({ projects: z.array(projectTraining) });

const errorSchema = z.object({ error: z.object({ status: z.int(), message: z.string() }) });

type JsonSchema = Record<string, unknown>;
type Operation = Record<string, unknown>;

/** @param version of scanstroke */
export function openApi(version: string): Record<string, unknown> {
  const run = { in: 'path', name: 'id', required: true, schema: schemaOf(id) };
  const index = { in: 'path', name: 'index', required: true, schema: { type: 'integer', minimum: 0 } };
  const project = {
    in: 'path',
    name: 'name',
    required: true,
    schema: { type: 'string', pattern: PROJECT_NAME.source },
  };
  return {
    openapi: '3.1.0',
    info: {
      title: 'scanstroke',
      version,
      description: 'Recognition by trained networks, and their runs. docs/serving.md has the details.',
    },
    paths: {
      '/api/predict': {
        post: {
          ...operation('Recognise one input or many', z.union([predictResponse, readResponse])),
          parameters: parameters(predictQuery),
          requestBody: {
            required: true,
            description: `at most ${MAX_BODY_BYTES} bytes`,
            content: {
              'application/json': { schema: schemaOf(predictBody) },
              'image/png': { schema: { type: 'string', format: 'binary' } },
              'image/jpeg': { schema: { type: 'string', format: 'binary' } },
              'image/webp': { schema: { type: 'string', format: 'binary' } },
              'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
            },
          },
        },
      },
      '/api/models': { get: operation('The networks that answer requests', modelList) },
      '/api/health': { get: operation('State and load of the server', health) },
      '/api/runs': { get: operation('The runs, newest first', runList) },
      '/api/runs/{id}': {
        get: { ...operation('A run: configuration, metrics, summary'), parameters: [run] },
      },
      '/api/runs/{id}/events': {
        get: {
          summary: 'The progress of a run, as Server-Sent Events: epoch, reset, state, summary',
          parameters: [run, { in: 'header', name: 'last-event-id', schema: { type: 'integer' } }],
          responses: {
            200: { description: 'events', content: { 'text/event-stream': {} } },
            default: failure,
          },
        },
      },
      '/api/runs/{id}/samples': {
        get: {
          ...pending('Samples with the answers of the network'),
          parameters: [run, ...parameters(samplesQuery)],
        },
      },
      '/api/runs/{id}/samples/{index}': {
        get: {
          ...pending('One sample: probabilities, trace, hidden states, input gradient'),
          parameters: [run, index, ...parameters(sampleQuery)],
        },
      },
      '/api/project': { get: operation('The project file that the server was started with, as it is now') },
      '/api/projects': { get: operation('The trainings of projects, newest first', projectList) },
      '/api/projects/{name}': {
        get: {
          ...operation('The last training of a project: state, progress, run', projectTraining),
          parameters: [project],
        },
      },
      '/api/projects/{name}/train': {
        post: {
          summary: 'Teaches a network the symbols of a project; needs a server with --allow-training',
          parameters: [project, ...parameters(trainQuery)],
          requestBody: {
            required: true,
            description: `a project file, or drawings, a line each; at most ${MAX_BODY_BYTES} bytes`,
            content: {
              'application/json': { schema: { type: 'object' } },
              'application/x-ndjson': { schema: { type: 'string' } },
            },
          },
          responses: {
            202: {
              description: 'the training waits or runs',
              content: { 'application/json': { schema: schemaOf(projectTraining) } },
            },
            default: failure,
          },
        },
        delete: { ...operation('Cancels the training of a project', projectTraining), parameters: [project] },
      },
      '/api/projects/{name}/events': {
        get: {
          summary: 'The progress of a training, as Server-Sent Events: state, progress',
          parameters: [project],
          responses: {
            200: { description: 'events', content: { 'text/event-stream': {} } },
            default: failure,
          },
        },
      },
      '/models/{file}': {
        get: {
          summary: 'A checkpoint, by the `file` of its model',
          parameters: [{ in: 'path', name: 'file', required: true, schema: { type: 'string' } }],
          responses: {
            200: { description: 'safetensors', content: { 'application/octet-stream': {} } },
            default: failure,
          },
        },
      },
    },
  };
}

const failure = {
  description: 'the error, and what was expected',
  content: { 'application/json': { schema: schemaOf(errorSchema) } },
};

function operation(summary: string, response: z.ZodType = z.record(z.string(), z.unknown())): Operation {
  const content = { 'application/json': { schema: schemaOf(response) } };
  return { summary, responses: { 200: { description: summary, content }, default: failure } };
}

/** Adds the answer 202, which is sent while answers are computed. */
function pending(summary: string): Operation {
  const { responses } = operation(summary);
  const schema = schemaOf(z.object({ done: z.int(), total: z.int() }));
  const later = { description: 'being computed; ask again', content: { 'application/json': { schema } } };
  return { summary, responses: { ...(responses as object), 202: later } };
}

function parameters(query: z.ZodObject): JsonSchema[] {
  return Object.entries(query.shape).map(([name, field]) => {
    const { description, ...schema } = schemaOf(field as z.ZodType);
    return { in: 'query', name, description, schema };
  });
}

function schemaOf(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
}
