/** A few negatives for display, evenly of all kinds. Node.js only. */
import { madeSamples } from '../drawn/made-samples.js';
import { type LoadOptions, loadDataset } from '../open-dataset.js';
import type { StrokeSamples } from '../strokes/stroke-samples.js';
import { generatorFor } from './negatives-of.js';

/**
 * Negatives of a data set, as training makes them; their kinds take the place of the classes.
 * @param spec as for loadDataset
 * @throws UserError as loadDataset and withNegatives
 */
export async function negativeSamples(
  spec: string,
  { count, seed, ...options }: { count: number; seed: number } & LoadOptions,
): Promise<StrokeSamples> {
  const dataset = await loadDataset(spec, options);
  const generator = generatorFor(dataset, 'train', seed);
  const { kinds } = generator;
  const at = (i: number) => generator.at(i, kinds[i % kinds.length]);
  return madeSamples({ name: dataset.name, classes: kinds, count, order: options.order, at });
}
