/**
 * Protects files on the disk: a file is replaced completely or not at all, after any failure and any kill of the
 * process; every failure is explained.
 */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { explainSystemError, lookAt } from '#src/formats/file-errors.js';
import {
  appendLine,
  checkFileTarget,
  makeFolder,
  prepareFolder,
  removeEmptyFolders,
  writeFileAtomically,
} from '#src/formats/files.js';
import { readFileBounded } from '#src/formats/read-files.js';
import { UserError } from '#src/user-error.js';

let folder = '';
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'scanstroke-files-'));
});
afterEach(async () => {
  mock.restoreAll();
  await fs.rm(folder, { recursive: true });
});

const text = (path: string) => fs.readFile(path, 'utf8');
const refused = (promise: Promise<unknown>, ...messages: RegExp[]) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof UserError, String(error));
    for (const message of messages) assert.match(error.message, message);
    return true;
  });

/** An error with the members of the operating system's errors. */
function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code, syscall: 'write', errno: -1 });
}

/** Makes a method of all files opened later fail, after half of the content has been written. */
function failIn(method: 'writeFile' | 'appendFile' | 'sync', code: string): void {
  const { open } = fs;
  mock.method(fs, 'open', async (...args: Parameters<typeof open>) => {
    const handle = await open(...args);
    const write = handle.write.bind(handle);
    mock.method(handle, method, async (content?: string | Uint8Array) => {
      if (content !== undefined) await write(Buffer.from(content).subarray(0, content.length / 2));
      throw systemError(code);
    });
    return handle;
  });
}

test('a file is created and replaced, and no other file is left in its folder', async () => {
  const path = join(folder, 'last.safetensors');
  await writeFileAtomically(path, Uint8Array.of(1, 2, 3));
  assert.deepEqual([...(await fs.readFile(path))], [1, 2, 3]);
  await writeFileAtomically(path, 'text');
  assert.equal(await text(path), 'text');
  assert.deepEqual(await fs.readdir(folder), ['last.safetensors']);
});

test('a full disk leaves the old file and no temporary file; the error says what to do', async () => {
  const path = join(folder, 'last.safetensors');
  await writeFileAtomically(path, 'old');
  for (const method of ['writeFile', 'sync'] as const) {
    failIn(method, 'ENOSPC');
    await refused(
      writeFileAtomically(path, 'new content'),
      new RegExp(`^cannot write ${path}: the disk is full; free some space .* \\(ENOSPC\\)$`),
    );
    mock.restoreAll();
    assert.deepEqual(await fs.readdir(folder), ['last.safetensors']);
    assert.equal(await text(path), 'old');
  }
});

test('a failed rename leaves the old file and no temporary file', async () => {
  const path = join(folder, 'last.safetensors');
  await writeFileAtomically(path, 'old');
  mock.method(fs, 'rename', () => Promise.reject(systemError('EIO')));
  await refused(
    writeFileAtomically(path, 'new'),
    /the disk reports an input\/output error; check the disk \(EIO\)$/,
  );
  assert.deepEqual(await fs.readdir(folder), ['last.safetensors']);
  assert.equal(await text(path), 'old');
});

test('the file is flushed before it is renamed, and the folder after', async () => {
  const calls: string[] = [];
  const { open, rename } = fs;
  mock.method(fs, 'open', async (...args: Parameters<typeof open>) => {
    const handle = await open(...args);
    const sync = handle.sync.bind(handle);
    mock.method(handle, 'sync', () => {
      calls.push(args[0] === folder ? 'flush folder' : 'flush file');
      return sync();
    });
    return handle;
  });
  mock.method(fs, 'rename', (...args: Parameters<typeof rename>) => {
    calls.push('rename');
    return rename(...args);
  });
  await writeFileAtomically(join(folder, 'a'), 'x');
  assert.deepEqual(calls, ['flush file', 'rename', 'flush folder']);
});

test('every cause is explained', async () => {
  const causes = {
    EROFS: /the file system is read-only; choose another folder/,
    EACCES: /you have no permission to write there/,
    EDQUOT: /your quota of disk space is used up/,
    EFBIG: /larger than the file system/,
    EMFILE: /too many files are open/,
    EWEIRD: /EWEIRD: simulated \(EWEIRD\)/,
  };
  for (const [code, message] of Object.entries(causes)) {
    mock.method(fs, 'open', () => Promise.reject(systemError(code)));
    await refused(writeFileAtomically(join(folder, 'a'), 'x'), /^cannot write /, message);
    mock.restoreAll();
  }
  // An error that is not the operating system's is a bug and is not changed.
  mock.method(fs, 'open', () => Promise.reject(new TypeError('defect')));
  await assert.rejects(writeFileAtomically(join(folder, 'a'), 'x'), TypeError);
});

