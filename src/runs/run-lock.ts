/**
 * The lock of a run folder: of several trainings, in any processes and on any machines, only one writes into a folder.
 *
 * The lock is the file `.lock`. It names its process, and dies with it: a lock whose process has ended is taken over.
 * Where the process can be looked up (same machine, same process ids), the system says whether it lives. An id that was
 * given to another process is recognised by the time when that process started. Elsewhere (another machine, another
 * container) the lock counts as held while its holder touches the file, which it does every 10 seconds. No clocks are
 * compared. A process that was suspended while its lock was taken over notices it before it writes (`check`). Node.js
 * only.
 */
import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
// Imported as an object, so that tests can replace its functions and simulate file systems.
import fs from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { explainFileError } from '../formats/file-errors.js';
import { formatJson, parseJson } from '../formats/json.js';
import { camelCaseKeys, snakeCaseKeys } from '../formats/key-case.js';
import { nullable, type Reader, readAs, record, text, whole } from '../formats/shape.js';
import { UserError } from '../user-error.js';

/** Name of the lock in a run folder. */
export const LOCK = '.lock';
/** Gates and temporary files of the lock (see takeOver and createExclusively). */
const BELONGS_TO_LOCK = /^\.lock(-[0-9a-f]{16}|\.[0-9]+-[0-9a-f]{12}\.tmp)$/;
const MAX_LOCK_BYTES = 4096;
/** Follows no link, and does not wait for a pipe that has replaced the file. */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** The holder touches the lock this often. */
const TOUCH_MS = 10_000;
/** Three touches must be missing. */
export const SILENT_MS = 30_000;
/** A lock this old is not watched first. Clocks of machines that share files differ less. */
const OLD_MS = 3_600_000;
const WATCH_MS = 250;
/** Another process takes a dead lock over in a few milliseconds. */
const RETRY_MS = 20;
const MAX_ATTEMPTS = 500;

