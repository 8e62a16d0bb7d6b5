/**
 * Optimisers: PyTorch's SGD, Adam and AdamW. Settings, defaults and their check are pure functions; the arithmetic is
 * the backend's verbs `sgd` and `adam`. The training team updates slices of flat vectors with `updateSlice`; the class
 * Optimizer does the same for named tensors, for users of the library.
 */

import type { Backend, DeviceBackend } from '../backends/backend.js';
import {
  optionNames,
  requireAtLeastZero,
  requireBackend,
  requireNumber,
  requireOptions,
  requireTensors,
} from '../formats/argument.js';
import { shown } from '../formats/shape.js';
import { copyStateDict, type StateDict } from '../state-dict.js';
import { UserError } from '../user-error.js';

/** An optimiser's settings. What is left out takes PyTorch's default. */
export interface OptimizerConfig {
  /** The update rule. */ name: 'sgd' | 'adam' | 'adamw';
  /** Learning rate, at least 0. Default 1e-3. */ lr?: number;
  /** sgd: momentum, at least 0. Default 0. */ momentum?: number;
  /** sgd: use Nesterov momentum; needs a momentum above 0. Default false. */ nesterov?: boolean;
  /** adam, adamw: decay of the running means of the gradient and of its square, in [0, 1). Default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** adam, adamw: added to the denominator, at least 0. Default 1e-8. */ eps?: number;
  /** Weight decay, at least 0. sgd, adam: added to the gradient, default 0. adamw: decoupled from it, default 0.01. */
  weightDecay?: number;
}

/** An OptimizerConfig with every default filled in. */
export type ResolvedOptimizer = Readonly<Required<OptimizerConfig>>;

const OPTION_NAMES = optionNames<OptimizerConfig>({
  name: true,
  lr: true,
  momentum: true,
  nesterov: true,
  betas: true,
  eps: true,
  weightDecay: true,
});
const STATE_NAMES = optionNames<OptimizerStateDict>({ name: true, step: true, lr: true, tensors: true });

const sgdDefaults = { momentum: 0, nesterov: false };
const adamDefaults = { betas: [0.9, 0.999] as const, eps: 1e-8 };

/** The names that `createOptimizer` takes. */
export const optimizerNames = ['sgd', 'adam', 'adamw'] as const;

/**
 * Fills in the defaults and checks the values.
 *
 * @throws UserError for an unknown name, a misspelt option, values out of range, Nesterov without momentum, and for an option
 * that the optimiser does not have (unless it holds its default, which has no effect).
 */
