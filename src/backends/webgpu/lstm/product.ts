/**
 * Writes the WGSL of matrix products: C [rows, columns] = A [rows, depth] · B [depth, columns], in tiles (tile.ts). The
 * operands and the end of a product are WGSL functions of the caller, so that A may be rows of a batch in halves, and
 * gates can be computed from the sums while these are in registers.
 *
 * Words in the code: a quad is four neighbouring floats. Panels lie in the workgroup's memory as quads:
 * A [buffers, depth, rows / 4], transposed, then B [buffers, depth, columns / 4].
 */
import type { Binding, Kernel } from '../kernel.js';
import { kernel } from '../kernel.js';
import { memoryQuads, type Tile, threadsOf } from './tile.js';

/** A product as a kernel. */
export interface Product<Name extends string> {
  label: string;
  tile: Tile;
  /** Columns of C, which the tile may exceed. */ columns: number;
  /** Rows of C, if they are known: they limit what is read of a transposed A. */ rows?: number;
  /** A is [depth, rows] in memory. */ transposed?: boolean;
  bindings: Record<Name, Binding>;
  /**
   * WGSL, the same for the whole workgroup:
   *   struct Place { idle: bool, row0: u32, column0: u32, panels: u32, … }   the tile's corner; panels of the depth
   *   fn placeOf(group: vec3u) -> Place
   * Operands; `k` and `k_quad` count from 0 and end with `panels`:
   *   fn rowOfA(place: Place, row: u32) -> u32                               anything that `quadOfA` needs of a row
   *   fn quadOfA(place: Place, row_of_a: u32, k_quad: u32) -> vec4f          A[row][4 k_quad …]
   *   fn quadOfA(place: Place, k: u32, row_quad: u32) -> vec4f               transposed: A[k][4 row_quad …]
   *   fn quadOfB(place: Place, k: u32, quad: u32) -> vec4f                   B[k][4 quad …]
   * The end of a row's four columns 4 quad …, which are columns of C, though the row may lie past the last:
   *   fn finish(place: Place, row: u32, quad: u32, sums: vec4f)
   *   fn finishFour(place: Place, row: u32, quad: u32, sums: array<vec4f, 4>)   `gathered`: of quads quad … quad + 3
   *   fn finishColumnSums(place: Place, row_quad: u32, sums: vec4f)             `columnSums`
   *   fn atPanel(place: Place, panel: u32) -> Place                             `panelwise`
   */
  code: string;
  /** Sums begin with `fn firstSums(place: Place, quad: u32) -> vec4f`; else with 0. */ firstSums?: boolean;
  /** `finishFour` instead of `finish`. */ gathered?: boolean;
  /** Also sum the columns of a transposed A, in the workgroups of column 0. */ columnSums?: boolean;
  /** `atPanel` updates the place before each panel is read. */ panelwise?: boolean;
}

const AXES = 'xyzw';

/** Statements that copy a panel: `declare` runs once, `load` reads into registers, `store` writes them to `buffer`. */
interface Copies {
  declare: string;
  load: string;
  store: string;
  registers: number;
}

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const lines = (parts: readonly string[], indent: string): string =>
  parts
    .join('\n')
    .split('\n')
    .filter((line) => line.trim())
    .map((line) => indent + line)
    .join('\n');

/** Compiles nothing: returns the kernel of a product. */
export function productKernel<Name extends string>(product: Product<Name>): Kernel<Name> {
  return kernel(product.label, product.bindings, productCode(product));
}