test('wrong paths are explained', async () => {
  await fs.writeFile(join(folder, 'file'), '');
  await refused(
    writeFileAtomically(join(folder, 'missing', 'a'), 'x'),
    /its folder does not exist; create it .*ENOENT/,
  );
  await refused(
    writeFileAtomically(join(folder, 'file', 'a'), 'x'),
    /a part of its path is a file, not a folder/,
  );
  await refused(
    writeFileAtomically(folder, 'x'),
    /it is a folder; remove it or choose another name \(EISDIR\)/,
  );
  await refused(writeFileAtomically(join(folder, 'n'.repeat(300)), 'x'), /its name is too long/);
  await refused(
    makeFolder(join(folder, 'file', 'a')),
    /cannot write the folder .*: a part of its path is a file/,
  );
  await refused(makeFolder(join(folder, 'file')), /a file of that name exists, but a folder is needed/);
});

test('a device is not replaced by a file', async () => {
  await refused(writeFileAtomically('/dev/null', 'x'), /it is a device, a pipe or a socket/);
  assert.ok((await fs.stat('/dev/null')).isCharacterDevice());
});

test('temporary files of killed processes are removed, and no other files', async () => {
  const dead = spawnSync(process.execPath, ['--version']).pid;
  const alive = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)']);
  const digits = '0123456789ab';
  const stale = [`.last.safetensors.${dead}-${digits}.tmp`, `.last.safetensors.${process.pid}-${digits}.tmp`];
  const others = [
    `.last.safetensors.${alive.pid}-${digits}.tmp`,
    `.best.safetensors.${dead}-${digits}.tmp`,
    `.last.safetensors.${dead}-mine.tmp`,
    '.last.safetensors.tmp',
    'last.safetensors.tmp',
  ];
  for (const name of [...stale, ...others]) await fs.writeFile(join(folder, name), 'half');
  await writeFileAtomically(join(folder, 'last.safetensors'), 'x');
  alive.kill();
  assert.deepEqual((await fs.readdir(folder)).sort(), [...others, 'last.safetensors'].sort());
});

test('concurrent writers of one file all succeed, and the file has the content of one of them', async () => {
  const path = join(folder, 'a');
  const contents = Array.from({ length: 8 }, (_, i) => String(i).repeat(100_000));
  await Promise.all(contents.map((content) => writeFileAtomically(path, content)));
  assert.ok(contents.includes(await text(path)));
  assert.deepEqual(await fs.readdir(folder), ['a']);
});

test('a writer does not remove the temporary file of another writer', async () => {
  const path = join(folder, 'a');
  const { rename } = fs;
  let second: Promise<void> | undefined;
  let firstTemporary: unknown;
  mock.method(fs, 'rename', async (...args: Parameters<typeof rename>) => {
    // The first writer waits here with a complete temporary file until a second writer has finished.
    second ??= writeFileAtomically(path, 'second');
    firstTemporary ??= args[0];
    if (args[0] === firstTemporary) await second;
    return rename(...args);
  });
  await writeFileAtomically(path, 'first');
  assert.equal(await text(path), 'first');
});

test('a process killed at any moment leaves the complete old file or a complete new one', async () => {
  const path = join(folder, 'a');
  const size = 2 ** 20;
  const module = import.meta.resolve('#src/formats/files.js');
  const program = `
    import { writeFileAtomically } from ${JSON.stringify(module)};
    for (let i = 0; ; i++) {
      await writeFileAtomically(${JSON.stringify(path)}, new Uint8Array(${size}).fill(i));
      process.stdout.write('.');
    }`;
  for (const delay of [0, 3, 7]) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    await new Promise((done) => setTimeout(done, delay));
    child.kill('SIGKILL');
    await once(child, 'exit');
    const bytes = await fs.readFile(path);
    assert.equal(bytes.length, size);
    assert.ok(bytes.every((byte) => byte === bytes[0]));
  }
  await writeFileAtomically(path, 'x');
  assert.deepEqual(await fs.readdir(folder), ['a']);
});

test('lines are appended, and a line after a torn line starts on a new line', async () => {
  const path = join(folder, 'metrics.jsonl');
  await appendLine(path, 'one');
  await appendLine(path, 'two');
  assert.equal(await text(path), 'one\ntwo\n');
  await fs.appendFile(path, 'tor');
  await appendLine(path, 'three');
  assert.equal(await text(path), 'one\ntwo\ntor\nthree\n');
  await assert.rejects(appendLine(path, 'a\nb'), /more than one line/);
});

test('a line that cannot be written completely is not written at all', async () => {
  const path = join(folder, 'metrics.jsonl');
  await appendLine(path, 'one');
  failIn('appendFile', 'ENOSPC');
  await refused(appendLine(path, 'a longer line'), /the disk is full/);
  mock.restoreAll();
  assert.equal(await text(path), 'one\n');
});

test('a full device is explained', async () => {
  // Linux has a device that is always full. Elsewhere opening it fails, with the same start of the message.
  await refused(appendLine('/dev/full', 'x'), /^cannot write \/dev\/full: /);
});