export function resolveOptimizer(config: OptimizerConfig): ResolvedOptimizer {
  requireOptions('optimizer', config, OPTION_NAMES, { learningRate: 'lr' });
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
  for (const [option, value] of Object.entries({ lr, momentum, eps, weightDecay })) {
    requireAtLeastZero(`optimizer ${name}: ${option}`, value);
  }
  for (const index of [0, 1]) {
    const what = `optimizer ${name}: betas[${index}]`;
    requireNumber(what, betas[index], 'at least 0 and below 1', (beta) => beta >= 0 && beta < 1);
  }
  if (typeof nesterov !== 'boolean') {
    throw new UserError(`optimizer ${name}: nesterov must be true or false, got ${shown(nesterov)}`);
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

function refuse(optimizer: string, option: string, owner: string): never {
  throw new UserError(
    `optimizer ${optimizer}: has no ${option}, which belongs to ${owner}; leave ${option} out or use ${owner}`,
  );
}

/** Names of the vectors that an optimiser keeps between updates, each as long as the parameters, zero at first. */
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

/** One update of a slice, by the backend's verb. */
export function updateSlice(backend: Backend, optimizer: ResolvedOptimizer, slice: SliceUpdate): void {
  const { parameters, gradients, state, lr: learningRate, gradientScale, update } = slice;
  const { weightDecay } = optimizer;
  if (optimizer.name === 'sgd') {
    const { momentum, nesterov } = optimizer;
    const velocity = state[0] ?? null;
    backend.sgd({
      parameters,
      gradients,
      velocity,
      learningRate,
      momentum,
      nesterov,
      weightDecay,
      gradientScale,
    });
  } else {
    const { betas, eps } = optimizer;
    backend.adam({
      parameters,
      gradients,
      mean: state[0],
      variance: state[1],
      learningRate,
      beta1: betas[0],
      beta2: betas[1],
      eps,
      weightDecay,
      decoupled: optimizer.name === 'adamw',
      update,
      gradientScale,
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

/** The state of an Optimizer. */
export interface OptimizerStateDict {
  /** The update rule. */ name: OptimizerConfig['name'];
  /** Updates made. */ step: number;
  /** Learning rate of the next update. */ lr: number;
  /** sgd with momentum: `velocity.NAME` for every parameter. adam, adamw: `mean.NAME` and `variance.NAME`. */
  tensors: StateDict;
}

/** The type of `createOptimizer`. */
export type CreateOptimizer = (config: OptimizerConfig, backend?: Backend | DeviceBackend) => Optimizer;

/**
 * `createOptimizer` of an entry point: its optimisers compute on what `openBackend` opens, unless told otherwise. So do
 * those for a GPU: the named tensors are on the host, and their update takes less time than their way to a GPU.
 */
export function optimizersOn(openBackend: () => Promise<Backend>): CreateOptimizer {
  return (config, backend) => {
    if (backend !== undefined) requireBackend('optimizer', backend);
    return new Optimizer(config, backend === undefined || backend.name === 'webgpu' ? openBackend : backend);
  };
}

/**
 * An optimiser for named tensors; `createOptimizer` makes it. Between updates it keeps no memory of the backend.
 *
 * @example
 * import { createOptimizer, openBackend, SequenceClassifier } from 'scanstroke';
 *
 * const backend = await openBackend();
 * const model = new SequenceClassifier({ inputSize: 3, hiddenSize: 8, numClasses: 2 }, backend);
 * const optimizer = createOptimizer({ name: 'sgd', lr: 0.1, momentum: 0.9 }, backend);
 * const batch = { inputs: new Float32Array(15).fill(1), labels: Int32Array.of(1), batchSize: 1, steps: 5 };
 * for (let update = 0; update < 3; update++) {
 *   const { loss, gradients } = await model.gradients(batch);
 *   const parameters = await model.stateDict();
 *   await optimizer.step(parameters, gradients);
 *   await model.loadStateDict(parameters);
 *   console.log(loss); // falls
 * }
 * const saved = optimizer.stateDict(); // for loadStateDict of an optimiser with the same settings
 */
export class Optimizer implements Disposable {
  /** The settings, with defaults filled in. */
  readonly config: ResolvedOptimizer;
  readonly #stateNames: string[];
  /** Null for a backend of the caller. */
  readonly #openBackend: (() => Promise<Backend>) | null;
  #backend: Backend | null = null;
  #lr: number;
  #updates = 0;
  #tensors: StateDict = new Map();
  #state: 'idle' | 'updating' | 'closed' = 'idle';

  /**
   * @param backend computes the updates and stays the caller's; or opens a backend at the first update, which `close`
   * closes
   * @throws UserError for settings that `resolveOptimizer` refuses
   */
  constructor(config: OptimizerConfig, backend: Backend | (() => Promise<Backend>)) {
    this.config = resolveOptimizer(config);
    this.#stateNames = optimizerStateNames(config);
    this.#lr = this.config.lr;
    this.#openBackend = typeof backend === 'function' ? backend : null;
    if (typeof backend !== 'function') this.#backend = backend;
  }

  /** The learning rate of the next update; to be set from a schedule. @throws UserError if it is below 0 */
  get lr(): number {
    return this.#lr;
  }
  set lr(lr: number) {
    this.#lr = requireAtLeastZero(`optimizer ${this.config.name}: lr`, lr);
  }

  /**
   * Makes one update: changes the parameters in place. The optimiser's vectors are made at the first update, for the
   * parameters given then.
   *
   * @param parameters tensors by name, in any shapes
   * @param gradients tensors of the same names and shapes
   * @param options.gradientScale gradients are multiplied by this first, for example by
   * min(1, maxNorm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ does. Default 1.
   * @throws UserError if gradients, parameters and the optimiser's vectors differ in names or shapes, if gradientScale is
   * no finite number, if the update before has not ended, or after `close`; nothing is changed then
   */
  async step(
    parameters: StateDict,
    gradients: StateDict,
    options: { gradientScale?: number } = {},
  ): Promise<void> {
    if (this.#state === 'closed') throw new UserError('optimizer.step: the optimizer is closed');
    if (this.#state === 'updating') {
      throw new UserError('optimizer.step: the update before has not ended; await each step');
    }
    const { gradientScale = 1 } = options;
    requireNumber('optimizer.step: gradientScale', gradientScale, 'a finite number', Number.isFinite);
    requireTensors('optimizer.step: parameters', parameters);
    requireTensors('optimizer.step: gradients', gradients);
    requireSameTensors('gradients', gradients, parameters);
    const fresh = this.#updates === 0 && this.#tensors.size === 0;
    const tensors = fresh ? zeroState(this.#stateNames, parameters) : this.#tensors;
    for (const kind of this.#stateNames) {
      requireSameTensors(`its ${kind}`, withPrefix(tensors, kind), parameters);
    }
    const settings = { lr: this.#lr, gradientScale, update: this.#updates + 1 };
    this.#state = 'updating';
    try {
      const backend = this.#backend ?? (await this.#open());
      this.#update(backend, { parameters, gradients, tensors }, settings);
      this.#tensors = tensors;
      this.#updates++;
    } finally {
      if (this.#state === 'updating') this.#state = 'idle';
    }
  }

  /** @throws UserError if the optimiser was closed meanwhile */
  async #open(): Promise<Backend> {
    if (!this.#openBackend) throw new UserError('optimizer.step: the optimizer is closed');
    const backend = await this.#openBackend();
    if (this.#isClosed()) {
      backend.close();
      throw new UserError('optimizer.step: the optimizer was closed during the update');
    }
    this.#backend = backend;
    return backend;
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** Not every backend can compute on the caller's memory, so each tensor goes through memory of the backend. */
  #update(
    backend: Backend,
    on: { parameters: StateDict; gradients: StateDict; tensors: StateDict },
    settings: Pick<SliceUpdate, 'lr' | 'gradientScale' | 'update'>,
  ): void {
    let longest = 0;
    for (const { data } of on.parameters.values()) longest = Math.max(longest, data.length);
    const lent: Float32Array[] = [];
    try {
      for (let n = 0; n < 2 + this.#stateNames.length; n++) lent.push(backend.allocate(longest));
      for (const [name, parameter] of on.parameters) {
        const state = this.#stateNames.map((kind) => on.tensors.get(`${kind}.${name}`)!);
        const tensors = [parameter, on.gradients.get(name)!, ...state];
        const buffers = tensors.map(({ data }, n) => {
          const buffer = lent[n].subarray(0, data.length);
          buffer.set(data);
          return buffer;
        });
        updateSlice(backend, this.config, {
          ...settings,
          parameters: buffers[0],
          gradients: buffers[1],
          state: buffers.slice(2),
        });
        tensors.forEach(({ data }, n) => {
          if (n !== 1) data.set(buffers[n]);
        });
      }
    } finally {
      for (const buffer of lent) backend.release(buffer);
    }
  }

  /** Closes the backend that the optimiser opened, if it did. It makes no more updates. */
  close(): void {
    if (this.#openBackend) this.#backend?.close();
    this.#backend = null;
    this.#state = 'closed';
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** A copy of all that the next update depends on, besides parameters and gradients. */
  stateDict(): OptimizerStateDict {
    return {
      name: this.config.name,
      step: this.#updates,
      lr: this.#lr,
      tensors: copyStateDict(this.#tensors),
    };
  }

  /**
   * Continues from a state that `stateDict` gave.
   *
   * @throws UserError if the state belongs to another update rule, or does not fit the settings
   */
  loadStateDict(state: OptimizerStateDict): void {
    const { name } = this.config;
    requireOptions(`optimizer ${name}: the state`, state, STATE_NAMES);
    if (state.name !== name) {
      throw new UserError(`optimizer ${name}: cannot load the state of optimizer ${state.name}`);
    }
    const isCount = (n: number) => Number.isInteger(n) && n >= 0;
    requireNumber(`optimizer ${name}: the state's step`, state.step, 'a whole number of at least 0', isCount);
    requireAtLeastZero(`optimizer ${name}: the state's lr`, state.lr);
    requireTensors(`optimizer ${name}: the state's tensors`, state.tensors);
    for (const [tensor, { shape, data }] of state.tensors) {
      const kind = tensor.slice(0, tensor.indexOf('.'));
      if (!this.#stateNames.includes(kind)) {
        const kinds = this.#stateNames.map((known) => `${known}.*`).join(' and ') || 'no tensors';
        throw new UserError(
          `optimizer ${name}: the state holds ${tensor}, but this optimizer keeps ${kinds}; set the same momentum`,
        );
      }
      const size = shape.reduce((product, length) => product * length, 1);
      if (data.length !== size) {
        throw new UserError(
          `optimizer ${name}: the state's ${tensor} is [${shape.join(', ')}] with ${data.length} values, but must have ${size}`,
        );
      }
      const other = this.#stateNames.map((each) => each + tensor.slice(kind.length));
      const missing = other.find((each) => !state.tensors.has(each));
      if (missing !== undefined) {
        throw new UserError(`optimizer ${name}: the state holds ${tensor}, but ${missing} is missing`);
      }
    }
    this.#updates = state.step;
    this.#lr = state.lr;
    this.#tensors = copyStateDict(state.tensors);
  }
}

/** `KIND.NAME` for every kind of vector and every parameter, zero. */
function zeroState(kinds: string[], parameters: StateDict): StateDict {
  const tensors: StateDict = new Map();
  for (const kind of kinds) {
    for (const [name, { shape, data }] of parameters) {
      tensors.set(`${kind}.${name}`, { shape: [...shape], data: new Float32Array(data.length) });
    }
  }
  return tensors;
}

/** The tensors named `prefix.NAME`, by NAME. */
export function withPrefix(tensors: StateDict, prefix: string): StateDict {
  const found: StateDict = new Map();
  for (const [name, tensor] of tensors) {
    if (name.startsWith(`${prefix}.`)) found.set(name.slice(prefix.length + 1), tensor);
  }
  return found;
}

function requireSameTensors(what: string, tensors: StateDict, parameters: StateDict): void {
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
