/**
 * Reads a pickle without executing anything: a stack machine whose opcodes only make inert values. What Python would call
 * is either one of the few functions that the program in question writes, whose meaning its dialect knows
 * (torch-functions.ts, numpy-functions.ts), or stays a record of its name and arguments, or is refused by name.
 *
 * Time and memory are bounded by the length of the pickle and the dialect's number of opcodes: every opcode makes at most one value, texts
 * are not longer than the bytes they come from, and values refer to each other without copies.
 */

import { UserError } from '../../user-error.js';
import { inOneLine, quote } from '../quotation.js';
import { isDangerous } from './dangerous-names.js';
import type { PickleDialect } from './pickle-dialect.js';
import { BYTES_OPCODES, OPCODES, refusedName } from './pickle-opcodes.js';
import {
  describeValue,
  PickleDict,
  PickleGlobal,
  PickleRecord,
  PickleTuple,
  type PickleValue,
  TorchStorage,
} from './pickle-values.js';
import { TORCH_PICKLES } from './torch-functions.js';

/** Open MARKs: about two a level of nesting. */
export const MAX_MARKS = 1000;
export const MAX_TEXT_BYTES = 16 * 2 ** 20;
const MAX_GLOBAL_BYTES = 1000;

/** What a pickle holds. */
export interface Pickled {
  value: PickleValue;
  /** Where the pickle ends. */
  end: number;
  /** The storages that it refers to, by their keys. */
  storages: ReadonlyMap<string, TorchStorage>;
}

/**
 * Reads one pickle.
 * @param bytes the pickle lies within them
 * @param where how messages name the pickle: `model.pt: data.pkl`
 * @param start its first byte
 * @param dialect default: PyTorch's
 * @throws UserError with the byte, if the pickle is damaged, too large, or uses what the dialect does not
 */
export function readPickle(
  bytes: Uint8Array,
  where: string,
  start = 0,
  dialect: PickleDialect = TORCH_PICKLES,
): Pickled {
  return new PickleReader(bytes, where, start, dialect).read();
}

class PickleReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #where: string;
  readonly #dialect: PickleDialect;
  #at: number;
  /** Where the current opcode lies. */
  #opcodeAt: number;
  readonly #stack: PickleValue[] = [];
  /** Length of the stack at each open MARK. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  readonly #storages = new Map<string, TorchStorage>();

  constructor(bytes: Uint8Array, where: string, start: number, dialect: PickleDialect) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#where = where;
    this.#dialect = dialect;
    this.#at = start;
    this.#opcodeAt = start;
  }

  read(): Pickled {
    const { mostOpcodes, advice } = this.#dialect;
    for (let n = 0; n < mostOpcodes; n++) {
      this.#opcodeAt = this.#at;
      const opcode = this.#bytes[this.#take(1)];
      if (opcode === OPCODES.STOP) {
        if (this.#marks.length > 0) this.#fail('the pickle ends within a MARK');
        return { value: this.#pop(), end: this.#at, storages: this.#storages };
      }
      this.#step(opcode);
    }
    return this.#fail(`over ${mostOpcodes} opcodes; ${advice.size}`);
  }

  #step(opcode: number): void {
    const value = this.#valueOf(opcode);
    if (value === undefined) this.#act(opcode);
    else this.#push(value);
  }

  /** The value that an opcode pushes; undefined of an opcode that does something else. */
  #valueOf(opcode: number): PickleValue | undefined {
    switch (opcode) {
      case OPCODES.NONE:
        return null;
      case OPCODES.NEWTRUE:
        return true;
      case OPCODES.NEWFALSE:
        return false;
      case OPCODES.BININT:
        return this.#view.getInt32(this.#take(4), true);
      case OPCODES.BININT1:
        return this.#bytes[this.#take(1)];
      case OPCODES.BININT2:
        return this.#view.getUint16(this.#take(2), true);
      case OPCODES.LONG1:
        return this.#long(this.#bytes[this.#take(1)]);
      case OPCODES.BINFLOAT:
        return this.#view.getFloat64(this.#take(8), false);
      case OPCODES.SHORT_BINSTRING:
        return this.#string(this.#bytes[this.#take(1)]);
      case OPCODES.BINUNICODE:
        return this.#text(this.#view.getUint32(this.#take(4), true));
      case OPCODES.EMPTY_TUPLE:
        return new PickleTuple([]);
      case OPCODES.EMPTY_LIST:
        return [];
      case OPCODES.EMPTY_DICT:
        return new PickleDict();
      case OPCODES.TUPLE1:
        return new PickleTuple(this.#popped(1));
      case OPCODES.TUPLE2:
        return new PickleTuple(this.#popped(2));
      case OPCODES.TUPLE3:
        return new PickleTuple(this.#popped(3));
      case OPCODES.TUPLE:
        return new PickleTuple(this.#toMark());
      case OPCODES.BINGET:
        return this.#remembered(this.#bytes[this.#take(1)]);
      case OPCODES.LONG_BINGET:
        return this.#remembered(this.#view.getUint32(this.#take(4), true));
      case OPCODES.GLOBAL:
        return this.#global();
      case OPCODES.REDUCE:
      case OPCODES.NEWOBJ:
        return this.#called();
      case OPCODES.BINPERSID:
        return this.#persistent();
      default:
        return this.#dialect.hasBytes ? this.#valueWithBytes(opcode) : undefined;
    }
  }

  /** Values of dialects with bytes, which newer protocols have, too. */
  #valueWithBytes(opcode: number): PickleValue | undefined {
    switch (opcode) {
      case BYTES_OPCODES.SHORT_BINBYTES:
        return this.#byteString(this.#bytes[this.#take(1)]);
      case BYTES_OPCODES.BINBYTES:
      case BYTES_OPCODES.BINSTRING:
        return this.#byteString(this.#view.getUint32(this.#take(4), true));
      case BYTES_OPCODES.BINBYTES8:
        return this.#byteString(Number(this.#view.getBigUint64(this.#take(8), true)));
      case BYTES_OPCODES.SHORT_BINUNICODE:
        return this.#text(this.#bytes[this.#take(1)]);
      case BYTES_OPCODES.STACK_GLOBAL: {
        const [module, name] = this.#popped(2);
        if (typeof module !== 'string' || typeof name !== 'string') {
          this.#fail(`expected the name of a class or a function, found ${describeValue(name)}`);
        }
        return this.#named(`${module}.${name}`);
      }
      default:
        return undefined;
    }
  }

  #act(opcode: number): void {
    switch (opcode) {
      case OPCODES.PROTO:
        this.#checkProtocol();
        break;
      case OPCODES.MARK:
        if (this.#marks.length === MAX_MARKS) this.#fail(`nested deeper than ${MAX_MARKS} MARKs`);
        this.#marks.push(this.#stack.length);
        break;
      case OPCODES.APPEND:
        this.#append(this.#popped(1));
        break;
      case OPCODES.APPENDS:
        this.#append(this.#toMark());
        break;
      case OPCODES.SETITEM:
        this.#setItems(this.#popped(2));
        break;
      case OPCODES.SETITEMS:
        this.#setItems(this.#toMark());
        break;
      case OPCODES.BINPUT:
        this.#memo.set(this.#bytes[this.#take(1)], this.#top());
        break;
      case OPCODES.LONG_BINPUT:
        this.#memo.set(this.#view.getUint32(this.#take(4), true), this.#top());
        break;
      case OPCODES.BUILD:
        this.#build();
        break;
      default:
        if (!this.#dialect.hasBytes || !this.#actWithMemo(opcode)) {
          this.#fail(`the opcode ${refusedName(opcode)} is not read; ${this.#dialect.advice.opcode}`);
        }
    }
  }

  /** Of newer protocols: remembers the top under the next number; a frame is only a hint for buffers. */
  #actWithMemo(opcode: number): boolean {
    if (opcode === BYTES_OPCODES.MEMOIZE) this.#memo.set(this.#memo.size, this.#top());
    else if (opcode === BYTES_OPCODES.FRAME) this.#take(8);
    else return false;
    return true;
  }

  #checkProtocol(): void {
    const protocol = this.#bytes[this.#take(1)];
    const [least, newest] = this.#dialect.protocols;
    if (protocol > newest) {
      const read = newest > least + 1 ? `${least} to ${newest}` : `${least} and ${newest}`;
      this.#fail(`pickle protocol ${protocol}; only ${read} are read; ${this.#dialect.advice.protocol}`);
    }
  }

  /** A whole number of `length` bytes, little-endian, in two's complement. */
  #long(length: number): number | bigint {
    const start = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[start + i]);
    value = BigInt.asIntN(8 * length, value);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  /** Of Python 2, whose texts are bytes. */
  #string(length: number): PickleValue {
    return this.#dialect.hasBytes ? this.#byteString(length) : this.#text(length);
  }

  /** A view: the pickle stays in memory as long as its bytes are needed. */
  #byteString(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  #text(length: number): string {
    if (length > MAX_TEXT_BYTES) this.#fail(`a text of ${length} bytes; at most ${MAX_TEXT_BYTES} are read`);
    const start = this.#take(length);
    return new TextDecoder().decode(this.#bytes.subarray(start, start + length));
  }

  #append(items: PickleValue[]): void {
    const list = this.#top();
    // The elements of a subclass of list are of no use here.
    if (list instanceof PickleRecord) return;
    if (!Array.isArray(list)) this.#fail(`expected a list to append to, found ${describeValue(list)}`);
    for (const item of items) list.push(item);
  }

  #setItems(items: PickleValue[]): void {
    const top = this.#top();
    const dict = top instanceof PickleRecord ? top.dict : top;
    if (!(dict instanceof PickleDict)) {
      this.#fail(`expected a dict to fill, found ${describeValue(dict)}`);
    }
    if (items.length % 2 !== 0) this.#fail('a key without a value');
    for (let i = 0; i < items.length; i += 2) dict.entries.set(items[i], items[i + 1]);
  }

  #remembered(index: number): PickleValue {
    const value = this.#memo.get(index);
    return value === undefined ? this.#fail(`nothing was remembered as ${index}`) : value;
  }

  #global(): PickleGlobal {
    return this.#named(`${this.#line()}.${this.#line()}`);
  }

  #named(name: string): PickleGlobal {
    if (isDangerous(name)) {
      this.#fail(
        `Python would call ${quote(name)} when it loads this file, which no ${this.#dialect.hasBytes ? 'data need' : 'model needs'}. scanstroke executed nothing. ` +
          `Do not load this file in Python; get the ${this.#dialect.hasBytes ? 'data' : 'model'} from a source that you trust`,
      );
    }
    return new PickleGlobal(name);
  }

  #line(): string {
    const start = this.#at;
    const end = this.#bytes.indexOf(0x0a, start);
    if (end < 0 || end - start > MAX_GLOBAL_BYTES) {
      this.#fail(`expected a name of up to ${MAX_GLOBAL_BYTES} bytes and a line break`);
    }
    this.#at = end + 1;
    return new TextDecoder().decode(this.#bytes.subarray(start, end));
  }

  #called(): PickleValue {
    const [callee, args] = this.#popped(2);
    if (!(callee instanceof PickleGlobal)) {
      this.#fail(`expected a class or a function, found ${describeValue(callee)}`);
    }
    if (!(args instanceof PickleTuple))
      this.#fail(`expected a tuple of arguments, found ${describeValue(args)}`);
    return this.#explained(() => this.#dialect.rebuild(callee.name, args.items));
  }

  /** The state of a dict or a tensor (`_metadata`, attributes) has no use here. */
  #build(): void {
    const state = this.#pop();
    const object = this.#top();
    if (object instanceof PickleRecord) object.state = state;
  }

  #persistent(): PickleValue {
    const id = this.#pop();
    const value = this.#explained(() => this.#dialect.storageOf(id));
    if (value instanceof TorchStorage) this.#note(value);
    return value;
  }

  #note(storage: TorchStorage): void {
    const { key, className } = storage;
    const known = this.#storages.get(key);
    if (known !== undefined && known.className !== className) {
      this.#fail(`storage ${quote(key)} is both ${quote(known.className)} and ${quote(className)}`);
    }
    this.#storages.set(key, storage);
  }

  /** Adds the place to the message of a function that reads values. */
  #explained(make: () => PickleValue): PickleValue {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return this.#fail(error.message);
    }
  }

  #push(value: PickleValue): void {
    this.#stack.push(value);
  }

  /** Where the stack of the innermost MARK begins. */
  get #floor(): number {
    return this.#marks.at(-1) ?? 0;
  }

  #top(): PickleValue {
    if (this.#stack.length <= this.#floor) this.#fail('nothing is on the stack');
    return this.#stack[this.#stack.length - 1];
  }

  #pop(): PickleValue {
    return this.#popped(1)[0];
  }

  #popped(count: number): PickleValue[] {
    if (this.#stack.length - count < this.#floor) this.#fail(`fewer than ${count} values are on the stack`);
    return this.#stack.splice(this.#stack.length - count, count);
  }

  #toMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) this.#fail('there is no MARK');
    return this.#stack.splice(mark);
  }

  /** Takes bytes. @returns where they begin */
  #take(count: number): number {
    const start = this.#at;
    if (count > this.#bytes.length - start) this.#fail('the pickle is cut short');
    this.#at = start + count;
    return start;
  }

  #fail(problem: string): never {
    throw new UserError(`${this.#where}: byte ${this.#opcodeAt}: ${inOneLine(problem)}`);
  }
}
