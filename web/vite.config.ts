/**
 * Builds the page into static files for any server and any path. URLs are relative, and nothing is inlined that a
 * strict content-security policy would block. Plugins of this project generate the reports' palette as CSS variables
 * (palette-css.ts) and the list of files that the service worker caches for offline use.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';
import { paletteCss } from './palette-css.js';

const OUT = fileURLToPath(new URL('../dist/page/', import.meta.url));
const SERVICE_WORKER = 'service-worker.js';

/** The module whose files every visit needs, and that with the files that are cached when they are first used. */
const FIRST_WORKER = '/workers/recognition.ts';
const LATE_VIEW = '/teach/teach-page.tsx';

/** Files that only the Teach view needs: its page, its worker, the threads of the training, the formats of networks. */
const lateFiles = new Set<string>();
const firstFiles = new Set<string>();

/** Notes the files of each worker. */
function noteWorkerFiles(): Plugin {
  return {
    name: 'worker-files',
    generateBundle(_, bundle) {
      const files = Object.values(bundle);
      const isFirst = files.some(
        (file) => file.type === 'chunk' && file.facadeModuleId?.endsWith(FIRST_WORKER),
      );
      for (const { fileName, type } of files)
        if (isFirst || type === 'chunk') (isFirst ? firstFiles : lateFiles).add(fileName);
    },
  };
}

/** Writes the list of built files and a hash over their contents (the cache's version) into the service worker. */
function precache(): Plugin {
  return {
    name: 'precache',
    apply: 'build',
    generateBundle(_, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== 'chunk' || !file.facadeModuleId?.endsWith(LATE_VIEW)) continue;
        for (const name of [file.fileName, ...(file.viteMetadata?.importedCss ?? [])]) lateFiles.add(name);
      }
    },
    closeBundle() {
      const files = (readdirSync(OUT, { recursive: true }) as string[])
        .filter((name) => name !== SERVICE_WORKER && statSync(join(OUT, name)).isFile())
        .map((name) => name.replaceAll('\\', '/'))
        .sort();
      const early = files.filter((name) => firstFiles.has(name) || !lateFiles.has(name));
      const hash = createHash('sha256');
      for (const name of files) hash.update(name).update(readFileSync(join(OUT, name)));
      const path = join(OUT, SERVICE_WORKER);
      const text = readFileSync(path, 'utf8')
        .replace('__VERSION__', hash.digest('hex').slice(0, 12))
        .replace(/["'`]__FILES__["'`]/, JSON.stringify(early));
      writeFileSync(path, text);
    },
  };
}

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  plugins: [paletteCss(), precache()],
  worker: { format: 'es', plugins: () => [noteWorkerFiles()] },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: {
        index: fileURLToPath(new URL('index.html', import.meta.url)),
        'service-worker': fileURLToPath(new URL('workers/service-worker.ts', import.meta.url)),
      },
      output: {
        entryFileNames: ({ name }) =>
          name === 'service-worker' ? SERVICE_WORKER : 'assets/[name]-[hash].js',
      },
    },
  },
});
