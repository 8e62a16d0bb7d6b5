/**
 * Makes an input smaller while it stays a finding: delta debugging (Zeller and Hildebrandt 2002) on bytes, or on the
 * members of a JSON value.
 */
import { isObject, type Json } from './mutations/json-mutations.js';
import type { Input } from './target.js';

/** Whether an input shows the same defect. */
export type StillFails = (input: Input) => Promise<boolean>;

/** Tries that a minimisation may take. */
export interface Budget {
  tries: number;
  /** performance.now() at which it ends. */
  until: number;
}

/** A smaller input, or the same one. */
export async function minimise(
  input: Input,
  shape: 'bytes' | 'json',
  stillFails: StillFails,
  budget: Budget,
): Promise<Input> {
  const spend = async (candidate: Input) => {
    if (budget.tries <= 0 || performance.now() > budget.until) return false;
    budget.tries--;
    return stillFails(candidate);
  };
  if (shape === 'bytes') return minimiseBytes(input, spend);
  return encodeJson(await minimiseJson(decodeJson(input), (value) => spend(encodeJson(value))));
}

export const encodeJson = (value: Json): Input => new TextEncoder().encode(JSON.stringify(value));
export const decodeJson = (input: Input): Json => JSON.parse(new TextDecoder().decode(input)) as Json;

/** Removes ranges, from large to small; then sets single bytes to 0 in short inputs. */
async function minimiseBytes(input: Input, stillFails: StillFails): Promise<Input> {
  let best = input;
  for (
    let length = Math.ceil(best.length / 2);
    length >= 1;
    length = length === 1 ? 0 : Math.ceil(length / 2)
  ) {
    for (let at = 0; at < best.length; ) {
      const candidate = Buffer.concat([best.subarray(0, at), best.subarray(at + length)]);
      if (await stillFails(candidate)) best = new Uint8Array(candidate);
      else at += length;
    }
  }
  return best;
}

/** Removes members and list items, replaces values by simpler ones, and shortens texts, until nothing helps. */
async function minimiseJson(input: Json, stillFails: (value: Json) => Promise<boolean>): Promise<Json> {
  let best = input;
  for (let again = true; again; ) {
    again = false;
    for (const simpler of simplerValues(best)) {
      if (!(await stillFails(simpler))) continue;
      best = simpler;
      again = true;
      break;
    }
  }
  return best;
}

/** Values that are a step simpler, the simplest first. */
function* simplerValues(value: Json): Generator<Json> {
  if (Array.isArray(value)) {
    for (
      let length = Math.ceil(value.length / 2);
      length >= 1;
      length = length === 1 ? 0 : Math.ceil(length / 2)
    ) {
      for (let at = 0; at < value.length; at += length) yield value.toSpliced(at, length);
    }
    for (const [at, item] of value.entries()) {
      for (const simpler of simplerValues(item)) yield value.with(at, simpler);
    }
  } else if (isObject(value)) {
    const entries = Object.entries(value);
    for (let at = 0; at < entries.length; at++) yield Object.fromEntries(entries.toSpliced(at, 1));
    for (const [at, [key, member]] of entries.entries()) {
      for (const simpler of simplerValues(member)) yield Object.fromEntries(entries.with(at, [key, simpler]));
    }
  } else if (typeof value === 'string') {
    for (
      let length = Math.ceil(value.length / 2);
      length >= 1;
      length = length === 1 ? 0 : Math.ceil(length / 2)
    ) {
      for (let at = 0; at < value.length; at += length) yield value.slice(0, at) + value.slice(at + length);
    }
  }
}
