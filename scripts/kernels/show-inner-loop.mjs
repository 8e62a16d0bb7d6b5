/**
 * Prints the table of docs/codegen.md: the instructions of the kernels' innermost loops, read from the disassembly.
 * npm run show:inner-loop -- g++ clang++-19 aarch64-linux-gnu-g++ 'clang++-19 --target=aarch64-linux-gnu'
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildIn, requireTools, versionOf } from './second-build.mjs';

// The functions of a layer that call `tile`. `halves`: their loops over 16-bit weights, widened when loaded.
const LOOPS = ['lstm_forward', 'multiply', 'add_transposed', 'lstm_forward, halves', 'multiply, halves'];
const PRODUCT = /^(vfn?madd\w+ps|fmla|v?mulps)\s/;
const SUM = /^(vfn?madd\w+ps|fmla|v?addps)\s/;
const DIVISION = /^(v?divps|fdiv)\s/; // only the activations divide
const WIDENING = /^(vcvtph2ps|fcvtl)\s/;
const STACK = /\(%r[sb]p|\[(sp|x29)/;
const count = (loop, pattern) => loop.filter((what) => pattern.test(what)).length;

/** The innermost loops of a function, each as a list of instructions. */
function innermostLoops(lines) {
  const index = new Map(lines.map(({ at }, n) => [at, n]));
  const targets = lines.map(({ what }) => index.get(/^(?:j|b|cb|tb)\S*\s.*?\b([0-9a-f]+) </.exec(what)?.[1]));
  const loops = targets.flatMap((start, end) => {
    if (start === undefined || start > end) return [];
    const body = new Set([end]); // the instructions from which the jump back is reached
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

/** Products, instructions and stack accesses per iteration of k. */
function measure(loop) {
  // The accumulator is the last operand on x86, the first on ARM. More sums than accumulators mean that k is unrolled.
  const sums = loop.flatMap((what) => (SUM.test(what) ? (/^fmla\s+v\d+|%\w+$/.exec(what)?.[0] ?? []) : []));
  const iterations = Math.round(sums.length / new Set(sums).size);
  const [products, stack] = [PRODUCT, STACK].map((pattern) => count(loop, pattern) / iterations);
  return { products, instructions: loop.length / iterations, stack };
}

/** Measures the loops over k with the most products: those of whole tiles. */
function loopsOf(objdump, archive) {
  const options = { encoding: 'utf8', maxBuffer: 2 ** 28 };
  const text = execFileSync(objdump, ['-dC', '--no-show-raw-insn', archive], options);
  return [...text.matchAll(/^[0-9a-f]+ <.*?(\w+)(?:<.*)?\(.*>:\n((?:.+\n)*)/gm)].flatMap(([, name, body]) => {
    if (!LOOPS.includes(name)) return [];
    const lines = [...body.matchAll(/^ *([0-9a-f]+):\s+(.*?) *$/gm)].map(([, at, what]) => ({ at, what }));
    const loops = innermostLoops(lines).filter((loop) => count(loop, DIVISION) === 0);
    const most = Math.max(...loops.map((loop) => count(loop, PRODUCT)));
    return loops
      .filter((loop) => count(loop, PRODUCT) === most)
      .map((loop) => ({ name: count(loop, WIDENING) > 0 ? `${name}, halves` : name, ...measure(loop) }));
  });
}

const compilers = process.argv.length > 2 ? process.argv.slice(2) : ['g++'];
console.log(`| set | compiler | products | ${LOOPS.join(' | ')} |`);
console.log(`| --- | --- | --: |${' --: |'.repeat(LOOPS.length)}`);
for (const CXX of compilers) {
  requireTools('show:inner-loop', [[CXX, 'docs/codegen.md names the packages']]);
  const arm = CXX.includes('aarch64');
  const folder = buildIn('inner-loop', CXX, arm ? 'arm64' : process.arch);
  const compiler = `${CXX.includes('clang') ? 'clang' : 'g++'} ${/\b\d+\.\d+\.\d+/.exec(versionOf(CXX))}`;
  for (const [set, object] of [
    ['AVX-512', 'avx512'],
    ['AVX2', 'avx2'],
    [arm ? 'NEON' : 'SSE2', 'baseline'],
  ]) {
    const path = join(folder, `kernels/build/objects/${object}.o`);
    if (!existsSync(path)) continue;
    const loops = loopsOf(arm ? 'aarch64-linux-gnu-objdump' : 'objdump', path);
    const cells = LOOPS.map((wanted) => {
      const found = loops.filter(({ name }) => name === wanted);
      const worst = found.sort((a, b) => b.instructions - a.instructions)[0];
      return worst ? `${worst.instructions}${worst.stack > 0 ? `, ${worst.stack} on the stack` : ''}` : '–';
    });
    console.log(`| ${set} | ${compiler} | ${loops[0].products} | ${cells.join(' | ')} |`);
  }
}
