/**
 * Writes docs/api, the reference of the library, from the comments in src/: one page for each topic. With `--check` it
 * writes nothing, and fails if a page is behind the sources.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, Comment, Converter, DeclarationReflection, ReflectionKind } from 'typedoc';
import ts from 'typescript';

const root = fileURLToPath(new URL('../', import.meta.url));
const pages = join(root, 'docs/api');

/** The pages in reading order. A page takes the exports that it names, and the others of its sources. */
const PAGES = {
  classifier: {
    title: 'Classifier',
    sources: /^(model\/|state-dict)/,
    about:
      'An LSTM with a linear layer: logits, losses, gradients, parameters. Letters in shapes: B sequences, T steps, ' +
      'I features a step, L layers, D directions (1 or 2), H hidden size, K classes.',
  },
  training: {
    title: 'Training',
    sources: /^(train\/|data\/sources)/,
    exports: ['EpochMetrics', 'CurvePoint', 'OtherPart'],
    about:
      'Trains a classifier on examples given as arrays, on all threads. Letters in shapes: N examples, T steps, ' +
      'I features a step, K classes.',
  },
  optimizers: {
    title: 'Optimisers and schedules',
    sources: /^(node|train\/(optimizer|schedule))\.ts/,
    about: "PyTorch's optimisers and learning-rate schedules, for training loops of your own.",
  },
  recognition: {
    title: 'Recognition',
    sources: /^(recognize|data|runs)\//,
    about:
      'Recognises pictures, drawings and moves with the checkpoint of a run. Letters in shapes: T steps, I values a ' +
      'step, L layers, D directions (1 or 2), H hidden size, K classes.',
  },
  teaching: {
    title: 'Own symbols',
    sources: /^teach\//,
    exports: [
      'trainSymbols',
      'readProject',
      'writeProject',
      'drawingsToNdjson',
      'projectFromNdjson',
      'drawingOf',
      'columnsOf',
      'TeachProject',
      'TeachClass',
      'TeachDrawing',
      'TaughtNetwork',
      'TeachSummary',
      'Confusion',
    ],
    about:
      'Teaches a network symbols of your own from a few drawings of each. [Own symbols](../teach.md) describes how. ' +
      'Letters in shapes: K classes, D values of a feature.',
  },
  strokes: {
    title: 'Pen strokes',
    sources: /^ink\//,
    about: 'From pictures to pen strokes and back. [Pen strokes](../strokes.md) describes the method.',
  },
  files: {
    title: 'Files',
    sources: /^formats\//,
    about:
      'Reads and writes safetensors files. [File formats](../file-formats.md) describes the files of a run.',
  },
  exchange: {
    title: 'Models out and in',
    sources: /^exchange\//,
    exports: ['exportModel', 'mergeCheckpoints', 'CheckpointToMerge'],
    about:
      'Takes models to other tools, brings theirs, and merges several into one. [Interoperability](../interop.md) describes formats and runtimes. ' +
      'Letters in shapes: I features a step, H hidden size, F features of the linear layer, K classes.',
  },
  errors: {
    title: 'Errors',
    sources: /^user-error/,
    exports: ['BackendUnavailable'],
    about: 'What the library throws for mistakes that a program or its user can mend.',
  },
  backends: {
    title: 'Backends',
    sources: /^backends\/(?!backend\.ts)/,
    exports: ['Backend', 'BackendName', 'BackendHandle', 'DeviceBackend'],
    about: 'A backend computes: native code (`cpu`), WebAssembly (`wasm`) or plain TypeScript (`reference`).',
  },
  verbs: {
    title: 'Verbs of a backend',
    sources: /^backends\/backend\.ts/,
    about:
      "Arguments of a backend's verbs, for programs that compute single layers. Letters in shapes: B sequences, " +
      "T steps, N rows (the sum of the sequences' lengths), I input size, H hidden size, D directions (1 or 2), " +
      'K classes, F features. Buffers are dense and row-major; they come from `allocate` and `allocateInts`.',
  },
};

