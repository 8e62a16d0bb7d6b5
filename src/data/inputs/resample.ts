/**
 * Scales pictures: smaller ones by the mean over the area of each pixel, larger ones by the cubic of Catmull and Rom
 * (1974), which keeps edges sharper than a linear interpolation.
 */
import type { Ink } from './ink.js';

/** Scales the longer side to a number of pixels, the other in proportion, at least 1. */
export function resampled(ink: Ink, longer: number): Ink {
  const factor = longer / Math.max(ink.width, ink.height);
  if (factor === 1) return ink;
  const width = Math.max(1, Math.round(ink.width * factor));
  const height = Math.max(1, Math.round(ink.height * factor));
  const weigh = factor < 1 ? areaWeights : cubicWeights;
  const across = alongRows(ink, width, weigh(ink.width, width));
  const result = transposed(alongRows(transposed(across), height, weigh(ink.height, height)));
  for (let i = 0; i < result.values.length; i++)
    result.values[i] = Math.min(1, Math.max(0, result.values[i]));
  return result;
}

/** Weights of the old pixels `first[n]` … that make new pixel n. */
export interface Weights {
  first: Int32Array;
  /** One list for each new pixel. */
  weights: Float64Array[];
}

/** The share of each old pixel in a new one, by area. */
export function areaWeights(from: number, to: number): Weights {
  const first = new Int32Array(to);
  const weights = Array.from({ length: to }, (_, n) => {
    const [begin, end] = [(n * from) / to, ((n + 1) * from) / to];
    first[n] = Math.floor(begin);
    const count = Math.max(1, Math.ceil(end - 1e-9) - first[n]);
    return Float64Array.from({ length: count }, (_, k) => {
      const at = first[n] + k;
      return (Math.min(at + 1, end) - Math.max(at, begin)) / (end - begin);
    });
  });
  return { first, weights };
}

/** Outside of the picture is paper: weights beyond its edges are left out. */
function cubicWeights(from: number, to: number): Weights {
  const first = new Int32Array(to);
  const weights = Array.from({ length: to }, (_, n) => {
    const centre = ((n + 0.5) * from) / to - 0.5;
    const left = Math.floor(centre) - 1;
    first[n] = Math.max(0, left);
    const count = Math.min(from, left + 4) - first[n];
    return Float64Array.from({ length: count }, (_, k) => cubic(Math.abs(centre - first[n] - k)));
  });
  return { first, weights };
}

function cubic(x: number): number {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

function alongRows({ width: before, height, values }: Ink, width: number, { first, weights }: Weights): Ink {
  const result = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const list = weights[x];
      const at = y * before + first[x];
      let sum = 0;
      for (let k = 0; k < list.length; k++) sum += list[k] * values[at + k];
      result[y * width + x] = sum;
    }
  }
  return { width, height, values: result };
}

function transposed({ width, height, values }: Ink): Ink {
  const result = new Float32Array(values.length);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) result[x * height + y] = values[i];
  return { width: height, height: width, values: result };
}
