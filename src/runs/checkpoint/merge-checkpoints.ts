/** Merges the checkpoints of several networks into the checkpoint of one network (model/merge.ts). */
import { kindOf } from '../../data/kinds.js';
import { snakeCase } from '../../formats/key-case.js';
import { inOneLine, quote } from '../../formats/quotation.js';
import { mergedConfig, mergeParameters } from '../../model/merge.js';
import { UserError } from '../../user-error.js';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';
import { asRows, mergedInputs, scanDiffers } from './merged-inputs.js';

/** The checkpoint of a network to merge. */
export interface CheckpointToMerge {
  /** Names it in messages, and in the merged checkpoint. */
  name: string;
  /** The content of best.safetensors or last.safetensors. */
  bytes: Uint8Array;
}

/** A network to merge. */
export interface Member {
  name: string;
  /** SHA-256 of the checkpoint's file; null if unknown. */
  sha256: string | null;
  checkpoint: Checkpoint;
  /** Where it was read, for messages; default its name. */
  path?: string;
}

/**
 * Merges networks of one shape into one network, whose logits are the mean of theirs: a small ensemble in one file. The
 * result is an ordinary checkpoint of an LSTM with C times the hidden size of its C members. `openRecognizer`,
 * `exportModel` and the command line take it like any other.
 *
 * The networks must agree in everything but their weights: layers, hidden size, directions, head, classes in the same
 * order, and preprocessing. Only the order in which they read pictures may differ: of a network that reads rows and one
 * that reads columns comes a network that reads both (`scan`). The training state of a checkpoint is left out. The
 * temperature is the geometric mean of the members' temperatures, where a member without one counts as 1. A new one is not
 * fitted: networks of different seeds were validated on different samples, so there are none that no member has learned
 * from.
 *
 * @param checkpoints at least two, of different networks
 * @returns the content of a checkpoint file; its metadata name the members, with the SHA-256 of their files (in a page
 * that is no secure context, without)
 * @throws UserError for fewer than two networks, for the same network twice, for bytes that are no checkpoint, for
 * networks that differ in shape, classes or preprocessing, and for more parameters than a network can have
 *
 * @example
 * import { readFile, writeFile } from 'node:fs/promises';
 * import { mergeCheckpoints } from 'scanstroke';
 *
 * const runs = ['runs/my-run', 'runs/other'];
 * const checkpoints = await Promise.all(
 *   runs.map(async (name) => ({ name, bytes: await readFile(`${name}/best.safetensors`) })),
 * );
 * await writeFile('merged.safetensors', await mergeCheckpoints(checkpoints));
 */
export async function mergeCheckpoints(checkpoints: readonly CheckpointToMerge[]): Promise<Uint8Array> {
  const members: Member[] = [];
  for (const { name, bytes } of checkpoints) members.push(await memberOf(name, bytes));
  return encodeCheckpoint(mergedCheckpoint(members));
}

/**
 * A member from the content of its checkpoint's file.
 * @param path where it was read, for messages
 * @throws UserError if it is no checkpoint
 */
export async function memberOf(name: string, bytes: Uint8Array, path = name): Promise<Member> {
  const { training: _, ...checkpoint } = decodeCheckpoint(bytes, path);
  return { name, path, sha256: await sha256Of(bytes), checkpoint };
}

