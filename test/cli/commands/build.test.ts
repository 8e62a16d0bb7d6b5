/** Protects `scanstroke build` from its environment: each mistake is one line that says what to do, and no bug report. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../../train/small-mnist.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const folder = temporaryFolder();
const cache = join(folder, 'cache');
const kernels = join(folder, 'kernels');

// The program as installed on a machine without native kernels.
for (const name of readdirSync(join(root, 'dist'))) {
  if (name !== 'page') cpSync(join(root, 'dist', name), join(folder, 'dist', name), { recursive: true });
}
copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
mkdirSync(kernels);
writeFileSync(join(kernels, 'kernels.cc'), '');

/** A compiler that answers `--version` and then runs this line of shell; `$output` is the file to write. */
function compiler(name: string, line: string): string {
  const path = join(folder, name);
  const script = [
    '#!/bin/sh',
    'for word; do output=$word; done',
    `if [ "$1" = --version ]; then ${name === 'vanishing' ? 'rm "$0"' : ':'}; else ${line}; fi`,
  ];
  writeFileSync(path, `${script.join('\n')}\n`, { mode: 0o755 });
  return path;
}

function build(env: Record<string, string>) {
  return spawnSync(process.execPath, [join(folder, 'dist/cli/main.js'), 'build'], {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: '', SCANSTROKE_CACHE: cache, ...env },
    encoding: 'utf8',
  });
}

/** What `scanstroke build` says of a mistake of the environment; it must be one line. */
function complaint(env: Record<string, string>): string {
  const { status, stdout, stderr } = build(env);
  const lines = stderr
    .trim()
    .split('\n')
    .filter((line) => !line.includes('compiling the kernels, about'));
  assert.equal(lines.length, 1, stderr);
  assert.deepEqual([status, stdout], [2, ''], stderr);
  return lines[0];
}

suite('a folder that cannot be made', () => {
  const CXX = compiler('none', 'exit 1');

  test('the cache folder', () => {
    assert.match(
      complaint({ CXX, SCANSTROKE_CACHE: '/dev/null/x' }),
      /^scanstroke: cannot write the folder \/dev\/null\/x\/.*\(ENOTDIR\); SCANSTROKE_CACHE names another/,
    );
  });

  test("the system's folder for temporary files", () => {
    assert.match(
      complaint({ CXX, TMPDIR: '/dev/null/x' }),
      /^scanstroke: cannot write a folder in \/dev\/null\/x: .*\(ENOTDIR\)$/,
    );
  });
});

/** Nothing that later commands would load, and no folder for it. */
function assertNothingLeft(): void {
  const made = existsSync(cache) ? readdirSync(cache) : [];
  for (const name of made) assert.deepEqual(readdirSync(join(cache, name)), []);
}

suite('a compiler', () => {
  test('that does not exist: the message says so, and not that it compiles', () => {
    const { stderr } = build({ CXX: 'missing', PATH: '' });
    assert.match(stderr, /^scanstroke: missing: no C\+\+ compiler runs here; install one .*\n$/);
    assert.ok(!existsSync(cache), 'no folder is made');
  });

  test('a blank CXX counts as none', () => {
    assert.match(
      complaint({ CXX: ' ', PATH: '' }),
      /^scanstroke: g\+\+, clang\+\+, c\+\+: no C\+\+ compiler runs here/,
    );
  });

  for (const [name, what, line, expected] of [
    ['idle', 'that succeeds without a result', ':', /reports success, but wrote no .*\.o$/],
    ['silent', 'that fails without a word', 'exit 3', /does not compile the kernels: exit code 3$/],
    ['killed', 'that is killed', 'kill -9 $$', /does not compile the kernels: SIGKILL$/],
    ['vanishing', 'that cannot be started', ':', /vanishing cannot be started: .*ENOENT$/],
    [
      'wrong',
      'that makes no addon',
      'echo nonsense >"$output"',
      /do not load here .*CXX names another compiler$/,
    ],
  ] as const) {
    test(what, () => {
      const CXX = compiler(name, line);
      const said = complaint({ CXX });
      assert.match(said, expected);
      if (name !== 'wrong') assert.ok(said.startsWith(`scanstroke: ${CXX} `), said);
      assertNothingLeft();
    });
  }
});

test('a package without sources says so', () => {
  rmSync(kernels, { recursive: true });
  assert.ok(!existsSync(kernels));
  assert.match(complaint({}), /^scanstroke: build: the kernels' sources are missing \(.*kernels\); install /);
});
