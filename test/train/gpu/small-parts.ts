/** Small parts of data of each kind, random. */

import type { ImagePreprocessing } from '#src/data/images/image-preprocessing.js';
import { shareArrays } from '#src/data/sequences/array-sequences.js';
import type { SequencesData } from '#src/data/sources.js';
import type { StrokePreprocessing } from '#src/data/strokes/stroke-preprocessing.js';
import { Random } from '#src/random.js';
import { type Drawing, dataOf } from '../../data/strokes/stroke-drawings.js';

/** Random images of 4 × 6 pixels, read as `sequenceLength` × `inputSize`. */
export function images(
  sequenceLength: number,
  inputSize: number,
  permutationSeed: number | null,
  { scan, edges, ...shape }: Pick<ImagePreprocessing, 'channels' | 'height' | 'width' | 'scan' | 'edges'> = {
    channels: 1,
    height: 4,
    width: 6,
  },
): SequencesData & { kind: 'images' } {
  const random = new Random(5);
  const count = 23;
  const size = shape.channels * shape.height * shape.width;
  const pixels = Uint8Array.from({ length: count * size }, () => random.below(256));
  const labels = Uint8Array.from({ length: count }, () => random.below(10));
  return {
    kind: 'images',
    name: 'test',
    examples: { count, ...shape, pixels, labels },
    preprocessing: {
      kind: 'images',
      ...shape,
      sequenceLength,
      inputSize,
      mean: 0.1307,
      std: 0.3081,
      permutationSeed,
      ...(scan && { scan }),
      ...(edges && { edges }),
    },
  };
}

/** Drawings of 1 to `most` points in up to three strokes. */
function drawings(count: number, most: number): Drawing[] {
  const random = new Random(9);
  return Array.from({ length: count }, () => {
    const strokes: Drawing = Array.from({ length: 1 + random.below(3) }, () => []);
    for (let n = 1 + random.below(most); n > 0; n--) {
      strokes[random.below(strokes.length)].push([1 + random.below(28), 1 + random.below(28)]);
    }
    return strokes.filter((stroke) => stroke.length > 0);
  });
}

export function strokes(about: Partial<StrokePreprocessing> = {}): SequencesData {
  return { kind: 'strokes', ...dataOf(drawings(40, 12), { scale: 0.3, ...about }) };
}

export function arrays(): SequencesData {
  const random = new Random(3);
  const [batchSize, steps, inputSize] = [19, 6, 5];
  const examples = {
    batchSize,
    steps,
    inputSize,
    inputs: Float32Array.from({ length: batchSize * steps * inputSize }, () => random.uniform() - 0.5),
    lengths: Int32Array.from({ length: batchSize }, () => 1 + random.below(steps)),
    labels: Int32Array.from({ length: batchSize }, () => random.below(300)),
  };
  return { kind: 'arrays', ...shareArrays(examples, 300) };
}
