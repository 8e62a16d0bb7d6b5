/** Reads the template of the page in one file, which the build made. Node.js only. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../user-error.js';

const TEMPLATE = fileURLToPath(new URL('../../page/one-file-page.txt', import.meta.url));

/** The text of the template. @param path where the build wrote it @throws UserError if the page was not built */
export async function readPageTemplate(path = TEMPLATE): Promise<string> {
  if (!existsSync(path)) {
    throw new UserError(`export html: there is no built page at ${path}; in a clone, run npm run build`);
  }
  return readFile(path, 'utf8');
}
