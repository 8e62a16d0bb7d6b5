/**
 * Writes the WGSL of matrix products: C [rows, columns] = A [rows, depth] · B [depth, columns], in tiles (tile.ts). The
 * operands and the end of a product are WGSL functions of the caller, so that A may be rows of a batch in halves, and
 * gates are computed from the sums before anything is written.
 *
 * Words in the code: a quad is four neighbouring floats. The workgroup's memory holds panels as quads:
 * A [buffers, depth, rows / 4], transposed, then B [buffers, depth, columns / 4]. At the end it may hold the tile's sums
 * [rows, columns / 4] instead.
 */
import { type Binding, type Kernel, kernel } from '../kernel.js';
import { memoryQuads, type Tile, threadsOf } from './tile.js';

/** A product as a kernel. */
export interface Product<Name extends string> {
  label: string;
  tile: Tile;
  /** Columns of C; the last tile may exceed them. */ columns: number;
  /** Rows of C, if A is transposed; the last tile may exceed them. */ rows?: number;
  bindings: Record<Name, Binding>;
  /**
   * WGSL. The same for the whole workgroup:
   *   struct Place { idle: bool, row0: u32, column0: u32, panels: u32, … }   the tile's corner; panels of the depth
   *   fn placeOf(group: vec3u) -> Place
   *   fn atPanel(place: Place, panel: u32) -> Place            `panelwise`: the place when a panel is read
   * Operands; k counts from 0 to the end of the last panel:
   *   fn rowOfA(place: Place, row: u32) -> u32                 anything that `quadOfA` needs of a row
   *   fn quadOfA(place: Place, row_of_a: u32, k_quad: u32) -> vec4f     A[row][4 k_quad …]
   *   fn quadOfA(place: Place, k: u32, row_quad: u32) -> vec4f          `transposed`: A[k][4 row_quad …]
   *   fn quadOfB(place: Place, k: u32, quad: u32) -> vec4f              B[k][4 quad …]
   *   fn firstSums(place: Place, quad: u32) -> vec4f           `firstSums`: what the sums begin with, else 0
   * The end. Quads are within C, rows may lie past the last:
   *   fn finish(place: Place, row: u32, quad: u32, sums: vec4f)
   *   fn finishFour(place: Place, row: u32, quad: u32, sums: array<vec4f, 4>)   'fours': quads quad … quad + 3
   *   fn finishColumnSums(place: Place, row_quad: u32, sums: vec4f)             `columnSums`
   */
  code: string;
  firstSums?: boolean;
  panelwise?: boolean;
  /** A is [depth, rows] in memory. */ transposed?: boolean;
  /** Also sum the columns of a transposed A, in the workgroups of column 0. */ columnSums?: boolean;
  /**
   * The sums go through the workgroup's memory: neighbouring threads finish neighbouring quads of a row, and the code of
   * the end is not repeated for each sum. 'fours': with `finishFour`.
   */
  gathered?: boolean | 'fours';
}

/** WGSL that copies a panel to the workgroup's memory. */
interface Copies {
  /** Once: what each thread copies. */ declare: string[];
  /** From the operands to registers `copy0`, `copy1` … */ load: string[];
  /** From there to buffer `buffer`. */ store: string[];
  registers: number;
}

const AXES = 'xyzw';

