/**
 * Holds the parts of a checkpoint against each other. A checkpoint may come from anybody. Its metadata give the sizes of
 * all buffers, so they must agree with the tensors in the file before anything is sized by them; and its weights must be
 * numbers.
 */
import type { Preprocessing } from '../../data/input-kind.js';
import { kindOf } from '../../data/kinds.js';
import { quote } from '../../formats/quotation.js';
import { directionsOf, type ResolvedClassifierConfig } from '../../model/classifier-config.js';
import { ParameterLayout } from '../../model/parameters.js';
import { UserError } from '../../user-error.js';

/** The sizes that a checkpoint's metadata give. */
export interface CheckpointSizes {
  model: ResolvedClassifierConfig;
  /** Null for sequences of a program. */
  preprocessing: Preprocessing | null;
  classes: readonly string[];
}

/** Names and shapes of tensors. */
export type TensorShapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

/** The largest finite float32. */
const MAX_FLOAT = (2 - 2 ** -23) * 2 ** 127;
/** The vectors that optimisers keep, each as long as the parameters. */
const OPTIMIZER_VECTORS = ['mean', 'variance', 'velocity'];

/**
 * Checks that metadata and tensors of a checkpoint fit together. The work is bounded by the number of tensors.
 * @param parameters by PyTorch's names
 * @param optimizer by vector and parameter: `mean.fc.weight` [K, F]; or, in the first version, by vector: `mean` [P]
 * @param name of the file, for messages
 * @throws UserError naming what contradicts what
 */
export function checkAgainstTensors(
  sizes: CheckpointSizes,
  parameters: TensorShapes,
  optimizer: TensorShapes,
  name: string,
): void {
  checkSizes(sizes, name);
  const { model } = sizes;
  if (parameters.size === 0) throw new UserError(`${name}: the checkpoint holds no parameters`);
  const expected = 4 * model.numLayers * directionsOf(model) + 2;
  if (parameters.size !== expected) {
    throw new UserError(
      `${name}: its metadata describe a model of ${expected} tensors, but the file holds ${parameters.size}`,
    );
  }
  const layout = layoutOf(model, name);
  const problem = layout.mismatch(parameters);
  if (problem)
    throw new UserError(`${name}: its tensors are not those of the model in its metadata: ${problem}`);
  checkOptimizer(layout, optimizer, name);
}

/** Model, preprocessing and classes against each other. @throws UserError naming what contradicts what */
export function checkSizes({ model, preprocessing, classes }: CheckpointSizes, name: string): void {
  if (classes.length !== model.numClasses) {
    throw new UserError(
      `${name}: names of ${classes.length} classes, but the network has ${model.numClasses} outputs`,
    );
  }
  if (preprocessing === null) return;
  const kind = kindOf(preprocessing);
  const inputSize = kind.inputSizeOf(preprocessing);
  if (model.inputSize !== inputSize) {
    throw new UserError(
      `${name}: the network has input size ${model.inputSize}, but its preprocessing gives ${inputSize}`,
    );
  }
  const steps = kind.stepsOf(preprocessing);
  if (model.sequenceLength !== null && model.sequenceLength !== steps) {
    throw new UserError(
      `${name}: the network reads ${model.sequenceLength} steps, but its preprocessing gives ${steps ?? 'any number'}`,
    );
  }
}

function layoutOf(model: ResolvedClassifierConfig, name: string): ParameterLayout {
  try {
    return new ParameterLayout(model);
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${name}: ${error.message}`) : error;
  }
}

function checkOptimizer(layout: ParameterLayout, optimizer: TensorShapes, name: string): void {
  const vectors = new Map<string, Map<string, { readonly shape: readonly number[] }>>();
  for (const [tensor, { shape }] of optimizer) {
    const [vector, ...rest] = tensor.split('.');
    if (!OPTIMIZER_VECTORS.includes(vector)) {
      throw new UserError(
        `${name}: tensor ${quote(`optimizer.${tensor}`)}: no optimiser has such a vector; known are ${OPTIMIZER_VECTORS.join(', ')}`,
      );
    }
    const parts = vectors.get(vector) ?? new Map();
    vectors.set(vector, parts.set(rest.join('.'), { shape }));
  }
  for (const [vector, parts] of vectors) {
    const flat = parts.get('');
    if (parts.size === 1 && flat?.shape.join() === String(layout.length)) continue;
    const problem = layout.mismatch(parts);
    if (problem) {
      throw new UserError(
        `${name}: the tensors of the optimiser's ${vector} do not fit the parameters: ${problem}`,
      );
    }
  }
}

/**
 * Checks that all values of a tensor are finite, and at least 0 for variances.
 * @param tensor its name
 * @param where what the message begins with
 * @param advice what the message ends with
 * @throws UserError naming the tensor, and the first such value with its index
 */
export function checkValues(tensor: string, values: Float32Array, where: string, advice: string): void {
  const isVariance = tensor.startsWith('optimizer.variance');
  const least = isVariance ? 0 : -MAX_FLOAT;
  // A loop with two comparisons: 1 ns a value, a fifth of what a callback takes. NaN is in no range.
  let index = 0;
  while (index < values.length && values[index] >= least && values[index] <= MAX_FLOAT) index++;
  if (index === values.length) return;
  const expected = isVariance ? 'a number of at least 0' : 'a number';
  throw new UserError(
    `${where}: tensor ${quote(tensor)}: value ${index} is ${values[index]}, expected ${expected}; ${advice}`,
  );
}
