/**
 * Builds one part of the page in one file, which vite's mode names: `unpack`, `main` or `worker`. Each part is one script
 * without imports (`main` is a module, the others are classic), the style is one text with the fonts in it.
 * scripts/build-single-page.mjs puts the parts together.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { paletteCss } from '../palette-css.js';
import { withoutUnused } from '../without-unused.js';

const ENTRIES: Record<string, string> = {
  unpack: 'unpack.ts',
  main: 'main.tsx',
  worker: '../workers/single-recognition.ts',
};

export default defineConfig(({ mode }) => ({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [paletteCss(), withoutUnused()],
  publicDir: false,
  // The mode names a part; all parts are for production.
  define: { 'process.env.NODE_ENV': '"production"' },
  build: {
    write: false,
    target: 'es2022',
    assetsInlineLimit: Number.MAX_SAFE_INTEGER,
    modulePreload: false,
    rolldownOptions: {
      input: fileURLToPath(new URL(ENTRIES[mode], import.meta.url)),
      output: { format: mode === 'main' ? 'es' : 'iife', codeSplitting: false },
    },
  },
}));
