/** How large the passes of a training or an evaluation are, so that they fit the memory of the device. */
import type { BatchCapacity } from '../../backends/webgpu/batch-layout.js';
import type { GpuDevice } from '../../backends/webgpu/device.js';
import type { Augmentation } from '../../data/augmentation.js';
import type { PartsData } from '../../data/sources.js';
import type { ResolvedClassifierConfig } from '../../model/classifier-config.js';
import type { DeviceMemory } from '../../model/device/device-plan.js';
import type { ParameterLayout } from '../../model/parameters.js';
import type { Precision } from '../../model/workspace.js';
import { UserError } from '../../user-error.js';
import type { UpdateSettings } from '../engine.js';
import { evaluationCapacities, evaluationMemory } from './answers.js';
import { mostStepsOf } from './data/most-steps.js';
import { waysToCut } from './passes.js';
import { type GpuTrainingOptions, trainingMemory } from './training.js';

const megabytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MB`;

function largestBuffer({ limits }: GpuDevice): number {
  return Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
}

/** @throws UserError if the parameters, or the optimiser's vectors, are larger than the largest buffer */
export function requireVectors(device: GpuDevice, parameters: number, vectors: number): void {
  const bytes = 4 * parameters * Math.max(1, vectors);
  const most = largestBuffer(device);
  if (bytes <= most) return;
  throw new UserError(
    `train: a vector of the model takes ${megabytes(bytes)}; a buffer of this GPU has at most ${megabytes(most)}; ` +
      'use a smaller network, or the backend cpu',
    { settings: ['hiddenSize', 'backend'] },
  );
}

/**
 * Cuts batches into as few passes as fit.
 * @param memory bytes for the passes of a batch, at most
 * @throws UserError if not even the smallest pass fits
 */
export async function fitTraining(
  device: GpuDevice,
  {
    model,
    precision = 'float32',
    parts,
  }: { model: ResolvedClassifierConfig; precision?: Precision; parts: PartsData },
  settings: UpdateSettings & { augmentation: Augmentation },
  layout: ParameterLayout,
  memory: number,
): Promise<GpuTrainingOptions> {
  const data = parts.train;
  if (!data) throw new Error('train: the engine was given no sequences of part train');
  const { batchSize } = settings;
  const lengths = longestFirst(mostStepsOf(data, settings));
  const batches = Math.ceil(lengths.length / batchSize);
  const passes = await firstThatFits(
    device,
    waysToCut(batchSize, layout.length, lengths.slice(0, batchSize)),
    (way) => trainingMemory(device, { model, precision, passes: way }, layout),
    memory,
    (needed) => tooLittle('train', needed, device),
  );
  return { model, precision, settings, passes, data, batches };
}

/** @throws UserError if not even a pass of a few sequences fits */
export async function fitEvaluation(
  device: GpuDevice,
  model: ResolvedClassifierConfig,
  parts: PartsData,
  layout: ParameterLayout,
  memory: number,
): Promise<BatchCapacity> {
  return firstThatFits(
    device,
    evaluationCapacities(longestOfParts(parts)),
    (capacity) => evaluationMemory(device, model, capacity, layout),
    memory,
    (needed) => tooLittle('evaluation', needed, device),
  );
}

/**
 * The first way that fits the device and `most` bytes; else the last, if it fits the device.
 * @throws what `explain` makes of the memory that the last way needs
 */
async function firstThatFits<T>(
  device: GpuDevice,
  ways: Iterable<T>,
  memoryOf: (way: T) => DeviceMemory,
  most: number,
  explain: (needed: DeviceMemory) => UserError,
): Promise<T> {
  const all = [...ways];
  for (const [n, way] of all.entries()) {
    const needed = memoryOf(way);
    const isLast = n === all.length - 1;
    const fits = needed.largest <= largestBuffer(device) && (isLast || needed.bytes <= most);
    if (fits && (await device.hasRoomFor(needed.bytes))) return way;
    if (isLast) throw explain(needed);
  }
  throw new Error('webgpu: no way to cut a batch');
}

function tooLittle(what: string, { bytes, largest }: DeviceMemory, device: GpuDevice): UserError {
  const most = largestBuffer(device);
  const shortage =
    largest > most
      ? `needs a buffer of ${megabytes(largest)} even in its smallest passes; this GPU's have at most ${megabytes(most)}`
      : `needs ${megabytes(bytes)} even in its smallest passes, which this GPU does not have`;
  return new UserError(`${what}: ${shortage}; use a smaller batch, a smaller network, or the backend cpu`, {
    settings: ['batchSize', 'hiddenSize', 'backend'],
  });
}

function longestFirst(lengths: Int32Array): Int32Array {
  return lengths.slice().sort().reverse();
}

/** [longest part] at each place the longest length of any part, longest first. */
function longestOfParts(parts: PartsData): Int32Array {
  const sorted = Object.values(parts).map((data) => longestFirst(mostStepsOf(data, null)));
  const count = Math.max(...sorted.map(({ length }) => length));
  return Int32Array.from({ length: count }, (_, n) => Math.max(...sorted.map((lengths) => lengths[n] ?? 0)));
}
