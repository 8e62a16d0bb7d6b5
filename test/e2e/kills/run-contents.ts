/** The contents of a run folder without what two runs never share: durations, speeds, memory and paths. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { RUN_FILES } from '#src/runs/run-folder.js';

/** Text for each file, by its path in the folder. Two runs are the same if these are. */
export type RunContents = Map<string, string>;

const TIMES = [
  'seconds',
  'epoch_seconds',
  'train_seconds',
  'total_seconds',
  'samples_per_second',
  'gflops',
  'peak_rss_mb',
  'energy_joules',
  'joules',
];
const PATHS = ['saving_path', 'load_cp'];
/** A field with a number or a text; in the header of a checkpoint its quotes are escaped. */
const UNSHARED = new RegExp(
  `\\\\?"(${[...TIMES, ...PATHS].join('|')})\\\\?":\\s*(?:-?[0-9.e+-]+|"[^"]*"|null),?`,
  'g',
);

export function contentsOf(folder: string): RunContents {
  const paths = filesIn(folder).map((path) => relative(folder, path));
  return new Map(paths.map((path) => [path, textOf(join(folder, path))]));
}

function textOf(path: string): string {
  const bytes = readFileSync(path);
  if (path.endsWith(RUN_FILES.last)) {
    const end = 8 + Number(bytes.readBigUInt64LE());
    // Spaces pad the header.
    return `${withoutTimes(bytes.toString('utf8', 8, end)).trimEnd()}\n${hashOf(bytes.subarray(end))}`;
  }
  if (/\.jsonl?$/.test(path)) return withoutTimes(bytes.toString());
  // Their texts name times, or when they were made.
  if (path.endsWith(RUN_FILES.report))
    return bytes.toString().trimEnd().endsWith('</html>') ? 'whole' : 'torn';
  if (path.endsWith('.pdf')) return bytes.toString('latin1').trimEnd().endsWith('%%EOF') ? 'whole' : 'torn';
  return hashOf(bytes);
}

const withoutTimes = (text: string) => text.replace(UNSHARED, '');
const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** All files below a folder, sorted; links and other things that are no folders count as files. */
export function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesIn(path) : [path];
    })
    .sort();
}

/** What differs, one line a file; empty if the runs are the same. */
export function differencesOf(found: RunContents, expected: RunContents): string[] {
  const names = [...new Set([...expected.keys(), ...found.keys()])];
  return names.flatMap((name) => {
    const [here, there] = [found.get(name), expected.get(name)];
    if (here === there) return [];
    if (here === undefined) return [`${name} is missing`];
    if (there === undefined) return [`${name} should not be there`];
    return [`${name} differs: ${firstDifference(here, there)}`];
  });
}

function firstDifference(found: string, expected: string): string {
  let at = 0;
  while (found[at] === expected[at]) at++;
  const from = Math.max(0, at - 30);
  return `${JSON.stringify(found.slice(from, at + 50))}, undisturbed ${JSON.stringify(expected.slice(from, at + 50))}`;
}

/** How far the last checkpoint of a run has come: `[epoch, updates in it]`; null without a checkpoint. */
export function progressOf(folder: string): [number, number] | null {
  const path = join(folder, RUN_FILES.last);
  if (!existsSync(path)) return null;
  const bytes = readFileSync(path);
  const header = bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE()));
  const epoch = /\\"epoch\\":([0-9]+)/.exec(header)?.[1];
  const losses = /\\"losses\\":\[([^\]]*)\]/.exec(header)?.[1];
  if (epoch === undefined || losses === undefined)
    throw new Error(`${path}: no training state in its header`);
  return [Number(epoch), losses === '' ? 0 : losses.split(',').length];
}
