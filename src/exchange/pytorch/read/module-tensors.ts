/**
 * Names the tensors of a state dict, or of a whole module, as PyTorch's `state_dict()` does. A module is a record of an
 * unknown class: those of torch.save keep their tensors in `_parameters` and `_buffers` and their parts in `_modules`,
 * those of TorchScript keep all as attributes.
 */

import {
  PickleDict,
  PickleRecord,
  type PickleValue,
  TorchTensor,
} from '../../../formats/pickle/pickle-values.js';
import { quote } from '../../../formats/quotation.js';
import { UserError } from '../../../user-error.js';

/** Modules within modules. */
export const MAX_MODULE_DEPTH = 64;
/** Modules in all, also those that several others hold. */
export const MAX_MODULES = 100_000;
export const MAX_TENSORS = 65_536;
/** Members of dicts and modules that are looked at, also those that several others hold: a second's work. */
export const MAX_MEMBERS = 4_000_000;
/** Functions that torch.save writes for tensors without plain elements. */
const SPECIAL_TENSOR = /^torch\._utils\._rebuild_[a-z_]+$/;
const TORCHSCRIPT = /^__torch__\./;

/** Tensors by their names in state_dict(). */
export type NamedTensors = Map<string, TorchTensor>;

/** Whether a value is a module: an object with `_parameters` and `_modules`, or of a class of TorchScript's. */
export function isModule(value: PickleValue | undefined): value is PickleRecord {
  const state = value instanceof PickleRecord ? stateOf(value) : null;
  if (value === undefined || state === null) return false;
  return isTorchScript(value) || (state.entries.has('_parameters') && state.entries.has('_modules'));
}

/** Whether a value is a module of TorchScript. */
export function isTorchScript(value: PickleValue): boolean {
  return value instanceof PickleRecord && TORCHSCRIPT.test(value.className);
}

function stateOf({ state }: PickleRecord): PickleDict | null {
  return state instanceof PickleDict ? state : null;
}

/** Finds tensors in the values of one file. Its work is bounded, however often the file names a part. */
export class TensorFinder {
  readonly #name: string;
  #tensors: NamedTensors = new Map();
  /** The modules around the current one. */
  readonly #path = new Set<PickleRecord>();
  #modules = 0;
  #members = 0;

  /** @param name of the file, for messages */
  constructor(name: string) {
    this.#name = name;
  }

  /**
   * The tensors of a state dict or a module. Other members of a dict, such as an epoch, are no tensors of the model.
   * @returns null if the value is neither
   * @throws UserError if modules are nested too deeply, or within themselves, or there are too many tensors
   */
  tensorsOf(value: PickleValue | undefined): NamedTensors | null {
    this.#tensors = new Map();
    if (value instanceof PickleDict) {
      for (const [key, member] of value.entries) {
        this.#count();
        if (typeof key === 'string') add(this.#tensors, key, member, this.#name);
      }
      return this.#tensors.size === 0 ? null : this.#tensors;
    }
    if (!isModule(value)) return null;
    this.#enter(value, '');
    return this.#tensors;
  }

  #enter(module: PickleRecord, prefix: string): void {
    const state = stateOf(module);
    if (state === null) return;
    if (this.#path.has(module)) this.#fail('a module contains itself');
    if (this.#path.size === MAX_MODULE_DEPTH)
      this.#fail(`modules are nested deeper than ${MAX_MODULE_DEPTH}`);
    if (++this.#modules > MAX_MODULES) this.#fail(`it has over ${MAX_MODULES} modules`);
    this.#path.add(module);
    if (isTorchScript(module)) this.#attributes(state, prefix);
    else this.#parts(state, prefix);
    this.#path.delete(module);
  }

  #attributes(state: PickleDict, prefix: string): void {
    for (const [key, value] of state.entries) {
      this.#count();
      if (typeof key !== 'string') continue;
      if (isTorchScript(value)) this.#part(value, `${prefix}${key}.`);
      else add(this.#tensors, prefix + key, value, this.#name);
    }
  }

  #parts(state: PickleDict, prefix: string): void {
    const left = state.get('_non_persistent_buffers_set');
    const leftOut = new Set(Array.isArray(left) ? left : []);
    for (const group of ['_parameters', '_buffers']) {
      for (const [key, value] of entriesIn(state, group)) {
        this.#count();
        if (typeof key !== 'string' || (group === '_buffers' && leftOut.has(key))) continue;
        add(this.#tensors, prefix + key, value, this.#name);
      }
    }
    for (const [key, value] of entriesIn(state, '_modules')) {
      this.#count();
      if (typeof key === 'string') this.#part(value, `${prefix}${key}.`);
    }
  }

  #part(value: PickleValue, prefix: string): void {
    if (value instanceof PickleRecord) this.#enter(value, prefix);
  }

  #count(): void {
    if (++this.#members > MAX_MEMBERS)
      this.#fail(`it names over ${MAX_MEMBERS} members of dicts and modules`);
  }

  #fail(problem: string): never {
    throw new UserError(`${this.#name}: ${problem}; save model.state_dict() instead of the model`);
  }
}

function entriesIn(state: PickleDict, key: string): Iterable<[PickleValue, PickleValue]> {
  const member = state.get(key);
  return member instanceof PickleDict ? member.entries : [];
}

const MAX_TENSOR_NAME_LETTERS = 1000;

/** Values that are no tensors, such as an epoch beside the weights, are left out. */
function add(tensors: NamedTensors, key: string, value: PickleValue, name: string): void {
  if (value instanceof PickleRecord && SPECIAL_TENSOR.test(value.className)) {
    throw new UserError(
      `${name}: tensor ${quote(key)} is sparse, quantised or of another special kind (${value.className}); ` +
        'save plain dense tensors: tensor.to_dense(), tensor.dequantize()',
    );
  }
  if (!(value instanceof TorchTensor)) return;
  if (key.length > MAX_TENSOR_NAME_LETTERS) {
    throw new UserError(
      `${name}: a tensor's name has ${key.length} letters; at most ${MAX_TENSOR_NAME_LETTERS} are read`,
    );
  }
  tensors.set(key, value);
  if (tensors.size > MAX_TENSORS)
    throw new UserError(`${name}: over ${MAX_TENSORS} tensors; no model of this family has so many`);
}
