/**
 * `scanstroke page RUN… --out FOLDER`: writes the page with these networks as static files. They work on any web
 * server, and offline after the first visit.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { printable } from '../../report/recall.js';
import type { ModelEntry, ModelList } from '../../serve/api.js';
import { UserError } from '../../user-error.js';
import { colorsFor, printJson, type Terminal } from '../terminal/terminal.js';

interface PageFlags {
  out: string;
  json?: boolean;
}

/** The built page, beside the compiled commands. */
const PAGE = fileURLToPath(new URL('../../page/', import.meta.url));

export function definePage(command: Command, terminal: Terminal): void {
  command
    .argument(
      '<run...>',
      'run folders (uses their best checkpoints), checkpoints, projects with a network, or a network of the package: digits, digit-strokes',
    )
    .requiredOption('--out <folder>', 'folder to write: new, empty, or with an older page')
    .option('--json', 'print only { out, models, bytes } as JSON')
    .addHelpText(
      'after',
      `
Examples:
  scanstroke page runs/my-run --out site
  scanstroke page runs/rows runs/strokes --out site   two networks side by side`,
    )
    .action((runs: string[], flags: PageFlags) => page(runs, flags, terminal));
}

export async function page(
  runs: string[],
  { out, json = false }: PageFlags,
  terminal: Terminal,
): Promise<void> {
  if (!existsSync(PAGE)) {
    throw new UserError(`page: there is no built page in ${PAGE}; in a clone, run npm run build`);
  }
  const { refuseOthers, writePage } = await import('../page-folder.js');
  refuseOthers(out);
  const models: ModelEntry[] = [];
  const files: { name: string; bytes: Uint8Array }[] = [];
  for (const run of runs) {
    const { entry, bytes } = await modelOf(run, new Set(models.map(({ id }) => id)));
    models.push(entry);
    files.push({ name: entry.file, bytes });
  }
  const list: ModelList = { api: false, default: models[0].id, models };
  files.push({ name: 'index.json', bytes: Buffer.from(`${JSON.stringify(list)}\n`) });
  await writePage(PAGE, out, files);
  const bytes = models.reduce((sum, entry) => sum + entry.bytes, 0);
  if (json) printJson(terminal, { out, models, bytes });
  else terminal.out.write(describe(out, models, bytes, terminal));
}

/** The checkpoint of a run without its training state, and its entry in the page's list. */
async function modelOf(
  run: string,
  taken: ReadonlySet<string>,
): Promise<{ entry: ModelEntry; bytes: Uint8Array }> {
  const { createHash } = await import('node:crypto');
  const { describeCheckpoint } = await import('../../recognize/recognizer.js');
  const { encodeCheckpoint } = await import('../../runs/checkpoint/checkpoint.js');
  const { readTrainedModel } = await import('../../runs/checkpoint/checkpoint-file.js');
  const { factsBeside } = await import('../../runs/run-files.js');
  const { findCheckpoint, modelName } = await import('../../runs/run-path.js');
  const { isShipped } = await import('../../runs/shipped-models.js');
  const { checkpoint: path } = findCheckpoint('page', run, 'use');
  const bytes = encodeCheckpoint(await readTrainedModel(path));
  const info = describeCheckpoint(bytes, { name: path, ...(await factsBeside(path)) });
  const id = idOf(modelName(path), taken);
  const entry: ModelEntry = {
    id,
    name: id,
    shipped: isShipped(path),
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

/** An id that no other network has. */
function idOf(name: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    const id = number === 1 ? name : `${name}-${number}`;
    if (!taken.has(id)) return id;
  }
}

function describe(out: string, models: ModelEntry[], bytes: number, terminal: Terminal): string {
  const { bold, dim } = colorsFor(terminal.out);
  const names = models.map(({ id, kind }) => `  ${id}, reads ${kind}`);
  return `${bold(printable(out))} ${dim(`${(bytes / 2 ** 20).toFixed(1)} MB of models`)}
${names.join('\n')}
Copy the folder to any web server, under any path. The page works offline after the first visit.
`;
}
