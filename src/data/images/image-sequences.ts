/** Images read as sequences. */
import { quote } from '../../formats/quotation.js';
import { UserError } from '../../user-error.js';
import type { SequenceSource } from '../sequences/sequence.js';
import { EdgeFinder } from './edges.js';
import type { ImageExamples } from './image-examples.js';
import {
  checkSequenceShape,
  type ImagePreprocessing,
  normalisation,
  pixelOrder,
} from './image-preprocessing.js';

/** The data of ImageSequences; can be posted to a worker thread. */
export interface ImageSequencesData {
  /** For messages: the data set's name. */
  name: string;
  examples: ImageExamples;
  preprocessing: ImagePreprocessing;
}

/** Images read as sequences: their values in order (row by row), cut into T steps of I values. */
export class ImageSequences implements SequenceSource {
  readonly count: number;
  readonly inputSize: number;
  readonly maxSteps: number;
  readonly #pixels: Uint8Array;
  readonly #labels: Uint8Array;
  /** [256] */
  readonly #table: Float32Array;
  /** [T·I] position of each value in the image, or null. */
  readonly #order: Int32Array | null;
  /** Null where no edges are read. */
  readonly #edges: EdgeFinder | null;
  /** Values of an image. */
  readonly #size: number;

  /** @throws UserError if the images are not of the size, or do not fill the sequence, that `preprocessing` says */
  constructor(data: ImageSequencesData) {
    const { name, examples, preprocessing } = data;
    checkImageSize(name, examples, preprocessing);
    checkSequenceShape(`data set ${quote(name)}`, name, preprocessing);
    this.count = examples.count;
    this.inputSize = preprocessing.inputSize;
    this.maxSteps = preprocessing.sequenceLength;
    this.#pixels = examples.pixels;
    this.#labels = examples.labels;
    const { table, order } = tablesOf(preprocessing);
    this.#table = table;
    this.#order = order;
    this.#edges = preprocessing.edges ? new EdgeFinder(preprocessing) : null;
    this.#size = examples.channels * examples.height * examples.width;
  }

  lengthOf(): number {
    return this.maxSteps;
  }

  labelOf(i: number): number {
    return this.#labels[i];
  }

  read(i: number, target: Float32Array, rowStarts: Int32Array, column: number): void {
    const pixels = this.#pixels;
    const table = this.#table;
    const order = this.#order;
    const { inputSize, maxSteps } = this;
    const size = this.#size;
    const image = i * size;
    const edges = this.#edges?.find(pixels, image);
    let k = 0;
    for (let t = 0; t < maxSteps; t++) {
      const start = (rowStarts[t] + column) * inputSize;
      const end = start + inputSize;
      if (order === null) {
        for (let to = start; to < end; to++) target[to] = table[pixels[image + k++]];
      } else if (edges === undefined) {
        for (let to = start; to < end; to++) target[to] = table[pixels[image + order[k++]]];
      } else {
        for (let to = start; to < end; to++) {
          const from = order[k++];
          target[to] = from < size ? table[pixels[image + from]] : edges[from - size];
        }
      }
    }
  }
}

interface Tables {
  table: Float32Array;
  order: Int32Array | null;
}

/** Made once for each preprocessing: recognition opens a source for every picture. */
const tables = new WeakMap<ImagePreprocessing, Tables>();

function tablesOf(preprocessing: ImagePreprocessing): Tables {
  const { mean, std } = preprocessing;
  const known = tables.get(preprocessing);
  if (known) return known;
  const made = { table: normalisation(mean, std), order: pixelOrder(preprocessing) };
  tables.set(preprocessing, made);
  return made;
}

function checkImageSize(name: string, examples: ImageExamples, preprocessing: ImagePreprocessing): void {
  const [found, expected] = [examples, preprocessing].map(
    ({ channels, height, width }) => `${channels} × ${height} × ${width}`,
  );
  if (found !== expected) {
    throw new UserError(
      `data set ${quote(name)}: its images are ${found} (channels × height × width), ` +
        `but the model was made for ${expected}`,
    );
  }
}
