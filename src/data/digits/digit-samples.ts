/** A few drawn digits for display. Node.js only. */
import { madeSamples } from '../drawn/made-samples.js';
import { type LoadOptions, loadDataset } from '../open-dataset.js';
import type { StrokeSamples } from '../strokes/stroke-samples.js';
import { DigitGenerator } from './generator.js';
import { checkDigits } from './with-digits.js';

/**
 * The first drawn digits of a seed, as training adds them to a data set.
 * @param spec as for loadDataset
 * @throws UserError as loadDataset and drawnDigits
 */
export async function digitSamples(
  spec: string,
  { count, seed, ...options }: { count: number; seed: number } & LoadOptions,
): Promise<StrokeSamples> {
  const dataset = await loadDataset(spec, options);
  checkDigits(dataset);
  const { name, classes } = dataset;
  const generator = new DigitGenerator({ seed, strokes: dataset.kind === 'strokes' });
  return madeSamples({ name, classes, count, order: options.order, at: (i) => generator.at(i) });
}
