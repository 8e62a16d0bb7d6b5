/**
 * Builds dist/page/one-file-page.txt: the page in one file, without a model. It lies beside the page, whose view Teach
 * writes such pages, too. Code and style are packed; the policy in the document names their hashes.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import zopfli from '@gfx/zopfli';
import { build } from 'vite';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

export async function buildSinglePage() {
  const { packParcel } = await import(new URL('../dist/formats/parcel.js', import.meta.url));
  const [unpack, main, worker] = [await part('unpack'), await part('main'), await part('worker')];
  const kernels = readFileSync(at('dist/backends/wasm/kernels.wasm'));
  // theme.js is for the time before the first paint.
  const first = readFileSync(at('web/public/theme.js'), 'utf8') + unpack.script;
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(first)} ${hashOf(main.script)} 'wasm-unsafe-eval'`,
    `style-src ${hashOf(main.style)}`,
    'worker-src blob:',
    'font-src data:',
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ];
  const bytes = [main.style, main.script, worker.script].map((text) => Buffer.from(text));
  const contents = {
    POLICY: policy.join('; '),
    ICON: readFileSync(at('web/public/icon.svg')).toString('base64'),
    CODE: await packParcel([...bytes, kernels], deflateBest),
    UNPACK: `<script>${first}</script>`,
  };
  const page = readFileSync(at('web/single/template.html'), 'utf8').replace(
    /(?:<!--)?%([A-Z]+)%(?:-->)?/g,
    (_, name) => contents[name],
  );
  writeFileSync(at('dist/page/one-file-page.txt'), page);
}

/** The script and the style of a part (web/single/vite.config.ts). */
async function part(mode) {
  const { output } = await build({
    configFile: at('web/single/vite.config.ts'),
    mode,
    logLevel: 'warn',
  });
  const scripts = output.filter(({ type }) => type === 'chunk').map(({ code }) => code);
  const styles = output.filter(({ fileName }) => fileName.endsWith('.css')).map(({ source }) => source);
  if (scripts.length !== 1 || output.length !== scripts.length + styles.length) {
    throw new Error(`build-single-page: ${mode} has ${output.map(({ fileName }) => fileName).join(', ')}`);
  }
  if (/<\/script|<!--/i.test(scripts[0])) throw new Error(`build-single-page: ${mode} cannot be in HTML`);
  return { script: scripts[0], style: styles.join('') };
}

/** Raw deflate by Zopfli, which looks for the shortest result: 3 % less than zlib's best. @param {Blob} content */
async function deflateBest(content) {
  return zopfli.deflateAsync(new Uint8Array(await content.arrayBuffer()), { numiterations: 15 });
}

function hashOf(text) {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
