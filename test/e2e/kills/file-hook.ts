/**
 * Loaded before the command (`--import`). Counts the operations of the main thread that change files, writes each into
 * a log before it happens, and disturbs one: kills the process before, within or after it, or lets it fail.
 *
 * KILLS_LOG names the log: a line `number operation path milliseconds` for each operation, and `hit` where it is
 * disturbed. KILLS_ORDER is the text of a HookOrder; without it, operations are only counted.
 */
import fs from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { FAILING, type HookOrder, type Operation, parseHookOrder } from './disturbance.js';

const { KILLS_LOG: logPath, KILLS_ORDER: orderText } = process.env;
const order: HookOrder | null = orderText ? parseHookOrder(orderText) : null;

let count = 0;
/** Operations that the ordered fault can hit. */
let canFail = 0;
/** Depth of synchronous operations: fs.writeFileSync calls fs.openSync. */
let depth = 0;
const pathOfHandle = new WeakMap<object, string>();
const pathOfDescriptor = new Map<number, string>();
const { openSync, writeSync, closeSync } = fs;

const log = logPath ? openSync(logPath, 'a') : null;
const say = (line: string) => log !== null && writeSync(log, `${line}\n`);

/** What happens to an operation; null: nothing. */
type Effect = { signal: NodeJS.Signals; side: 'before' | 'within' | 'after' } | { error: Error } | null;

function effectOn(operation: Operation, path: string): Effect {
  count++;
  const effect = order && effectOf(order, operation, path);
  // Milliseconds of a clock that all processes of the machine share.
  const now = Number(process.hrtime.bigint() / 1000n) / 1000;
  say(`${count} ${operation} ${JSON.stringify(path)} ${now}${effect ? ' hit' : ''}`);
  return effect;
}

function effectOf(given: HookOrder, operation: Operation, path: string): Effect {
  if (given.what === 'signal') {
    return count === given.at ? { signal: given.signal, side: given.side } : null;
  }
  const { fault, at, forever } = given;
  const removal = operation === 'remove' && fault !== 'ENOSPC';
  if (!FAILING[fault].includes(operation)) {
    return forever && removal && canFail >= at ? { error: failure(fault, operation, path) } : null;
  }
  canFail++;
  return canFail === at || (forever && canFail > at) ? { error: failure(fault, operation, path) } : null;
}

function failure(code: 'ENOSPC' | 'EIO' | 'EACCES', syscall: string, path: string): Error {
  const error = new Error(`${code}: made by the kill harness, ${syscall} '${path}'`);
  return Object.assign(error, { code, syscall, path, errno: -constants.errno[code] });
}

function strike(signal: NodeJS.Signals): void {
  process.kill(process.pid, signal);
}

/** Half of the bytes that a write was given; null if it is no write of bytes or text. */
function halfOf(operation: Operation, content: unknown): Uint8Array | null {
  if (operation !== 'write') return null;
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return bytes instanceof Uint8Array ? bytes.subarray(0, bytes.length >> 1) : null;
}

type PathOf = (self: unknown, args: unknown[]) => string;
const firstArgument: PathOf = (_self, args) => String(args[0]);
const secondArgument: PathOf = (_self, args) => String(args[1]);
const handlePath: PathOf = (self) => (self instanceof Object && pathOfHandle.get(self)) || 'a file';
const descriptorPath: PathOf = (_self, args) => pathOfDescriptor.get(Number(args[0])) ?? 'a file';

/** The function `name` of `holder`. */
function functionOf(holder: object, name: string): (...args: unknown[]) => unknown {
  const found: unknown = Reflect.get(holder, name);
  if (typeof found !== 'function') throw new Error(`the kill harness: Node.js has no ${name}`);
  return (...args) => Reflect.apply(found, args[0], args.slice(1));
}

