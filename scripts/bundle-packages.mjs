/**
 * Bundles the packages that the compiled code imports into dist/vendor, one file per package, and redirects the imports
 * there. So an installation of scanstroke needs few other packages. Only the imported names of a package are bundled.
 * The optional and the peer dependencies in package.json contain binaries and are not bundled.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { listFiles, withSlashes } from './file-names.mjs';

const root = fileURLToPath(new URL('../', import.meta.url));
const vendor = join(root, 'dist/vendor');
const { optionalDependencies, peerDependencies, devDependencies } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
);
const external = new Set([
  ...builtinModules,
  ...Object.keys({ ...optionalDependencies, ...peerDependencies }),
]);
const fileName = (specifier) => `${specifier.replace('@', '').replaceAll('/', '-').replace(/\.js$/, '')}.js`;
/** Modules that are imported from within a package: its main module has less, or needs Node.js. */
const MODULES = ['@jsquash/jpeg/decode.js', '@jsquash/webp/decode.js', 'fflate/browser'];

/**
 * `from 'zod'`, `import('yaml')`; in a file that has been treated, `from '../vendor/zod.js'`. The statement starts its
 * line: those of examples in comments do not.
 */
const IMPORT =
  /(?:^(?:import|export)\s+([^'";/]*?)\s*from\s*|\{([^{}]*)\}\s*=\s*await import\()'([^'\n]+)'/gm;

/** Imported names by file in dist/vendor; `*` for all. */
const imported = new Map();
for (const name of listFiles(join(root, 'dist'))) {
  if (!name.endsWith('.js') || /^(page|vendor)\//.test(name)) continue;
  const path = join(root, 'dist', name);
  const toVendor = `./${withSlashes(relative(dirname(path), vendor))}/`.replace('./..', '..');
  const before = readFileSync(path, 'utf8');
  const after = before.replace(IMPORT, (statement, clause, members, specifier) => {
    const treated = specifier.startsWith(toVendor) ? specifier.slice(toVendor.length) : undefined;
    if (treated === undefined && (/^[.#]|^node:/.test(specifier) || external.has(specifier)))
      return statement;
    const file = treated ?? fileName(specifier);
    const names = imported.get(file) ?? new Set();
    imported.set(file, names);
    for (const word of namesOf(clause ?? `{${members}}`)) names.add(word);
    return statement.replace(`'${specifier}'`, `'${toVendor}${file}'`);
  });
  if (after !== before) writeFileSync(path, after);
}

function namesOf(clause) {
  if (clause.includes('*')) return ['*'];
  const [, before, members = ''] = /^([^{]*)(?:\{([^}]*)\})?$/s.exec(clause) ?? [];
  return [
    ...(before.replace(',', '').trim() ? ['default'] : []),
    ...members
      .split(',')
      .map((member) => member.trim().split(/\s+as\s+|\s*:\s*/)[0])
      .filter(Boolean),
  ];
}

const entries = [...imported].map(([file, names]) => {
  const name = [...Object.keys(devDependencies), ...MODULES].find(
    (candidate) => fileName(candidate) === file,
  );
  if (!name) throw new Error(`bundle-packages: the package of ${file} is missing in the devDependencies`);
  const list = names.has('*') ? '*' : `{ ${[...names].sort().join(', ')} }`;
  return [file, `export ${list} from '${name}';`];
});
const stamp = createHash('sha256')
  .update(JSON.stringify(entries.sort()))
  .update(readFileSync(join(root, 'package-lock.json')))
  .update(readFileSync(fileURLToPath(import.meta.url)))
  .digest('hex');
const stampFile = join(vendor, 'stamp');
const current = existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp;
if (!current || !entries.every(([file]) => existsSync(join(vendor, file)))) {
  const output = await build({
    configFile: false,
    root,
    logLevel: 'warn',
    ssr: { noExternal: true },
    plugins: [
      {
        name: 'entries',
        enforce: 'pre',
        resolveId: (id) =>
          id.startsWith('entry:') ? withSlashes(join(root, id.replace(':', '-'))) : undefined,
        load: (id) => Object.fromEntries(entries)[/\/entry-(.+)$/.exec(id)?.[1]],
      },
      { name: 'bounded-runs', transform: boundedRuns },
    ],
    build: {
      ssr: true,
      outDir: vendor,
      emptyOutDir: true,
      copyPublicDir: false,
      target: 'node20',
      minify: true,
      rolldownOptions: {
        input: Object.fromEntries(entries.map(([file]) => [file.replace(/\.js$/, ''), `entry:${file}`])),
        output: { entryFileNames: '[name].js', chunkFileNames: 'shared-[hash].js' },
      },
    },
  });
  writeFileSync(join(vendor, 'LICENSES.txt'), licences(output.output));
  writeFileSync(stampFile, stamp);
}

/**
 * A run of equal values in a Parquet page says its length, which hyparquet trusts: it would write past the values of the
 * page and grow the array to gigabytes. The check of the page headers (parquet-pages.ts) does not see it.
 */
function boundedRuns(code, id) {
  if (!withSlashes(id).endsWith('/hyparquet/src/encoding.js')) return undefined;
  const loop = 'for (let i = 0; i < count; i++) {\n    output[seen + i] = value';
  if (!code.includes(loop)) throw new Error(`bundle-packages: the loop over a run is not in ${id}`);
  return code.replace(loop, loop.replace('i < count', 'i < Math.min(count, output.length - seen)'));
}

/** The licences of all bundled packages. */
function licences(chunks) {
  const folders = new Set();
  for (const id of chunks.flatMap(({ moduleIds = [] }) => moduleIds)) {
    const folder = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(withSlashes(id))?.[1];
    if (folder) folders.add(folder);
  }
  return [...folders]
    .sort()
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice)(\.\w+)?$/i.test(file));
      const texts = files.sort().map((file) => readFileSync(join(folder, file), 'utf8').trim());
      return [`${name} ${version} (${license})`, ...texts].join('\n\n');
    })
    .join(`\n\n${'-'.repeat(80)}\n\n`);
}
