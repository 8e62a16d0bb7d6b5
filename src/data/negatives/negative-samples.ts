/** A few negatives for display, evenly of all kinds. Node.js only. */
import { DRAWING_SIZE } from '../../ink/drawing.js';
import { imageToStrokes, thinImage } from '../../ink/image-to-strokes.js';
import { movesToStrokes } from '../../ink/render-strokes.js';
import { type LoadOptions, loadDataset } from '../open-dataset.js';
import type { StrokeSamples } from '../strokes/stroke-samples.js';
import { generatorFor } from './with-negatives.js';

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
  const { width, height } = DRAWING_SIZE;
  const samples = Array.from({ length: count }, (_, index) => {
    const label = index % kinds.length;
    const { pixels } = generator.at(index, kinds[label]);
    const moves = imageToStrokes(pixels, width, height);
    return {
      index,
      label,
      width,
      height,
      image: pixels,
      moves,
      thinned: thinImage(pixels, width, height),
      strokes: movesToStrokes(moves),
      variations: [],
    };
  });
  return { name: dataset.name, classes: kinds, samples };
}
