/** The models whose training updates are measured on a GPU, and small ones for a GPU that computes on the processor. */
import { imagesWorkload, strokesWorkload, type Workload } from '../measure/workload.js';

/** `quick` and `mnist-lstm` are the presets; `pixels` reads MNIST one pixel a step; `large` has 14.7 million parameters. */
export const GPU_WORKLOADS: readonly Workload[] = [
  imagesWorkload({ name: 'mnist-lstm', hiddenSize: 256, numLayers: 3, batchSize: 1024 }),
  imagesWorkload({ name: 'quick', hiddenSize: 128, numLayers: 1, batchSize: 128 }),
  imagesWorkload({ name: 'quick-1024', hiddenSize: 128, numLayers: 1, batchSize: 1024 }),
  strokesWorkload('strokes', 64),
  strokesWorkload('strokes-1', 1),
  imagesWorkload({
    name: 'pixels',
    inputSize: 1,
    hiddenSize: 128,
    numLayers: 1,
    bidirectional: false,
    head: 'last',
    steps: 784,
    batchSize: 128,
  }),
  imagesWorkload({
    name: 'large',
    inputSize: 4,
    hiddenSize: 512,
    numLayers: 3,
    head: 'last',
    steps: 100,
    batchSize: 512,
  }),
];

const SMALL = { hiddenSize: 32, numLayers: 2, batchSize: 16, steps: 10 };

/** The same kind of model and data, for a GPU that is thousands of times slower. Its figures say nothing of GPUs. */
export function small({ name, kind, batchSize, ...workload }: Workload): Workload {
  const sizes = { ...SMALL, batchSize: Math.min(batchSize, SMALL.batchSize) };
  if (kind === 'strokes') return strokesWorkload(name, sizes.batchSize);
  const { inputSize, bidirectional, head } = workload.model;
  return imagesWorkload({
    name,
    ...sizes,
    inputSize,
    bidirectional,
    head: head === 'flatten' ? 'flatten' : 'last',
  });
}
