/**
 * The functions that torch.save and TorchScript write into a pickle, as functions that make descriptions. Every other
 * function or class gives a record of its name and arguments.
 */

import { UserError } from '../../user-error.js';
import { quote } from '../quotation.js';
import type { PickleDialect } from './pickle-dialect.js';
import {
  describeValue,
  PickleDict,
  PickleGlobal,
  PickleRecord,
  PickleTuple,
  type PickleValue,
  TorchStorage,
  TorchTensor,
} from './pickle-values.js';

/** A checkpoint takes about 50 opcodes a tensor. */
export const MAX_OPCODES = 1_000_000;
/** As safetensors. */
export const MAX_TENSOR_DIMENSIONS = 16;

type Function = (args: readonly PickleValue[]) => PickleValue;

const TENSOR: Function = ([storage, offset, size, stride]) => tensor(storage, offset, size, stride, null);
/** A parameter is its tensor. */
const FIRST: Function = ([first]) => first ?? null;

const FUNCTIONS: ReadonlyMap<string, Function> = new Map([
  ['collections.OrderedDict', ([pairs]) => dictOf(pairs)],
  ['torch.Size', ([sizes]) => sizes ?? null],
  ['builtins.set', ([items]) => items ?? []],
  ['__builtin__.set', ([items]) => items ?? []],
  ['torch._utils._rebuild_tensor', TENSOR],
  ['torch._utils._rebuild_tensor_v2', TENSOR],
  [
    'torch._utils._rebuild_tensor_v3',
    ([storage, offset, size, stride, _requiresGrad, _hooks, dtype]) =>
      tensor(storage, offset, size, stride, dtype instanceof PickleGlobal ? dtype.name : null),
  ],
  ['torch._utils._rebuild_parameter', FIRST],
  ['torch._utils._rebuild_parameter_with_state', FIRST],
  ['torch.nn.parameter.Parameter', FIRST],
  ['torch._tensor._rebuild_from_type_v2', rebuildFromType],
  ['torch.jit._pickle.restore_type_tag', FIRST],
  ['torch.jit._pickle.build_tensorlist', FIRST],
  ['torch.jit._pickle.build_intlist', FIRST],
  ['torch.jit._pickle.build_doublelist', FIRST],
  ['torch.jit._pickle.build_boollist', FIRST],
]);

/**
 * What a call of Python's would give.
 * @param name of a class or a function
 * @throws UserError without a place, if the arguments do not fit a function of PyTorch's
 */
function rebuild(name: string, args: readonly PickleValue[]): PickleValue {
  const known = FUNCTIONS.get(name);
  return known === undefined ? new PickleRecord(name, args) : known(args);
}

/** Tensors of subclasses: (function, type, arguments, state). The function may not be this one again. */
function rebuildFromType([func, , args]: readonly PickleValue[]): PickleValue {
  if (!(func instanceof PickleGlobal && args instanceof PickleTuple)) {
    throw new UserError(
      `_rebuild_from_type_v2: expected a function and a tuple, found ${describeValue(func)}`,
    );
  }
  const known = FUNCTIONS.get(func.name);
  if (known === undefined || known === rebuildFromType) return new PickleRecord(func.name, args.items);
  return known(args.items);
}

/** OrderedDict(), or of Python 2 OrderedDict([[key, value], …]). */
function dictOf(pairs: PickleValue | undefined): PickleDict {
  const dict = new PickleDict();
  for (const pair of Array.isArray(pairs) ? pairs : []) {
    const items = pair instanceof PickleTuple ? pair.items : pair;
    if (!Array.isArray(items) || items.length !== 2) {
      throw new UserError(`OrderedDict: expected pairs, found ${describeValue(pair)}`);
    }
    dict.entries.set(items[0], items[1]);
  }
  return dict;
}

function tensor(
  storage: PickleValue | undefined,
  offset: PickleValue | undefined,
  size: PickleValue | undefined,
  stride: PickleValue | undefined,
  dtype: string | null,
): TorchTensor {
  if (!(storage instanceof TorchStorage)) {
    throw new UserError(`a tensor: expected a storage, found ${describeValue(storage)}`);
  }
  const [sizes, strides] = [wholeNumbers(size, 'size'), wholeNumbers(stride, 'stride')];
  if (sizes.length !== strides.length) {
    throw new UserError(`a tensor: ${sizes.length} sizes, but ${strides.length} strides`);
  }
  return new TorchTensor(storage, wholeNumber(offset, 'a tensor: storage_offset'), sizes, strides, dtype);
}

function wholeNumbers(value: PickleValue | undefined, what: string): number[] {
  const items = value instanceof PickleTuple ? value.items : value;
  if (!Array.isArray(items))
    throw new UserError(`a tensor: ${what}: expected a tuple, found ${describeValue(value)}`);
  if (items.length > MAX_TENSOR_DIMENSIONS) {
    throw new UserError(`a tensor of ${items.length} dimensions; at most ${MAX_TENSOR_DIMENSIONS} are read`);
  }
  return items.map((item) => wholeNumber(item, `a tensor: ${what}`));
}

function wholeNumber(value: PickleValue | undefined, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new UserError(`${what}: expected a whole number from 0, found ${describeValue(value)}`);
}

/**
 * What a persistent id stands for: ('storage', class, key, location, count[, view]); or, in the older form, a class of a
 * module with its source code: ('module', class, file, source).
 * @throws UserError without a place
 */
function storageOf(id: PickleValue): PickleValue {
  const [kind, type, key, , count, view] = id instanceof PickleTuple ? id.items : [];
  if (kind === 'module' && type instanceof PickleGlobal) return type;
  if (kind !== 'storage') {
    throw new UserError(
      `a reference outside the file: expected a storage, found ${typeof kind === 'string' ? quote(kind) : describeValue(id)}`,
    );
  }
  if (!(type instanceof PickleGlobal) || (typeof key !== 'string' && typeof key !== 'number')) {
    throw new UserError(
      `a storage: expected its class and its key, found ${describeValue(type)} and ${describeValue(key)}`,
    );
  }
  const length = wholeNumber(count, 'a storage: number of elements');
  if (!(view instanceof PickleTuple)) return new TorchStorage(type.name, String(key), length, 0);
  const [, offset, viewLength] = view.items;
  return new TorchStorage(
    type.name,
    String(key),
    wholeNumber(viewLength, 'a view of a storage: number of elements'),
    wholeNumber(offset, 'a view of a storage: offset'),
  );
}

/** Pickles that torch.save and TorchScript write. */
export const TORCH_PICKLES: PickleDialect = {
  protocols: [2, 3],
  mostOpcodes: MAX_OPCODES,
  hasBytes: false,
  advice: {
    opcode: 'save the model again in PyTorch, with torch.save and its default pickle_protocol',
    protocol: 'save the model again with torch.save and its default pickle_protocol',
    size: 'save only the weights: torch.save(model.state_dict(), "model.pt")',
  },
  rebuild,
  storageOf,
};
