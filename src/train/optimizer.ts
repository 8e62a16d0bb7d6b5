/**
 * Optimisers: PyTorch's SGD, Adam and AdamW. Settings, defaults and their check are pure functions; the arithmetic is
 * the backend's verbs `sgd` and `adam`. The training team updates slices of flat vectors with `updateSlice`; the class
 * Optimizer does the same for named tensors, for users of the library.
 */

import type { Backend } from '../backends/backend.js';
import { openReference } from '../backends/reference/reference.js';
import { UserError } from '../user-error.js';

/** What an optimiser can be told; what is left out takes PyTorch's default. */
export interface OptimizerConfig {
  name: 'sgd' | 'adam' | 'adamw';
  /** Learning rate; default 1e-3. */ lr?: number;
  /** sgd; default 0. */ momentum?: number;
  /** sgd; default false. */ nesterov?: boolean;
  /** adam, adamw: decay of the means of the gradient and of its square; default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** adam, adamw: keeps the division finite; default 1e-8. */ eps?: number;
  /** λ of the L2 penalty, in adamw of the decay of the weights themselves; default 0, adamw 0.01. */
  weightDecay?: number;
}

/** An OptimizerConfig with every default filled in. */
export type ResolvedOptimizer = Readonly<Required<OptimizerConfig>>;

/** Named tensors, as `stateDict` and `gradients` of a model give them. */
export type NamedTensors = Map<string, { shape: number[]; data: Float32Array }>;

const sgdDefaults = { momentum: 0, nesterov: false };
const adamDefaults = { betas: [0.9, 0.999] as const, eps: 1e-8 };

/** The names that `createOptimizer` takes. */
export const optimizerNames = ['sgd', 'adam', 'adamw'] as const;

/**
 * Fills in the defaults and checks the values.
 *
 * @throws UserError for an unknown name, values out of range, Nesterov without momentum, and for an option that the
 * optimiser does not have (unless it holds its default, which has no effect).
 */
export function resolveOptimizer(config: OptimizerConfig): ResolvedOptimizer {
  const { name } = config;
  if (!optimizerNames.includes(name)) {
    throw new UserError(`optimizer: unknown name ${JSON.stringify(name)}; use ${optimizerNames.join(', ')}`);
  }
  const resolved: ResolvedOptimizer = {
    name,
    lr: config.lr ?? 1e-3,
    momentum: config.momentum ?? sgdDefaults.momentum,
    nesterov: config.nesterov ?? sgdDefaults.nesterov,
    betas: config.betas ?? adamDefaults.betas,
    eps: config.eps ?? adamDefaults.eps,
    weightDecay: config.weightDecay ?? (name === 'adamw' ? 0.01 : 0),
  };
  const { lr, momentum, nesterov, betas, eps, weightDecay } = resolved;
  requireAtLeastZero(name, 'lr', lr);
  requireAtLeastZero(name, 'momentum', momentum);
  requireAtLeastZero(name, 'eps', eps);
  requireAtLeastZero(name, 'weightDecay', weightDecay);
  for (const index of [0, 1]) {
    const beta = betas[index];
    if (!(beta >= 0 && beta < 1)) {
      throw new UserError(`optimizer ${name}: betas[${index}] must be at least 0 and below 1, got ${beta}`);
    }
  }
  if (name === 'sgd') {
    if (nesterov && momentum === 0) {
      throw new UserError('optimizer sgd: nesterov needs a momentum above 0, got 0; set momentum, e.g. 0.9');
    }
    if (betas[0] !== adamDefaults.betas[0] || betas[1] !== adamDefaults.betas[1])
      refuse(name, 'betas', 'adam');
    if (eps !== adamDefaults.eps) refuse(name, 'eps', 'adam');
  } else {
    if (momentum !== sgdDefaults.momentum) refuse(name, 'momentum', 'sgd');
    if (nesterov !== sgdDefaults.nesterov) refuse(name, 'nesterov', 'sgd');
  }
  return resolved;
}

function requireAtLeastZero(optimizer: string, name: string, value: number): void {
  if (value >= 0 && value < Number.POSITIVE_INFINITY) return;
  throw new UserError(`optimizer ${optimizer}: ${name} must be a number of at least 0, got ${value}`);
}

