/**
 * The kinds of input as types: the types of each kind (`KindTypes`) and the operations on them (`InputKind`). The
 * implementations are beside their data, the table of them is in kinds.ts, the loaders in open-dataset.ts. A new kind is
 * an entry in `KindTypes`; the compiler then names what is missing.
 */
import type { Augmentation } from './augmentation.js';
import type { ImageDataset, ImageExamples } from './images/image-examples.js';
import type { ImagePreprocessing, Scan } from './images/image-preprocessing.js';
import type { ExampleInput, PictureSize, PreparedInput, RecognizerInput, Seen } from './inputs/input.js';
import type { NegativeKind } from './negatives/generator.js';
import type { PictureForm } from './own/collected.js';
import type { PerClass } from './per-class.js';
import type { AugmentedSource, Sequence, SequenceSource } from './sequences/sequence.js';
import type { StrokeDataset, StrokeExamples } from './strokes/stroke-examples.js';
import type { StrokeOrder, StrokePreprocessing } from './strokes/stroke-preprocessing.js';

/** The kind of input that a network reads. */
export type KindName = 'images' | 'strokes';

/** The types of each kind. */
export interface KindTypes extends Record<KindName, object> {
  images: { dataset: ImageDataset; examples: ImageExamples; preprocessing: ImagePreprocessing };
  strokes: { dataset: StrokeDataset; examples: StrokeExamples; preprocessing: StrokePreprocessing };
}

/** Negatives of a data set, none of them for training, and the kind of each. */
export interface NegativeExamples<K extends KindName> {
  examples: ExamplesOf<K>;
  kinds: readonly NegativeKind[];
}

export type DatasetOf<K extends KindName> = {
  [P in K]: {
    kind: P;
    /** To test the class `none`. */
    negatives?: NegativeExamples<P>;
    /** So many training examples, which come first, are the data set's own; the others are made. Left out for all. */
    own?: number;
    /** [C] the original of each of the last C training examples, which are copies or of a later set; −1: none. */
    originals?: Int32Array;
    /** [S] index of the first made training example of each set; epochs read the sets in turn. Left out: one set. */
    sets?: readonly number[];
    /** [V] the training examples that are for validation, ascending, where the data set says so. Left out: a share. */
    validation?: Int32Array;
  } & KindTypes[P]['dataset'];
}[K];
export type ExamplesOf<K extends KindName> = KindTypes[K]['examples'];
export type PreprocessingOf<K extends KindName> = KindTypes[K]['preprocessing'];
/** The data of a SequenceSource; can be posted to a worker thread. */
export type SequencesOf<K extends KindName> = {
  [P in K]: { kind: P; name: string; examples: ExamplesOf<P>; preprocessing: PreprocessingOf<P> };
}[K];

/** A data set of any kind. */
export type Dataset = DatasetOf<KindName>;
/** How inputs become sequences: for images, or for strokes. Stored with the model. */
export type Preprocessing = ImagePreprocessing | StrokePreprocessing;

/** Parts made of the test set by drawing it another way. */
export type OtherPart = 'reversed' | 'reordered';

/** Options of loading a data set. */
export interface KindLoadOptions {
  /** Channels of images; null for those that people's own pictures have, and 1 for IDX files. */
  channelsImg: number | null;
  /** Order of the points of strokes. */
  order: StrokeOrder;
  /** For the order `points`: drawings of each class for training, validation and test. Default null: all. */
  perClass?: PerClass | null;
  /** Size of people's own pictures, a side or both; default null: their common size, or 28. */
  pictureSize?: number | { width: number; height: number } | null;
  /** How people's own pictures are brought to that size. Default `padded`. */
  pictureForm?: PictureForm;
  /** Whether the training weights its classes: then no notice advises to. */
  isWeighted?: boolean;
}

