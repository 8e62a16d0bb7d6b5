/**
 * The parameters: one flat vector, in which every tensor has its place, under PyTorch's names and shapes. One vector,
 * because the optimiser, the sum of gradients and a checkpoint all run over everything.
 */

import type { LstmWeights } from '../backends/backend.js';
import { requireTensors } from '../formats/argument.js';
import { quote } from '../formats/quotation.js';
import { Random } from '../random.js';
import type { StateDict } from '../state-dict.js';
import { UserError } from '../user-error.js';
import {
  directionsOf,
  eachDirection,
  eachLayer,
  featuresOf,
  layerInputSize,
  type ResolvedClassifierConfig,
} from './classifier-config.js';

/** A GiB of float32; with more, lengths of panels would not fit the kernels' 32-bit integers. */
export const MAX_PARAMETERS = 2 ** 28;

export interface ParameterPlace {
  name: string;
  shape: number[];
  /** First float in the flat vector. */
  offset: number;
  length: number;
}

/** All tensors of a vector, as views. */
export interface ParameterViews {
  /** [layer][direction] */ lstm: LstmWeights[][];
  linear: { /** [K, F] */ weight: Float32Array /** [K] */; bias: Float32Array };
}

/** How many numbers a model learns. */
export function parameterCount(config: ResolvedClassifierConfig): number {
  return new ParameterLayout(config).length;
}

/** Where every tensor lies, in the order in which PyTorch lists them. */
export class ParameterLayout {
  readonly places: readonly ParameterPlace[];
  /** Floats of the flat vector. */
  readonly length: number;
  readonly #byName = new Map<string, ParameterPlace>();

  readonly #config: ResolvedClassifierConfig;
  readonly #views = new WeakMap<Float32Array, ParameterViews>();

  constructor(config: ResolvedClassifierConfig) {
    this.#config = config;
    const { hiddenSize: H, numLayers, numClasses } = config;
    const places: ParameterPlace[] = [];
    let offset = 0;
    const place = (name: string, ...shape: number[]) => {
      const length = shape.reduce((product, size) => product * size, 1);
      places.push({ name, shape, offset, length });
      offset += length;
    };
    for (let layer = 0; layer < numLayers; layer++) {
      for (let direction = 0; direction < directionsOf(config); direction++) {
        const suffix = lstmSuffix(layer, direction);
        place(`lstm.weight_ih_${suffix}`, 4 * H, layerInputSize(config, layer));
        place(`lstm.weight_hh_${suffix}`, 4 * H, H);
        place(`lstm.bias_ih_${suffix}`, 4 * H);
        place(`lstm.bias_hh_${suffix}`, 4 * H);
      }
    }
    place('fc.weight', numClasses, featuresOf(config));
    place('fc.bias', numClasses);
    if (offset > MAX_PARAMETERS) {
      throw new UserError(
        `model: ${offset} parameters; at most ${MAX_PARAMETERS} are supported; use a smaller hidden size or fewer layers`,
      );
    }
    this.places = places;
    this.length = offset;
    for (const entry of places) this.#byName.set(entry.name, entry);
  }

  /** View of the parameter `name` in `vector`. */
  view(vector: Float32Array, name: string): Float32Array {
    const place = this.#byName.get(name);
    if (!place) throw new Error(`model: no parameter ${name}`);
    return vector.subarray(place.offset, place.offset + place.length);
  }

  /** First float of the parameter `name` in a vector. */
  offsetOf(name: string): number {
    const place = this.#byName.get(name);
    if (!place) throw new Error(`model: no parameter ${name}`);
    return place.offset;
  }

