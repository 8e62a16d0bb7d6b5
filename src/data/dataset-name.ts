/** The kind of a data set from its name alone. */
import type { KindName } from './input-kind.js';

/** `strokes:` before a folder of IDX files means the strokes of its images. */
export const STROKES_PREFIX = 'strokes:';

/** The path of a value of `--data`. */
export function withoutPrefix(spec: string): string {
  return spec.startsWith(STROKES_PREFIX) ? spec.slice(STROKES_PREFIX.length) : spec;
}

/** Endings of files with drawings (pens/drawing-files.ts). */
export const DRAWING_FILE = /\.(ndjson|jsonl|json|bin|tra|tes|unipen)$/i;

/** Whether a file with this name holds drawings. */
export function isDrawingFile(name: string): boolean {
  return DRAWING_FILE.test(name);
}

/** Whether a file with this name holds drawings, or sketch-rnn's arrays of them. */
export function isDrawingOrSketchFile(name: string): boolean {
  return isDrawingFile(name) || /\.npz$/i.test(name);
}

/** Endings of files with people's own pictures (own/open-own.ts). */
const OWN_FILE = /\.(zip|csv|tsv|npy|npz|parquet)$/i;

/** Whether a file with this name holds people's own pictures. */
export function isOwnFile(name: string): boolean {
  return OWN_FILE.test(name);
}

/** The kind of data that a value of `--data` names; null for a folder, whose name does not tell. */
export function kindNamed(spec: string): KindName | null {
  if (spec === 'mnist') return 'images';
  if (isOwnFile(spec) && !spec.startsWith(STROKES_PREFIX)) return 'images';
  const isArchive = /\.(tar\.gz|tgz|tar)$/i.test(spec);
  const isStrokes = spec === 'strokes' || spec.startsWith(STROKES_PREFIX) || isArchive || isDrawingFile(spec);
  return isStrokes ? 'strokes' : null;
}

/** Near spellings of the built-in data sets. */
const BUILT_IN: Readonly<Record<string, string>> = {
  mnist: 'mnist mnists mnits digits mnist-digits mnist-images',
  strokes: 'strokes stroke mnist-strokes strokes-mnist pens pen ink sequences',
};

/** Whether a value of `--data` names a data set of the package, no path. */
export function isBuiltIn(spec: string): boolean {
  return Object.hasOwn(BUILT_IN, spec);
}

/** The built-in data set that a path which does not exist probably means: `strokes` for `stroke`. */
export function builtInFor(spec: string): string | undefined {
  const word = spec.toLowerCase().replaceAll('_', '-');
  return Object.keys(BUILT_IN).find((name) => BUILT_IN[name].split(' ').includes(word));
}
