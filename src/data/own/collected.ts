/** What was found in people's own pictures and what was made of them: for summaries, and for the model's preprocessing. */

/**
 * How pictures are brought to the network's size: `padded`, scaled and padded (inputs/pad.ts); `digit`, in MNIST's form
 * (inputs/prepare-picture.ts); `thinned`, the same for strokes, which are then made of it.
 */
export type PictureForm = 'padded' | 'digit' | 'thinned';

/** A picture that is left out. */
export interface LeftOut {
  where: string;
  reason: string;
}

/** The data set that was made of a person's pictures. */
export interface Collected {
  form: PictureForm;
  /** Sizes of the pictures, the most frequent first. */
  sizes: { width: number; height: number; count: number }[];
  /** Number of pictures whose size is none of these. */
  otherSizes: number;
  /** Whether any picture has colours. */
  hasColours: boolean;
  /** Where the test part comes from. */
  testPart: 'test' | 'validation' | 'every seventh';
  /** Number of pictures in a part `validation` that joined the training pictures. */
  validationCount: number;
  /** Number of pictures that cannot be used. */
  leftOutCount: number;
  /** The first of these. */
  leftOut: LeftOut[];
  /** Folders beside those of the classes that hold no picture. Left out for none. */
  emptyFolders?: string[];
}
