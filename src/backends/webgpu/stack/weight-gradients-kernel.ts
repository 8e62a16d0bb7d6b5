/**
 * The kernel that adds the gradients of all parameters over the rows of a batch: dW = dzᵀ · operands for each layer, and
 * the sums of dz for its biases, in tiles; and those of the linear layer.
 *
 * Workgroup (x, s) computes tile x for the rows of split s. Splits are few, so the rows are also shared out among row
 * groups of threads, whose sums are added at the end. A thread has two units (8 rows of dW) and four columns.
 */
import { type BatchCapacity, batchFunctions } from '../batch-layout.js';
import { kernel, read, write } from '../kernel.js';
import type { PartialGradients } from '../verbs.js';
import { networkConstants } from './panels-kernel.js';
import type { StackNetwork } from './stack-network.js';
import { type StackSizes, sizeConstants, trainingScratch } from './stack-sizes.js';

/** Units of a tile: a quarter of its rows. */
const TILE_UNITS = 16;
/** Columns of a tile, in quads. */
const TILE_QUADS = 8;
/** Threads that share a tile of one row group. */
const TILE_THREADS = (TILE_UNITS / 2) * TILE_QUADS;
const ROW_GROUPS = 4;
const THREADS = ROW_GROUPS * TILE_THREADS;
/** Rows that a workgroup holds at a time. */
const PANEL_ROWS = 32;

/** Workgroups of each split. */
export function weightGradientGroups(network: StackNetwork, { layers, units }: StackSizes): number {
  const tilesOfLayer = (units / TILE_UNITS) * (units / 2 / TILE_QUADS);
  return layers * tilesOfLayer + Math.ceil(classifierElements(network) / THREADS);
}

/** Elements of fc.weight and fc.bias. */
function classifierElements({ head, layers, classes }: StackNetwork): number {
  const parts = head.name === 'final' ? layers.length : 1;
  return classes * (parts * layers[0].hiddenSize + 1);
}

