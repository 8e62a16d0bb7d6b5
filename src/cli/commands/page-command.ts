/**
 * `scanstroke page RUN… --out FOLDER`: the page with these networks as static files, which recognise on any host and
 * without a network.
 */
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { ModelEntry, ModelList } from '../../serve/api.js';
import { UserError } from '../../user-error.js';
import { colorsFor, printJson, type Terminal } from '../terminal.js';

interface PageFlags {
  out: string;
  json?: boolean;
}

/** The built page, beside the compiled commands. */
const PAGE = fileURLToPath(new URL('../../page/', import.meta.url));
/** A file that every page has, and little else. */
const MARK = 'service-worker.js';

export function definePage(command: Command, terminal: Terminal): void {
  command
    .argument('<run...>', 'run folders (their best checkpoints are taken) or checkpoints')
    .requiredOption('--out <folder>', 'where the page is written')
    .option('--json', 'print { out, models, bytes }, and nothing else')
    .addHelpText(
      'after',
      `
Examples:
  scanstroke page runs/my-run --out site
  scanstroke page runs/rows runs/strokes --out site   both side by side`,
    )
    .action((runs: string[], flags: PageFlags) => page(runs, flags, terminal));
}

export async function page(
  runs: string[],
  { out, json = false }: PageFlags,
  terminal: Terminal,
): Promise<void> {
  const { makeFolder, writeFileAtomically } = await import('../../formats/files.js');
  if (!existsSync(join(PAGE, MARK))) {
    throw new UserError(`page: ${PAGE} holds no built page; in a clone, run npm run build`);
  }
  refuseOthers(out);
  const models: ModelEntry[] = [];
  const files = new Map<string, Uint8Array>();
  for (const run of runs) {
    const { entry, bytes } = await modelOf(run, new Set(files.keys()));
    models.push(entry);
    files.set(entry.id, bytes);
  }
  for (const part of ['assets', 'models']) rmSync(join(out, part), { recursive: true, force: true });
  await makeFolder(join(out, 'models'));
  cpSync(PAGE, out, { recursive: true });
  for (const { id, file } of models) {
    await writeFileAtomically(join(out, 'models', file), files.get(id) as Uint8Array);
  }
  const list: ModelList = { api: false, default: models[0].id, models };
  await writeFileAtomically(join(out, 'models/index.json'), `${JSON.stringify(list)}\n`);
  const bytes = models.reduce((sum, entry) => sum + entry.bytes, 0);
  if (json) printJson(terminal, { out, models, bytes });
  else terminal.out.write(describe(out, models, bytes, terminal));
}

/** @throws UserError unless the folder is new, empty, or holds a page, which may be written over */
function refuseOthers(out: string): void {
  if (!existsSync(out) || readdirSync(out).length === 0) return;
  if (!existsSync(join(out, MARK)) || !existsSync(join(out, 'models/index.json'))) {
    throw new UserError(`page: ${out} holds other files than a page; give --out a new or an empty folder`);
  }
}

/** The network of a run without what only training needs, and how the page lists it. */
async function modelOf(
  run: string,
  taken: ReadonlySet<string>,
): Promise<{ entry: ModelEntry; bytes: Uint8Array }> {
  const { createHash } = await import('node:crypto');
  const { openBackend } = await import('../../backends/open-node.js');
  const { openRecognizer } = await import('../../recognize/recognizer.js');
  const { encodeCheckpoint } = await import('../../runs/checkpoint.js');
  const { readCheckpoint } = await import('../../runs/checkpoint-file.js');
  const { factsBeside } = await import('../../runs/run-files.js');
  const { findCheckpoint } = await import('../../runs/run-path.js');
  const { checkpoint: path } = findCheckpoint('page', run, 'use');
  const { training: _, ...checkpoint } = await readCheckpoint(path);
  const bytes = encodeCheckpoint(checkpoint);
  const facts = await factsBeside(path);
  const { info } = openRecognizer(bytes, await openBackend('reference'), { name: path, ...facts });
  const id = idOf(path, taken);
  const entry: ModelEntry = {
    id,
    name: id,
    kind: info.kind,
    preset: info.preset,
    classes: info.classes,
    parameters: info.parameters,
    test_accuracy: info.testAccuracy,
    file: `${id}.safetensors`,
    bytes: bytes.length,
    version: createHash('sha256').update(bytes).digest('hex').slice(0, 16),
  };
  return { entry, bytes };
}

/** The name of the run's folder, or of a checkpoint that lies alone, as it may stand in an address. */
function idOf(checkpoint: string, taken: ReadonlySet<string>): string {
  const file = basename(checkpoint).replace(/\.safetensors$/, '');
  const name = ['best', 'last'].includes(file) ? basename(dirname(checkpoint)) : file;
  const plain = name.replace(/[^\w.-]+/g, '-').replace(/^[.-]+/, '') || 'model';
  for (let number = 1; ; number++) {
    const id = number === 1 ? plain : `${plain}-${number}`;
    if (!taken.has(id)) return id;
  }
}

function describe(out: string, models: ModelEntry[], bytes: number, terminal: Terminal): string {
  const { bold, dim } = colorsFor(terminal.out);
  const names = models.map(({ id, kind }) => `  ${id}, reads ${kind}`);
  return `${bold(out)} ${dim(`${(bytes / 2 ** 20).toFixed(1)} MB of models`)}
${names.join('\n')}
Put the folder on any web server, under any path. After the first visit it works offline.
`;
}
