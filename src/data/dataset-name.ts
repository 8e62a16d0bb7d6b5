/** What the name of a data set says of its kind, before anything is read. */

/** `strokes:` before a folder of IDX files means the strokes of its images. */
export const STROKES_PREFIX = 'strokes:';

/** Whether `--data` certainly means pen strokes. A folder does not tell by its name. */
export function namesStrokes(spec: string): boolean {
  return spec === 'strokes' || spec.startsWith(STROKES_PREFIX) || /\.(tar\.gz|tgz|tar)$/i.test(spec);
}
