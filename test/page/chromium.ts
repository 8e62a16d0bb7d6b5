/**
 * Finds a Chromium for the tests of the page: the one that CHROMIUM names; else the one in the npm package
 * @sparticuz/chromium (Linux on x64), which `npm ci` installs with the few libraries and the font that a minimal machine
 * lacks; else Debian's. The package's files are compressed; they are decompressed once, into build/.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import { type Browser, chromium } from 'playwright-core';
import * as tar from 'tar';

const BUILD = fileURLToPath(new URL('../../', import.meta.url));
/** Time limit for the start of a browser: enough for a cold disk. */
const START_MS = 30_000;

interface Chromium {
  path: string;
  /** Environment with the libraries and fonts that the system lacks. */
  environment?: Record<string, string>;
}

/** Decompresses the browser of @sparticuz/chromium. The folder is renamed into place, so processes may do this at once. */
function unpackPackaged(): Chromium | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const files = join(dirname(fileURLToPath(import.meta.resolve('@sparticuz/chromium'))), '../../bin');
  const { version } = JSON.parse(readFileSync(join(files, '../package.json'), 'utf8')) as { version: string };
  const folder = join(BUILD, `chromium-${version}`);
  if (!existsSync(folder)) {
    mkdirSync(BUILD, { recursive: true });
    const fresh = mkdtempSync(`${folder}-`);
    const decompressed = (name: string) => brotliDecompressSync(readFileSync(join(files, name)));
    writeFileSync(join(fresh, 'chromium'), decompressed('chromium.br'), { mode: 0o755 });
    for (const name of ['al2023.tar.br', 'fonts.tar.br']) {
      writeFileSync(join(fresh, 'part.tar'), decompressed(name));
      tar.extract({ sync: true, cwd: fresh, file: join(fresh, 'part.tar') });
    }
    rmSync(join(fresh, 'part.tar'));
    writeFileSync(join(fresh, 'fonts.conf'), fontConfiguration(folder));
    try {
      renameSync(fresh, folder);
    } catch {
      rmSync(fresh, { recursive: true }); // another process was first
    }
  }
  const path = join(folder, 'chromium');
  // The system's libraries are newer and come first; the package's are used if they are missing.
  const runs = spawnSync(path, ['--version']).status === 0;
  const libraries: Record<string, string> = runs ? {} : { LD_LIBRARY_PATH: join(folder, 'lib') };
  return { path, environment: { ...libraries, FONTCONFIG_FILE: join(folder, 'fonts.conf') } };
}

/** The system's fonts, if there are any, and the package's. */
function fontConfiguration(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>${join(folder, 'fonts')}</dir>
  <cachedir>${join(folder, 'font-cache')}</cachedir>
</fontconfig>
`;
}

/** The browsers to try, best first. */
function candidates(): Chromium[] {
  if (process.env.CHROMIUM !== undefined) return [{ path: process.env.CHROMIUM }];
  const systems = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  const packaged = unpackPackaged();
  return [...(packaged ? [packaged] : []), ...systems.filter(existsSync).map((path) => ({ path }))];
}

/** Starts a browser without a window; null if none runs. */
export async function startChromium(): Promise<Browser | null> {
  for (const { path, environment } of candidates()) {
    try {
      return await chromium.launch({
        executablePath: path,
        args: ['--no-sandbox', '--disable-gpu'],
        timeout: START_MS,
        env: { ...process.env, ...environment },
      });
    } catch {
      // the next one
    }
  }
  return null;
}

/** Instructions for a machine without a browser, in one line. */
export const NO_CHROMIUM =
  'no Chromium runs here; install it (Debian: apt-get install chromium), or name one: CHROMIUM=/path/to/chromium';
