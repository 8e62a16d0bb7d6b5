/** The cache folder as the target of a command. */
import { prepareFolder } from '../formats/files.js';
import { UserError } from '../user-error.js';

/**
 * Makes a folder in the cache, and checks that files can be created in it.
 * @returns the folders that were made
 * @throws UserError that names the variable for another cache folder
 */
export async function prepareInCache(folder: string): Promise<string[]> {
  try {
    return await prepareFolder(folder);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${error.message}; SCANSTROKE_CACHE names another cache folder`);
  }
}