function count(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

function indented(lines: readonly string[], spaces: number): string {
  const indent = ' '.repeat(spaces);
  return lines
    .flatMap((line) => line.split('\n'))
    .map((line) => indent + line)
    .join('\n');
}

function block(head: string, lines: readonly string[]): string {
  return `${head} {\n${indented(lines, 2)}\n}`;
}

/** The kernel of a product. */
export function productKernel<Name extends string>(product: Product<Name>): Kernel<Name> {
  const { tile, code, columns } = product;
  const { depthGroups, buffers } = tile;
  const depth = tile.depth * depthGroups;
  const members = threadsOf(tile) / depthGroups;
  const copies = copiesOf(product);
  const first = (quad: number): string =>
    product.firstSums
      ? `firstSums(place, min(place.column0 / 4u + ${quadOf(tile, quad)}, ${columns / 4 - 1}u))`
      : 'vec4f(0.0f)';
  const main = [
    'var place = placeOf(group);',
    'if (place.idle) { return; }',
    '// Groups of threads add a part of each panel; the thread and its corner of the tile.',
    `let depth_group = thread / ${members}u;`,
    `let member = thread % ${members}u;`,
    ...cornerOf(tile),
    ...copies.declare,
    ...count(copies.registers).map((n) => `var copy${n}: vec4f;`),
    ...(product.columnSums ? ['var column_sums = vec4f(0.0f);'] : []),
    ...sumsOf(tile).map(({ name, quad }) => `var ${name} = ${first(quad)};`),
    '// Each round reads a panel, adds the products of the panel before, and passes the new panel on.',
    block('for (var panel = 0u; panel <= place.panels; panel++)', [
      `let buffer = ${buffers === 2 ? 'panel & 1u' : '0u'};`,
      block('if (panel < place.panels)', [
        ...(product.panelwise ? ['place = atPanel(place, panel);'] : []),
        ...copies.load,
      ]),
      block('if (panel > 0u)', innerLoop(tile)),
      ...(buffers === 1 ? ['workgroupBarrier();'] : []),
      block('if (panel < place.panels)', copies.store),
      'workgroupBarrier();',
    ]),
    ...(product.columnSums ? columnSumsOf(tile) : []),
    ...endOf(product),
  ];
  return kernel(
    product.label,
    product.bindings,
    `${code}
// Tiles of ${tile.rows} × ${tile.columns}, panels of ${depth}; a thread has ${tile.threadRows} × ${tile.threadColumns} of the tile.
const PANEL_A = ${(depth * tile.rows) / 4}u; // quads of a buffer
const PANEL_B = ${(depth * tile.columns) / 4}u;
const START_B = ${(buffers * depth * tile.rows) / 4}u; // where the buffers of B begin
var<workgroup> memory: array<vec4f, ${memoryQuads(tile, !!product.gathered)}>;

@compute @workgroup_size(${threadsOf(tile)})
${block('fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32)', main)}
`,
  );
}

/** Registers of a thread's sums: `name` holds row `row` of its rows and quad `quad` of its quads. */
function sumsOf({ threadRows, threadColumns }: Tile) {
  return count(threadRows).flatMap((row) =>
    count(threadColumns / 4).map((quad) => ({ name: `sum_${row}_${quad}`, row, quad })),
  );
}

/**
 * The first quad of rows and the first quad of columns of a thread. Its others follow at equal distances, so that
 * neighbouring threads read neighbouring quads. 32 threads form 4 × 8, so that together they read few quads.
 */
function cornerOf({ rows, columns, threadRows, threadColumns }: Tile): string[] {
  const down = rows / threadRows;
  const across = columns / threadColumns;
  if (down % 4 || across % 8) {
    return [`let thread_row = member / ${across}u;`, `let thread_column = member % ${across}u;`];
  }
  return [
    `let thread_row = member / ${across * 4}u * 4u + member % 32u / 8u;`,
    `let thread_column = member / 32u % ${across / 8}u * 8u + member % 8u;`,
  ];
}

/** A thread's row within the tile, in WGSL. */
function rowOf({ rows, threadRows }: Tile, row: number): string {
  return `thread_row * 4u + ${Math.floor(row / 4) * (rows / threadRows) * 4 + (row % 4)}u`;
}

/** A thread's quad within the tile, in WGSL. */
function quadOf({ columns, threadColumns }: Tile, quad: number): string {
  return `thread_column + ${quad * (columns / threadColumns)}u`;
}

/** Adds the products of the panel before. */
function innerLoop(tile: Tile): string[] {
  const { depth, unroll, rows, columns, threadRows, threadColumns, buffers } = tile;
  const down = rows / threadRows;
  const across = columns / threadColumns;
  const before = (size: string): string => (buffers === 2 ? `(1u - buffer) * ${size} + ` : '');
  const step = (k: string): string =>
    `{ // k = ${k}\n${indented(
      [
        ...count(threadRows / 4).map((n) => `let a${n} = memory[a_at + ${k} * ${rows / 4}u + ${n * down}u];`),
        ...count(threadColumns / 4).map(
          (n) => `let b${n} = memory[b_at + ${k} * ${columns / 4}u + ${n * across}u];`,
        ),
        ...sumsOf(tile).map(
          ({ name, row, quad }) =>
            `${name} = fma(vec4f(a${Math.floor(row / 4)}.${AXES[row % 4]}), b${quad}, ${name});`,
        ),
      ],
      2,
    )}\n}`;
  return [
    `let a_at = ${before('PANEL_A')}depth_group * ${(depth * rows) / 4}u + thread_row;`,
    `let b_at = START_B + ${before('PANEL_B')}depth_group * ${(depth * columns) / 4}u + thread_column;`,
    ...(unroll === depth
      ? count(depth).map((k) => step(`${k}u`))
      : [
          block(
            `for (var k = 0u; k < ${depth}u; k += ${unroll}u)`,
            count(unroll).map((k) => step(`(k + ${k}u)`)),
          ),
        ]),
  ];
}

/** Divides the copying of a panel of A and of B among the threads. */
function copiesOf(product: Product<string>): Copies {
  const { tile } = product;
  const threads = threadsOf(tile);
  const depth = tile.depth * tile.depthGroups;
  const bQuads = (depth * tile.columns) / 4;
  /** Quads of B that all threads share, from register `first`. */
  const shareOfB = (first: number): Copies =>
    together(
      count(Math.ceil(bQuads / threads)).map((n) =>
        onlyBelow(threads * n, threads, bQuads, quadOfB(product, first + n, `thread + ${n * threads}u`)),
      ),
    );
  if (product.transposed) {
    const aQuads = (depth * tile.rows) / 4;
    const shares = Math.ceil(aQuads / threads);
    const ofA = count(shares).map((n) =>
      onlyBelow(threads * n, threads, aQuads, quadOfTransposedA(product, n, `thread + ${n * threads}u`)),
    );
    return together([...ofA, shareOfB(shares)]);
  }
  const blocks = (depth * tile.rows) / 16;
  if (blocks >= threads) {
    const shares = blocks / threads;
    const ofA = count(shares).map((n) => blockOfA(product, n, `thread + ${n * threads}u`));
    return together([...ofA, shareOfB(shares * 4)]);
  }
  const ofA = blockOfA(product, 0, `min(thread, ${blocks - 1}u)`);
  const each = (blocks * 4 + bQuads) / threads;
  const copiesA = `let copies_a = thread < ${blocks}u;`;
  if (!Number.isInteger(each) || each < 4) {
    const ofB = shareOfB(4);
    return {
      declare: [copiesA, ...ofA.declare, ...ofB.declare],
      load: [block('if (copies_a)', ofA.load), ...ofB.load],
      store: [block('if (copies_a)', ofA.store), ...ofB.store],
      registers: 4 + ofB.registers,
    };
  }
  // The first threads copy a block of A each and less of B than the others: all read equally much.
  const first = (n: number): string => `thread + ${(n - 4) * blocks}u`;
  const other = (n: number): string =>
    `thread + ${blocks * (each - 4) + n * (threads - blocks)}u - ${blocks}u`;
  const others = together(count(4).map((n) => quadOfB(product, n, other(n))));
  const rest = together(
    count(each - 4).map((n) => quadOfB(product, n + 4, `select(${other(n + 4)}, ${first(n + 4)}, copies_a)`)),
  );
  return {
    declare: [copiesA, ...ofA.declare, ...others.declare, ...rest.declare],
    load: [`${block('if (copies_a)', ofA.load)} ${block('else', others.load)}`, ...rest.load],
    store: [`${block('if (copies_a)', ofA.store)} ${block('else', others.store)}`, ...rest.store],
    registers: each,
  };
}

function together(copies: Copies[]): Copies {
  return {
    declare: copies.flatMap(({ declare }) => declare),
    load: copies.flatMap(({ load }) => load),
    store: copies.flatMap(({ store }) => store),
    registers: copies.reduce((sum, { registers }) => sum + registers, 0),
  };
}

/** Copies number first … first + threads - 1 of `limit`: the last threads may have none. */
function onlyBelow(first: number, threads: number, limit: number, copies: Copies): Copies {
  if (first + threads <= limit) return copies;
  const condition = `if (thread < ${limit - first}u)`;
  return { ...copies, load: [block(condition, copies.load)], store: [block(condition, copies.store)] };
}

/** `quad`, or the last of `quads` where a tile of `size` columns exceeds them: it is read again there. */
function within(quad: string, quads: number, size: number): string {
  return (quads * 4) % size ? `min(${quad}, ${quads - 1}u)` : quad;
}

/** A quad of B, number `index` of the panel's quads [depth, columns / 4]. */
function quadOfB({ tile, columns }: Product<string>, n: number, index: string): Copies {
  const quads = tile.columns / 4;
  const depth = tile.depth * tile.depthGroups;
  return {
    declare: [
      `let b_index${n} = ${index};`,
      `let b_k${n} = b_index${n} / ${quads}u;`,
      `let b_quad${n} = ${within(`place.column0 / 4u + b_index${n} % ${quads}u`, columns / 4, tile.columns)};`,
    ],
    load: [`copy${n} = quadOfB(place, panel * ${depth}u + b_k${n}, b_quad${n});`],
    store: [`memory[START_B + buffer * PANEL_B + b_index${n}] = copy${n};`],
    registers: 1,
  };
}

/** A quad of a transposed A, number `index` of the panel's quads [depth, rows / 4]. */
function quadOfTransposedA(product: Product<string>, n: number, index: string): Copies {
  const { tile, rows = 0, columnSums } = product;
  const quads = tile.rows / 4;
  const depth = tile.depth * tile.depthGroups;
  return {
    declare: [
      `let a_index${n} = ${index};`,
      `let a_k${n} = a_index${n} / ${quads}u;`,
      `let a_quad${n} = ${within(`place.row0 / 4u + a_index${n} % ${quads}u`, rows / 4, tile.rows)};`,
    ],
    load: [
      `copy${n} = quadOfA(place, panel * ${depth}u + a_k${n}, a_quad${n});`,
      ...(columnSums ? [`column_sums += copy${n};`] : []),
    ],
    store: [`memory[buffer * PANEL_A + a_index${n}] = copy${n};`],
    registers: 1,
  };
}

/**
 * Block number `index` of A, 4 rows × 4 depth: read as quads along the depth, stored as quads along the rows.
 * Neighbouring threads have neighbouring rows, at most 8 quads of them, and then the next four of the depth.
 */
function blockOfA({ tile }: Product<string>, number: number, index: string): Copies {
  const depthQuads = (tile.depth * tile.depthGroups) / 4;
  const near = Math.min(8, tile.rows / 4);
  const name = `block${number}`;
  const registers = count(4).map((n) => 4 * number + n);
  return {
    declare: [
      `let ${name} = ${index};`,
      `let ${name}_row_quad = ${name} / ${near * depthQuads}u * ${near}u + ${name} % ${near}u;`,
      `let ${name}_k_quad = ${name} / ${near}u % ${depthQuads}u;`,
      ...registers.map(
        (r, n) => `let row_of_a${r} = rowOfA(place, place.row0 + ${name}_row_quad * 4u + ${n}u);`,
      ),
    ],
    load: registers.map(
      (r) => `copy${r} = quadOfA(place, row_of_a${r}, panel * ${depthQuads}u + ${name}_k_quad);`,
    ),
    store: count(4).map((k) => {
      const at = `buffer * PANEL_A + (${name}_k_quad * 4u + ${k}u) * ${tile.rows / 4}u + ${name}_row_quad`;
      return `memory[${at}] = vec4f(${registers.map((r) => `copy${r}.${AXES[k]}`).join(', ')});`;
    }),
    registers: 4,
  };
}

/** Adds the sums of the threads that read the same columns of A. */
function columnSumsOf(tile: Tile): string[] {
  const quads = tile.rows / 4;
  const threads = threadsOf(tile);
  if (threads % quads) throw new Error(`webgpu: column sums of ${tile.rows} rows by ${threads} threads`);
  return [
    'memory[thread] = column_sums;',
    'workgroupBarrier();',
    block(`if (thread < ${quads}u && place.column0 == 0u)`, [
      'var sums = memory[thread];',
      `for (var n = 1u; n < ${threads / quads}u; n++) { sums += memory[thread + n * ${quads}u]; }`,
      'finishColumnSums(place, place.row0 / 4u + thread, sums);',
    ]),
    'workgroupBarrier();',
  ];
}

/** Passes the sums to `finish`, from the registers or from the workgroup's memory. */
function endOf({ tile, columns, gathered }: Product<string>): string[] {
  const inside = (quad: string, statement: string): string =>
    columns % tile.columns ? `if (${quad} < ${columns / 4}u) { ${statement} }` : statement;
  if (tile.depthGroups === 1 && !gathered) {
    return sumsOf(tile).map(({ name, row, quad }) => {
      const at = `place.column0 / 4u + ${quadOf(tile, quad)}`;
      return inside(at, `finish(place, place.row0 + ${rowOf(tile, row)}, ${at}, ${name});`);
    });
  }
  const width = gathered === 'fours' ? 4 : 1;
  const quads = tile.columns / 4;
  const tasks = quads / width;
  const sums =
    width === 1
      ? 'memory[n]'
      : `array<vec4f, 4>(${count(4)
          .map((q) => `memory[4u * n + ${q}u]`)
          .join(', ')})`;
  return [
    '// The groups add their sums [rows, columns / 4], one after the other.',
    ...count(tile.depthGroups).flatMap((group) => [
      block(
        `if (depth_group == ${group}u)`,
        sumsOf(tile).map(({ name, row, quad }) => {
          const at = `(${rowOf(tile, row)}) * ${quads}u + ${quadOf(tile, quad)}`;
          return `memory[${at}] ${group ? '+=' : '='} ${name};`;
        }),
      ),
      'workgroupBarrier();',
    ]),
    block(`for (var n = thread; n < ${tile.rows * tasks}u; n += ${threadsOf(tile)}u)`, [
      `let row = place.row0 + n / ${tasks}u;`,
      `let quad = place.column0 / 4u + n % ${tasks}u * ${width}u;`,
      inside('quad', `${width === 4 ? 'finishFour' : 'finish'}(place, row, quad, ${sums});`),
    ]),
  ];
}
