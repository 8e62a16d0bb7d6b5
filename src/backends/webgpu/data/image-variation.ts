/**
 * Random variation of images in WGSL: rotation, scale, shear and shift about the centre, and a smooth displacement, from
 * the words that data/images/image-augment.ts draws and with its equations. The words are the same bits; coordinates are
 * float32 there float64, so a varied byte may differ by one where its value is close to the middle between two bytes.
 */
import { floatLiteral } from '../literal.js';

/** Amounts of the variation, and the picture that is varied. */
export interface Variation {
  /** [height, channels, width] bytes of an image. */
  channels: number;
  height: number;
  width: number;
  /** Up to this many degrees in either direction, at most 180. */
  rotation: number;
  /** By a factor from 1 / (1 + scale) to 1 + scale, in x and y separately. */
  scale: number;
  /** x += shear · y */
  shear: number;
  /** In pixels. */
  shift: number;
  /** Amplitude of the displacement in pixels; 0: none. */
  elastic: number;
  /** Cells along a side of the grid of the displacement. */
  cells: number;
  /** Streams of random words, of the map and of the displacement. */
  streams: { shape: number; elastic: number };
}

/**
 * `drawVariation(key, thread)` for all threads of a workgroup, then `variedValueAt(start, n)`. Needs `threefry`, and the
 * functions of bytes of gather.ts.
 */
export function variationFunctions(variation: Variation): string {
  const { channels, height, width, rotation, scale, shear, shift, elastic, cells, streams } = variation;
  return `
const CHANNELS = ${channels}u;
const HEIGHT = ${height}u;
const WIDTH = ${width}u;
const CENTRE = vec2f(${floatLiteral((width - 1) / 2)}, ${floatLiteral((height - 1) / 2)});

// From a place in the varied image, relative to the centre, to its origin: the inverse of the map.
var<workgroup> back: mat2x2f;
var<workgroup> shift: vec2f;

// A number in [-1, 1) from a word.
fn signedOf(word: u32) -> f32 { return f32(i32(word)) * ${floatLiteral(2 ** -31)}; }
// A factor between 1 / (1 + amount) and 1 + amount.
fn factorOf(amount: f32, word: u32) -> f32 {
  let share = amount * signedOf(word);
  return select(1.0 / (1.0 - share), 1.0 + share, share >= 0.0);
}
// Sine and cosine of an angle in [-π, π]. WGSL's own are exact to 2^-11 only. Taylor's series of a quarter of the angle,
// then sin 2a = 2 sin a cos a and 1 - cos 2a = 2 sin² a, twice.
fn sineAndCosine(angle: f32) -> vec2f {
  let a = angle / 4.0;
  let s = a * a;
  var sine = a * (1.0 + s * (-1.0 / 6.0 + s * (1.0 / 120.0 + s * (-1.0 / 5040.0 + s / 362880.0))));
  var lessCosine = s * (0.5 + s * (-1.0 / 24.0 + s * (1.0 / 720.0 + s * (-1.0 / 40320.0 + s / 3628800.0))));
  for (var n = 0; n < 2; n++) {
    let half = sine;
    sine = 2.0 * half * (1.0 - lessCosine);
    lessCosine = 2.0 * half * half;
  }
  return vec2f(sine, 1.0 - lessCosine);
}
fn drawMap(key: vec2u) {
  let first = threefry(key, vec2u(0u, ${streams.shape}u));
  let second = threefry(key, vec2u(1u, ${streams.shape}u));
  let third = threefry(key, vec2u(2u, ${streams.shape}u));
  let turn = sineAndCosine(${floatLiteral((rotation * Math.PI) / 180)} * signedOf(first.x));
  let scale = vec2f(factorOf(${floatLiteral(scale)}, first.y), factorOf(${floatLiteral(scale)}, second.x));
  let shear = ${floatLiteral(shear)} * signedOf(second.y);
  let xx = turn.y * scale.x;
  let xy = (turn.y * shear - turn.x) * scale.y;
  let yx = turn.x * scale.x;
  let yy = (turn.x * shear + turn.y) * scale.y;
  // The determinant is the product of the scales.
  let area = scale.x * scale.y;
  back = mat2x2f(vec2f(yy, -yx) / area, vec2f(-xy, xx) / area);
  shift = ${floatLiteral(shift)} * vec2f(signedOf(third.x), signedOf(third.y));
}
${elastic > 0 ? displacementFunctions(elastic, cells, streams.elastic) : ''}
fn drawVariation(key: vec2u, thread: u32) {
  if (thread == 0u) { drawMap(key); }
  ${elastic > 0 ? 'drawNodes(key, thread);' : ''}
  workgroupBarrier();
}

fn between(a: f32, b: f32, share: f32) -> f32 { return a + share * (b - a); }
// Outside of the image is 0, paper.
fn pixelOr0(start: u32, x: i32, y: i32, channel: u32) -> f32 {
  if (x < 0 || x >= i32(WIDTH) || y < 0 || y >= i32(HEIGHT)) { return 0.0; }
  return f32(byteAt(start + (u32(y) * CHANNELS + channel) * WIDTH + u32(x)));
}
// Bilinear interpolation between the four pixels around the origin, rounded to a byte.
fn variedValueAt(start: u32, n: u32) -> f32 {
  let place = placeOf(n);
  let x = place % WIDTH;
  let channel = place / WIDTH % CHANNELS;
  let y = place / (WIDTH * CHANNELS);
  var origin = back * (vec2f(f32(x), f32(y)) - CENTRE - shift) + CENTRE;
  ${elastic > 0 ? 'origin += displacementAt(x, y);' : ''}
  origin = clamp(origin, vec2f(-1.0), vec2f(f32(WIDTH), f32(HEIGHT)));
  let corner = floor(origin);
  let share = origin - corner;
  let left = i32(corner.x);
  let top = i32(corner.y);
  let above = between(pixelOr0(start, left, top, channel), pixelOr0(start, left + 1, top, channel), share.x);
  let below =
    between(pixelOr0(start, left, top + 1, channel), pixelOr0(start, left + 1, top + 1, channel), share.x);
  return table[u32(between(above, below, share.y) + 0.5)];
}
`;
}