function hookAsync(holder: object, name: string, operation: Operation, pathOf: PathOf): void {
  const original = functionOf(holder, name);
  Reflect.set(holder, name, async function hooked(this: unknown, ...args: unknown[]) {
    const opens = operation === 'open';
    if (opens && !opensToWrite(args[1])) return remember(await original(this, ...args), args);
    const effect = effectOn(operation, pathOf(this, args));
    if (effect && ('error' in effect || effect.side === 'within')) {
      const half = halfOf(operation, args[0]);
      if (half && writeHandle) await writeHandle(this, half, 0, half.length);
    }
    if (effect && 'error' in effect) throw effect.error;
    if (effect && effect.side !== 'after') strike(effect.signal);
    const result = await original(this, ...args);
    if (effect?.side === 'after') strike(effect.signal);
    return opens ? remember(result, args) : result;
  });
}

function remember(handle: unknown, args: unknown[]): unknown {
  if (handle instanceof Object) pathOfHandle.set(handle, String(args[0]));
  return handle;
}

function hookSync(holder: object, name: string, operation: Operation, pathOf: PathOf): void {
  const original = functionOf(holder, name);
  Reflect.set(holder, name, function hooked(this: unknown, ...args: unknown[]) {
    const passes = depth > 0 || (operation === 'open' && !opensToWrite(args[1]));
    const effect = passes ? null : effectOn(operation, pathOf(this, args));
    if (effect && 'error' in effect) throw effect.error;
    if (effect && effect.side !== 'after') strike(effect.signal);
    depth++;
    try {
      const result = original(this, ...args);
      if (operation === 'open' && typeof result === 'number') pathOfDescriptor.set(result, String(args[0]));
      if (effect?.side === 'after') strike(effect.signal);
      return result;
    } finally {
      depth--;
    }
  });
}

function opensToWrite(flags: unknown): boolean {
  if (typeof flags === 'number') return (flags & (fs.constants.O_WRONLY | fs.constants.O_RDWR)) !== 0;
  return typeof flags === 'string' && /[wa+]/.test(flags);
}

let writeHandle: ((...args: unknown[]) => unknown) | null = null;

if (isMainThread) {
  const handle = await promises.open(fileURLToPath(import.meta.url));
  const fileHandle: object = Object.getPrototypeOf(handle);
  await handle.close();
  writeHandle = functionOf(fileHandle, 'write');

  hookAsync(promises, 'open', 'open', firstArgument);
  hookAsync(promises, 'rename', 'rename', secondArgument);
  hookAsync(promises, 'link', 'link', secondArgument);
  hookAsync(promises, 'symlink', 'link', secondArgument);
  hookAsync(promises, 'copyFile', 'write', secondArgument);
  hookAsync(promises, 'writeFile', 'write', firstArgument);
  hookAsync(promises, 'appendFile', 'write', firstArgument);
  hookAsync(promises, 'mkdir', 'mkdir', firstArgument);
  for (const name of ['rm', 'rmdir', 'unlink']) hookAsync(promises, name, 'remove', firstArgument);
  for (const name of ['write', 'writeFile', 'appendFile']) hookAsync(fileHandle, name, 'write', handlePath);
  for (const name of ['sync', 'datasync']) hookAsync(fileHandle, name, 'sync', handlePath);
  hookAsync(fileHandle, 'truncate', 'truncate', handlePath);

  hookSync(fs, 'openSync', 'open', firstArgument);
  hookSync(fs, 'renameSync', 'rename', secondArgument);
  hookSync(fs, 'linkSync', 'link', secondArgument);
  hookSync(fs, 'symlinkSync', 'link', secondArgument);
  hookSync(fs, 'writeFileSync', 'write', firstArgument);
  hookSync(fs, 'appendFileSync', 'write', firstArgument);
  hookSync(fs, 'mkdirSync', 'mkdir', firstArgument);
  for (const name of ['rmSync', 'rmdirSync', 'unlinkSync']) hookSync(fs, name, 'remove', firstArgument);
  hookSync(fs, 'writeSync', 'write', descriptorPath);
  hookSync(fs, 'fsyncSync', 'sync', descriptorPath);
  syncBuiltinESMExports();
} else if (log !== null) {
  closeSync(log);
}
