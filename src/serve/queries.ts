/** Schemas of the query parameters. openapi.ts describes the API with the same schemas. */
import { z } from 'zod';
import { quote } from '../formats/quotation.js';
import { HttpError } from './http-error.js';
import { MAX_TAUGHT_EPOCHS } from './server-limits.js';

const whole = (from: number, to: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .pipe(z.int().gte(from).lte(to));

const MAX_SIDE = 65_535;

/** POST /api/predict */
export const predictQuery = z.strictObject({
  model: z.string().min(1).optional().describe('id of a model; without it the default one answers'),
  width: whole(1, MAX_SIDE).optional().describe('of raw pixels'),
  height: whole(1, MAX_SIDE).optional().describe('of raw pixels'),
  channels: whole(1, 16).optional().describe('of raw pixels; 1 if left out'),
  several: z
    .enum(['true', 'false'])
    .default('false')
    .describe('read several symbols in each input, such as a number'),
});

const part = z.enum(['test', 'validation', 'train']).default('test').describe('part of the data');

/** GET /api/runs/:id/samples */
export const samplesQuery = z.strictObject({
  part,
  true: whole(0, 65_535).optional().describe('only samples of this class'),
  predicted: whole(0, 65_535).optional().describe('only samples that were recognised as this class'),
  correct: z.enum(['true', 'false']).optional().describe('only right, or only wrong answers'),
  order: z
    .enum(['index', 'confidence'])
    .default('index')
    .describe('by index in the data, or by probability, highest first'),
  offset: whole(0, 999_999_999).default(0).describe('number of samples to skip'),
  limit: whole(1, 200).default(50).describe('most samples in the answer, up to 200'),
});

/** GET /api/runs/:id/samples/:index */
export const sampleQuery = z.strictObject({ part });

/** POST /api/projects/:name/train */
export const trainQuery = z.strictObject({
  base: z
    .enum(['digit-strokes', 'none'])
    .default('digit-strokes')
    .describe('network to begin from; none: from scratch'),
  none: z.enum(['true', 'false']).default('true').describe('learn a class none: what is none of the classes'),
  epochs: whole(1, MAX_TAUGHT_EPOCHS)
    .optional()
    .describe('passes over the drawings; by their number if left out'),
  seed: whole(0, 999_999_999).default(0).describe('of the order, the variation and the generated drawings'),
});

export const noQuery = z.strictObject({});

/**
 * The values of a query.
 * @throws HttpError 400 naming the parameter, what is expected and what was found
 */
export function readQuery<T extends z.ZodObject>(schema: T, query: unknown, path: string): z.infer<T> {
  const result = schema.safeParse(query);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const given = query as Record<string, unknown>;
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(schema.shape);
    throw new HttpError(
      400,
      `${path}: unknown parameter ${quote(issue.keys[0])}; there ${known.length > 0 ? `are ${known.join(', ')}` : 'are none'}`,
    );
  }
  const name = String(issue.path[0]);
  const described = (schema.shape[name] as z.ZodType).description;
  throw new HttpError(
    400,
    `${path}: ${name} (${described}): expected ${expectation(issue)}, found ${quote(String(given[name]))}`,
  );
}

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return issue.values.join(' or ');
  if (issue.code === 'too_small' && issue.origin === 'string') return 'a text';
  if (issue.code === 'invalid_type' && issue.expected === 'string') return 'a text, given once';
  if (issue.code === 'too_small') return `a whole number from ${issue.minimum}`;
  if (issue.code === 'too_big') return `a whole number up to ${issue.maximum}`;
  return 'a whole number, given once';
}
