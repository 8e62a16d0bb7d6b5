/**
 * Several networks of one shape as one network, whose logits are the mean of theirs. It is a standard LSTM with a linear
 * layer, so everything that takes a network takes it.
 *
 * The hidden units of the members lie side by side. Every axis of a tensor that counts hidden units consists of blocks of
 * H: the four gates, the directions of the layer below, and the blocks of features that the head reads. In the merged
 * tensor each block has C·H places, and the units of member c take those from c·H. A weight between units of different
 * members is 0, so no member sees another. Members may read different values of a step, such as pixel rows and columns:
 * the weights of the values that a member does not read are 0.
 */
import type { StateDict, TensorData } from '../state-dict.js';
import { UserError } from '../user-error.js';
import { directionsOf, type ResolvedClassifierConfig } from './classifier-config.js';
import { lstmSuffix, MAX_PARAMETERS, ParameterLayout } from './parameters.js';

/**
 * The configuration of the network that `count` networks of this configuration make: hidden size C·H.
 * @param config of each member
 * @param count C, at least 1
 * @throws UserError if it would have more parameters than a network can have
 */
export function mergedConfig(config: ResolvedClassifierConfig, count: number): ResolvedClassifierConfig {
  const merged = { ...config, hiddenSize: count * config.hiddenSize };
  const { hiddenSize, numLayers } = merged;
  // The least that the recurrent weights take; the layout counts exactly, and makes a list of tensors.
  const least = 4 * hiddenSize * hiddenSize * numLayers * directionsOf(merged);
  if (least > MAX_PARAMETERS) throw tooMany(count, config, `at least ${least}`);
  try {
    new ParameterLayout(merged);
  } catch (error) {
    throw error instanceof UserError ? tooMany(count, config, 'more') : error;
  }
  return merged;
}

function tooMany(count: number, { hiddenSize }: ResolvedClassifierConfig, found: string): UserError {
  return new UserError(
    `merge: ${count} networks of hidden size ${hiddenSize} make one of hidden size ${count * hiddenSize}: ` +
      `expected at most ${MAX_PARAMETERS} parameters, found ${found}; merge fewer or smaller networks`,
  );
}

/** Which values of the merged network's steps a member reads: `size` of them, from `first`. */
export interface InputPlace {
  first: number;
  size: number;
}

/**
 * The parameters of one network whose logits are the mean of the members' logits, up to rounding: the weights of the
 * linear layer are divided by C, and its bias is the mean of their biases, both rounded to float32.
 * @param config of each member, with the input size of the merged network
 * @param members their parameters, C of them, in `config`'s layout with their own input sizes
 * @param places of the members' inputs; default: each reads all values of a step
 * @returns parameters in the layout of mergedConfig(config, C)
 * @throws UserError for parameters of another layout, and if the merged network would be too large
 */
export function mergeParameters(
  config: ResolvedClassifierConfig,
  members: readonly StateDict[],
  places: readonly InputPlace[] = members.map(() => ({ first: 0, size: config.inputSize })),
): StateDict {
  members.forEach((member, c) => {
    const own = new ParameterLayout({ ...config, inputSize: places[c].size });
    own.check(member, `the parameters of network ${c + 1}`);
  });
  const layout = new ParameterLayout(mergedConfig(config, members.length));
  const merged: StateDict = new Map();
  for (const { name, shape, length } of layout.places) {
    merged.set(name, { shape: [...shape], data: new Float32Array(length) });
  }
  const H = config.hiddenSize;
  const C = members.length;
  const place = (name: string, rows: Axis, columns: Axis) => {
    members.forEach((member, c) => {
      const block = { C, H, c, firstInput: places[c].first };
      placeMember(merged.get(name)!, member.get(name)!, { rows, columns }, block);
    });
  };
  for (let layer = 0; layer < config.numLayers; layer++) {
    for (let direction = 0; direction < directionsOf(config); direction++) {
      const suffix = lstmSuffix(layer, direction);
      place(`lstm.weight_ih_${suffix}`, 'units', layer === 0 ? 'inputs' : 'units');
      place(`lstm.weight_hh_${suffix}`, 'units', 'units');
      place(`lstm.bias_ih_${suffix}`, 'units', 'shared');
      place(`lstm.bias_hh_${suffix}`, 'units', 'shared');
    }
  }
  place('fc.weight', 'shared', 'units');
  const weight = merged.get('fc.weight')!.data;
  for (let i = 0; i < weight.length; i++) weight[i] /= C;
  const bias = merged.get('fc.bias')!.data;
  for (let k = 0; k < bias.length; k++) {
    bias[k] = members.reduce((sum, member) => sum + member.get('fc.bias')!.data[k], 0) / C;
  }
  return merged;
}

/** What an axis of a tensor counts: hidden units in blocks of H, values of a step, or what all members share (classes). */
type Axis = 'units' | 'inputs' | 'shared';

/** Copies the tensor of member c of C to its places in the merged one. Both are row-major; a vector has one column. */
function placeMember(
  merged: TensorData,
  member: TensorData,
  axes: { rows: Axis; columns: Axis },
  { C, H, c, firstInput }: { C: number; H: number; c: number; firstInput: number },
): void {
  const placeOf = (axis: Axis, index: number) => {
    if (axis === 'units') return Math.floor(index / H) * C * H + c * H + (index % H);
    return axis === 'inputs' ? firstInput + index : index;
  };
  const [height, width = 1] = member.shape;
  const [, mergedWidth = 1] = merged.shape;
  const columns = Int32Array.from({ length: width }, (_, column) => placeOf(axes.columns, column));
  for (let row = 0; row < height; row++) {
    const start = placeOf(axes.rows, row) * mergedWidth;
    for (let column = 0; column < width; column++) {
      merged.data[start + columns[column]] = member.data[row * width + column];
    }
  }
}
