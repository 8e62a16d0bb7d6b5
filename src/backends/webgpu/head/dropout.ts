/**
 * The verb `dropout`: inverted dropout of features or of a layer's outputs, as `Dropout` in backends/backend.ts defines
 * it; the kept elements are those of the host, bit for bit. Columns are those of the parameters: padding stays zero and
 * draws nothing. Rows past the end of a sequence become zeros.
 *
 * The two words of a block of Threefry belong to columns half a row apart. Where columns allow it, a thread has four
 * columns of the first half and their partners, and uses both words.
 */
import { batchFunctions } from '../batch-layout.js';
import {
  type Binding,
  type Dispatch,
  dispatch,
  kernel,
  MAX_GROUPS,
  read,
  type Slice,
  write,
} from '../kernel.js';
import { floatLiteral as float } from '../literal.js';
import { QUAD, STORED_ACTIVATIONS } from '../stored-activations.js';
import { THREEFRY } from '../threefry.js';
import { type DropoutArguments, deviceColumns, padded } from '../verbs.js';

const GROUP = 256;

export function dropout(args: DropoutArguments): Dispatch[] {
  const { of, batch, columns, storage, source, target, keys } = args;
  const { capacity, words } = batch;
  const inPlace = source.buffer === target.buffer && source.offset === target.offset;
  const bindings: Record<string, Binding> = { batch: read('u32'), keys: read('vec2u') };
  const slices: Record<string, Slice> = { batch: words, keys };
  if (inPlace) {
    bindings.values = write(QUAD[storage]);
    slices.values = target;
  } else {
    bindings.source = read(QUAD[storage]);
    bindings.values = write(QUAD[storage]);
    slices.source = source;
    slices.values = target;
  }
  const quads = deviceColumns(columns) / 4;
  const isPaired = columns.size % 16 === 0 && (columns.parts * columns.size) % 8 === 0;
  const units = isPaired ? quads / 2 : quads;
  const body = `
// Columns of the parameters, and half of them, rounded up.
const WIDTH = ${columns.parts * columns.size}u;
const HALF = ${Math.ceil((columns.parts * columns.size) / 2)}u;
// Vectors of four columns in a row, and those that are not another's partner.
const QUADS = ${quads}u;
const UNITS = ${units}u;
const STREAM = ${args.stream}u;
// Elements are kept if their word is at least this, and multiplied by this.
const THRESHOLD = ${Math.floor(args.rate * 2 ** 32)}u;
const SCALE = ${float(1 / (1 - args.rate))};
${batchFunctions(capacity)}
${STORED_ACTIVATIONS[storage]}
${THREEFRY}

// Drops elements of a quad by their words; all of them where there is no row.
fn drop(quad: u32, words: vec4u, is_row: bool) {
  let kept = (words >= vec4u(THRESHOLD)) & vec4<bool>(is_row);
  let scaled = unpackedQuad(${inPlace ? 'values' : 'source'}[quad]) * SCALE;
  values[quad] = packedQuad(select(vec4f(0.0), scaled, kept));
}
${isPaired ? PAIRED : single(columns.size)}

@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  ${of === 'features' ? FEATURES : OUTPUTS}
}`;
  const label = `dropout ${of}${isPaired ? '' : ' single'}`;
  const rows = of === 'features' ? capacity.blocks * capacity.lanes : capacity.steps * capacity.lanes;
  const groups = [
    Math.min(MAX_GROUPS, Math.ceil((rows * units) / GROUP)),
    of === 'features' ? 1 : capacity.blocks,
  ] as const;
  return [dispatch(kernel(label, bindings, body), slices, groups)];
}

/** Rows are sequences. */
const FEATURES = `for (var at = id.x; at < blocks() * LANES * UNITS; at += groups.x * ${GROUP}u) {
    let b = at / UNITS;
    dropUnit(b, at % UNITS, keyOf(b), 0u, b < sequences());
  }`;

/** The rows of a block lie together. */
const OUTPUTS = `let block = id.y;
  let first = blockStart(block);
  let end = blockStart(block + 1u);
  for (var at = first * UNITS + id.x; at < end * UNITS; at += groups.x * ${GROUP}u) {
    let row = at / UNITS;
    let t = (row - first) / LANES;
    let b = block * LANES + (row - first) % LANES;
    dropUnit(row, at % UNITS, keyOf(b), t * WIDTH, t < lengthOf(b));
  }`;

const KEY_OF = `
fn keyOf(b: u32) -> vec2u { return keys[min(b, sequences() - 1u)]; }`;

/** dropUnit(row, unit, key, offset, is_row): a quad of the first half of the row, and its partner. */
const PAIRED = `${KEY_OF}
fn dropUnit(row: u32, unit: u32, key: vec2u, offset: u32, is_row: bool) {
  var first: vec4u;
  var second: vec4u;
  for (var j = 0u; j < 4u; j++) {
    let words = threefry(key, vec2u(offset + 4u * unit + j, STREAM));
    first[j] = words.x;
    second[j] = words.y;
  }
  drop(row * QUADS + unit, first, is_row);
  drop(row * QUADS + unit + UNITS, second, is_row);
}`;

/** dropUnit(row, unit, key, offset, is_row): a quad of the row. */
function single(size: number): string {
  return `${KEY_OF}
fn wordOf(key: vec2u, offset: u32, c: u32) -> u32 {
  let words = threefry(key, vec2u(offset + c % HALF, STREAM));
  return select(words.x, words.y, c >= HALF);
}
fn dropUnit(row: u32, unit: u32, key: vec2u, offset: u32, is_row: bool) {
  var words: vec4u;
  for (var j = 0u; j < 4u; j++) {
    let column = 4u * unit + j;
    let part = column / ${padded(size)}u;
    let within = column % ${padded(size)}u;
    if (within < ${size}u) { words[j] = wordOf(key, offset, part * ${size}u + within); }
  }
  drop(row * QUADS + unit, words, is_row);
}`;
}
