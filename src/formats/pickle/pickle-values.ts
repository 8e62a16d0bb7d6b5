/**
 * What a pickle holds, as inert values. Classes and functions are only names: nothing is imported or called. A tensor is
 * a description; its values are read later, by `FloatReader`.
 */

export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | PickleTuple
  | PickleDict
  | PickleGlobal
  | PickleRecord
  | TorchStorage
  | TorchTensor;

export class PickleTuple {
  constructor(readonly items: readonly PickleValue[]) {}
}

/** A dict or an OrderedDict. A Map, so that keys such as `__proto__` are ordinary ones. */
export class PickleDict {
  #entries: Map<PickleValue, PickleValue> | null = null;

  /** Made when it is needed: a hostile file makes a million empty dicts. */
  get entries(): Map<PickleValue, PickleValue> {
    this.#entries ??= new Map();
    return this.#entries;
  }

  get(key: string): PickleValue | undefined {
    return this.entries.get(key);
  }
}

/** The name of a class or a function: `torch.nn.modules.rnn.LSTM`. */
export class PickleGlobal {
  constructor(readonly name: string) {}
}

/** An object of an unknown class, or what an unknown function would have returned. */
export class PickleRecord {
  /** What Python would have handed to `__setstate__`, or put into `__dict__`. */
  state: PickleValue = null;
  /** Of a subclass of dict. */
  readonly dict = new PickleDict();

  constructor(
    /** `__main__.RowNet` */
    readonly className: string,
    readonly args: readonly PickleValue[],
  ) {}
}

/** A block of memory from which tensors take their elements. Several may name the same block. */
export class TorchStorage {
  constructor(
    /** Its class: `torch.FloatStorage`, which tells the type of the elements; `torch.storage.UntypedStorage` does not. */
    readonly className: string,
    /** Names the block in the file. */
    readonly key: string,
    /** Elements, or bytes if untyped. */
    readonly count: number,
    /** First element within the block. Only the older form has views of blocks. */
    readonly viewOffset: number,
  ) {}
}

/** Element i₀, i₁ … of a tensor is element offset + Σ iₖ · strideₖ of its storage. */
export class TorchTensor {
  constructor(
    readonly storage: TorchStorage,
    readonly offset: number,
    readonly size: readonly number[],
    readonly stride: readonly number[],
    /** `torch.float32`, where the storage does not tell the type; null otherwise. */
    readonly dtype: string | null,
  ) {}
}

/** A description for messages: `a dict`, `an object of class __main__.RowNet`. */
export function describeValue(value: PickleValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'None';
  if (typeof value === 'string') return 'a text';
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number' || typeof value === 'bigint') return `the number ${value}`;
  if (Array.isArray(value)) return 'a list';
  if (value instanceof PickleTuple) return 'a tuple';
  if (value instanceof PickleDict) return 'a dict';
  if (value instanceof PickleGlobal) return `the class or function ${shortName(value.name)}`;
  if (value instanceof PickleRecord) return `an object of class ${shortName(value.className)}`;
  return value instanceof TorchTensor ? 'a tensor' : 'a storage';
}

/** Entries of a dict or of an object of a subclass of dict; null of another value. */
export function entriesOf(value: PickleValue | undefined): Map<PickleValue, PickleValue> | null {
  if (value instanceof PickleDict) return value.entries;
  return value instanceof PickleRecord && value.dict.entries.size > 0 ? value.dict.entries : null;
}

const MAX_NAME_LETTERS = 80;

function shortName(name: string): string {
  const printable = name.replace(/[^\x20-\x7e]/gu, '?');
  return printable.length > MAX_NAME_LETTERS ? `${printable.slice(0, MAX_NAME_LETTERS)}…` : printable;
}
