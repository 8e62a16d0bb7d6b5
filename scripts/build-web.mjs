/** Builds the page into dist/page with vite. Skips the build if a hash of its sources is unchanged. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { listFiles } from './file-names.mjs';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const hash = createHash('sha256').update(readFileSync(at('package-lock.json')));
for (const folder of ['web/', 'dist/']) {
  for (const name of listFiles(at(folder))) {
    if (name.startsWith('page/') || name.endsWith('.d.ts')) continue;
    hash.update(name).update(readFileSync(at(folder) + name));
  }
}
const stamp = hash.digest('hex');
const stampFile = at('build/page.stamp');
if (
  !existsSync(at('dist/page/index.html')) ||
  !existsSync(stampFile) ||
  readFileSync(stampFile, 'utf8') !== stamp
) {
  await build({ configFile: at('web/vite.config.ts'), logLevel: 'warn' });
  mkdirSync(at('build'), { recursive: true });
  writeFileSync(stampFile, stamp);
}