/** The surface through randomly moved nodes of data/images/displacement.ts: splines of Catmull and Rom. */
function displacementFunctions(elastic: number, cells: number, stream: number): string {
  const nodes = cells + 3;
  return `
const CELLS = ${cells}u;
// Along a side: the corners of the cells, and one beyond each end.
const NODES = ${nodes}u;
var<workgroup> nodes: array<vec2f, ${nodes * nodes}>;

fn drawNodes(key: vec2u, thread: u32) {
  if (thread >= NODES * NODES) { return; }
  let words = threefry(key, vec2u(thread, ${stream}u));
  nodes[thread] = ${floatLiteral(elastic)} * vec2f(signedOf(words.x), signedOf(words.y));
}
// The cell of a pixel, the first of four nodes; and how far the pixel is in it.
fn cellOf(pixel: u32, pixels: u32) -> u32 {
  return select(CELLS / 2u, min(CELLS * pixel / (pixels - 1u), CELLS - 1u), pixels > 1u);
}
fn partOfCell(pixel: u32, pixels: u32, cell: u32) -> f32 {
  if (pixels == 1u) { return ${floatLiteral((cells / 2) % 1)}; }
  return f32(CELLS * pixel - cell * (pixels - 1u)) / f32(pixels - 1u);
}
fn weightsAt(t: f32) -> vec4f {
  return 0.5 * vec4f(
    t * (t * (2.0 - t) - 1.0),
    t * t * (3.0 * t - 5.0) + 2.0,
    t * (t * (4.0 - 3.0 * t) + 1.0),
    t * t * (t - 1.0),
  );
}
fn displacementAt(x: u32, y: u32) -> vec2f {
  let column = cellOf(x, WIDTH);
  let row = cellOf(y, HEIGHT);
  let across = weightsAt(partOfCell(x, WIDTH, column));
  let down = weightsAt(partOfCell(y, HEIGHT, row));
  var sum = vec2f(0.0);
  for (var r = 0u; r < 4u; r++) {
    let node = (row + r) * NODES + column;
    sum += down[r] *
      (across.x * nodes[node] + across.y * nodes[node + 1u] + across.z * nodes[node + 2u] + across.w * nodes[node + 3u]);
  }
  return sum;
}
`;
}
