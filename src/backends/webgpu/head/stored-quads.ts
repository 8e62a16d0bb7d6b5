/** Four neighbouring columns of activations in WGSL, stored as floats or as halves in pairs. */
import type { Storage } from '../verbs.js';

/** Element type of a buffer of activations. */
export function quadType(storage: Storage): string {
  return storage === 'float32' ? 'vec4f' : 'vec2u';
}

/** An expression of type vec4f, from an element of a buffer. */
export function loadedQuad(storage: Storage, element: string): string {
  return storage === 'float32' ? element : `unpackedQuad(${element})`;
}

/** An element of a buffer, from an expression of type vec4f. */
export function storedQuad(storage: Storage, value: string): string {
  return storage === 'float32' ? value : `packedQuad(${value})`;
}

/** WGSL that `loadedQuad` and `storedQuad` call. */
export const QUAD_FUNCTIONS = `
fn unpackedQuad(halves: vec2u) -> vec4f { return vec4f(unpack2x16float(halves.x), unpack2x16float(halves.y)); }
fn packedQuad(values: vec4f) -> vec2u { return vec2u(pack2x16float(values.xy), pack2x16float(values.zw)); }
`;
