/** Activations in memory as pairs: two floats, or two halves in one word. */
import type { Storage } from '../verbs.js';

/** WGSL type of a pair in memory. */
export const PAIR: Record<Storage, string> = { float32: 'vec2f', float16: 'u32' };

/** WGSL functions `unpacked(pair) -> vec2f` and `packed(vec2f) -> pair`. */
export const PAIR_FUNCTIONS: Record<Storage, string> = {
  float32: `
fn unpacked(pair: vec2f) -> vec2f { return pair; }
fn packed(values: vec2f) -> vec2f { return values; }
`,
  float16: `
fn unpacked(pair: u32) -> vec2f { return unpack2x16float(pair); }
fn packed(values: vec2f) -> u32 { return pack2x16float(values); }
`,
};
