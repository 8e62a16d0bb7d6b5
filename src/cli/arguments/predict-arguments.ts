/** Tells what the arguments of `scanstroke predict [RUN] FILE…` are: whether the first is a network or an input. */
import { closeSync, readSync } from 'node:fs';
import { describeContent } from '../../formats/content.js';
import { lookAt, PATH_WORDS } from '../../formats/file-errors.js';
import { openRegularFileSync } from '../../formats/read-files.js';
import { beginsLikeInput, fileOf, STANDARD_INPUT } from '../../recognize/input-files.js';
import { holdsNetwork } from '../../runs/checkpoint/project-network.js';
import { NEWEST } from '../../runs/run-path.js';
import { RUN_CHOICES, SHIPPED_MODELS, shippedFolderOf } from '../../runs/shipped-models.js';
import { UserError } from '../../user-error.js';

/** A network as the command line names it, and the files to recognise. */
export interface PredictArguments {
  run: string;
  files: string[];
  /** Whether the command line names no network, so the first of the package answers. */
  isDefault: boolean;
  /** Whether a project's network answers to the project's own drawings. */
  isOwn: boolean;
}

/** Names of files that hold inputs; a path that does not exist is judged by its name. */
const INPUT_NAME = /(\.(png|jpe?g|webp|json|ndjson|jsonl|gz|tra|tes|unipen)|idx\d-ubyte)(:\d+)?$/i;
const CHECKPOINT = /^a checkpoint/;
const START_BYTES = 4096;

/**
 * The first argument is a network if it is a folder, a checkpoint, a project with a network, `last` or the name of a
 * network of the package; also if files follow and it can be no input. Else the first network of the package answers.
 * The network of a project that no files follow answers to the project's drawings.
 * @throws UserError if there is no file to recognise
 */
export function predictArguments(given: readonly string[]): PredictArguments {
  const [first, ...rest] = given;
  if (first === undefined) {
    throw new UserError(
      'predict: expected a file to recognise (a picture, drawings or strokes), found none; `scanstroke predict --help` shows examples',
    );
  }
  if (!namesNetwork(first, rest.length > 0)) {
    return { run: SHIPPED_MODELS[0], files: [...given], isDefault: true, isOwn: false };
  }
  if (rest.length > 0) return { run: first, files: rest, isDefault: false, isOwn: false };
  if (lookAt(first) === 'file' && holdsNetwork(first)) {
    return { run: first, files: [first], isDefault: false, isOwn: true };
  }
  throw new UserError(
    `predict: ${first} is a network, and no file to recognise follows; give a picture, drawings or strokes after it`,
  );
}

/** @throws UserError for a lone argument that does not exist and could be meant as either */
function namesNetwork(path: string, filesFollow: boolean): boolean {
  if (path === STANDARD_INPUT) return false;
  if (path === NEWEST || shippedFolderOf(path) !== null) return true;
  const kind = lookAt(path);
  if (kind === 'folder') return true;
  if (kind === 'file') {
    const start = startOf(path);
    if (CHECKPOINT.test(describeContent(start)) || holdsNetwork(path)) return true;
    return filesFollow && !beginsLikeInput(path, start);
  }
  const isInput = INPUT_NAME.test(path) || (kind === 'nothing' && lookAt(fileOf(path)) === 'file');
  if (isInput || filesFollow) return !isInput;
  throw new UserError(
    `predict: ${path} ${PATH_WORDS[kind]}; give a file to recognise, or before it ${RUN_CHOICES}`,
  );
}

/** The first bytes of a file. @throws UserError if it cannot be read */
function startOf(path: string): Uint8Array {
  const { descriptor, size } = openRegularFileSync(path, path, Number.MAX_SAFE_INTEGER);
  try {
    const bytes = new Uint8Array(Math.min(size, START_BYTES));
    return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(descriptor);
  }
}
