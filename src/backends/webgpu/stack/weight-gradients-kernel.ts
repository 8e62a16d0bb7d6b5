/**
 * The kernel that adds the gradients of all parameters over the rows of a batch: dW = dzᵀ · operands for each layer, and
 * the sums of dz for its biases, in tiles; and those of the linear layer.
 *
 * Workgroup (x, s) computes a tile x for the rows of split s. A thread has two units (8 rows of dW) and four columns.
 */
import { type BatchCapacity, batchFunctions } from '../batch-layout.js';
import { kernel, read, write } from '../kernel.js';
import type { PartialGradients } from '../verbs.js';
import { networkConstants } from './panels-kernel.js';
import type { StackNetwork } from './stack-network.js';
import { PANEL_ROWS, type StackSizes, sizeConstants, trainingScratch } from './stack-sizes.js';

interface Tile {
  /** Units of the layer: a quarter of the tile's rows. */ units: number;
  /** Columns in quads. */ quads: number;
  threads: number;
  /** Of a layer. */ across: { units: number; columns: number };
}

function tileOf({ units }: StackSizes): Tile {
  const size = units % 32 === 0 ? 32 : 16;
  const quads = size / 2;
  return {
    units: size,
    quads,
    threads: (size / 2) * quads,
    across: { units: units / size, columns: units / size },
  };
}