const app = await Application.bootstrapWithPlugins({
  entryPoints: [join(root, 'src/node.ts')],
  tsconfig: join(root, 'src/tsconfig.json'),
  plugin: ['typedoc-plugin-markdown'],
  logLevel: 'Warn',
  skipErrorChecking: true, // tsc has checked
  disableGit: true,
  sort: ['source-order'],
  kindSortOrder: ['Function', 'Class', 'Variable', 'Interface', 'TypeAlias'],
  groupOrder: ['Functions', 'Classes', 'Interfaces', 'Type Aliases', 'Variables'],
  excludeExternals: true,
  excludePrivate: true,
  readme: 'none',
  tableColumnSettings: { hideDefaults: true, hideInherited: true, hideModifiers: true, hideOverrides: true },
  router: 'module',
  disableSources: true,
  hidePageHeader: true,
  hideBreadcrumbs: true,
  useCodeBlocks: true,
  expandParameters: true,
  expandObjects: true,
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  classPropertiesFormat: 'table',
  typeAliasPropertiesFormat: 'table',
  typeDeclarationFormat: 'table',
  propertyMembersFormat: 'table',
  pageTitleTemplates: { module: ({ name }) => PAGES[name].title },
});
app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
  const { project } = context;
  const modules = new Map();
  for (const [name, { about }] of Object.entries(PAGES)) {
    const module = new DeclarationReflection(name, ReflectionKind.Module, project);
    module.comment = new Comment([{ kind: 'text', text: about }]);
    modules.set(name, module);
  }
  for (const each of [...project.children]) {
    const module = modules.get(pageOf(each.name, project.getSymbolIdFromReflection(each).packagePath));
    project.removeChild(each);
    each.parent = module;
    module.addChild(each);
    // A class that is exported as a type, because a function makes its objects.
    const symbol = context.getSymbolFromReflection(each);
    if (symbol && symbol.flags & ts.SymbolFlags.Class) each.kind = ReflectionKind.Class;
    // Symbol.dispose calls close, which is described.
    for (const member of [...(each.children ?? [])]) {
      if (member.name === '[dispose]') project.removeReflection(member);
    }
  }
  for (const module of modules.values()) {
    project.addChild(module);
    project.registerReflection(module);
  }
});

/** The page of an export from `src/…`. A later page is more special than an earlier one. */
function pageOf(name, source) {
  const all = Object.entries(PAGES);
  const path = source.replace('src/', '');
  const page =
    all.find(([, { exports = [] }]) => exports.includes(name)) ??
    all.findLast(([, { sources }]) => sources.test(path));
  if (!page) throw new Error(`write-api-reference: no page for ${name} of ${source}; add it to PAGES`);
  return page[0];
}

/** The first page: a row for each other page. */
function contents(project) {
  const rows = project.children.map(({ name, children }) => {
    const calls = children
      .filter(({ kind }) => kind === ReflectionKind.Function || kind === ReflectionKind.Class)
      .map((each) => `[\`${each.name}\`](${name}.md#${each.name.toLowerCase()})`);
    return `| [${PAGES[name].title}](${name}.md) | ${calls.join(', ')} |`;
  });
  return `# The library

\`import { … } from 'scanstroke'\` offers these, in Node.js and in a page. In a page \`openBackend\` opens \`wasm\` or
\`reference\` only, \`openTrainer\` computes in Web Workers if the page is cross-origin isolated, else in the calling
thread, and \`shippedModel\` and \`filesBeside\`, which read files, are missing. TypeScript with \`moduleResolution:
"bundler"\` shows what a page has; for Node.js add \`customConditions: ["node"]\`.
[README](../../README.md#the-library) has longer examples.

| page | functions and classes |
| --- | --- |
${rows.join('\n')}

The comments in \`src/\` are the source of these pages; \`npm run docs:api\` writes them.
`;
}

const project = await app.convert();
const checks = process.argv.includes('--check');
const folder = checks ? mkdtempSync(join(tmpdir(), 'api-reference-')) : pages;
try {
  app.options.setValue('out', folder);
  await app.generateOutputs(project);
  writeFileSync(join(folder, 'README.md'), contents(project));
  if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exitCode = 1;
  if (checks) {
    const behind = [...new Set([...readdirSync(folder), ...readdirSync(pages)])].filter(
      (name) => read(folder, name) !== read(pages, name),
    );
    if (behind.length > 0) {
      console.error(`docs/api: ${behind.join(', ')} are behind src/; run npm run docs:api and commit them`);
      process.exitCode = 1;
    }
  }
} finally {
  if (checks) rmSync(folder, { recursive: true });
}

/** Null if there is no such file. */
function read(from, name) {
  const path = join(from, name);
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}
