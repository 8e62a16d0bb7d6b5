/**
 * Reads the files that an ONNX file keeps its values in. Their names come from the model file, which may be hostile:
 * only regular files in the model's folder are read, up to a limit in all. Node.js only.
 */
import { closeSync, readSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize, relative, sep } from 'node:path';
import { explainFileError } from '../formats/file-errors.js';
import { quote } from '../formats/quotation.js';
import { openRegularFileSync } from '../formats/read-files.js';
import { MAX_FOREIGN_BYTES } from '../runs/limits.js';
import { UserError } from '../user-error.js';
import type { ReadBeside } from './foreign-model.js';

/**
 * For `importModel`: reads the files that an ONNX file keeps its values in (external data). Only regular files in the
 * folder of the model file are read.
 *
 * @param path of the model file
 * @returns a function that reads a file by its name; it throws a UserError for a name outside of the folder, and for
 *   files that are larger than 3 GiB in all
 *
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { filesBeside, importModel } from 'scanstroke';
 *
 * const path = 'lstm.pt'; // or an .onnx file with its values in lstm.onnx.data
 * const file = await readFile(path);
 * const { model } = await importModel(file, { head: 'last', readBeside: filesBeside(path) });
 * console.log(model.hiddenSize);
 */
export function filesBeside(path: string): ReadBeside {
  const folder = dirname(path);
  const files = new Map<string, Uint8Array>();
  let left = MAX_FOREIGN_BYTES;
  return (name) => {
    const known = files.get(name);
    if (known) return known;
    const bytes = readWithin(folder, name, path, left);
    left -= bytes.length;
    files.set(name, bytes);
    return bytes;
  };
}

function readWithin(folder: string, name: string, model: string, maxBytes: number): Uint8Array {
  const refuse = (): never => {
    throw new UserError(
      `import: ${model} keeps its values in ${quote(name)}, which is outside of its folder; it is not read`,
    );
  };
  const local = normalize(name);
  if (name === '' || isAbsolute(local) || local === '..' || local.startsWith(`..${sep}`)) refuse();
  const path = join(folder, local);
  const what = `the values of the model, ${path}`;
  try {
    const inside = relative(realpathSync(folder), realpathSync(path));
    if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) refuse();
    const { descriptor, size } = openRegularFileSync(path, what, maxBytes);
    try {
      const bytes = new Uint8Array(size);
      for (let at = 0; at < size; ) {
        const read = readSync(descriptor, bytes, at, Math.min(size - at, 2 ** 30), at);
        if (read === 0)
          throw new UserError(`cannot read ${what}: it became shorter while it was read; try again`);
        at += read;
      }
      return bytes;
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw explainFileError('read', what, error);
  }
}
