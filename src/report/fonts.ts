/**
 * The charts' typeface, IBM Plex Sans (SIL Open Font License), as files: pictures and PDFs have the same text on
 * every machine, also on one without any font. Its digits are all equally wide.
 */

import { fileURLToPath } from 'node:url';

/** Regular and semi-bold; the build puts them there. */
export const fontFiles: readonly string[] = ['IBMPlexSans_400Regular', 'IBMPlexSans_600SemiBold'].map(
  (name) => fileURLToPath(new URL(`./fonts/${name}.ttf`, import.meta.url)),
);

/**
 * Whether a text has letters that the typeface lacks (it has Latin, Greek and Cyrillic ones); then the machine's
 * own fonts are needed beside it.
 */
export function needsOtherFonts(text: string): boolean {
  return /[^\n\r\t\u0020-\u017f\u0384-\u03ce\u0400-\u045f\u1ea0-\u1ef9\u2010-\u2026\u2190-\u2199\u2212\ufffd]/u.test(
    text,
  );
}
