/** Protects the types of the library: every type that a public signature mentions can be imported by its name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));

/** `name, used by export` for every type declared in dist/ that an export of this entry mentions and it does not export. */
function unexportedTypes(entry: string): { checked: number; missing: string[] } {
  const program = ts.createProgram([`${DIST}${entry}`], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    skipLibCheck: true,
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
    // A class that is exported as a type only cannot be constructed by its users.
    const typeOnly = symbol.declarations?.some(
      (each) => ts.isExportSpecifier(each) && (each.isTypeOnly || each.parent.parent.isTypeOnly),
    );
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
  return { checked, missing: [...missing].sort() };
}

/** The identifier refers to a type by its name. */
function isMention(node: ts.Identifier): boolean {
  const { parent } = node;
  return (
    (ts.isTypeReferenceNode(parent) && parent.typeName === node) ||
    (ts.isExpressionWithTypeArguments(parent) && parent.expression === node)
  );
}

for (const entry of ['node.d.ts', 'index.d.ts']) {
  test(`${entry}: signatures mention only types that it exports`, () => {
    const { checked, missing } = unexportedTypes(entry);
    assert.ok(checked > 100, `${checked} mentions found`);
    assert.deepEqual(missing, []);
  });
}
