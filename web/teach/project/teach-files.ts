/** Files of the Teach view: what is offered for download, and what a dropped or chosen file is. */
import {
  drawingsToNdjson,
  projectFromNdjson,
  readProject,
  type TeachProject,
  writeProject,
} from '#src/data/pens/project.js';

/** A file to download. */
export interface OfferedFile {
  name: string;
  content: string | Uint8Array;
  type?: string;
}

export function download({ name, content, type = 'application/octet-stream' }: OfferedFile): void {
  const url = URL.createObjectURL(new Blob([content as BlobPart], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** A file's name from a project's: letters, digits and hyphens. Latin letters lose their accents, others keep their marks. */
export function fileNameOf(name: string): string {
  const text = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/(?<=\p{Script=Latin})\p{M}+/gu, '')
    .normalize('NFC')
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, '-')
    .replace(/^-+|-+$/g, '');
  return text.slice(0, 60) || 'my-symbols';
}

export function projectFile(project: TeachProject): OfferedFile {
  return {
    name: `${fileNameOf(project.name)}.json`,
    content: writeProject(project),
    type: 'application/json',
  };
}

export function drawingsFile(project: TeachProject): OfferedFile {
  return {
    name: `${fileNameOf(project.name)}.ndjson`,
    content: drawingsToNdjson(project),
    type: 'application/x-ndjson',
  };
}

/** Files larger than this are not read: no page can show as many drawings. */
const MAX_BYTES = 128e6;

/**
 * Reads a file: a project, or lines of drawings.
 * @returns the project, and whether the file holds drawings only, which are added to the open project
 * @throws Error in plain words
 */
export async function readTeachFile(file: File): Promise<{ project: TeachProject; onlyDrawings: boolean }> {
  if (file.size > MAX_BYTES) {
    throw new Error(
      `${file.name} has ${Math.round(file.size / 1e6)} MB; at most ${MAX_BYTES / 1e6} MB are read.`,
    );
  }
  const text = await file.text();
  if (isProject(text)) return { project: readProject(text, file.name), onlyDrawings: false };
  const name = file.name.replace(/\.(nd)?jsonl?$/i, '') || 'Drawings';
  return { project: projectFromNdjson(text, name, file.name), onlyDrawings: true };
}

/** A project says so near its beginning; lines of drawings do not. */
function isProject(text: string): boolean {
  return /^\s*\{\s*"format"\s*:/.test(text) || /"scanstroke-project"/.test(text.slice(0, 2000));
}