function productCode(product: Product<string>): string {
  const { tile, code, columns, firstSums, panelwise } = product;
  const threads = threadsOf(tile);
  const copies = copiesOf(product);
  const sums = sumsOf(tile);
  const members = threads / tile.depthGroups;
  const corner = cornerOf(tile);
  const begin = (name: string, quad: number): string =>
    firstSums
      ? `var ${name} = firstSums(place, min(place.column0 / 4u + ${quadOf(tile, quad)}, ${columns / 4 - 1}u));`
      : `var ${name} = vec4f(0.0f);`;
  const toPanel = panelwise ? 'place = atPanel(place, panel);\n' : '';
  const panelQuads = tile.buffers * tile.depth * tile.depthGroups * (tile.rows / 4);
  return `${code}
// A tile of ${tile.rows} × ${tile.columns} in panels of ${tile.depth * tile.depthGroups}; a thread has ${tile.threadRows} × ${tile.threadColumns} of it.
const PANEL_A = ${(tile.depth * tile.depthGroups * tile.rows) / 4}u; // quads of a buffer
const PANEL_B = ${(tile.depth * tile.depthGroups * tile.columns) / 4}u;
const PANELS_B = ${panelQuads}u; // where the buffers of B begin
var<workgroup> memory: array<vec4f, ${memoryQuads(tile, { gathered: !!product.gathered })}>;

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  var place = placeOf(group);
  if (place.idle) { return; }
  // Groups of threads that share a part of the depth; the thread's corner of the tile.
  let depth_group = thread / ${members}u;
  let member = thread % ${members}u;
${lines([corner], '  ')}
${lines([copies.declare], '  ')}
${lines(
  count(copies.registers).map((n) => `var copy${n}: vec4f;`),
  '  ',
)}
${product.columnSums ? '  var column_sums = vec4f(0.0f);' : ''}
${lines(
  sums.map(({ name, quad }) => begin(name, quad)),
  '  ',
)}
  if (place.panels > 0u) {
    let panel = 0u;
    let buffer = 0u;
${lines([toPanel, copies.load, copies.store], '    ')}
  }
  workgroupBarrier();
  for (var computed = 0u; computed < place.panels; computed++) {
    let panel = computed + 1u;
    let buffer = ${tile.buffers === 2 ? 'panel & 1u' : '0u'};
    if (panel < place.panels) {
${lines([toPanel, copies.load], '      ')}
    }
    let a_at = ${tile.buffers === 2 ? '(computed & 1u) * PANEL_A + ' : ''}depth_group * ${(tile.depth * tile.rows) / 4}u + thread_row;
    let b_at = PANELS_B + ${tile.buffers === 2 ? '(computed & 1u) * PANEL_B + ' : ''}depth_group * ${(tile.depth * tile.columns) / 4}u + thread_column;
${innerLoop(tile)}
${tile.buffers === 1 ? '    workgroupBarrier();' : ''}
    if (panel < place.panels) {
${lines([copies.store], '      ')}
    }
    workgroupBarrier();
  }
${lines([product.columnSums ? columnSumsCode(tile) : '', endOf(product)], '  ')}
}`;
}

/** Registers of a thread's sums: `name` holds row `row` of its rows and quad `quad` of its quads. */
function sumsOf({ threadRows, threadColumns }: Tile) {
  return count(threadRows).flatMap((row) =>
    count(threadColumns / 4).map((quad) => ({ name: `sum_${row}_${quad}`, row, quad })),
  );
}

/**
 * Which part of the tile a thread has. Rows in quads: thread_row, then every (threads along the rows)-th quad; columns
 * likewise. Neighbouring threads then read neighbouring quads. 32 threads form 4 × 8, so that they read few quads.
 */
function cornerOf({ rows, columns, threadRows, threadColumns }: Tile): string {
  const down = rows / threadRows;
  const across = columns / threadColumns;
  if (down % 4 || across % 8) {
    return `let thread_row = member / ${across}u;
let thread_column = member % ${across}u;`;
  }
  return `let thread_row = member / ${across * 4}u * 4u + member % 32u / 8u;
let thread_column = member / 32u % ${across / 8}u * 8u + member % 8u;`;
}

/** Row of a thread's `row`-th row within the tile, in WGSL. */
function rowOf({ rows, threadRows }: Tile, row: number): string {
  return `thread_row * 4u + ${Math.floor(row / 4) * (rows / threadRows) * 4 + (row % 4)}u`;
}

/** Quad of a thread's `quad`-th quad within the tile, in WGSL. */
function quadOf({ columns, threadColumns }: Tile, quad: number): string {
  return `thread_column + ${quad * (columns / threadColumns)}u`;
}

function innerLoop(tile: Tile): string {
  const { depth, unroll, rows, columns, threadRows, threadColumns } = tile;
  const step = (k: string): string => `      { // k = ${k}
${lines(
  [
    ...count(threadRows / 4).map(
      (n) => `let a${n} = memory[a_at + ${k} * ${rows / 4}u + ${n * (rows / threadRows)}u];`,
    ),
    ...count(threadColumns / 4).map(
      (n) => `let b${n} = memory[b_at + ${k} * ${columns / 4}u + ${n * (columns / threadColumns)}u];`,
    ),
    ...sumsOf(tile).map(
      ({ name, row, quad }) =>
        `${name} = fma(vec4f(a${Math.floor(row / 4)}.${AXES[row % 4]}), b${quad}, ${name});`,
    ),
  ],
  '        ',
)}
      }`;
  if (unroll === depth) return ['    {', ...count(depth).map((k) => step(`${k}u`)), '    }'].join('\n');
  return [
    `    for (var k0 = 0u; k0 < ${depth}u; k0 += ${unroll}u) {`,
    ...count(unroll).map((k) => step(`(k0 + ${k}u)`)),
    '    }',
  ].join('\n');
}

