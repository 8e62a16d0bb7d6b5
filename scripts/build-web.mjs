/**
 * Builds the page with vite into dist/page, and beside it the template of the page in one file. Skips both if a hash of
 * the sources is unchanged.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { buildSinglePage } from './build-single-page.mjs';
import { listFiles } from './file-names.mjs';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const hash = createHash('sha256').update(readFileSync(at('package-lock.json')));
for (const folder of ['web/', 'dist/']) {
  for (const name of listFiles(at(folder))) {
    if (/^page\//.test(name) || name.endsWith('.d.ts')) continue;
    hash.update(name).update(readFileSync(at(folder) + name));
  }
}
hash.update(readFileSync(at('scripts/build-single-page.mjs')));
const stamp = hash.digest('hex');
const stampFile = at('build/page.stamp');
if (
  !existsSync(at('dist/page/index.html')) ||
  !existsSync(at('dist/page/one-file-page.txt')) ||
  !existsSync(stampFile) ||
  readFileSync(stampFile, 'utf8') !== stamp
) {
  await build({ configFile: at('web/vite.config.ts'), logLevel: 'warn' });
  await buildSinglePage();
  mkdirSync(at('build'), { recursive: true });
  writeFileSync(stampFile, stamp);
}
