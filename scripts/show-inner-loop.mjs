/**
 * What compilers make of the kernels' innermost loops, read from the disassembly: the table of docs/codegen.md.
 * npm run show:inner-loop -- g++ clang++-19 aarch64-linux-gnu-g++ 'clang++-19 --target=aarch64-linux-gnu'
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ARM64, buildIn, requireTools, versionOf } from './second-build.mjs';

const FUNCTIONS = ['lstm_forward', 'multiply', 'add_transposed']; // all that call `tile` in a layer
const PRODUCT = /^(vfn?madd\w+ps|fmla|v?mulps)\s/;
const SUM = /^(vfn?madd\w+ps|fmla|v?addps)\s/;
const DIVISION = /^(v?divps|fdiv)\s/; // only the activations divide
const STACK = /\(%r[sb]p|\[(sp|x29)/;
const count = (loop, pattern) => loop.filter((what) => pattern.test(what)).length;

const worst = (loops) => loops.reduce((a, b) => (b.instructions > a.instructions ? b : a));

/** The innermost loops of a function, each a list of instructions. */
function innermostLoops(lines) {
  const index = new Map(lines.map(({ at }, n) => [at, n]));
  const targets = lines.map(({ what }) => index.get(/^(?:j|b|cb|tb)\S*\s.*?\b([0-9a-f]+) </.exec(what)?.[1]));
  const loops = targets.flatMap((start, end) => {
    if (start === undefined || start > end) return [];
    const body = new Set([end]); // what leads to the jump back
    for (let before = 0; before < body.size; ) {
      before = body.size;
      for (let n = end - 1; n >= start; n--) {
        const falls = !/^(jmp|ret|b|br)\b(?!\.)/.test(lines[n].what);
        if ((falls && body.has(n + 1)) || body.has(targets[n])) body.add(n);
      }
    }
    return [{ start, body }];
  });
  return loops
    .filter((a) => !loops.some((b) => b.body.size < a.body.size && a.body.has(b.start)))
    .map(({ body }) =>
      lines.flatMap(({ what }, n) => (body.has(n) && !/^(nop|data16)/.test(what) ? what : [])),
    );
}

/** The loops over k of a function, per step of k: { products, instructions, stack }; the worst one if there are more. */
function loopOverK(lines) {
  const loops = innermostLoops(lines).filter((loop) => count(loop, DIVISION) === 0);
  const most = Math.max(...loops.map((loop) => count(loop, PRODUCT)));
  const measured = loops
    .filter((loop) => count(loop, PRODUCT) === most)
    .map((loop) => {
      // The accumulator is the last operand on x86, the first on ARM; more sums than accumulators: k is unrolled.
      const sums = loop.flatMap((what) =>
        SUM.test(what) ? (/^fmla\s+v\d+|%\w+$/.exec(what)?.[0] ?? []) : [],
      );
      const steps = Math.round(sums.length / new Set(sums).size);
      return { products: most / steps, instructions: loop.length / steps, stack: count(loop, STACK) / steps };
    });
  return worst(measured);
}

/** The wanted functions of an archive, with their loops over k. */
function functionsOf(objdump, archive) {
  const text = execFileSync(objdump, ['-dC', '--no-show-raw-insn', archive], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  return [...text.matchAll(/^[0-9a-f]+ <.*?(\w+)(?:<.*)?\(.*>:\n((?:.+\n)*)/gm)]
    .filter(([, name]) => FUNCTIONS.includes(name))
    .map(([, name, body]) => {
      const lines = [...body.matchAll(/^ *([0-9a-f]+):\s+(.*?) *$/gm)].map(([, at, what]) => ({ at, what }));
      return { name, ...loopOverK(lines) };
    });
}

const compilers = process.argv.length > 2 ? process.argv.slice(2) : ['g++'];
console.log(`| set | compiler | products | ${FUNCTIONS.join(' | ')} |`);
console.log(`| --- | --- | --: |${' --: |'.repeat(FUNCTIONS.length)}`);
for (const CXX of compilers) {
  requireTools('show:inner-loop', [[CXX, 'docs/codegen.md names the packages']]);
  const arm = CXX.includes('aarch64');
  const folder = buildIn('inner-loop', { CXX, ...(arm && ARM64) });
  const compiler = `${CXX.includes('clang') ? 'clang' : 'g++'} ${/\b\d+\.\d+\.\d+/.exec(versionOf(CXX))}`;
  for (const [set, archive] of [
    ['AVX-512', 'avx512'],
    ['AVX2', 'avx2'],
    [arm ? 'NEON' : 'SSE2', 'baseline'],
  ]) {
    const path = join(folder, `kernels/build/Release/${archive}.a`);
    if (!existsSync(path)) continue;
    const loops = functionsOf(arm ? 'aarch64-linux-gnu-objdump' : 'objdump', path);
    const cells = FUNCTIONS.map((wanted) => {
      const { instructions, stack } = worst(loops.filter(({ name }) => name === wanted));
      return stack > 0 ? `${instructions}, ${stack} on the stack` : instructions;
    });
    console.log(`| ${set} | ${compiler} | ${worst(loops).products} | ${cells.join(' | ')} |`);
  }
}
