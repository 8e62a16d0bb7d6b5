/** Model files made by other tools, from test/fixtures/interop. */
import { readFileSync } from 'node:fs';

const FOLDER = new URL('../../../test/fixtures/interop/', import.meta.url);

/** @param name `torch211/last_uni.state_dict.pt` */
export function interopFile(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, FOLDER)));
}

/** The content of a JSON file there. */
export function interopJson<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8'));
}