/** Divides the copying of a panel of A and of B among the threads. */
function copiesOf(product: Product<string>): Copies {
  const { tile, transposed } = product;
  const threads = threadsOf(tile);
  const depth = tile.depth * tile.depthGroups;
  const bQuads = (depth * tile.columns) / 4;
  const shareOfB = (first: number, every = threads, guard = true): Copies =>
    all(
      count(Math.ceil((bQuads - 0) / every)).map((n) =>
        copyOfB(product, first + n, `thread + ${n * every}u`, guard && (n + 1) * every > bQuads ? bQuads : 0),
      ),
    );
  if (transposed) {
    const aQuads = (depth * tile.rows) / 4;
    const shares = Math.ceil(aQuads / threads);
    const ofA = count(shares).map((n) =>
      copyOfTransposedA(product, n, `thread + ${n * threads}u`, (n + 1) * threads > aQuads ? aQuads : 0),
    );
    return all([...ofA, shareOfB(shares)]);
  }
  // A block of A is 4 rows × 4 depth: four quads are read along the rows, transposed, and written along the depth.
  const blocks = (tile.rows * depth) / 16;
  if (blocks % threads === 0) {
    const shares = blocks / threads;
    return all([
      ...count(shares).map((n) => copyOfBlock(product, n, `thread + ${n * threads}u`)),
      shareOfB(shares * 4),
    ]);
  }
  if (blocks > threads) throw new Error(`webgpu: a tile of ${tile.rows} rows for ${threads} threads`);
  const block = copyOfBlock(product, 0, `min(thread, ${blocks - 1}u)`);
  const each = (blocks * 4 + bQuads) / threads;
  if (!Number.isInteger(each) || each < 4) {
    const b = shareOfB(4);
    return {
      declare: block.declare + b.declare,
      load: `if (thread < ${blocks}u) {\n${block.load}}\n${b.load}`,
      store: `if (thread < ${blocks}u) {\n${block.store}}\n${b.store}`,
      registers: 4 + b.registers,
    };
  }
  // The first threads copy a block of A each and less of B, the others only B: every thread reads equally much.
  const firsts = all(count(each - 4).map((n) => copyOfB(product, 4 + n, `thread + ${n * blocks}u`, 0)));
  const start = blocks * (each - 4) - blocks;
  const others = all(
    count(each).map((n) => {
      const from = start + n * (threads - blocks);
      return copyOfB(product, n, from < 0 ? `thread - ${-from}u` : `thread + ${from}u`, 0);
    }),
  );
  const branches = (one: string, two: string): string =>
    `if (thread < ${blocks}u) {\n${one}} else {\n${two}}\n`;
  return {
    declare: block.declare,
    load: branches(firsts.declare + block.load + firsts.load, others.declare + others.load),
    store: branches(firsts.declare + block.store + firsts.store, others.declare + others.store),
    registers: each,
  };
}

function all(copies: Copies[]): Copies {
  const join = (part: 'declare' | 'load' | 'store'): string => copies.map((copy) => copy[part]).join('');
  return {
    declare: join('declare'),
    load: join('load'),
    store: join('store'),
    registers: copies.reduce((sum, { registers }) => sum + registers, 0),
  };
}

/** The caller's condition, if `limit` is not 0: a copy that only some threads have. */
function guarded(index: string, limit: number, statement: string): string {
  return limit ? `if (${index} < ${limit}u) { ${statement} }\n` : `${statement}\n`;
}

/** A quad of B, number `index` of the panel's quads [depth, columns / 4]. */
function copyOfB({ tile, columns }: Product<string>, register: number, index: string, limit: number): Copies {
  const quads = tile.columns / 4;
  const depth = tile.depth * tile.depthGroups;
  const quad = `place.column0 / 4u + (${index}) % ${quads}u`;
  // Tiles that exceed C read its last columns again.
  const clamped = columns % tile.columns ? `min(${quad}, ${columns / 4 - 1}u)` : quad;
  return {
    declare: `let b_k${register} = (${index}) / ${quads}u;
let b_quad${register} = ${clamped};\n`,
    load: guarded(
      index,
      limit,
      `copy${register} = quadOfB(place, panel * ${depth}u + b_k${register}, b_quad${register});`,
    ),
    store: guarded(index, limit, `memory[PANELS_B + buffer * PANEL_B + ${index}] = copy${register};`),
    registers: 1,
  };
}

