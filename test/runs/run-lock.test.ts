/** Protects run folders: of several trainings one has the folder, and a lock dies with its process. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseJson } from '#src/formats/json.js';
import { lockRun, RunInUse, runHolder } from '#src/runs/run-lock.js';
import { UserError } from '#src/user-error.js';

const HOLDER = fileURLToPath(new URL('../../../test/runs/lock-holder.mjs', import.meta.url));

let root = '';
let folder = '';
let path = '';
const children: ChildProcess[] = [];
beforeEach(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'scanstroke-lock-'));
  folder = join(root, 'run');
  path = join(folder, '.lock');
});
afterEach(async () => {
  mock.restoreAll();
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await fs.rm(root, { recursive: true });
});

/** Another process that takes locks. */
class Other {
  readonly child = spawn(process.execPath, [HOLDER], { stdio: ['pipe', 'pipe', 'inherit'] });
  readonly #lines: AsyncIterator<string>;
  constructor() {
    children.push(this.child);
    const lines: Interface = createInterface({ input: this.child.stdout });
    this.#lines = lines[Symbol.asyncIterator]();
  }
  async ask(line: string): Promise<string> {
    this.child.stdin.write(`${line}\n`);
    return String((await this.#lines.next()).value);
  }
  /** As `kill -9` or a lack of memory do; its id stays with it as a zombie for a moment. */
  async kill(): Promise<void> {
    const closed = new Promise((resolve) => this.child.once('close', resolve));
    this.child.kill('SIGKILL');
    await closed;
  }
}

/** Changes the lock in the folder: texts are replaced by others. */
async function change(changes: Record<string, unknown>): Promise<void> {
  const value = parseJson(await fs.readFile(path, 'utf8'), path);
  await fs.writeFile(path, JSON.stringify(Object.assign({}, value, changes)));
}

/** Leaves the lock of a killed process in the folder. */
async function leaveDeadLock(changes: Record<string, unknown> = {}): Promise<void> {
  const other = new Other();
  assert.equal(await other.ask(`lock ${folder}`), 'got');
  await other.kill();
  await change(changes);
}

const names = async () => (await fs.readdir(folder)).sort();

describe('the lock of a run folder', () => {
  it('is held once, also within one process, and can be taken again after its release', async () => {
    const lock = await lockRun(folder);
    await lock.check();
    await assert.rejects(lockRun(folder), RunInUse);
    assert.deepEqual(await names(), ['.lock'], 'no temporary files stay');
    await fs.writeFile(join(folder, 'config.json'), '');
    await lock.release();
    assert.deepEqual(await names(), ['config.json']);
    await (await lockRun(folder)).release();
    await fs.access(folder);
  });

  it('leaves no folder that it has made, unless something was written', async () => {
    const deep = join(folder, 'a', 'b');
    await (await lockRun(deep)).release();
    assert.deepEqual(await fs.readdir(root), []);
    await fs.mkdir(folder);
    await (await lockRun(deep)).release();
    assert.deepEqual(await names(), [], 'an older folder stays');
  });

  it('names the process that holds it, in one line', async () => {
    const other = new Other();
    assert.equal(await other.ask(`lock ${folder}`), 'got');
    await assert.rejects(lockRun(folder), (error) => {
      assert.ok(error instanceof RunInUse);
      const expected = `train: ${folder} is in use by process ${other.child.pid} (on host ${hostname()}, since `;
      assert.equal(error.message.slice(0, expected.length), expected);
      assert.match(error.message.slice(expected.length), /^\d\d:\d\d\); wait for it, or end it$/);
      return true;
    });
    assert.equal((await runHolder(folder))?.pid, other.child.pid);
    assert.equal(await other.ask('release'), 'released');
    assert.equal(await runHolder(folder), null);
    await (await lockRun(folder)).release();
  });

  it('dies with its process, and is then taken over at once', async () => {
    await leaveDeadLock();
    assert.deepEqual(await names(), ['.lock']);
    assert.equal(await runHolder(folder), null);
    const lock = await lockRun(folder, { notice: () => assert.fail('nothing to wait for') });
    assert.deepEqual(await names(), ['.lock']);
    assert.equal((await runHolder(folder))?.pid, process.pid);
    await lock.release();
  });

  it('is not that of another process with the same id, as pid 1 of a container that was restarted', async () => {
    await leaveDeadLock({ pid: process.pid });
    assert.equal(await runHolder(folder), null);
    await (await lockRun(folder)).release();
  });

  it('of a copied folder does not count', async () => {
    const lock = await lockRun(folder);
    const copy = join(root, 'copy');
    await fs.cp(folder, copy, { recursive: true });
    assert.equal(await runHolder(copy), null);
    await (await lockRun(copy)).release();
    await lock.check();
    await fs.rename(folder, copy);
    await assert.rejects(lockRun(copy), RunInUse, 'a moved folder is still in use');
  });

  const elsewhere = { place: 'other boot pid:[1]', host: 'elsewhere' };

  it('of another machine counts while it is touched, and is taken over when it is silent', async () => {
    await leaveDeadLock(elsewhere);
    const said: string[] = [];
    const options = { notice: (line: string) => said.push(line), silentMs: 1000 };
    assert.equal((await runHolder(folder))?.host, 'elsewhere');
    const touching = setInterval(() => void fs.utimes(path, new Date(), new Date()), 100);
    await assert.rejects(lockRun(folder, options), /is in use by process \d+ \(on host elsewhere, since/);
    clearInterval(touching);
    assert.equal(said.length, 1);
    assert.match(said[0], /was in use by process \d+ on host elsewhere, which cannot be looked up from here/);
    const lock = await lockRun(folder, options);
    await lock.check();
    await lock.release();
  });

  it('of another machine that was not touched for hours is taken over at once, and no server calls it live', async () => {
    await leaveDeadLock(elsewhere);
    const old = new Date(Date.now() - 2 * 3_600_000);
    await fs.utimes(path, old, old);
    assert.equal(await runHolder(folder), null);
    await (await lockRun(folder, { notice: () => assert.fail('nothing to wait for') })).release();
  });

  it('stops waiting for another machine on Ctrl-C', async () => {
    await leaveDeadLock(elsewhere);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 300);
    await assert.rejects(lockRun(folder, { stop: stop.signal }), (error) => error === stop.signal.reason);
  });

  it('is taken over from a dead process by exactly one of several that find it at the same moment', async () => {
    const others = Array.from({ length: 5 }, () => new Other());
    for (const other of others) await other.ask('release'); // All have started.
    for (let round = 0; round < 30; round++) {
      await leaveDeadLock();
      if (round % 3 === 0) await copyAsGate(); // One was killed while it took the lock over.
      const answers = await Promise.all(others.map((other) => other.ask(`lock ${folder}`)));
      assert.equal(answers.filter((answer) => answer === 'got').length, 1, answers.join('\n'));
      assert.equal(answers.filter((answer) => / is in use by /.test(answer)).length, 4, answers.join('\n'));
      await others[answers.indexOf('got')].ask('release');
    }
    assert.deepEqual(await fs.readdir(root), ['run']);
  });

  /** Makes the gate of the lock that is in the folder, as a process makes it that is then killed. */
  async function copyAsGate(): Promise<void> {
    const { createHash } = await import('node:crypto');
    const bytes = await fs.readFile(path);
    const token = createHash('sha256').update('.lock\n').update(bytes).digest('hex').slice(0, 16);
    await fs.writeFile(join(folder, `.lock-${token}`), bytes);
  }

  it('that was taken over from a suspended process is noticed before a file is written', async () => {
    const lock = await lockRun(folder);
    await change({ pid: 77, nonce: '' });
    await assert.rejects(
      lock.check(),
      /^UserError: train: process 77 \(on host .*\) has taken .* over while this training was suspended/,
    );
    await lock.release();
    assert.deepEqual(await names(), ['.lock'], 'the lock of the other stays');
    await fs.rm(path);
    const again = await lockRun(folder);
    await fs.rm(path);
    await again.check();
    assert.deepEqual(await names(), ['.lock'], 'one that was removed by hand is made again');
    await again.release();
  });

  it('works on file systems without hard links', async () => {
    mock.method(fs, 'link', () =>
      Promise.reject(Object.assign(new Error(), { code: 'EPERM', syscall: 'link' })),
    );
    const lock = await lockRun(folder);
    await assert.rejects(lockRun(folder), RunInUse);
    await lock.release();
    await leaveDeadLock();
    await (await lockRun(folder)).release();
  });

  it('that a power failure left empty, or that a stranger made, is taken over after a while', async () => {
    await fs.mkdir(folder);
    for (const content of ['', '{}', '\0\0\0', '{"pid":1e99}', 'x'.repeat(4096)]) {
      await fs.writeFile(path, content);
      assert.equal(await runHolder(folder), null);
      await (await lockRun(folder, { silentMs: 300 })).release();
    }
  });

  it('is never a pipe, a link or a folder, and no message repeats what a file says', async () => {
    await fs.mkdir(folder);
    const make: Record<string, () => Promise<unknown> | unknown> = {
      pipe: () => spawnSync('mkfifo', [path]),
      link: () => fs.symlink('/dev/zero', path),
      'dangling link': () => fs.symlink('nowhere', path),
      folder: () => fs.mkdir(path),
    };
    for (const [name, makeIt] of Object.entries(make)) {
      await makeIt();
      await assert.rejects(
        lockRun(folder),
        new UserError(`train: ${path} should be a file; remove it`),
        name,
      );
      assert.equal(await runHolder(folder), null);
      assert.deepEqual(await names(), ['.lock']);
      await fs.rm(path, { recursive: true });
    }
    await fs.writeFile(path, 'x'.repeat(5000));
    await assert.rejects(
      lockRun(folder),
      /the lock .* has 5000 bytes, at most 4096 are expected; remove it$/,
    );
    await fs.rm(path);
    await leaveDeadLock({ ...elsewhere, host: '\x1b[31mhost' });
    assert.equal((await runHolder(folder))?.host, 'unknown');
  });

  it('explains a disk that is full and a folder that cannot be written', async () => {
    mock.method(fs, 'writeFile', () =>
      Promise.reject(Object.assign(new Error(), { code: 'ENOSPC', syscall: 'write' })),
    );
    await assert.rejects(
      lockRun(folder),
      /^UserError: cannot write .*\.lock: the disk is full; free some space/,
    );
    assert.deepEqual(await fs.readdir(root), []);
    await fs.appendFile(folder, '');
    await assert.rejects(
      lockRun(folder),
      /^UserError: cannot write the folder .*run: a file of that name exists/,
    );
  });
});
