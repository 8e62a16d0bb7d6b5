/**
 * Reads PyTorch's reference values (test/fixtures/golden, described in its README): settings from cases.json, tensors
 * from one safetensors file per case.
 */

import { readFileSync } from 'node:fs';
import { readSafetensors } from '#src/formats/safetensors/safetensors.js';

// Relative to build/test/cases.
const FOLDER = new URL('../../../test/fixtures/golden/', import.meta.url);

/** Settings of a case, as in cases.json; which ones exist depends on `kind`. */
export interface GoldenCase {
  file: string;
  kind: 'network' | 'optimizer' | 'schedule' | 'trajectory';
  [setting: string]: unknown;
}

/** The cases of a kind. */
export function goldenCases(kind: GoldenCase['kind']): GoldenCase[] {
  const cases: GoldenCase[] = JSON.parse(readFileSync(new URL('cases.json', FOLDER), 'utf8'));
  return cases.filter((entry) => entry.kind === kind);
}

/** A tensor of a golden file. The values of every element type are converted to float64, which is exact. */
export interface GoldenTensor {
  shape: number[];
  values: Float64Array;
}

export function goldenTensors(file: string): Map<string, GoldenTensor> {
  const { tensors } = readSafetensors(readFileSync(new URL(file, FOLDER)), file);
  const read = new Map<string, GoldenTensor>();
  for (const [name, { shape, data }] of tensors) {
    read.set(name, { shape, values: Float64Array.from(data as ArrayLike<number | bigint>, Number) });
  }
  return read;
}

/** A tensor by name. @throws Error if it is missing */
export function goldenTensor(tensors: Map<string, GoldenTensor>, name: string): GoldenTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`the golden file has no tensor ${name}`);
  return tensor;
}
