/**
 * Files of the charts' font, IBM Plex Sans (SIL Open Font License). With them, PNGs and PDFs look the same on every
 * machine, also on one without fonts. All digits of this font have the same width.
 */

import { fileURLToPath } from 'node:url';

/** Paths of the regular and the semi-bold font, which the build copies. */
export const fontFiles: readonly string[] = ['IBMPlexSans_400Regular', 'IBMPlexSans_600SemiBold'].map(
  (name) => fileURLToPath(new URL(`./fonts/${name}.ttf`, import.meta.url)),
);

/**
 * Whether a text has characters outside the font, which has Latin, Greek and Cyrillic letters. Such a text needs the
 * machine's fonts too.
 */
export function needsOtherFonts(text: string): boolean {
  return /[^\n\r\t\u0020-\u017f\u0384-\u03ce\u0400-\u045f\u1ea0-\u1ef9\u2010-\u2026\u2190-\u2199\u2212\ufffd]/u.test(
    text,
  );
}
