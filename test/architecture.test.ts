/** Protects ARCHITECTURE.md: imports go one way and never in a circle, and what a page loads needs no Node.js. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('../../src/', import.meta.url));

/** Which rooms each room may import from, besides itself and the files outside of rooms. */
const MAY_IMPORT: Record<string, string[]> = {
  backends: [],
  formats: [],
  ink: [],
  data: ['formats', 'ink'],
  model: ['data', 'formats', 'backends'],
  recognize: ['model', 'data', 'runs', 'ink', 'formats', 'backends'],
  runs: ['model', 'data', 'formats'],
  exchange: ['model', 'data', 'runs', 'ink', 'formats'],
  train: ['exchange', 'model', 'data', 'runs', 'formats', 'backends'],
  teach: ['train', 'recognize', 'model', 'data', 'runs', 'ink', 'formats', 'backends'],
  report: ['runs', 'formats', 'ink'],
  serve: ['teach', 'train', 'report', 'recognize', 'model', 'data', 'runs', 'ink', 'formats', 'backends'],
  cli: ['serve', 'exchange', 'train', 'report', 'recognize', 'data', 'runs', 'formats', 'backends'],
};
/** The entry points, and the files that every room may use. */
const ENTRANCES = ['index.ts', 'node.ts', 'public.ts'];
const FOUNDATIONS = [
  'cache-folder.ts',
  'half.ts',
  'random.ts',
  'shared-memory.ts',
  'state-dict.ts',
  'user-error.ts',
];

const files = (readdirSync(SOURCE, { recursive: true }) as string[]).filter((name) => name.endsWith('.ts'));

/** The specifiers that a file imports, types and dynamic imports included. */
function specifiersIn(path: string): string[] {
  const text = readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  return [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]);
}

/** What a file imports: paths relative to src/, or names of packages. */
function importsOf(file: string): string[] {
  return specifiersIn(join(SOURCE, file)).map((specifier) =>
    specifier.startsWith('.')
      ? relative(SOURCE, join(SOURCE, dirname(file), specifier)).replace(/\.js$/, '.ts')
      : specifier,
  );
}

const roomOf = (file: string) => (file.includes('/') ? file.split('/')[0] : null);

test('every file is in a known room, or is an entry point or a common file', () => {
  for (const file of files) {
    const room = roomOf(file);
    assert.ok(
      room === null ? [...ENTRANCES, ...FOUNDATIONS].includes(file) : room in MAY_IMPORT,
      `${file} is in no known room`,
    );
  }
});

test('imports go one way', () => {
  let seen = 0;
  for (const file of files.filter((name) => !ENTRANCES.includes(name))) {
    const room = roomOf(file);
    for (const target of importsOf(file).filter((name) => name.endsWith('.ts'))) {
      seen++;
      const to = roomOf(target);
      const allowed =
        to === null
          ? FOUNDATIONS.includes(target)
          : to === room || (room !== null && MAY_IMPORT[room].includes(to));
      assert.ok(allowed, `src/${file} imports ${target}`);
    }
  }
  assert.ok(seen > 100, 'the pattern finds imports');
});

test('single kernels are for tests and benchmarks: nothing in src imports the probe', () => {
  assert.ok(files.includes('backends/probe.ts'));
  const importers = files.filter((file) => importsOf(file).includes('backends/probe.ts'));
  assert.deepEqual(importers, []);
});

test('the page imports only what it may, and of the server only types', () => {
  const web = fileURLToPath(new URL('../../web/', import.meta.url));
  const may = ['teach', 'exchange', 'data', 'recognize', 'report', 'runs', 'ink', 'formats', 'backends'];
  let seen = 0;
  for (const name of readdirSync(web, { recursive: true }) as string[]) {
    if (!/\.tsx?$/.test(name)) continue;
    const text = readFileSync(join(web, name), 'utf8');
    for (const [, type, room] of text.matchAll(/import (type )?[^;]*? from '#src\/(\w+)\//g)) {
      seen++;
      assert.ok(may.includes(room) || (type && room === 'serve'), `web/${name} imports from ${room}`);
    }
  }
  assert.ok(seen > 20, 'the pattern finds imports');
});

test('what a page loads imports nothing of Node.js, and does without SharedArrayBuffer', () => {
  const reached = new Set(['index.ts']);
  for (const file of reached) {
    const text = readFileSync(join(SOURCE, file), 'utf8');
    assert.ok(file === 'shared-memory.ts' || !text.includes('new SharedArrayBuffer'), `src/${file}`);
    for (const target of importsOf(file)) {
      assert.ok(!target.startsWith('node:'), `src/${file} imports ${target}`);
      if (target.endsWith('.ts')) reached.add(target);
    }
  }
  assert.ok(reached.size > 10);
});

test('a training begins without the libraries that only its report, YAML files or archives need', () => {
  const built = fileURLToPath(new URL('../../dist/', import.meta.url));
  const reached = new Set(['cli/commands/train/train-parts.js']);
  for (const file of reached) {
    if (!file.endsWith('.js') || file.startsWith('vendor/')) continue;
    for (const [, target] of readFileSync(join(built, file), 'utf8').matchAll(
      /^(?:import|export)\b[^'"]*['"]([^'"]+)['"]/gm,
    )) {
      reached.add(target.startsWith('.') ? normalize(join(dirname(file), target)) : target);
    }
  }
  assert.ok(reached.has('vendor/zod.js') && reached.size > 80, 'the pattern finds imports');
  const late = [
    'report/charts/chart-files.js',
    ...['fast-png', 'yaml', 'tar'].map((name) => `vendor/${name}.js`),
  ];
  assert.deepEqual(
    late.filter((file) => reached.has(file)),
    [],
  );
});

/** The files of a folder with the files of the same folder that each imports. */
function importGraph(folder: string): Map<string, string[]> {
  const names = (readdirSync(folder, { recursive: true }) as string[]).filter((name) => /\.tsx?$/.test(name));
  const known = new Set(names);
  return new Map(
    names.map((name) => {
      const targets = specifiersIn(join(folder, name))
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => normalize(join(dirname(name), specifier)))
        .flatMap((target) => [target, target.replace(/\.js$/, '.ts'), target.replace(/\.js$/, '.tsx')])
        .filter((target) => known.has(target));
      return [name, targets];
    }),
  );
}

/** A circle of imports: the files from one file back to itself; null if there is none. */
function circleIn(graph: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();
  const search = (file: string, way: string[]): string[] | null => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return null;
    for (const target of graph.get(file) ?? []) {
      const circle = search(target, [...way, file]);
      if (circle) return circle;
    }
    done.add(file);
    return null;
  };
  for (const file of graph.keys()) {
    const circle = search(file, []);
    if (circle) return circle;
  }
  return null;
}

test('the search finds a circle, and only a circle', () => {
  const graph = (edges: Record<string, string[]>) => new Map(Object.entries(edges));
  assert.equal(circleIn(graph({ a: ['b', 'c'], b: ['d'], c: ['d'], d: [] })), null);
  assert.deepEqual(circleIn(graph({ a: ['b'], b: ['c'], c: ['d'], d: ['b'] })), ['b', 'c', 'd', 'b']);
});

for (const folder of ['src', 'web', 'bench']) {
  test(`no imports in ${folder} go in a circle`, () => {
    const graph = importGraph(fileURLToPath(new URL(`../../${folder}/`, import.meta.url)));
    const edges = [...graph.values()].reduce((sum, targets) => sum + targets.length, 0);
    assert.ok(edges > 20, 'the pattern finds imports');
    assert.equal(circleIn(graph)?.join(' → '), undefined);
  });
}
