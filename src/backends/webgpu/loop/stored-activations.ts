/** Two or four neighbouring activations in memory, as floats or as halves. */
import type { Storage } from '../verbs.js';

/** WGSL type of two activations in memory. */
export const PAIR: Record<Storage, string> = { float32: 'vec2f', float16: 'u32' };
/** WGSL type of four activations in memory. */
export const QUAD: Record<Storage, string> = { float32: 'vec4f', float16: 'vec2u' };

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
fn packedPair(values: vec2f) -> u32 { return pack2x16float(values); }
fn unpackedQuad(quad: vec2u) -> vec4f { return vec4f(unpack2x16float(quad.x), unpack2x16float(quad.y)); }
fn packedQuad(values: vec4f) -> vec2u { return vec2u(pack2x16float(values.xy), pack2x16float(values.zw)); }
`,
};
