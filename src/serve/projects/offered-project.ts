/**
 * The project file that the page opens. The server reads it, and writes nothing to it. The network in it, if there is
 * one, answers requests: it is put in a file of its own, in a temporary folder, as it was when the server started.
 */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { explainFileError, lookAt } from '../../formats/file-errors.js';
import { quote } from '../../formats/quotation.js';
import { readFileBounded } from '../../formats/read-files.js';
import { decodeCheckpoint } from '../../runs/checkpoint/checkpoint.js';
import { MAX_PROJECT_BYTES, readProjectFile } from '../../runs/checkpoint/project-network.js';
import type { RunPlace } from '../../runs/find-runs.js';
import { RUN_FILES } from '../../runs/run-folder.js';
import { UserError } from '../../user-error.js';
import type { ProjectOffer } from '../api.js';
import { HttpError } from '../http-error.js';
import { Unsent } from '../unsent.js';

export interface OfferedProject {
  /** As the list of models names it. */
  offer: ProjectOffer;
  path: string;
  /** Of its network; null if it has none. */
  place: RunPlace | null;
  /** Removes the copy of its network, without waiting: a process that a signal ends cannot wait. Null if there is none. */
  close: (() => void) | null;
}

/** @throws UserError if the file is no project, or is damaged */
export async function openOfferedProject(path: string): Promise<OfferedProject> {
  const project = readProjectFile(path);
  if (project === null)
    throw new UserError(`serve: ${path}: expected a project file, as the tab Teach saves it`);
  const offer = {
    name: basename(path),
    id: createHash('sha256')
      .update(await realpath(path))
      .digest('hex')
      .slice(0, 16),
  };
  const { network } = project;
  if (network === null) return { offer, path, place: null, close: null };
  decodeCheckpoint(network.checkpoint, `${path}: the network in it`);
  const temporary = await mkdtemp(join(tmpdir(), 'scanstroke-project-'));
  const checkpoint = join(temporary, RUN_FILES.best);
  const close = () => rmSync(temporary, { recursive: true, force: true });
  await writeFile(checkpoint, network.checkpoint).catch((error: unknown) => {
    close();
    throw explainFileError('write', checkpoint, error);
  });
  const id = offer.name.replace(/\.json$/i, '') || offer.name;
  return { offer, path, place: { id, folder: temporary, checkpoint }, close };
}

/** Adds GET /api/project, the content of the file as it is now. @param project null for none */
export function addOfferedProject(app: FastifyInstance, project: OfferedProject | null): void {
  const unsent = new Unsent();
  app.get('/api/project', async (_, reply) => {
    if (project === null) {
      throw new HttpError(
        404,
        'this server offers no project; name a project file: scanstroke serve signs.json',
      );
    }
    if (['nothing', 'dangling link'].includes(lookAt(project.path))) {
      throw new HttpError(
        404,
        `the project ${quote(project.offer.name)} was removed after the server started`,
      );
    }
    const bytes = await readFileBounded(project.path, 'the project', MAX_PROJECT_BYTES);
    unsent.add(bytes.length, reply.raw);
    return reply
      .header('cache-control', 'no-store')
      .type('application/json; charset=utf-8')
      .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  });
}
