/**
 * Protects the library's declarations: they compile in a program for Node.js, which has no types of a page, and in one for
 * a page, which has none of Node.js; every type that a public signature mentions can be imported by its name; every
 * function and class says what it does, by an example; and the examples of the documentation compile as TypeScript.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DIST = join(ROOT, 'dist/');

/** What the compiler says, with names of files below `folder`. */
function errorsOf(program: ts.Program, folder: string): string[] {
  return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    return `${file?.fileName.replace(folder, '')}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

/** What the programs that use an entry have, besides the package. */
const PROGRAMS: Record<string, ts.CompilerOptions> = {
  'node.d.ts': { lib: ['lib.es2022.d.ts'], types: ['node'] },
  'index.d.ts': { lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'], types: [] },
};

/**
 * `missing`: `name, used by export` for every type in dist/ that an export of this entry mentions and it lacks.
 * `errors`: what the compiler says of all declarations that it reaches.
 */
function readDeclarations(
  entry: string,
): Record<'errors' | 'missing' | 'undocumented', string[]> & { checked: number } {
  const program = ts.createProgram([`${DIST}${entry}`], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    skipLibCheck: false,
    ...PROGRAMS[entry],
  });
  const checker = program.getTypeChecker();
  const resolve = (symbol: ts.Symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const source = program.getSourceFile(`${DIST}${entry}`);
  assert.ok(source);
  const module = checker.getSymbolAtLocation(source);
  assert.ok(module);
  const exported = checker.getExportsOfModule(module);
  const known = new Set(exported.map(resolve));
  const missing = new Set<string>();
  let checked = 0;
  for (const symbol of exported) {
    const typeOnly = isTypeOnly(symbol);
    const visit = (node: ts.Node): void => {
      if (typeOnly && ts.isConstructorDeclaration(node)) return;
      if (ts.isIdentifier(node) && isMention(node)) {
        const mentioned = checker.getSymbolAtLocation(node);
        if (mentioned) {
          checked++;
          const target = resolve(mentioned);
          const ours = target.declarations?.some((each) => each.getSourceFile().fileName.startsWith(DIST));
          const own = target.flags & ts.SymbolFlags.TypeParameter || known.has(target);
          if (ours && !own) missing.add(`${target.name}, used by ${symbol.name}`);
        }
      }
      ts.forEachChild(node, visit);
    };
    resolve(symbol).declarations?.forEach(visit);
  }
  const errors = errorsOf(program, DIST);
  const undocumented = exported.filter(isUndocumented).map(nameOf);
  return { checked, errors, missing: [...missing].sort(), undocumented };

  /** A function or class that programs call, with no example in its comment. */
  function isUndocumented(symbol: ts.Symbol): boolean {
    const target = resolve(symbol);
    const type = checker.getTypeOfSymbol(target);
    const called = type.getCallSignatures().length + type.getConstructSignatures().length > 0;
    const isError = target.name.endsWith('Error') || target.name === 'BackendUnavailable';
    return (
      called &&
      !isError &&
      !isTypeOnly(symbol) &&
      !target.getJsDocTags(checker).some(({ name }) => name === 'example')
    );
  }
}

/** Exported as a type: programs cannot construct it. */
function isTypeOnly(symbol: ts.Symbol): boolean {
  return !!symbol.declarations?.some(
    (each) => ts.isExportSpecifier(each) && (each.isTypeOnly || each.parent.parent.isTypeOnly),
  );
}

const nameOf = (symbol: ts.Symbol) => symbol.name;

/** The identifier refers to a type by its name. */
function isMention(node: ts.Identifier): boolean {
  const { parent } = node;
  return (
    (ts.isTypeReferenceNode(parent) && parent.typeName === node) ||
    (ts.isExpressionWithTypeArguments(parent) && parent.expression === node)
  );
}

for (const entry of Object.keys(PROGRAMS)) {
  test(`${entry}: declarations compile, mention only types that it exports, and have examples`, () => {
    const { checked, errors, missing, undocumented } = readDeclarations(entry);
    assert.ok(checked > 100, `${checked} mentions found`);
    assert.deepEqual(errors, []);
    assert.deepEqual(missing, []);
    assert.deepEqual(undocumented, []);
  });
}

test('the examples of the documentation compile as TypeScript', () => {
  const pages = ['docs/', 'docs/api/'].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => folder + name),
  );
  // In build/, so that 'scanstroke' is this package.
  const folder = mkdtempSync(join(ROOT, 'build/doc-examples-'));
  try {
    const files: string[] = [];
    for (const page of ['README.md', ...pages]) {
      const fences = readFileSync(join(ROOT, page), 'utf8').matchAll(
        /^```(?:js|ts)\n(import [\s\S]*?)^```/gm,
      );
      for (const [n, [, example]] of [...fences].entries()) {
        const imported = [...example.matchAll(/ from '(.*?)'/g)].map(([, name]) => name);
        if (imported.some((name) => name !== 'scanstroke' && !name.startsWith('node:'))) continue;
        files.push(join(folder, `${basename(page)}-${n}.mts`));
        writeFileSync(files[files.length - 1], example);
      }
    }
    assert.ok(files.length > 40, `${files.length} examples found`);
    const program = ts.createProgram(files, {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      lib: ['lib.esnext.d.ts', 'lib.dom.d.ts'],
      types: ['node'],
    });
    assert.deepEqual(errorsOf(program, folder), []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
