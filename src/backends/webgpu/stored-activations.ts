/** Two or four neighbouring activations in memory, as floats or as halves. */
import type { Storage } from './verbs.js';

/** WGSL type of two activations in memory. */
export const PAIR: Record<Storage, string> = { float32: 'vec2f', float16: 'u32' };
/** WGSL type of four activations in memory. */
export const QUAD: Record<Storage, string> = { float32: 'vec4f', float16: 'vec2u' };

/** Halves round to infinity from here on. WGSL leaves undefined what its own function gives; loss scaling needs infinity. */
const INFINITE_FROM = '65520.0';

/** WGSL functions from memory to floats (`unpacked`) and back (`packed`). */
export const STORED_ACTIVATIONS: Record<Storage, string> = {
  float32: `
fn unpackedPair(pair: vec2f) -> vec2f { return pair; }
fn packedPair(values: vec2f) -> vec2f { return values; }
fn unpackedQuad(quad: vec4f) -> vec4f { return quad; }
fn packedQuad(values: vec4f) -> vec4f { return values; }
`,
  float16: `
fn unpackedPair(pair: u32) -> vec2f { return unpack2x16float(pair); }
fn packedPair(values: vec2f) -> u32 {
  let isInfinite = abs(values) >= vec2f(${INFINITE_FROM});
  let signs = (bitcast<vec2u>(values) >> vec2u(16u)) & vec2u(0x8000u);
  let infinities = select(vec2u(0u), signs | vec2u(0x7c00u), isInfinite);
  return pack2x16float(select(values, vec2f(0.0), isInfinite)) | infinities.x | (infinities.y << 16u);
}
fn unpackedQuad(quad: vec2u) -> vec4f { return vec4f(unpackedPair(quad.x), unpackedPair(quad.y)); }
fn packedQuad(values: vec4f) -> vec2u { return vec2u(packedPair(values.xy), packedPair(values.zw)); }
`,
};