function refuse(optimizer: string, option: string, owner: string): never {
  throw new UserError(
    `optimizer ${optimizer}: has no ${option}, which belongs to ${owner}; leave ${option} out or use ${owner}`,
  );
}

/** The vectors that an optimiser keeps between steps, each as long as the parameters, zero at first. */
export function optimizerStateNames(config: OptimizerConfig): string[] {
  if (config.name !== 'sgd') return ['mean', 'variance'];
  return (config.momentum ?? sgdDefaults.momentum) === 0 ? [] : ['velocity'];
}

/** A slice of the parameters to be updated in place; all buffers are [n]. */
export interface SliceUpdate {
  parameters: Float32Array;
  gradients: Float32Array;
  /** In the order of `optimizerStateNames`. */
  state: Float32Array[];
  lr: number;
  /** Gradients are multiplied by this first, e.g. by `clipScale`. */
  gradientScale: number;
  /** The number of this update, from 1. */
  update: number;
}

/** One step of the optimiser on a slice, by the backend's verb. */
export function updateSlice(backend: Backend, optimizer: ResolvedOptimizer, slice: SliceUpdate): void {
  const { parameters, gradients, state, lr: learningRate, gradientScale, update } = slice;
  const { weightDecay } = optimizer;
  const shared = { parameters, gradients, learningRate, weightDecay, gradientScale };
  if (optimizer.name === 'sgd') {
    const { momentum, nesterov } = optimizer;
    backend.sgd({ ...shared, velocity: state[0] ?? null, momentum, nesterov });
  } else {
    const { betas, eps } = optimizer;
    backend.adam({
      ...shared,
      mean: state[0],
      variance: state[1],
      beta1: betas[0],
      beta2: betas[1],
      eps,
      decoupled: optimizer.name === 'adamw',
      update,
    });
  }
}

/**
 * The factor that brings gradients of Euclidean norm `norm` down to `maxNorm`, as torch.nn.utils.clip_grad_norm_:
 * min(1, maxNorm / (norm + 1e-6)).
 */
export function clipScale(norm: number, maxNorm: number): number {
  return Math.min(1, maxNorm / (norm + 1e-6));
}

/** What an Optimizer remembers; `tensors` holds `velocity.NAME`, or `mean.NAME` and `variance.NAME`. */
export interface OptimizerStateDict {
  name: OptimizerConfig['name'];
  /** Steps taken. */ step: number;
  lr: number;
  tensors: NamedTensors;
}

/**
 * An optimiser for named tensors.
 *
 * @param backend computes the updates; default: the reference backend.
 * @throws UserError as `resolveOptimizer`.
 */
export function createOptimizer(config: OptimizerConfig, backend: Backend = openReference()): Optimizer {
  return new Optimizer(config, backend);
}

export class Optimizer {
  readonly config: ResolvedOptimizer;
  readonly #backend: Backend;
  readonly #stateNames: string[];
  #lr: number;
  #step = 0;
  #tensors: NamedTensors = new Map();

  constructor(config: OptimizerConfig, backend: Backend) {
    this.config = resolveOptimizer(config);
    this.#stateNames = optimizerStateNames(config);
    this.#lr = this.config.lr;
    this.#backend = backend;
  }

  /** The learning rate of the next step; to be set from a schedule. */
  get lr(): number {
    return this.#lr;
  }
  set lr(lr: number) {
    requireAtLeastZero(this.config.name, 'lr', lr);
    this.#lr = lr;
  }