test('reading: a file that is missing, no regular file or too large is explained', async () => {
  const path = join(folder, 'a');
  await fs.writeFile(path, 'hello');
  assert.equal(new TextDecoder().decode(await readFileBounded(path, 'the greeting', 5)), 'hello');
  await refused(
    readFileBounded(path, 'the greeting', 4),
    /^cannot read the greeting .*: it has 5 bytes; at most 4 are accepted$/,
  );
  await refused(readFileBounded(folder, 'the greeting', 4), /it is a folder, but a file is needed/);
  await refused(
    readFileBounded(join(folder, 'b'), 'the greeting', 4),
    /it does not exist; check the path \(ENOENT\)/,
  );
  await refused(readFileBounded(join(path, 'b'), 'the greeting', 4), /a part of its path is a file/);
  await refused(readFileBounded('/dev/zero', 'the greeting', 4), /it is a device, a pipe or a socket/);
  await fs.writeFile(path, '');
  assert.equal((await readFileBounded(path, 'the greeting', 4)).length, 0);
});

test('a pipe is refused without waiting for a writer', async () => {
  const path = join(folder, 'pipe');
  assert.equal(spawnSync('mkfifo', [path]).status, 0);
  await refused(readFileBounded(path, 'the greeting', 4), /it is a device, a pipe or a socket/);
});

test('the bytes of a file have a separate buffer', async () => {
  const path = join(folder, 'a');
  await fs.writeFile(path, 'hello');
  const bytes = await readFileBounded(path, 'the greeting', 5);
  assert.equal(bytes.buffer.byteLength, 5);
});

test('folders are made with their parents, and only those that were made are removed again', async () => {
  await fs.mkdir(join(folder, 'a'));
  const made = await makeFolder(join(folder, 'a/b/c'));
  assert.deepEqual(made, [join(folder, 'a/b'), join(folder, 'a/b/c')]);
  assert.deepEqual(await makeFolder(join(folder, 'a/b/c')), []);
  await fs.writeFile(join(folder, 'a/b/kept'), '');
  await removeEmptyFolders(made);
  assert.deepEqual(await fs.readdir(join(folder, 'a/b')), ['kept']);
});

test('a folder that cannot be made leaves none of its parents, and ends also where the system makes none', async () => {
  await refused(makeFolder(join(folder, 'new', 'x'.repeat(300))), /its name is too long/, /^.{0,250}$/);
  await refused(prepareFolder('/proc/scanstroke/a'), /cannot write the folder \/proc\/scanstroke\/a: /);
  await fs.symlink('nowhere', join(folder, 'dangling'));
  await refused(
    makeFolder(join(folder, 'dangling/a')),
    /dangling is a symbolic link to something that does not exist/,
  );
  assert.deepEqual(await fs.readdir(folder), ['dangling']);
});

test('the check of a target finds what writing would find, and leaves nothing', async () => {
  await checkFileTarget(join(folder, 'a'));
  await refused(checkFileTarget(join(folder, 'none/a')), /its folder does not exist/);
  await refused(checkFileTarget('/proc/scanstroke'), /cannot write \/proc\/scanstroke: /);
  await refused(checkFileTarget(folder), /it is a folder/);
  assert.deepEqual(await fs.readdir(folder), []);
});

test('the longest name that the system allows is written: the temporary name is not longer', async () => {
  const path = join(folder, `${'ä'.repeat(120)}.txt`);
  await writeFileAtomically(path, 'a');
  assert.equal(await text(path), 'a');
});

test('what a path names is told without waiting, and what cannot be told is explained', async () => {
  await fs.writeFile(join(folder, 'file'), '');
  await fs.symlink('loop', join(folder, 'loop'));
  await fs.symlink('nowhere', join(folder, 'dangling'));
  const kinds = [folder, join(folder, 'file'), '/dev/null', join(folder, 'dangling'), join(folder, 'none')];
  assert.deepEqual(kinds.map(lookAt), ['folder', 'file', 'other', 'dangling link', 'nothing']);
  for (const [name, reason] of [
    ['loop', /links form a cycle/],
    ['file/a', /a part of its path is a file/],
    ['x'.repeat(300), /name is too long/],
  ] as const) {
    await refused((async () => lookAt(join(folder, name)))(), /^cannot read /, reason);
  }
});

test('an error of the system is explained by its system call; other errors stay', () => {
  const failure = (code: string, syscall: string, path?: string) =>
    Object.assign(new Error(`${code}: simulated`), { code, syscall, path });
  const explained = (error: Error) => String(explainSystemError(error));
  assert.match(explained(failure('ENOENT', 'scandir', 'a')), /UserError: cannot read a: it does not exist/);
  assert.match(
    explained(failure('EACCES', 'mkdir', 'a')),
    /UserError: cannot write a: you have no permission/,
  );
  assert.match(explained(failure('ENOSPC', 'open', 'a')), /UserError: cannot write a: the disk is full/);
  assert.match(
    explained(failure('ENOENT', 'uv_cwd')),
    /UserError: the working folder does not exist any more/,
  );
  for (const error of [new TypeError('defect'), failure('ENOENT', 'spawn g++', 'g++')]) {
    assert.equal(explainSystemError(error), error);
  }
});

test('a file of the system that claims to be empty is not taken for an empty file', async () => {
  if (lookAt('/proc/self/status') !== 'file') return;
  await refused(readFileBounded('/proc/self/status', 'the greeting', 100), /does not say its size/);
});
