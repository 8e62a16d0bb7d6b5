/** WGSL that reads and writes four neighbouring activations at once, as floats or as halves. */
import type { Storage } from '../verbs.js';

/** The WGSL type of four activations in a buffer. */
export function quadType(storage: Storage): 'vec4f' | 'vec2u' {
  return storage === 'float32' ? 'vec4f' : 'vec2u';
}

/** `unstored`: four activations as floats; `stored`: four floats as they are stored. */
export function quadFunctions(storage: Storage): string {
  if (storage === 'float32') {
    return `
fn unstored(quad: vec4f) -> vec4f { return quad; }
fn stored(values: vec4f) -> vec4f { return values; }
`;
  }
  return `
fn unstored(quad: vec2u) -> vec4f { return vec4f(unpack2x16float(quad.x), unpack2x16float(quad.y)); }
fn stored(values: vec4f) -> vec2u { return vec2u(pack2x16float(values.xy), pack2x16float(values.zw)); }
`;
}