/** The settings of a run that depend on the kind of input, under their names in its configuration. */
export interface InputSettings {
  sequenceLength: number;
  inputSize: number;
  head: string;
  channelsImg: number | null;
  imageSize: number | null;
  permute: number | null;
  scan: Scan;
  edges: boolean;
  deslant: boolean;
  pixelMean: number;
  pixelStd: number;
  strokeOrder: StrokeOrder;
  strokeScale: number;
  strokePosition: boolean;
  strokeContext: boolean;
  strokeSort: boolean;
  viewRotation: number;
  perClass: string | null;
  augmentElastic: number;
  augmentThickness: number;
  augmentJitter: number;
  augmentDrop: number;
  augmentResample: number;
  augmentReverse: number;
  augmentShuffle: number;
  augmentFlip: number;
}

/** The last step that a sequence which is cut off needs. */
export interface Ending {
  /** [I] the values of the last step. @param step [I] where the sequence is cut off */
  after(step: Float32Array): Float32Array;
  /** Whether the last step takes the place of this one, rather than following it. @param step [I] */
  replaces(step: Float32Array): boolean;
}

/**
 * A kind of input. Its members are methods, so that `kindOf(value).method(value)` is allowed for a value of any kind.
 */
export interface InputKind<K extends KindName> {
  /** `--data` if neither the user nor the run names a data set. */
  readonly defaultData: string;
  /** Settings that have no effect on this kind, with the only values that are accepted. */
  readonly idleSettings: Readonly<Partial<InputSettings>>;
  /** Parts that are evaluated besides train, validation and test. */
  readonly otherParts: readonly OtherPart[];
  /** Null if a sequence that is cut off needs no last step. */
  readonly ending: Ending | null;

  /**
   * For values of a step that depend on later steps: writes them anew in a sequence that was cut off. Null if there are
   * none.
   */
  renewalOf(preprocessing: PreprocessingOf<K>): ((cut: Sequence) => void) | null;

  /** @throws UserError if the data set does not fit the model that the settings describe */
  preprocessingFor(dataset: DatasetOf<K>, settings: InputSettings): PreprocessingOf<K>;
  /**
   * The preprocessing stored in a checkpoint.
   * @param value keys in camelCase
   * @param name of the file, for messages
   * @throws UserError naming what is missing or impossible
   */
  readPreprocessing(value: Record<string, unknown>, name: string): PreprocessingOf<K>;
  /** The stored form, keys in camelCase. */
  writePreprocessing(preprocessing: PreprocessingOf<K>): Record<string, unknown>;

  /** I */
  inputSizeOf(preprocessing: PreprocessingOf<K>): number;
  /** T of every sequence, or null if they differ. */
  stepsOf(preprocessing: PreprocessingOf<K>): number | null;
  /** Size of the picture that is read, or that contains the strokes. */
  pictureSizeOf(preprocessing: PreprocessingOf<K>): PictureSize;
  /** Options of loading data for a network with this preprocessing. */
  loadOptionsOf(preprocessing: PreprocessingOf<K>): KindLoadOptions;

  sequencesOf(name: string, examples: ExamplesOf<K>, preprocessing: PreprocessingOf<K>): SequencesOf<K>;
  /** @throws UserError if the examples do not fit the preprocessing */
  openSequences(data: SequencesOf<K>): SequenceSource;
  /** @param seed of the run */
  openAugmented(data: SequencesOf<K>, augmentation: Augmentation, seed: number): AugmentedSource;
  /** The length of an example by its index; null if all lengths are equal. */
  lengthsIn(examples: ExamplesOf<K>): ((index: number) => number) | null;
  /** Examples of a block, which are read from a file and shuffled together; null if all are in memory. */
  blockOf(examples: ExamplesOf<K>): number | null;
  /** The test set as one of `otherParts`. */
  redrawn(part: OtherPart, test: ExamplesOf<K>): ExamplesOf<K>;
  /** A copy of example i. */
  exampleAt(examples: ExamplesOf<K>, i: number): ExampleInput;

  /**
   * The sequence of an input.
   * @returns null if there is nothing to recognise: no ink, or only a dot
   * @throws UserError if the input is malformed, or the network cannot read it
   */
  prepare(input: RecognizerInput, preprocessing: PreprocessingOf<K>): PreparedInput | null;
  /** [pixels] the gradient in the order of the picture's pixels; null if the sequence has no pixels. */
  pixelGradient(
    inputGradient: Float32Array,
    preprocessing: PreprocessingOf<K>,
    saw: Seen,
  ): Float32Array | null;
}
