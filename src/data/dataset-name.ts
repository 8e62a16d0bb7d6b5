/** What the name of a data set says of its kind, before anything is read. */

/** `strokes:` before a folder of IDX files means the strokes of its images. */
export const STROKES_PREFIX = 'strokes:';

/** Endings of files with drawings (pens/drawing-files.ts). */
export const DRAWING_FILE = /\.(ndjson|jsonl|json|tra|tes|unipen)$/i;

/** Whether a file with this name holds drawings. */
export function isDrawingFile(name: string): boolean {
  return DRAWING_FILE.test(name);
}

/** Whether `--data` certainly means pen strokes. A folder does not tell by its name. */
export function namesStrokes(spec: string): boolean {
  const isArchive = /\.(tar\.gz|tgz|tar)$/i.test(spec);
  return spec === 'strokes' || spec.startsWith(STROKES_PREFIX) || isArchive || isDrawingFile(spec);
}
