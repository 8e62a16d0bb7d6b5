/** Examples that a small network learns in a few epochs: noisy waves, classified by whether they rise at the end. */
import type { ClassifierConfig, LabelledBatch } from 'scanstroke';
import { Random } from '#src/random.js';

export const WAVES_CONFIG: ClassifierConfig = {
  inputSize: 3,
  hiddenSize: 20,
  numLayers: 2,
  bidirectional: true,
  numClasses: 2,
  head: 'last',
  dropout: 0.1,
  layerDropout: 0.1,
};

/** `count` sequences of 4 to 9 steps. */
export function waves(count: number): LabelledBatch {
  const random = new Random(7);
  const steps = 9;
  const lengths = Int32Array.from({ length: count }, () => 4 + random.below(6));
  const labels = Int32Array.from({ length: count }, () => random.below(2));
  const inputs = new Float32Array(count * steps * 3);
  for (let b = 0; b < count; b++) {
    for (let t = 0; t < lengths[b]; t++) {
      const phase = (labels[b] ? 1 : -1) * (t / lengths[b]) + 0.5 * random.uniform();
      inputs.set([Math.sin(3 * phase), Math.cos(3 * phase), random.uniform() - 0.5], (b * steps + t) * 3);
    }
  }
  return { inputs, batchSize: count, steps, lengths, labels };
}
