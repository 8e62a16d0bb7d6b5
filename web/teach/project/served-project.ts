/** The project file that the server was started with: `scanstroke serve signs.json`. */
import { readProject, type TeachProject } from '#src/data/pens/project.js';
import type { ModelList } from '#src/serve/api.js';

/** A project file of the server. */
export interface ServedProject {
  /** Of the file. */
  name: string;
  /** Names it among the kept projects. */
  id: string;
  project: TeachProject;
}

/** @returns null if the server offers none. @throws Error in plain words */
export async function servedProject({ api, project }: ModelList): Promise<ServedProject | null> {
  if (!api || !project) return null;
  const { name, id } = project;
  const response = await fetch('api/project', { cache: 'no-store' }).catch(() => {
    throw new Error(`${name} cannot be read: the server does not answer.`);
  });
  if (!response.ok) {
    const body = (await response.json().catch(() => null)) as { error?: { message?: string } } | null;
    throw new Error(body?.error?.message ?? `${name}: the server answered ${response.status}.`);
  }
  return { name, id: `served-${id}`, project: readProject(await response.text(), name) };
}