  /** All tensors as views into `vector`. They are cached, because every pass needs them. */
  views(vector: Float32Array): ParameterViews {
    let views = this.#views.get(vector);
    if (!views) {
      const view = (name: string) => this.view(vector, name);
      views = {
        lstm: eachLayer(this.#config, (layer) =>
          eachDirection(this.#config, (direction) => {
            const suffix = lstmSuffix(layer, direction);
            return {
              weightIh: view(`lstm.weight_ih_${suffix}`),
              weightHh: view(`lstm.weight_hh_${suffix}`),
              biasIh: view(`lstm.bias_ih_${suffix}`),
              biasHh: view(`lstm.bias_hh_${suffix}`),
            };
          }),
        ),
        linear: { weight: view('fc.weight'), bias: view('fc.bias') },
      };
      this.#views.set(vector, views);
    }
    return views;
  }

  /** Copies of all tensors, by name. */
  toStateDict(vector: Float32Array): StateDict {
    const tensors: StateDict = new Map();
    for (const { name, shape, offset, length } of this.places) {
      tensors.set(name, {
        shape: [...shape],
        data: Float32Array.from(vector.subarray(offset, offset + length)),
      });
    }
    return tensors;
  }

  /**
   * Copies tensors into `vector`; nothing is changed unless all fit.
   * @throws UserError as `check`
   */
  fromStateDict(tensors: StateDict, vector: Float32Array): void {
    this.check(tensors);
    for (const { name, offset } of this.places) vector.set(tensors.get(name)!.data, offset);
  }

  /**
   * Checks that tensors are those of this layout.
   * @param what how the message names them
   * @throws UserError naming the tensors that are missing, unknown or of another shape
   */
  check(tensors: StateDict, what = 'these parameters'): void {
    requireTensors(`model: ${what}`, tensors);
    const problem = this.mismatch(tensors);
    if (problem) throw new UserError(`model: ${what} are of another architecture: ${problem}`);
  }

  /** How tensors, with or without their values, differ from those of this layout; null if they do not. */
  mismatch(
    tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data?: Float32Array }>,
  ): string | null {
    const problems: string[] = [];
    for (const { name, shape, length } of this.places) {
      const tensor = tensors.get(name);
      if (!tensor) problems.push(`${name} is missing`);
      else if (tensor.shape.join() !== shape.join()) {
        problems.push(`${name} should be [${shape.join(', ')}], is [${tensor.shape.join(', ')}]`);
      } else if (tensor.data && tensor.data.length !== length) {
        problems.push(`${name} should have ${length} values, has ${tensor.data.length}`);
      }
    }
    for (const name of tensors.keys()) {
      if (!this.#byName.has(name)) problems.push(`${quote(name).slice(1, -1)} is unknown`);
    }
    if (problems.length === 0) return null;
    const more = problems.length > 3 ? ` and ${problems.length - 3} more` : '';
    return `${problems.slice(0, 3).join('; ')}${more}`;
  }

  /**
   * PyTorch's initialisation: the LSTM's tensors uniform in ±1/√H, the linear layer's in ±1/√F. The numbers come
   * from `seed` alone; they are not the numbers that PyTorch would draw. `forgetBias` and `chronoInit` then change the
   * biases of input and forget gates; all other numbers are the same with and without them.
   */
  initialize(config: ResolvedClassifierConfig, vector: Float32Array, seed: number): void {
    this.places.forEach(({ name, offset, length }, index) => {
      const random = new Random(seed, 0x696e6974 /* 'init' */, index);
      const bound = 1 / Math.sqrt(name.startsWith('fc.') ? featuresOf(config) : config.hiddenSize);
      for (let i = 0; i < length; i++) vector[offset + i] = (2 * random.uniform() - 1) * bound;
      if (config.forgetBias !== 0 && name.startsWith('lstm.bias_ih')) {
        for (let i = config.hiddenSize; i < 2 * config.hiddenSize; i++)
          vector[offset + i] += config.forgetBias;
      }
      if (config.chronoInit !== null && name.startsWith('lstm.bias')) {
        const gates = vector.subarray(offset, offset + 2 * config.hiddenSize);
        if (name.startsWith('lstm.bias_hh')) gates.fill(0);
        else drawChronoBiases(gates, config.chronoInit, new Random(seed, 0x6368726f /* 'chro' */, index));
      }
    });
  }
}

/**
 * Chrono initialisation (Tallec & Ollivier 2018): b_f = log(u), u ~ Uniform(1, longest − 1), and b_i = −b_f.
 * The whole bias is in bias_ih; bias_hh, which every gate adds to it, is 0 there.
 * @param gates [2H] biases of the input gates, then those of the forget gates
 */
function drawChronoBiases(gates: Float32Array, longest: number, random: Random): void {
  const H = gates.length / 2;
  for (let unit = 0; unit < H; unit++) {
    const bias = Math.log(1 + (longest - 2) * random.uniform());
    gates[unit] = -bias;
    gates[H + unit] = bias;
  }
}

export function lstmSuffix(layer: number, direction: number): string {
  return `l${layer}${direction === 1 ? '_reverse' : ''}`;
}
