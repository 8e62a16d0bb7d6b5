/**
 * The Chromium in the npm package @sparticuz/chromium (Linux on x64), which `npm ci` installs: the browser, the few
 * libraries and the font that a minimal machine lacks, and SwiftShader, a GPU that computes on the processor, with a
 * Vulkan loader. The package's files are compressed; they are decompressed once, into build/.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import * as tar from 'tar';

const BUILD = fileURLToPath(new URL('../../', import.meta.url));
/** chromium looks for SwiftShader beside itself. */
const ARCHIVES = ['al2023.tar.br', 'fonts.tar.br', 'swiftshader.tar.br'];

/**
 * The folder of the decompressed files: chromium, lib/, fonts/, libvulkan.so.1, vk_swiftshader_icd.json and others. It
 * is renamed into place, so processes may call this at once. Undefined on other systems.
 */
export function unpackPackagedChromium(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const files = join(dirname(fileURLToPath(import.meta.resolve('@sparticuz/chromium'))), '../../bin');
  const { version } = JSON.parse(readFileSync(join(files, '../package.json'), 'utf8')) as { version: string };
  const folder = join(BUILD, `packaged-chromium-${version}`);
  if (existsSync(folder)) return folder;
  mkdirSync(BUILD, { recursive: true });
  const fresh = mkdtempSync(`${folder}-`);
  const decompressed = (name: string) => brotliDecompressSync(readFileSync(join(files, name)));
  writeFileSync(join(fresh, 'chromium'), decompressed('chromium.br'), { mode: 0o755 });
  for (const name of ARCHIVES) {
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
  return folder;
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
