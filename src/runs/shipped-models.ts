/**
 * The networks that come with the package, in its folder models/: run folders without a last checkpoint, which nothing
 * writes to. Each has a name that stands for its folder wherever a run is taken. scripts/models/make-models.mjs makes them.
 * Node.js only.
 */
import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lookAt } from '../formats/file-errors.js';
import { quote } from '../formats/quotation.js';
import { readFileBounded } from '../formats/read-files.js';
import { UserError } from '../user-error.js';
import { MAX_CHECKPOINT_BYTES } from './limits.js';
import { RUN_FILES } from './run-folder.js';

/** Names of the networks; the first answers where no network is named. */
export const SHIPPED_MODELS = ['digits', 'digit-strokes'] as const;
/** A network that comes with the package. `digits` reads the pixel rows of pictures, `digit-strokes` pen strokes. */
export type ShippedModel = (typeof SHIPPED_MODELS)[number];

/** What a message offers in place of a run that does not exist. */
export const RUN_CHOICES = `a run folder, a checkpoint, or a network of the package (${SHIPPED_MODELS.join(', ')})`;

/** The folder of the networks: beside dist. A bundled server may have none. */
const MODELS = fileURLToPath(new URL('../../models/', import.meta.url));

/** Whether a text is the name of a network of the package. */
export function isShippedName(name: string): name is ShippedModel {
  return SHIPPED_MODELS.some((each) => each === name);
}

/** The run folder of a network of the package. It may not exist. */
export function shippedFolder(name: ShippedModel): string {
  return join(MODELS, name);
}

/**
 * The folder of the network that a name stands for; null for any other text, for a name that is a path in the working
 * folder, and without the package's models.
 */
export function shippedFolderOf(name: string): string | null {
  if (!isShippedName(name) || lookAt(name) !== 'nothing') return null;
  const folder = shippedFolder(name);
  return lookAt(join(folder, RUN_FILES.best)) === 'file' ? folder : null;
}

/** The networks that are there, in the order of their names above. */
export function shippedModels(): { name: ShippedModel; folder: string }[] {
  return SHIPPED_MODELS.map((name) => ({ name, folder: shippedFolder(name) })).filter(
    ({ folder }) => lookAt(join(folder, RUN_FILES.best)) === 'file',
  );
}

/**
 * Reads a network that comes with the package, for `openRecognizer`, `describeCheckpoint` and `exportModel`. A page gets
 * the file from its server: `node_modules/scanstroke/models/digits/best.safetensors`.
 *
 * @param name `digits` reads the pixel rows of pictures, `digit-strokes` pen strokes. Both recognise pictures, drawings
 *   and strokes, and answer `none` to what is no digit
 * @returns bytes of a checkpoint
 * @throws UserError for another name, and if the package's folder `models` is missing, as in a bundled server
 *
 * @example
 * import { openBackend, openRecognizer, shippedModel } from 'scanstroke';
 *
 * const backend = await openBackend();
 * const recognizer = openRecognizer(await shippedModel('digits'), backend, { name: 'digits' });
 * const [answer] = await recognizer.recognize([
 *   { kind: 'drawing', strokes: [{ xs: [10, 52, 30], ys: [8, 9, 71] }] },
 * ]);
 * console.log(answer?.top[0].class); // 7
 * recognizer.close();
 */
export async function shippedModel(name: ShippedModel): Promise<Uint8Array> {
  if (!isShippedName(name)) {
    throw new UserError(
      `shippedModel: expected one of ${SHIPPED_MODELS.join(', ')}, found ${quote(String(name))}`,
    );
  }
  const path = join(shippedFolder(name), RUN_FILES.best);
  return readFileBounded(path, `the network ${name} of the package, ${path}`, MAX_CHECKPOINT_BYTES);
}

/** Whether a path is in the package's folder of networks, whatever links lead there. */
export function isShipped(path: string): boolean {
  return `${real(path)}${sep}`.startsWith(`${real(MODELS)}${sep}`);
}

/** @throws UserError for a folder among the package's networks, to which nothing is written */
export function refuseShipped(operation: string, folder: string): void {
  if (!isShipped(folder)) return;
  throw new UserError(
    `${operation}: ${folder} is part of the package, and nothing is written there; choose another folder`,
    { settings: ['savingPath'] },
  );
}

/** The absolute path with links resolved; what does not exist yet is appended to the part that does. */
function real(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync(absolute);
  } catch {
    const parent = dirname(absolute);
    return parent === absolute ? absolute : join(real(parent), basename(absolute));
  }
}