/** Codes of file systems without hard links. */
const WITHOUT_LINKS = ['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'EXDEV', 'EINVAL', 'EISDIR'];

/** The process that trains into a folder. */
export interface RunHolder {
  pid: number;
  host: string;
  since: Date;
}

/** A folder is in use by another training. */
export class RunInUse extends UserError {}

interface LockRecord {
  pid: number;
  host: string;
  /** Linux: boot and process namespace, within which `pid` and `started` identify a process. Null elsewhere. */
  place: string | null;
  /** Linux: when the process started, in clock ticks since the boot. Null elsewhere. */
  started: string | null;
  /** Inode of the folder: a copy of a folder is not in use. */
  folder: string;
  /** Date and time in ISO 8601. */
  since: string;
  /** Random: no two locks are equal. */
  nonce: string;
}

const lockRecord: Reader<LockRecord> = record({
  pid: whole(1, 2 ** 31 - 1),
  host: text,
  place: nullable(text),
  started: nullable(text),
  folder: text,
  since: text,
  nonce: text,
});

interface FoundLock {
  /** See tokenOf. */
  token: string;
  /** Null if the content is damaged. */
  record: LockRecord | null;
  /** Milliseconds since 1970. */
  touched: number;
}

export interface LockOptions {
  /** Receives a line before the lock of an unreachable process is watched for up to 30 seconds. */
  notice?: (line: string) => void;
  /** Ends the watching: lockRun throws its reason. */
  stop?: AbortSignal;
  /** Default 30,000: a lock that was not touched for this time, while it was watched, is held by nobody. */
  silentMs?: number;
}

/** A lock that this process holds. */
export interface RunLock {
  /**
   * To be called before a file is written.
   * @throws RunInUse if another training has taken the folder over, because this process was suspended
   */
  check(): Promise<void>;
  /** Removes the lock, and the folder if `lockRun` has made it and it is empty. */
  release(): Promise<void>;
}

/**
 * Locks a run folder. Makes the folder if necessary.
 * @throws RunInUse if another training uses it; UserError if it cannot be written
 */
export async function lockRun(folder: string, options: LockOptions = {}): Promise<RunLock> {
  const path = join(folder, LOCK);
  try {
    const made = await fs.mkdir(folder, { recursive: true }).catch((error: unknown) => {
      throw explainFileError('write', `the folder ${folder}`, error);
    });
    const mine = await newLock(folder);
    try {
      await acquire(path, mine, { ...options, folder });
    } catch (error) {
      await removeEmptyFolders(folder, made);
      throw error;
    }
    let stopTouching: () => Promise<void>;
    try {
      await removeLeftovers(folder);
      stopTouching = await keepTouching(path);
    } catch (error) {
      await fs.rm(path, { force: true }).catch(() => {});
      throw error;
    }
    return {
      check: () => check(folder, mine),
      release: async () => {
        await stopTouching();
        const found = await readLock(path).catch(() => null);
        if (found?.token === tokenOf(path, mine)) await fs.rm(path, { force: true }).catch(() => {});
        await removeEmptyFolders(folder, made);
      },
    };
  } catch (error) {
    throw explainFileError('write', path, error);
  }
}

/** Removes the lock that a killed training left. @throws as lockRun, in particular RunInUse */
export async function removeDeadLock(folder: string, options: LockOptions = {}): Promise<void> {
  if ((await readLock(join(folder, LOCK))) === null) return;
  await (await lockRun(folder, options)).release();
}

/** The live process that trains into a folder; null if there is none. Changes nothing, and never waits. */
export async function runHolder(folder: string): Promise<RunHolder | null> {
  const found = await readLock(join(folder, LOCK)).catch(() => null);
  if (!found?.record) return null;
  const life = await lifeOf(found.record, folder);
  const lives = life === 'unknown' ? Math.abs(Date.now() - found.touched) < SILENT_MS : life === 'lives';
  return lives ? holderIn(found.record) : null;
}

/** The error for a folder in use. @param holder null if its lock is unreadable */
export function inUse(folder: string, holder: RunHolder | null, now = new Date()): RunInUse {
  if (!holder) return new RunInUse(`train: ${folder} is in use by another process; wait for it, or end it`);
  const pad = (value: number) => String(value).padStart(2, '0');
  const { since, pid, host } = holder;
  const time = `${pad(since.getHours())}:${pad(since.getMinutes())}`;
  const day = `${since.getFullYear()}-${pad(since.getMonth() + 1)}-${pad(since.getDate())} `;
  const when = since.toDateString() === now.toDateString() ? time : day + time;
  return new RunInUse(
    `train: ${folder} is in use by process ${pid} (on host ${host}, since ${when}); wait for it, or end it`,
  );
}

function holderIn({ pid, host, since }: LockRecord): RunHolder {
  const time = new Date(since);
  return {
    pid,
    host: /^[\w.:-]{1,255}$/.test(host) ? host : 'unknown',
    since: Number.isNaN(time.getTime()) ? new Date(0) : time,
  };
}

/** The content of a lock of this process. */
async function newLock(folder: string): Promise<Uint8Array> {
  const own: LockRecord = {
    pid: process.pid,
    host: hostname(),
    place: await placeOfProcesses(),
    started: (await processStatus(process.pid))?.started ?? null,
    folder: await inodeOf(folder),
    since: new Date().toISOString(),
    nonce: randomBytes(8).toString('hex'),
  };
  return new TextEncoder().encode(`${formatJson(snakeCaseKeys(own, LOCK), LOCK)}\n`);
}

/** Identifies a lock by its name and content. */
function tokenOf(path: string, bytes: Uint8Array): string {
  return createHash('sha256')
    .update(`${basename(path)}\n`)
    .update(bytes)
    .digest('hex')
    .slice(0, 16);
}

async function inodeOf(folder: string): Promise<string> {
  return String((await fs.stat(folder, { bigint: true })).ino);
}

/** The lock at a path; null if there is none. @throws UserError if it is no file */
async function readLock(path: string): Promise<FoundLock | null> {
  const entry = await fs.lstat(path).catch(() => null);
  if (entry === null) return null;
  if (!entry.isFile()) throw new UserError(`train: ${path} should be a file; remove it`);
  try {
    // Opened, because network file systems keep what `stat` says for up to a minute.
    const handle = await fs.open(path, READ_FLAGS);
    try {
      const { mtimeMs, size } = await handle.stat();
      if (size > MAX_LOCK_BYTES) {
        throw new UserError(
          `train: the lock ${path} has ${size} bytes, at most ${MAX_LOCK_BYTES} are expected; remove it`,
        );
      }
      const bytes = await handle.readFile();
      return { token: tokenOf(path, bytes), record: recordIn(bytes), touched: mtimeMs };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw explainFileError('read', `the lock ${path}`, error);
  }
}

function recordIn(bytes: Uint8Array): LockRecord | null {
  try {
    const value = parseJson(new TextDecoder().decode(bytes), LOCK);
    return readAs(lockRecord, camelCaseKeys(value, LOCK), LOCK);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return null; // An empty file after a power failure, for example.
  }
}

interface Attempt extends LockOptions {
  folder: string;
}

/**
 * Makes the lock at `path`, or takes a dead one over.
 * @throws RunInUse if a live process holds it
 */
async function acquire(path: string, mine: Uint8Array, attempt: Attempt): Promise<void> {
  for (let n = 0; n < MAX_ATTEMPTS; n++) {
    if (await createExclusively(path, mine)) return;
    const found = await readLock(path);
    if (found === null) continue;
    if (await isHeld(path, found, attempt))
      throw inUse(attempt.folder, found.record && holderIn(found.record));
    try {
      if (await takeOver(path, found, mine, attempt)) return;
    } catch (error) {
      if (!(error instanceof RunInUse)) throw error;
      await sleep(RETRY_MS); // Another process takes the same lock over.
    }
  }
  throw inUse(attempt.folder, null);
}

/**
 * Replaces a dead lock. Of several processes that found the same dead lock, one makes its gate, a file that is named for
 * the dead lock and is itself a lock. Whoever has the gate, and still finds the dead lock, may replace it.
 * @returns false if the lock has changed
 * @throws RunInUse if a live process has the gate
 */
async function takeOver(path: string, dead: FoundLock, mine: Uint8Array, attempt: Attempt): Promise<boolean> {
  const gate = join(dirname(path), `${LOCK}-${dead.token}`);
  await acquire(gate, await newLock(attempt.folder), attempt);
  try {
    if ((await readLock(path))?.token !== dead.token) return false;
    const temporary = await writeTemporary(path, mine);
    await fs.rename(temporary, path);
    return true;
  } finally {
    await fs.rm(gate, { force: true }).catch(() => {});
  }
}

/** Creates a file with all its content at once. @returns false if the file exists */
async function createExclusively(path: string, bytes: Uint8Array): Promise<boolean> {
  const temporary = await writeTemporary(path, bytes);
  try {
    await fs.link(temporary, path);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    // Over NFS, a link may be made although its reply is lost.
    if (code === 'EEXIST') return (await fs.stat(temporary).catch(() => null))?.nlink === 2;
    if (code === 'ENOENT') return false; // Another process has tidied up: see removeLeftovers.
    if (!WITHOUT_LINKS.includes(code)) throw error;
  } finally {
    await fs.rm(temporary, { force: true }).catch(() => {});
  }
  try {
    await fs.writeFile(path, bytes, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function writeTemporary(path: string, bytes: Uint8Array): Promise<string> {
  const name = `${LOCK}.${process.pid}-${randomBytes(6).toString('hex')}.tmp`;
  const temporary = join(dirname(path), name);
  try {
    await fs.writeFile(temporary, bytes, { flag: 'wx' });
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  return temporary;
}

/** Whether a live process holds a lock. Watches it if only its touches can tell. */
async function isHeld(
  path: string,
  found: FoundLock,
  { folder, notice, stop, silentMs = SILENT_MS }: Attempt,
): Promise<boolean> {
  const life = found.record ? await lifeOf(found.record, folder) : 'unknown';
  if (life !== 'unknown') return life === 'lives';
  if (Date.now() - found.touched > OLD_MS) return false;
  const who = found.record
    ? `process ${found.record.pid} on host ${holderIn(found.record).host}`
    : 'a process';
  notice?.(
    `${folder} was in use by ${who}, which cannot be looked up from here; looking for up to ${silentMs / 1000} s whether it still runs`,
  );
  const began = performance.now();
  while (performance.now() - began < silentMs) {
    stop?.throwIfAborted();
    await sleep(WATCH_MS);
    const now = await readLock(path);
    if (now === null || now.token !== found.token) return false; // takeOver looks again.
    if (now.touched !== found.touched) return true;
  }
  return false;
}

/** Whether the process of a lock lives; `unknown` if it cannot be looked up from here. */
async function lifeOf(lock: LockRecord, folder: string): Promise<'lives' | 'ended' | 'unknown'> {
  const place = await placeOfProcesses();
  const isHere = place === null ? lock.place === null && lock.host === hostname() : lock.place === place;
  if (!isHere) return 'unknown';
  if (lock.folder !== (await inodeOf(folder))) return 'ended'; // The lock of a folder that was copied.
  const status = await processStatus(lock.pid);
  if (status) return status.started === lock.started && !status.isDead ? 'lives' : 'ended';
  try {
    process.kill(lock.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'ended';
  }
  return 'unknown';
}

/** Linux: the boot and the namespace of process ids. Null elsewhere. */
async function placeOfProcesses(): Promise<string | null> {
  try {
    const boot = await fs.readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${boot.trim()} ${await fs.readlink('/proc/self/ns/pid')}`;
  } catch {
    return null;
  }
}

/** Linux: when a process started; null if there is no such process, or it is hidden, and on other systems. */
async function processStatus(pid: number): Promise<{ started: string; isDead: boolean } | null> {
  const stat = await fs.readFile(`/proc/${pid}/stat`, 'latin1').catch(() => null);
  if (stat === null) return null;
  // The second field is a name in brackets, which may hold spaces and brackets. The third field follows.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { started: fields[22 - 3], isDead: ['Z', 'X', 'x'].includes(fields[0]) };
}

/** Touches a lock from time to time, so that processes elsewhere see that it is held. @returns ends it */
async function keepTouching(path: string): Promise<() => Promise<void>> {
  // The open file stays the same if another process replaces the lock: a foreign lock is never touched.
  const handle = await fs.open(path, 'r+');
  let touching = Promise.resolve();
  const timer = setInterval(() => {
    const now = new Date();
    touching = handle.utimes(now, now).catch(() => {}); // The disk may be away for a while.
  }, TOUCH_MS);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await touching;
    await handle.close();
  };
}

async function check(folder: string, mine: Uint8Array): Promise<void> {
  const path = join(folder, LOCK);
  try {
    const found = await readLock(path);
    if (found?.token === tokenOf(path, mine)) return;
    if (found === null && (await createExclusively(path, mine))) return; // The user has removed it.
    const holder = found?.record ? holderIn(found.record) : null;
    const who = holder ? `process ${holder.pid} (on host ${holder.host})` : 'another process';
    throw new RunInUse(
      `train: ${who} has taken ${folder} over while this training was suspended; this training ends and writes nothing`,
    );
  } catch (error) {
    throw explainFileError('write', path, error);
  }
}

/** Removes gates and temporary files that killed processes left. A live process makes its file again. */
async function removeLeftovers(folder: string): Promise<void> {
  const names = await fs.readdir(folder).catch(() => []);
  for (const name of names.filter((each) => BELONGS_TO_LOCK.test(each))) {
    await fs.rm(join(folder, name), { force: true }).catch(() => {});
  }
}

/** Removes a folder, and those of its parents that were made with it, if they are empty. @param made the outermost */
async function removeEmptyFolders(folder: string, made: string | undefined): Promise<void> {
  if (made === undefined) return;
  try {
    for (let each = resolve(folder); ; each = dirname(each)) {
      await fs.rmdir(each);
      if (each === resolve(made)) return;
    }
  } catch {
    // It has files.
  }
}