/** Workgroups of each split. */
export function weightGradientGroups(network: StackNetwork, sizes: StackSizes): number {
  const { across, threads } = tileOf(sizes);
  return sizes.layers * across.units * across.columns + Math.ceil(classifierElements(network) / threads);
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
  const tile = tileOf(sizes);
  const { units, quads, threads, across } = tile;
  // Quads of a panel that a thread reads.
  const gateLoads = (units * PANEL_ROWS) / threads;
  const operandLoads = (quads * PANEL_ROWS) / threads;
  const body = `
${sizeConstants(sizes)}
${networkConstants(network)}
${batchFunctions(capacity)}
// Where the summaries begin in the scratch memory.
const SUMMARIES = ${trainingScratch(sizes, capacity).summaries}u;
const SPLITS = ${splits}u;
const PARAMETERS = ${parameters}u;
const GROUP = ${threads}u;
const PANEL_ROWS = ${PANEL_ROWS}u;
const TILE_UNITS = ${units}u;
const TILE_QUADS = ${quads}u;
const TILES_ACROSS = ${across.columns}u;
const TILES_OF_LAYER = ${across.units * across.columns}u;
const LAYER_TILES = LAYERS * TILES_OF_LAYER;

// A panel: gradients of the tile's units, and the tile's columns of the operands, at PANEL_ROWS rows.
var<workgroup> dGates: array<vec4f, TILE_UNITS * PANEL_ROWS>;
var<workgroup> operands: array<vec4f, TILE_QUADS * PANEL_ROWS>;
var<workgroup> biasSums: array<vec4f, GROUP>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (group.x < LAYER_TILES) { addLayerTile(group.x, group.y, thread); }
  else { addClassifier((group.x - LAYER_TILES) * GROUP + thread, group.y); }
}

fn addLayerTile(tile: u32, split: u32, thread: u32) {
  let layer = tile / TILES_OF_LAYER;
  let firstUnit = tile % TILES_OF_LAYER / TILES_ACROSS * TILE_UNITS;
  let firstQuad = tile % TILES_ACROSS * TILE_QUADS;
  // Rows of the split.
  let panels = (rows() + PANEL_ROWS - 1u) / PANEL_ROWS;
  let firstRow = split * panels / SPLITS * PANEL_ROWS;
  let end = min((split + 1u) * panels / SPLITS * PANEL_ROWS, rows());
  // What a thread reads of each panel: one unit and one quad of columns, in every ${threads / units}th and ${threads / quads}th row.
  let readUnit = thread % TILE_UNITS;
  let readGateRow = thread / TILE_UNITS;
  let readQuad = thread % TILE_QUADS;
  let readOperandRow = thread / TILE_QUADS;
  let gatesAt = layer * RECORD + firstUnit + readUnit;
  let operandsAt = layer * RECORD + OPERANDS + firstQuad + readQuad;
  var biasSum = vec4f(0.0);
  // What a thread computes: units 'unit' and 'unit' + TILE_UNITS / 2, the quad 'quad' of columns.
  let unit = thread / TILE_QUADS;
  let quad = thread % TILE_QUADS;
  ${each(SUMS, (sum) => `var ${sum} = vec4f(0.0);`)}
  ${each(range(gateLoads), (n) => `var nextGate${n} = vec4f(0.0);`)}
  ${each(range(operandLoads), (n) => `var nextOperand${n} = vec4f(0.0);`)}

  for (var panel = firstRow; panel < end + PANEL_ROWS; panel += PANEL_ROWS) {
    // Reads a panel ahead of the products.
    ${each(range(gateLoads), (n) => loadGate(n, threads / units))}
    ${each(range(operandLoads), (n) => loadOperand(n, threads / quads))}
    if (panel > firstRow) {
      for (var row = 0u; row < PANEL_ROWS; row++) {
        let a0 = dGates[row * TILE_UNITS + unit];
        let a1 = dGates[row * TILE_UNITS + unit + TILE_UNITS / 2u];
        let x = operands[row * TILE_QUADS + quad];
        ${each(SUMS, (sum, n) => `${sum} = fma(vec4f(a${Math.floor(n / 4)}.${'xyzw'[n % 4]}), x, ${sum});`, '\n        ')}
      }
    }
    workgroupBarrier();
    ${each(range(gateLoads), (n) => `dGates[thread + ${n * threads}u] = nextGate${n};\n    biasSum += nextGate${n};`)}
    ${each(range(operandLoads), (n) => `operands[thread + ${n * threads}u] = nextOperand${n};`)}
    workgroupBarrier();
  }

  var sums = array<vec4f, ${SUMS.length}>(${SUMS.join(', ')});
  for (var n = 0u; n < ${SUMS.length}u; n++) {
    let unitOfSum = firstUnit + unit + n / 4u * (TILE_UNITS / 2u);
    storeWeights(split, layer, n % 4u, unitOfSum, 4u * (firstQuad + quad), sums[n]);
  }
  if (firstQuad == 0u) {
    biasSums[thread] = biasSum;
    workgroupBarrier();
    if (thread < TILE_UNITS) {
      var sum = biasSums[thread];
      for (var n = thread + TILE_UNITS; n < GROUP; n += TILE_UNITS) { sum += biasSums[n]; }
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

// Element k · (F + 1) + f: fc.weight[k, f], or fc.bias[k] for f = F. The sequences are split as the rows are.
fn addClassifier(element: u32, split: u32) {
  let k = element / (TRUE_FEATURES + 1u);
  let f = element % (TRUE_FEATURES + 1u);
  if (k >= CLASSES) { return; }
  let column = f / HIDDEN * UNITS + f % HIDDEN;
  var sum = 0.0;
  for (var b = split * sequences() / SPLITS; b < (split + 1u) * sequences() / SPLITS; b++) {
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

function loadGate(n: number, rowsApart: number): string {
  return `{
      let row = panel + readGateRow + ${n * rowsApart}u;
      nextGate${n} = vec4f(0.0);
      if (row < end) { nextGate${n} = scratch[row * LAYERS * RECORD + gatesAt]; }
    }`;
}

function loadOperand(n: number, rowsApart: number): string {
  return `{
      let row = panel + readOperandRow + ${n * rowsApart}u;
      nextOperand${n} = vec4f(0.0);
      if (row < end) { nextOperand${n} = scratch[row * LAYERS * RECORD + operandsAt]; }
    }`;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

function each<T>(items: readonly T[], line: (item: T, n: number) => string, separator = '\n  '): string {
  return items.map(line).join(separator);
}