/** A quad of a transposed A, number `index` of the panel's quads [depth, rows / 4]. */
function copyOfTransposedA(
  { tile, rows, columnSums }: Product<string>,
  register: number,
  index: string,
  limit: number,
): Copies {
  const quads = tile.rows / 4;
  const depth = tile.depth * tile.depthGroups;
  const quad = `place.row0 / 4u + (${index}) % ${quads}u`;
  const clamped = rows && rows % tile.rows ? `min(${quad}, ${rows / 4 - 1}u)` : quad;
  const sum = columnSums ? ` column_sums += copy${register};` : '';
  return {
    declare: `let a_k${register} = (${index}) / ${quads}u;
let a_quad${register} = ${clamped};\n`,
    load: guarded(
      index,
      limit,
      `copy${register} = quadOfA(place, panel * ${depth}u + a_k${register}, a_quad${register});${sum}`,
    ),
    store: guarded(index, limit, `memory[buffer * PANEL_A + ${index}] = copy${register};`),
    registers: 1,
  };
}

/** Block number `index` of A: neighbouring threads have 8 quads of rows, then the next four of the depth. */
function copyOfBlock({ tile }: Product<string>, block: number, index: string): Copies {
  const depthQuads = (tile.depth * tile.depthGroups) / 4;
  const near = Math.min(8, tile.rows / 4);
  const registers = count(4).map((n) => `copy${4 * block + n}`);
  return {
    declare: `let block${block} = ${index};
let row_quad${block} = block${block} / ${near * depthQuads}u * ${near}u + block${block} % ${near}u;
let k_quad${block} = block${block} / ${near}u % ${depthQuads}u;
${count(4)
  .map((n) => `let row_of_a${4 * block + n} = rowOfA(place, place.row0 + row_quad${block} * 4u + ${n}u);`)
  .join('\n')}
`,
    load: registers
      .map(
        (name, n) =>
          `${name} = quadOfA(place, row_of_a${4 * block + n}, panel * ${depthQuads}u + k_quad${block});\n`,
      )
      .join(''),
    store: count(4)
      .map(
        (k) =>
          `memory[buffer * PANEL_A + (k_quad${block} * 4u + ${k}u) * ${tile.rows / 4}u + row_quad${block}] = vec4f(${registers
            .map((name) => `${name}.${AXES[k]}`)
            .join(', ')});\n`,
      )
      .join(''),
    registers: 4,
  };
}

/** Adds the sums of the threads that read the same columns of A. */
function columnSumsCode(tile: Tile): string {
  const quads = tile.rows / 4;
  const threads = threadsOf(tile);
  if (threads % quads) throw new Error(`webgpu: column sums of ${tile.rows} rows by ${threads} threads`);
  return `memory[thread] = column_sums;
workgroupBarrier();
if (thread < ${quads}u && place.column0 == 0u) {
  var sums = memory[thread];
  for (var n = 1u; n < ${threads / quads}u; n++) { sums += memory[thread + n * ${quads}u]; }
  finishColumnSums(place, place.row0 / 4u + thread, sums);
}
workgroupBarrier();`;
}

/** Passes the sums to `finish` or `finishFour`. */
function endOf({ tile, columns, gathered }: Product<string>): string {
  const quads = tile.columns / 4;
  const exceeds = columns % tile.columns !== 0;
  const inside = (quad: string, statement: string): string =>
    exceeds ? `if (${quad} < ${columns / 4}u) { ${statement} }` : statement;
  if (tile.depthGroups === 1 && !gathered) {
    return sumsOf(tile)
      .map(({ name, row, quad }) => {
        const at = `place.column0 / 4u + ${quadOf(tile, quad)}`;
        return inside(at, `finish(place, place.row0 + ${rowOf(tile, row)}, ${at}, ${name});`);
      })
      .join('\n');
  }
  const write = (operator: string): string =>
    sumsOf(tile)
      .map(
        ({ name, row, quad }) =>
          `memory[(${rowOf(tile, row)}) * ${quads}u + ${quadOf(tile, quad)}] ${operator} ${name};`,
      )
      .join('\n');
  const groups = count(tile.depthGroups).map(
    (n) => `${tile.depthGroups > 1 ? `if (depth_group == ${n}u) ` : ''}{
${lines([write(n ? '+=' : '=')], '  ')}
}
workgroupBarrier();`,
  );
  const width = gathered ? 4 : 1;
  const tasks = (tile.rows * quads) / width;
  const finish = gathered
    ? `finishFour(place, row, quad, array<vec4f, 4>(${count(4)
        .map((n) => `memory[4u * n + ${n}u]`)
        .join(', ')}));`
    : 'finish(place, row, quad, memory[n]);';
  return `// The sums [rows, columns / 4] of the tile in the workgroup's memory.
${groups.join('\n')}
for (var n = thread; n < ${tasks}u; n += ${threadsOf(tile)}u) {
  let row = place.row0 + n / ${quads / width}u;
  let quad = place.column0 / 4u + n % ${quads / width}u * ${width}u;
  ${inside('quad', finish)}
}`;
}