/** In hexadecimal digits; null where there is no Web Crypto, as in a page that is no secure context. */
async function sha256Of(bytes: Uint8Array): Promise<string | null> {
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle;
  if (subtle === undefined) return null;
  const hash = new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * The checkpoint of the network that networks make, as mergeCheckpoints describes it.
 * @throws UserError as mergeCheckpoints
 */
export function mergedCheckpoint(members: readonly Member[]): Checkpoint {
  if (members.length < 2) {
    const found = members.length === 0 ? 'none' : `one, ${pathOf(members[0])}`;
    throw new UserError(`merge: expected at least two networks, found ${found}; name more runs`);
  }
  const [first, ...others] = members;
  for (const other of others) refuseDifference(first, other);
  refuseSame(members);
  const { classes } = first.checkpoint;
  const { preprocessing, inputSize, places } = mergedInputs(members.map(({ checkpoint }) => checkpoint));
  const model = { ...first.checkpoint.model, inputSize };
  const temperature = meanTemperature(members);
  return {
    model: mergedConfig(model, members.length),
    parameters: mergeParameters(
      model,
      members.map(({ checkpoint }) => checkpoint.parameters),
      places,
    ),
    preprocessing,
    classes,
    ...(temperature !== null && { temperature }),
    members: members.map(({ name, sha256 }) => ({ name, sha256 })),
  };
}

const pathOf = ({ name, path = name }: Member) => inOneLine(path);

/** The geometric mean of the temperatures; null if no member has one. */
function meanTemperature(members: readonly Member[]): number | null {
  const temperatures = members.map(({ checkpoint }) => checkpoint.temperature);
  if (temperatures.every((each) => each === undefined)) return null;
  const logarithms = temperatures.reduce<number>((sum, each = 1) => sum + Math.log(each), 0);
  // Rounding must not lead out of the range of a temperature.
  const known = temperatures.map((each = 1) => each);
  const mean = Math.exp(logarithms / members.length);
  return Math.min(Math.max(mean, Math.min(...known)), Math.max(...known));
}

/** Two copies of one network would only make it slower. */
function refuseSame(members: readonly Member[]): void {
  const seen = new Map<string, Member>();
  for (const member of members) {
    if (member.sha256 === null) continue;
    const before = seen.get(member.sha256);
    if (before) {
      throw new UserError(
        `merge: ${pathOf(before)} and ${pathOf(member)} are the same network; name each network once`,
      );
    }
    seen.set(member.sha256, member);
  }
}

/** What networks must agree in, in words for messages. */
const SHAPE = {
  numLayers: 'layers',
  hiddenSize: 'hidden size',
  bidirectional: 'bidirectional',
  head: 'head',
  inputSize: 'input size',
  sequenceLength: 'sequence length',
} as const;

/** @throws UserError naming both networks, and the first thing in which the second differs */
function refuseDifference(first: Member, other: Member): void {
  const pair = [first.checkpoint, other.checkpoint] as const;
  const [own, theirs] = scanDiffers(...pair) ? pair.map(asRows) : pair;
  const difference = differenceOf(own, theirs);
  if (difference === null) return;
  const [what, expected, found] = difference;
  throw new UserError(
    `merge: ${pathOf(other)} does not fit ${pathOf(first)}: expected ${what} ${expected}, found ${found}; ` +
      'merge networks of one shape, with the same classes and preprocessing',
  );
}

/** What of the preprocessing decides the input size: it explains more than a difference in that. */
const READS_MORE: readonly string[] = ['edges', 'position', 'context'];

function differenceOf(first: Checkpoint, other: Checkpoint): [string, string, string] | null {
  const more = differenceInReading(first, other, (key) => READS_MORE.includes(key));
  if (more !== null) return more;
  for (const [key, words] of Object.entries(SHAPE) as [keyof typeof SHAPE, string][]) {
    const [expected, found] = [first.model[key], other.model[key]].map((value) => String(value ?? 'none'));
    if (expected !== found) return [words, expected, found];
  }
  const count = [first, other].map(({ classes }) => `${classes.length} classes`);
  if (count[0] !== count[1]) return ['names of', count[0], count[1]];
  const k = first.classes.findIndex((name, index) => name !== other.classes[index]);
  if (k >= 0) return [`class ${k}`, quote(first.classes[k]), quote(other.classes[k])];
  return differenceInReading(first, other, () => true);
}

/** The first difference in the preprocessing, among the keys that `isMeant`. */
function differenceInReading(
  first: Checkpoint,
  other: Checkpoint,
  isMeant: (key: string) => boolean,
): [string, string, string] | null {
  const [own, theirs] = [first, other].map(({ preprocessing }) => ({
    kind: preprocessing.kind,
    ...kindOf(preprocessing).writePreprocessing(preprocessing),
  }));
  for (const key of new Set([...Object.keys(own), ...Object.keys(theirs)].filter(isMeant))) {
    const [expected, found] = [own, theirs].map((each) => textOf((each as Record<string, unknown>)[key]));
    if (expected !== found) return [`preprocessing with ${snakeCase(key)}`, expected, found];
  }
  return null;
}

/** Of a value of the preprocessing. */
const textOf = (value: unknown) => inOneLine(JSON.stringify(value) ?? 'none');
