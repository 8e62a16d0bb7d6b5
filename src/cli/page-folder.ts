/**
 * Writes the folder of `scanstroke page`. The new page is complete on the disk before the first file of an older one is
 * replaced; then its files and folders are moved into place, and moved back if one of these moves fails.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { explainSystemError, lookAt, PATH_WORDS } from '../formats/file-errors.js';
import { prepareFolder, removeEmptyFolders, writeFileAtomically } from '../formats/files.js';
import { UserError } from '../user-error.js';

/** A folder with these files holds a page. */
const PAGE_FILES = ['service-worker.js', 'models/index.json'];

/** A folder in the page's folder, in which a process prepares the page. A killed process leaves it there. */
const STAGE = /^\.page-[0-9a-f]{12}\.tmp$/;

/** @throws UserError unless the folder is new, empty, or holds an older page or a part of one, which writePage replaces */
export function refuseOthers(out: string): void {
  const kind = lookAt(out);
  if (kind === 'nothing') return;
  if (kind !== 'folder') {
    throw new UserError(`page: --out ${out} ${PATH_WORDS[kind]}; name a new or empty folder`);
  }
  const names = readdirSync(out);
  // A process that was killed while it replaced an older page may have moved any of its files.
  if (names.length === 0 || names.some((name) => STAGE.test(name))) return;
  if (PAGE_FILES.every((name) => lookAt(join(out, name)) === 'file')) return;
  throw new UserError(
    `page: ${out} holds files that are not part of a page; give --out a new or empty folder`,
  );
}

/**
 * Writes a page. On failure an older page stays, and nothing is left of the new one.
 * @param page the built page
 * @param out a folder that refuseOthers accepts; files in it that are not of a page stay
 * @param models files of the folder `models`
 * @throws UserError if it cannot be written
 */
export async function writePage(
  page: string,
  out: string,
  models: readonly { name: string; bytes: Uint8Array }[],
): Promise<void> {
  const made = await prepareFolder(out);
  const stage = join(out, `.page-${randomBytes(6).toString('hex')}.tmp`);
  const [fresh, old] = [join(stage, 'new'), join(stage, 'old')];
  try {
    const abandoned = (await readdir(out)).filter((name) => STAGE.test(name));
    await mkdir(stage);
    await cp(page, fresh, { recursive: true });
    await mkdir(old);
    await mkdir(join(fresh, 'models'));
    for (const { name, bytes } of models) await writeFileAtomically(join(fresh, 'models', name), bytes);
    await replaceAll(fresh, out, old);
    for (const name of abandoned) await rm(join(out, name), { recursive: true, force: true });
  } catch (error) {
    await rm(stage, { recursive: true, force: true }).catch(() => {});
    await removeEmptyFolders(made);
    throw explainSystemError(error);
  }
  await rm(stage, { recursive: true, force: true });
}

/** Moves all of `from` into `to`; what was there under these names moves into `old`. All or nothing. */
export async function replaceAll(from: string, to: string, old: string): Promise<void> {
  const moves: [string, string][] = [];
  const move = async (source: string, target: string) => {
    await rename(source, target);
    moves.push([source, target]);
  };
  try {
    for (const name of await readdir(from)) {
      const target = join(to, name);
      if (lookAt(target) !== 'nothing') await move(target, join(old, name));
      await move(join(from, name), target);
    }
  } catch (error) {
    for (const [source, target] of moves.reverse()) await rename(target, source);
    throw error;
  }
}
