/**
 * The project file that the page opens. The server reads it, and writes nothing to it. The network in it, if there is
 * one, answers requests: it is put in a file of its own, in a temporary folder, as it was when the server started.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { readFileBounded } from '../../formats/read-files.js';
import { decodeCheckpoint } from '../../runs/checkpoint/checkpoint.js';
import { MAX_PROJECT_BYTES, readProjectFile } from '../../runs/checkpoint/project-network.js';
import type { RunPlace } from '../../runs/find-runs.js';
import { RUN_FILES } from '../../runs/run-folder.js';
import { modelName } from '../../runs/run-path.js';
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
  /** Removes what was written. */
  close(): Promise<void>;
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
  if (network === null) return { offer, path, place: null, close: async () => {} };
  decodeCheckpoint(network.checkpoint, `${path}: the network in it`);
  const temporary = await mkdtemp(join(tmpdir(), 'scanstroke-project-'));
  const id = modelName(path);
  const folder = join(temporary, id);
  const checkpoint = join(folder, RUN_FILES.best);
  await mkdir(folder);
  await writeFile(checkpoint, network.checkpoint);
  const close = () => rm(temporary, { recursive: true, force: true });
  return { offer, path, place: { id, folder, checkpoint }, close };
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
    const bytes = await readFileBounded(project.path, 'the project', MAX_PROJECT_BYTES);
    unsent.add(bytes.length, reply.raw);
    return reply
      .header('cache-control', 'no-store')
      .type('application/json; charset=utf-8')
      .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  });
}