  /**
   * Updates the parameters in place. The state is made at the first step, for the parameters given then.
   *
   * @param options.gradientScale gradients are multiplied by this first (see `clipScale`); default 1.
   * @throws UserError if gradients, parameters and state differ in names or shapes; nothing is changed then.
   */
  step(parameters: NamedTensors, gradients: NamedTensors, options: { gradientScale?: number } = {}): void {
    requireSameTensors('gradients', gradients, parameters);
    if (this.#step === 0 && this.#tensors.size === 0) {
      for (const kind of this.#stateNames) {
        for (const [name, { shape, data }] of parameters) {
          this.#tensors.set(`${kind}.${name}`, { shape: [...shape], data: new Float32Array(data.length) });
        }
      }
    }
    for (const kind of this.#stateNames) {
      requireSameTensors(`its ${kind}`, withPrefix(this.#tensors, kind), parameters);
    }
    this.#step++;
    const { gradientScale = 1 } = options;
    let longest = 0;
    for (const { data } of parameters.values()) longest = Math.max(longest, data.length);
    // Not every backend can work on the caller's memory, so that the tensors pass through its own.
    const lent = Array.from({ length: 2 + this.#stateNames.length }, () => this.#backend.allocate(longest));
    for (const [name, parameter] of parameters) {
      const state = this.#stateNames.map((kind) => this.#tensors.get(`${kind}.${name}`)!);
      const tensors = [parameter, gradients.get(name)!, ...state];
      const slices = tensors.map(({ data }, n) => {
        const slice = lent[n].subarray(0, data.length);
        slice.set(data);
        return slice;
      });
      updateSlice(this.#backend, this.config, {
        parameters: slices[0],
        gradients: slices[1],
        state: slices.slice(2),
        lr: this.#lr,
        gradientScale,
        update: this.#step,
      });
      tensors.forEach(({ data }, n) => {
        if (n !== 1) data.set(slices[n]);
      });
    }
    for (const buffer of lent) this.#backend.release(buffer);
  }

  /** A copy of all that the next step depends on, besides parameters and gradients. */
  stateDict(): OptimizerStateDict {
    return { name: this.config.name, step: this.#step, lr: this.#lr, tensors: copied(this.#tensors) };
  }

  /**
   * Takes over what `stateDict` gave.
   *
   * @throws UserError if it is another optimiser's.
   */
  loadStateDict(state: OptimizerStateDict): void {
    const { name } = this.config;
    if (state.name !== name) {
      throw new UserError(`optimizer ${name}: cannot load the state of optimizer ${state.name}`);
    }
    if (!(Number.isInteger(state.step) && state.step >= 0)) {
      throw new UserError(
        `optimizer ${name}: the state's step must be a whole number of at least 0, got ${state.step}`,
      );
    }
    requireAtLeastZero(name, "the state's lr", state.lr);
    for (const tensor of state.tensors.keys()) {
      const kind = tensor.slice(0, tensor.indexOf('.'));
      if (!this.#stateNames.includes(kind)) {
        const kinds = this.#stateNames.map((known) => `${known}.*`).join(' and ') || 'no tensors';
        throw new UserError(
          `optimizer ${name}: the state holds ${tensor}, but this optimizer keeps ${kinds}; set the same momentum`,
        );
      }
    }
    this.#step = state.step;
    this.#lr = state.lr;
    this.#tensors = copied(state.tensors);
  }
}

function copied(tensors: NamedTensors): NamedTensors {
  const copy: NamedTensors = new Map();
  for (const [name, { shape, data }] of tensors) copy.set(name, { shape: [...shape], data: data.slice() });
  return copy;
}

/** The tensors named `prefix.NAME`, by NAME. */
function withPrefix(tensors: NamedTensors, prefix: string): NamedTensors {
  const found: NamedTensors = new Map();
  for (const [name, tensor] of tensors) {
    if (name.startsWith(`${prefix}.`)) found.set(name.slice(prefix.length + 1), tensor);
  }
  return found;
}

function requireSameTensors(what: string, tensors: NamedTensors, parameters: NamedTensors): void {
  for (const [name, { shape, data }] of parameters) {
    const tensor = tensors.get(name);
    if (tensor === undefined) {
      throw new UserError(
        `optimizer.step: ${what} must hold every parameter; ${name} [${shape.join(', ')}] is missing`,
      );
    }
    if (tensor.shape.join() !== shape.join() || tensor.data.length !== data.length) {
      throw new UserError(
        `optimizer.step: parameter ${name} is [${shape.join(', ')}] with ${data.length} values, but in ${what} it is [${tensor.shape.join(', ')}] with ${tensor.data.length}`,
      );
    }
  }
  for (const name of tensors.keys()) {
    if (!parameters.has(name)) {
      throw new UserError(`optimizer.step: ${what} hold ${name}, which is not among the parameters`);
    }
  }
}
