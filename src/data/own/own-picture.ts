/**
 * People's own pictures, as readers of folders and tables give them: one picture after the other, of any size, grey or in
 * colours. collect-pictures.ts makes a data set of them.
 */

/** The part of the data that a picture belongs to. */
export type OwnPart = 'train' | 'test' | 'validation';

/** A labelled picture of any size, as it is stored: 0 is black, 255 is white. */
export interface OwnPicture {
  /** Name of the class. */
  label: string;
  /** Null where the source does not divide its pictures. */
  part: OwnPart | null;
  /** `FILE` or `FILE:ROW`, for messages. */
  where: string;
  /** In pixels. */
  width: number;
  /** In pixels. */
  height: number;
  /** 1 for grey; 3 for red, green and blue. */
  channels: 1 | 3;
  /** [height, width, channels] */
  pixels: Uint8Array;
  /**
   * The ink of a grey picture, where something better than its edge tells the paper: opacity, or the light on a photo.
   * `pixels` [height, width] 0 is paper, 255 is ink.
   */
  ink?: () => { width: number; height: number; pixels: Uint8Array };
}

/** Called with a picture that cannot be read: where it is, and a reason that ends a sentence (`it is cut short`). */
export type LeaveOut = (where: string, reason: string) => void;

/** Pictures in files or tables, read as a stream. */
export interface OwnSource {
  /** Name of the data set in messages and reports. */
  name: string;
  /**
   * The pictures, always in the same order.
   * @param signal ends the reading: throws its reason
   * @param leaveOut is told about pictures that cannot be read, which are then not among the pictures
   * @throws UserError for a source that cannot be read at all
   */
  pictures(signal: AbortSignal | undefined, leaveOut: LeaveOut): AsyncIterable<OwnPicture>;
  /** Number of pictures, with those that cannot be read; null if only reading tells. */
  total: number | null;
  /** Folders that look like those of classes, but hold no picture. Left out for none. */
  emptyFolders?: string[];
}

/** Names of the folders of parts. */
const PARTS: Readonly<Record<string, OwnPart>> = {
  train: 'train',
  training: 'train',
  test: 'test',
  testing: 'test',
  val: 'validation',
  valid: 'validation',
  validation: 'validation',
  dev: 'validation',
};

/** The part that a word names; undefined for another word. */
export function partNamed(word: string): OwnPart | undefined {
  const key = word.toLowerCase();
  return Object.hasOwn(PARTS, key) ? PARTS[key] : undefined;
}