export function weightGradientsKernel(
  network: StackNetwork,
  sizes: StackSizes,
  capacity: BatchCapacity,
  { splits, parameters }: PartialGradients,
) {
  // Quads of a panel that a thread reads.
  const gateLoads = range((TILE_UNITS * PANEL_ROWS) / THREADS);
  const operandLoads = range((TILE_QUADS * PANEL_ROWS) / THREADS);
  const body = `
${sizeConstants(sizes)}
${networkConstants(network)}
${batchFunctions(capacity)}
// Where the summaries begin in the scratch memory.
const SUMMARIES = ${trainingScratch(sizes, capacity).summaries}u;
const SPLITS = ${splits}u;
const PARAMETERS = ${parameters}u;
const GROUP = ${THREADS}u;
const TILE_UNITS = ${TILE_UNITS}u;
const TILE_QUADS = ${TILE_QUADS}u;
const TILE_THREADS = ${TILE_THREADS}u;
const TILES_ACROSS = UNITS / 2u / TILE_QUADS;
const TILES_OF_LAYER = UNITS / TILE_UNITS * TILES_ACROSS;
const LAYER_TILES = LAYERS * TILES_OF_LAYER;
const PANEL_ROWS = ${PANEL_ROWS}u;
// Of a panel, in each row group.
const GROUP_ROWS = ${PANEL_ROWS / ROW_GROUPS}u;

// A panel: gradients of the tile's units [PANEL_ROWS, TILE_UNITS], then the tile's columns of the operands [PANEL_ROWS,
// TILE_QUADS]. At the end: sums of threads.
const OPERANDS_OF_PANEL = PANEL_ROWS * TILE_UNITS;
var<workgroup> memory: array<vec4f, 4u * GROUP>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (group.x < LAYER_TILES) { addLayerTile(group.x, group.y, thread); }
  else { addClassifier((group.x - LAYER_TILES) * GROUP + thread, group.y); }
}

// First block of a split; of split SPLITS: the block after the last.
fn firstBlock(split: u32) -> u32 { return split * ${capacity.blocks}u / SPLITS; }

fn addLayerTile(tile: u32, split: u32, thread: u32) {
  let layer = tile / TILES_OF_LAYER;
  let firstUnit = tile % TILES_OF_LAYER / TILES_ACROSS * TILE_UNITS;
  let firstQuad = tile % TILES_ACROSS * TILE_QUADS;
  let firstRow = blockStart(firstBlock(split));
  let end = blockStart(firstBlock(split + 1u));
  // What a thread reads of each panel: one unit, and one quad of columns, in some of the rows.
  let readGateRow = thread / TILE_UNITS;
  let readOperandRow = thread / TILE_QUADS;
  let gatesAt = layer * RECORD + firstUnit + thread % TILE_UNITS;
  let operandsAt = layer * RECORD + OPERANDS + firstQuad + thread % TILE_QUADS;
  var biasSum = vec4f(0.0);
  // What a thread computes: units 'unit' and 'unit' + TILE_UNITS / 2, the quad 'quad' of columns.
  let rowGroup = thread / TILE_THREADS;
  let unit = thread % TILE_THREADS / TILE_QUADS;
  let quad = thread % TILE_QUADS;
  ${each(SUMS, (sum) => `var ${sum} = vec4f(0.0);`)}
  ${each(gateLoads, (n) => `var nextGate${n} = vec4f(0.0);`)}
  ${each(operandLoads, (n) => `var nextOperand${n} = vec4f(0.0);`)}

  for (var panel = firstRow; panel < end + PANEL_ROWS; panel += PANEL_ROWS) {
    // Reads a panel ahead of the products.
    ${each(gateLoads, (n) => load(`nextGate${n}`, `readGateRow + ${(n * THREADS) / TILE_UNITS}u`, 'gatesAt'))}
    ${each(operandLoads, (n) => load(`nextOperand${n}`, `readOperandRow + ${(n * THREADS) / TILE_QUADS}u`, 'operandsAt'))}
    if (panel > firstRow) {
      for (var n = 0u; n < GROUP_ROWS; n++) {
        let row = rowGroup * GROUP_ROWS + n;
        let a0 = memory[row * TILE_UNITS + unit];
        let a1 = memory[row * TILE_UNITS + unit + TILE_UNITS / 2u];
        let x = memory[OPERANDS_OF_PANEL + row * TILE_QUADS + quad];
        ${each(SUMS, (sum, n) => `${sum} = fma(vec4f(a${Math.floor(n / 4)}.${'xyzw'[n % 4]}), x, ${sum});`, '\n        ')}
      }
    }
    workgroupBarrier();
    ${each(gateLoads, (n) => `memory[thread + ${n * THREADS}u] = nextGate${n};\n    biasSum += nextGate${n};`)}
    ${each(operandLoads, (n) => `memory[OPERANDS_OF_PANEL + thread + ${n * THREADS}u] = nextOperand${n};`)}
    workgroupBarrier();
  }
  ${each([0, 1], addRowGroups)}
  if (firstQuad == 0u) {
    workgroupBarrier();
    memory[thread] = biasSum;
    workgroupBarrier();
    if (thread < TILE_UNITS) {
      var sum = memory[thread];
      for (var n = thread + TILE_UNITS; n < GROUP; n += TILE_UNITS) { sum += memory[n]; }
      storeBiases(split, layer, firstUnit + thread, sum);
    }
  }
}

// Four columns of a row of dW: columns 0 … UNITS - 1 are those of weight_ih, the next those of weight_hh.
fn storeWeights(split: u32, layer: u32, gate: u32, unit: u32, column: u32, values: vec4f) {
  if (unit >= HIDDEN) { return; }
  let ofState = column >= UNITS;
  let columns = select(INPUT_SIZES[layer], HIDDEN, ofState);
  let tensor = select(WEIGHT_IH[layer], WEIGHT_HH[layer], ofState);
  let first = column % UNITS;
  let at = split * PARAMETERS + tensor + (gate * HIDDEN + unit) * columns + first;
  for (var n = 0u; n < 4u; n++) {
    if (first + n < columns) { partials[at + n] = values[n]; }
  }
}

fn storeBiases(split: u32, layer: u32, unit: u32, gates: vec4f) {
  if (unit >= HIDDEN) { return; }
  for (var gate = 0u; gate < 4u; gate++) {
    let row = split * PARAMETERS + gate * HIDDEN + unit;
    partials[row + BIAS_IH[layer]] = gates[gate];
    partials[row + BIAS_HH[layer]] = gates[gate];
  }
}

// Element k · (F + 1) + f: fc.weight[k, f], or fc.bias[k] for f = F.
fn addClassifier(element: u32, split: u32) {
  let k = element / (TRUE_FEATURES + 1u);
  let f = element % (TRUE_FEATURES + 1u);
  if (k >= CLASSES) { return; }
  let column = f / HIDDEN * UNITS + f % HIDDEN;
  let end = min(LANES * firstBlock(split + 1u), sequences());
  var sum = 0.0;
  for (var b = LANES * firstBlock(split); b < end; b++) {
    let summary = SUMMARIES + b * SUMMARY;
    var feature = 1.0;
    if (f < TRUE_FEATURES) { feature = scratch[summary + column / 4u][column % 4u]; }
    sum = fma(scratch[summary + FEATURE_QUADS + k / 4u][k % 4u], feature, sum);
  }
  let place = select(FC_BIAS + k, FC_WEIGHT + k * TRUE_FEATURES + f, f < TRUE_FEATURES);
  partials[split * PARAMETERS + place] = sum;
}`;
  return kernel(
    'stack weight gradients',
    {
      batch: read('u32'),
      /** Records [N, L], then summaries [B']. */ scratch: read('vec4f'),
      /** [S, P] */ partials: write('f32'),
    },
    body,
  );
}

/** Rows i, f, g, o of two units, four columns each. */
const SUMS = range(8).map((n) => `sum${n}`);

/** Reads a quad of a row of the panel; zeros after the last row. */
function load(target: string, row: string, column: string): string {
  return `{
      let row = panel + ${row};
      ${target} = vec4f(0.0);
      if (row < end) { ${target} = scratch[row * LAYERS * RECORD + ${column}]; }
    }`;
}

/** Adds the row groups' sums of one of the two units, and stores the totals. Row group g has those of gate g. */
function addRowGroups(half: number): string {
  const gates = range(4);
  return `
  {
    workgroupBarrier();
    ${each(gates, (gate) => `memory[${gate}u * GROUP + thread] = ${SUMS[4 * half + gate]};`, '\n    ')}
    workgroupBarrier();
    let first = rowGroup * GROUP + thread % TILE_THREADS;
    var total = memory[first];
    for (var n = 1u; n < ${ROW_GROUPS}u; n++) { total += memory[first + n * TILE_THREADS]; }
    let unitOfTotal = firstUnit + unit + ${half}u * (TILE_UNITS / 2u);
    storeWeights(split, layer, rowGroup, unitOfTotal, 4u * (firstQuad + quad), total);
  }`;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

function each<T>(items: readonly T[], line: (item: T, n: number) => string, separator = '\n  '): string {
  return items.map(line).join(separator);
}
