/** The command line, run in this process: hostile paths and flags for every command. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '#src/cli/program.js';
import type { Output } from '#src/cli/terminal/terminal.js';
import { UserError } from '#src/user-error.js';
import { greyPng } from '../../data/pictures/png-file.js';
import { checkpointBytes, ROWS } from '../../recognize/checkpoint-bytes.js';
import { writeSmallMnist } from '../../train/small-mnist.js';
import { makeCommand } from '../command-grammar.js';
import { decodeJson, encodeJson } from '../minimise.js';
import type { Openers } from '../target.js';

/** What a command printed, and how it ended. */
interface Ended {
  code: number;
  out: string;
  err: string;
}

class Recorded implements Output {
  text = '';
  write(text: string): boolean {
    this.text += text;
    // A server that has begun ends as after Ctrl-C. `serve` sends the process the same signal again after three seconds:
    // this one has no effect, so that the next inputs run on.
    if (text.includes('http://')) setImmediate(() => process.emit('SIGINT', 'SIGWINCH'));
    return true;
  }
}

/** Runs a command. Help, which goes to the standard output of the process, is recorded as well. */
async function runCommand(args: string[]): Promise<Ended> {
  const [out, err] = [new Recorded(), new Recorded()];
  const { write } = process.stdout;
  process.stdout.write = (text: string | Uint8Array) => out.write(String(text));
  process.exitCode = undefined;
  try {
    const code = (await run(args, { out, err })) || Number(process.exitCode ?? 0);
    return { code, out: out.text, err: err.text };
  } finally {
    process.stdout.write = write;
    process.exitCode = undefined;
  }
}

/** Throws for an end that is not as promised, and a UserError for a refusal. */
function judge(args: string[], { code, out, err }: Ended): void {
  const told = `${JSON.stringify(args)}: exit code ${code}: ${err.slice(-600)}`;
  assert.ok(!/^\s+at .*:\d+/m.test(err), `a stack: ${told}`);
  if (code === 0) {
    const wantsJson = args.includes('--json') && !args.some((each) => /^(--?h|--?V|--vers)/.test(each));
    if (wantsJson && out !== '' && !out.startsWith('Usage')) JSON.parse(out);
    return;
  }
  assert.equal(code, 2, told);
  const lines = err.split('\n').filter((line) => line.startsWith('scanstroke: '));
  assert.ok(lines.length > 0 && err.endsWith(`${lines.at(-1)}\n`), `no explanation at the end: ${told}`);
  throw new UserError(lines.at(-1) ?? '');
}

const TEXTS: Record<string, string> = {
  'file.txt': 'hello\n',
  'config.yaml': 'num_epochs: 1\nhidden_size: 2\n',
  'bad.json': '{"strokes": [[[',
  'bad.png': '\x89PNG',
  'drawing.json': '{"strokes": [{"x": [1, 9, 20], "y": [2, 20, 25]}]}',
  'bad.safetensors': '\x10\0\0\0\0\0\0\0{}',
};

interface Seeds {
  /** A pipe, to make links to. */
  pipe: string;
  /** A folder of IDX files. */
  images: string;
  checkpoint: Uint8Array;
}

/** Makes the working folder anew. */
function makeFolder(folder: string, { pipe, images, checkpoint }: Seeds): void {
  rmSync(folder, { recursive: true, force: true });
  for (const name of ['run', 'empty', 'folder/inside', 'images', 'runs', 'spy']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  cpSync(images, join(folder, 'images'), { recursive: true });
  for (const [name, text] of Object.entries(TEXTS)) writeFileSync(join(folder, name), text, 'latin1');
  for (const name of ['best', 'last']) writeFileSync(join(folder, `run/${name}.safetensors`), checkpoint);
  writeFileSync(join(folder, 'spy/config.json'), '{"data": "/etc/hostname"}');
  writeFileSync(
    join(folder, 'digit.png'),
    greyPng(
      Uint8Array.from({ length: 144 }, (_, i) => (i % 5 ? 0 : 255)),
      12,
    ),
  );
  for (const name of ['pipe', 'pipe.json', 'pipe.safetensors']) linkSync(pipe, join(folder, name));
  symlinkSync('loop', join(folder, 'loop'));
  symlinkSync('nowhere', join(folder, 'dangling'));
}

export const OPENERS: Openers = {
  command: async (root) => {
    const pipe = join(root, 'pipe');
    execFileSync('mkfifo', [pipe]);
    mkdirSync(join(root, 'images'));
    const images = writeSmallMnist(join(root, 'images'), 40, 10);
    const checkpoint = checkpointBytes(ROWS, { hiddenSize: 2, numLayers: 1, numClasses: 10 });
    const folder = join(root, 'box/work');
    const before = process.cwd();
    process.env.SCANSTROKE_CACHE = join(root, 'cache');
    return {
      make: (random) => encodeJson(makeCommand(random)),
      run: async (input) => {
        const given = decodeJson(input);
        const args = (Array.isArray(given) ? given : []).map((each) => String(each).replaceAll('\0', '')); // The system passes no such bytes.
        makeFolder(folder, { pipe, images, checkpoint });
        process.chdir(folder);
        try {
          judge(args, await runCommand(args));
        } finally {
          process.chdir(before);
        }
      },
    };
  },
};
