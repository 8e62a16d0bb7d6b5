/**
 * Reads a pickle of PyTorch's without executing anything: a stack machine whose opcodes only make inert values. What
 * Python would call is either one of the few functions that torch.save writes, whose meaning `rebuild` knows, or stays a
 * record of its name and arguments.
 *
 * Time and memory are bounded by the length of the pickle and MAX_OPCODES: every opcode makes at most one value, texts
 * are not longer than the bytes they come from, and values refer to each other without copies.
 */
import { inOneLine, quote } from '../../../formats/quotation.js';
import { UserError } from '../../../user-error.js';
import { OPCODES, refusedName } from './pickle-opcodes.js';
import {
  describeValue,
  PickleDict,
  PickleGlobal,
  PickleRecord,
  PickleTuple,
  type PickleValue,
  TorchStorage,
} from './pickle-values.js';
import { isDangerous, rebuild, storageOf } from './torch-functions.js';

/** A checkpoint takes about 50 opcodes a tensor. */
export const MAX_OPCODES = 1_000_000;
/** Open MARKs: about two a level of nesting. */
export const MAX_MARKS = 1000;
export const MAX_TEXT_BYTES = 16 * 2 ** 20;
const MAX_GLOBAL_BYTES = 1000;
const MAX_PROTOCOL = 3;

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
 * @throws UserError with the byte, if the pickle is damaged, too large, or uses what torch.save does not write
 */
export function readPickle(bytes: Uint8Array, where: string, start = 0): Pickled {
  return new PickleReader(bytes, where, start).read();
}

class PickleReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #where: string;
  #at: number;
  /** Where the current opcode lies. */
  #opcodeAt: number;
  readonly #stack: PickleValue[] = [];
  /** Length of the stack at each open MARK. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  readonly #storages = new Map<string, TorchStorage>();

  constructor(bytes: Uint8Array, where: string, start: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#where = where;
    this.#at = start;
    this.#opcodeAt = start;
  }

  read(): Pickled {
    for (let n = 0; n < MAX_OPCODES; n++) {
      this.#opcodeAt = this.#at;
      const opcode = this.#bytes[this.#take(1)];
      if (opcode === OPCODES.STOP) {
        if (this.#marks.length > 0) this.#fail('the pickle ends within a MARK');
        return { value: this.#pop(), end: this.#at, storages: this.#storages };
      }
      this.#step(opcode);
    }
    return this.#fail(
      `over ${MAX_OPCODES} opcodes; save only the weights: torch.save(model.state_dict(), "model.pt")`,
    );
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
        return this.#text(this.#bytes[this.#take(1)]);
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
        this.#fail(
          `the opcode ${refusedName(opcode)} is not read; save the model again in PyTorch, ` +
            'with torch.save and its default pickle_protocol',
        );
    }
  }

  #checkProtocol(): void {
    const protocol = this.#bytes[this.#take(1)];
    if (protocol > MAX_PROTOCOL) {
      this.#fail(
        `pickle protocol ${protocol}; only 2 and 3 are read; save the model again with torch.save and its default pickle_protocol`,
      );
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
    const name = `${this.#line()}.${this.#line()}`;
    if (isDangerous(name)) {
      this.#fail(
        `Python would call ${quote(name)} when it loads this file, which no model needs. scanstroke executed nothing. ` +
          'Do not load this file in Python; get the model from a source that you trust',
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
    return this.#explained(() => rebuild(callee.name, args.items));
  }

  /** The state of a dict or a tensor (`_metadata`, attributes) has no use here. */
  #build(): void {
    const state = this.#pop();
    const object = this.#top();
    if (object instanceof PickleRecord) object.state = state;
  }

  #persistent(): PickleValue {
    const id = this.#pop();
    const value = this.#explained(() => storageOf(id));
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
