/** A small data set in the layout of the stroke archive: as texts by file name, as a folder, as a tar file. */
import fs from 'node:fs/promises';
import { join } from 'node:path';
import * as tar from 'tar';

export type Files = Record<string, string>;

/** Three training and two test sequences, made up; labels 7, 3, 7 and 3, 7; and files that must not be read. */
export function strokeFiles(): Files {
  return {
    'trainlabels.txt': '7\n3\n7\n',
    'trainimg-0-inputdata.txt': '3 4 0 0\n1 0 0 0\n0 1 0 0\n0 0 1 1\n',
    'trainimg-1-inputdata.txt': '10 2 0 0\n-1 1 0 0\n0 0 1 0\n3 -2 0 0\n0 1 0 0\n0 0 1 1\n',
    'trainimg-2-inputdata.txt': '0 0 1 1\n',
    'testlabels.txt': '3\n7\n',
    'testimg-0-inputdata.txt': '5 5 0 0\n1 1 0 0\n0 0 1 1\n',
    'testimg-1-inputdata.txt': '28 28 0 0\n-27 -27 0 0\n0 0 1 1\n',
    'trainimg-0-targetdata.txt': '0 0 0 0 0 0 0 1 0 0 3 4 0 0\n',
    'trainimg-0-points.txt': 'x,y\n3,4\n-1,-1\n',
    README: 'must not be read\n',
  };
}

/** The data set that these files contain. */
export const EXPECTED = {
  train: {
    moves: [
      3, 4, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 10, 2, 0, 0, -1, 1, 0, 0, 0, 0, 1, 0, 3, -2, 0, 0, 0, 1,
      0, 0, 0, 0, 1, 1, 0, 0, 1, 1,
    ],
    offsets: [0, 4, 10, 11],
    labels: [1, 0, 1],
  },
  test: {
    moves: [5, 5, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 28, 28, 0, 0, -27, -27, 0, 0, 0, 0, 1, 1],
    offsets: [0, 3, 6],
    labels: [0, 1],
  },
  classes: ['3', '7'],
};

export async function writeFolder(folder: string, files: Files): Promise<void> {
  await fs.mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) await fs.writeFile(join(folder, name), text);
}

/** A tar file with the files in the order of `files`. */
export async function writeArchive(
  path: string,
  files: Files,
  options: { gzip?: boolean; prefix?: string } = {},
): Promise<void> {
  const { gzip = true, prefix = 'sequences' } = options;
  const folder = `${path}.content`;
  await writeFolder(join(folder, prefix), files);
  await tar.create(
    { file: path, gzip, cwd: folder },
    Object.keys(files).map((name) => (prefix ? `${prefix}/${name}` : name)),
  );
  await fs.rm(folder, { recursive: true });
}
