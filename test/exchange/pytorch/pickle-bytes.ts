/** Assembles pickles of protocol 2, opcode by opcode, and the archive of torch.save around them. */
import { OPCODES } from '#src/formats/pickle/pickle-opcodes.js';
import { type ZipItem, zipOf } from './zip-bytes.js';

/** Opcodes with their arguments. */
export type Code = readonly number[];

const encode = (text: string) => [...new TextEncoder().encode(text)];

export const MARK: Code = [OPCODES.MARK];
export const NONE: Code = [OPCODES.NONE];
export const DICT: Code = [OPCODES.EMPTY_DICT];
export const LIST: Code = [OPCODES.EMPTY_LIST];
export const EMPTY_TUPLE: Code = [OPCODES.EMPTY_TUPLE];
export const REDUCE: Code = [OPCODES.REDUCE];
export const NEWOBJ: Code = [OPCODES.NEWOBJ];
export const BUILD: Code = [OPCODES.BUILD];
export const SETITEM: Code = [OPCODES.SETITEM];
export const APPEND: Code = [OPCODES.APPEND];
export const STOP: Code = [OPCODES.STOP];
export const FALSE: Code = [OPCODES.NEWFALSE];

/** PROTO 2, the opcodes, STOP. */
export function pickle(...codes: Code[]): Uint8Array {
  return Uint8Array.from([OPCODES.PROTO, 2, ...codes.flat(), OPCODES.STOP]);
}

export function text(value: string): Code {
  const bytes = encode(value);
  return [OPCODES.BINUNICODE, ...uint32(bytes.length), ...bytes];
}

export function int(value: number): Code {
  return [OPCODES.BININT, ...uint32(value >>> 0)];
}

export function global(module: string, name: string): Code {
  return [OPCODES.GLOBAL, ...encode(`${module}\n${name}\n`)];
}

export function tuple(...items: Code[]): Code {
  return [OPCODES.MARK, ...items.flat(), OPCODES.TUPLE];
}

export function list(...items: Code[]): Code {
  return [OPCODES.EMPTY_LIST, OPCODES.MARK, ...items.flat(), OPCODES.APPENDS];
}

export function dict(entries: Record<string, Code>): Code {
  return filled(DICT, entries);
}

/** Sets entries of the dict that `target` makes. */
export function filled(target: Code, entries: Record<string, Code>): Code {
  const items = Object.entries(entries).flatMap(([key, value]) => [...text(key), ...value]);
  return [...target, OPCODES.MARK, ...items, OPCODES.SETITEMS];
}

export function put(index: number): Code {
  return [OPCODES.LONG_BINPUT, ...uint32(index)];
}

export function get(index: number): Code {
  return [OPCODES.LONG_BINGET, ...uint32(index)];
}

/** An object of a class, with a state. */
export function object(module: string, name: string, state: Code): Code {
  return [...global(module, name), ...EMPTY_TUPLE, ...NEWOBJ, ...state, ...BUILD];
}

export function storage(key: string, count: number, className = 'FloatStorage'): Code {
  return [
    ...tuple(text('storage'), global('torch', className), text(key), text('cpu'), int(count)),
    OPCODES.BINPERSID,
  ];
}

export interface TensorCode {
  key?: string;
  count?: number;
  size: readonly number[];
  stride: readonly number[];
  offset?: number;
  className?: string;
}

export function tensor({ key = '0', count = 6, size, stride, offset = 0, className }: TensorCode): Code {
  const numbers = (values: readonly number[]) => tuple(...values.map(int));
  const args = [storage(key, count, className), int(offset), numbers(size), numbers(stride), FALSE];
  const hooks = [...global('collections', 'OrderedDict'), ...EMPTY_TUPLE, ...REDUCE];
  return [...global('torch._utils', '_rebuild_tensor_v2'), ...tuple(...args, hooks), ...REDUCE];
}

/** Six float32, 1 to 6. */
export const SIX = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);

/** An archive of torch.save. @param blocks storages by their keys; default: `0` with six float32 */
export function archiveOf(data: Uint8Array, blocks: Record<string, Uint8Array> = { 0: SIX }): Uint8Array {
  return zipOf(archiveItems(data, blocks));
}

export function archiveItems(data: Uint8Array, blocks: Record<string, Uint8Array> = { 0: SIX }): ZipItem[] {
  return [
    { name: 'm/data.pkl', bytes: data },
    ...Object.entries(blocks).map(([key, bytes]) => ({ name: `m/data/${key}`, bytes })),
    { name: 'm/version', bytes: new TextEncoder().encode('3\n') },
  ];
}

/** A state dict with one tensor `w`. */
export function oneTensor(code: TensorCode): Uint8Array {
  return archiveOf(pickle(dict({ w: tensor(code) })));
}

function uint32(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}
