/**
 * The kinds of input, as types: what one of them consists of (`KindTypes`), and what it must be able to do
 * (`InputKind`). The implementations stand beside their data, the table of them is kinds.ts, and how data sets are
 * loaded is open-dataset.ts. A new kind is an entry in `KindTypes`; the compiler then names what it lacks.
 */
import type { Augmentation } from './augmentation.js';
import type { ImageDataset, ImageExamples } from './images/image-examples.js';
import type { ImagePreprocessing } from './images/image-preprocessing.js';
import type { ExampleInput, PictureSize, PreparedInput, RecognizerInput } from './inputs/input.js';
import type { AugmentedSource, SequenceSource } from './sequence.js';
import type { StrokeDataset, StrokeExamples } from './strokes/stroke-examples.js';
import type { StrokeOrder, StrokePreprocessing } from './strokes/stroke-preprocessing.js';

/** What each kind consists of. */
export interface KindTypes {
  images: { dataset: ImageDataset; examples: ImageExamples; preprocessing: ImagePreprocessing };
  strokes: { dataset: StrokeDataset; examples: StrokeExamples; preprocessing: StrokePreprocessing };
}
export type KindName = keyof KindTypes;

export type DatasetOf<K extends KindName> = { [P in K]: { kind: P } & KindTypes[P]['dataset'] }[K];
export type ExamplesOf<K extends KindName> = KindTypes[K]['examples'];
export type PreprocessingOf<K extends KindName> = KindTypes[K]['preprocessing'];
/** What a source is made of; can be posted to a worker thread. */
export type SequencesOf<K extends KindName> = {
  [P in K]: { kind: P; name: string; examples: ExamplesOf<P>; preprocessing: PreprocessingOf<P> };
}[K];

/** A data set of any kind. */
export type Dataset = DatasetOf<KindName>;
/** How examples of any kind become sequences. Stored with the model. */
export type Preprocessing = PreprocessingOf<KindName>;

/** Parts made of the test set by drawing it another way. */
export type OtherPart = 'reversed' | 'reordered';

/** What loading depends on. */
export interface KindLoadOptions {
  /** Of images. */
  channelsImg: number;
  /** Of the points of strokes. */
  order: StrokeOrder;
}

/** The settings of a run that depend on the kind of input, under their names in its configuration. */
export interface InputSettings {
  sequenceLength: number;
  inputSize: number;
  head: string;
  channelsImg: number;
  permute: number | null;
  strokeOrder: StrokeOrder;
  augmentElastic: number;
  augmentJitter: number;
  augmentDrop: number;
  augmentResample: number;
  augmentReverse: number;
  augmentShuffle: number;
  augmentFlip: number;
}

/** How a sequence that is cut off is put to an end. */
export interface Ending {
  /** [I] the values of the last step. */
  values: readonly number[];
  /** Whether the last step takes the place of step t, rather than following it. */
  replaces(sequence: Float32Array, t: number): boolean;
}

/**
 * A kind of input. Its members are methods, so that `kindOf(value).method(value)` is allowed for a value of any kind.
 */
export interface InputKind<K extends KindName> {
  /** What `--data` is when neither the user nor the run says. */
  readonly defaultData: string;
  /** Settings without an effect on this kind, with the values that say so. */
  readonly idleSettings: Readonly<Partial<InputSettings>>;
  /** What the test set is scored on besides itself. */
  readonly otherParts: readonly OtherPart[];
  /** Null where a sequence that is cut off needs no end. */
  readonly ending: Ending | null;

  /** @throws UserError if the data set does not become what the settings say of the model */
  preprocessingFor(dataset: DatasetOf<K>, settings: InputSettings): PreprocessingOf<K>;
  /**
   * The preprocessing stored in a checkpoint.
   * @param value keys in camelCase
   * @param name how messages name the file
   * @throws UserError naming what is missing or impossible
   */
  readPreprocessing(value: Record<string, unknown>, name: string): PreprocessingOf<K>;
  /** What a checkpoint stores of it, keys in camelCase. */
  writePreprocessing(preprocessing: PreprocessingOf<K>): Record<string, unknown>;

  /** I */
  inputSizeOf(preprocessing: PreprocessingOf<K>): number;
  /** T of every sequence, or null if they differ. */
  stepsOf(preprocessing: PreprocessingOf<K>): number | null;
  /** Of the picture that is read, or in which the strokes are. */
  pictureSizeOf(preprocessing: PreprocessingOf<K>): PictureSize;
  /** How data are loaded for a network with this preprocessing. */
  loadOptionsOf(preprocessing: PreprocessingOf<K>): KindLoadOptions;

  sequencesOf(name: string, examples: ExamplesOf<K>, preprocessing: PreprocessingOf<K>): SequencesOf<K>;
  /** @throws UserError if the examples are not what the preprocessing was made for */
  openSequences(data: SequencesOf<K>): SequenceSource;
  /** @param seed of the run */
  openAugmented(data: SequencesOf<K>, augmentation: Augmentation, seed: number): AugmentedSource;
  /** Steps of an example by its index; null if all have the same. */
  lengthsIn(examples: ExamplesOf<K>): ((index: number) => number) | null;
  /** The test set as one of `otherParts`. */
  redrawn(part: OtherPart, test: ExamplesOf<K>): ExamplesOf<K>;
  /** A copy of example i. */
  exampleAt(examples: ExamplesOf<K>, i: number): ExampleInput;

  /**
   * The sequence of an input.
   * @returns null if there is nothing to recognise: no ink, or nothing but a dot
   * @throws UserError if the input is malformed, or not what the network can be shown
   */
  prepare(input: RecognizerInput, preprocessing: PreprocessingOf<K>): PreparedInput | null;
  /** [pixels] the gradient by the picture's pixels; null if the sequence is not made of pixels. */
  pixelGradient(inputGradient: Float32Array, preprocessing: PreprocessingOf<K>): Float32Array | null;
}
