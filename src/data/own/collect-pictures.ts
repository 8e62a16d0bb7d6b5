/**
 * Makes a data set of people's own pictures: one size for all, grey or colour, a test part, classes in order. Pictures
 * are converted and stored one by one as they come, so memory holds the data set and nothing else.
 */
import { quote } from '../../formats/quotation.js';
import { UserError } from '../../user-error.js';
import { byNumberThenName } from '../class-names.js';
import type { ImageDataset } from '../images/image-examples.js';
import { asInk, paddedPicture } from '../inputs/pad.js';
import type { InputPicture, PictureSize } from '../inputs/picture-size.js';
import { preparePicture } from '../inputs/prepare-picture.js';
import { luminance } from '../pictures/picture-ink.js';
import type { OnProgress } from '../strokes/files/stroke-archive.js';
import { byTurns, testCount } from '../test-share.js';
import { checkCollected } from './check-collected.js';
import type { Collected, PictureForm } from './collected.js';
import { LeftOutPictures, SizeCounts } from './findings.js';
import type { OwnPart, OwnPicture, OwnSource } from './own-picture.js';
import { PictureStore } from './picture-store.js';

/** Labels are bytes. */
const MAX_CLASSES = 256;
/** The size of pictures that have no size in common, or a larger one: MNIST's. */
const DEFAULT_SIDE = 28;
/** Pictures that all have one size up to this keep it. */
const MAX_COMMON_SIDE = 64;
/** Time between two reports of progress. */
const PROGRESS_MS = 500;

export interface CollectOptions {
  /** 1 for grey, 3 for colours; null for grey if all pictures are grey. */
  channels: number | null;
  /** Of the pictures, in pixels: a side, or both; null for the pictures' own common size, or else 28. */
  size: number | { width: number; height: number } | null;
  form: PictureForm;
  onProgress?: OnProgress;
  onNotice?: (line: string) => void;
  /** Whether the training weights its classes: then no notice advises to. */
  isWeighted?: boolean;
  /** Ends the reading: the promise rejects with its reason. */
  signal?: AbortSignal;
}

/** What is known of the pictures' form. A picture that contradicts an assumption changes it, and all are read again. */
interface Plan {
  channels: 1 | 3;
  isAssumed: boolean;
  size: { width: number; height: number } | null;
  isCommonSize: boolean;
}

/**
 * Reads all pictures of a source.
 *
 * The form is decided once for all: colours if any picture has colours, unless `channels` says otherwise; the size by
 * `size`. Without a test part, a part `validation` is the test part, or else pictures of each class are, by turns.
 * @returns labels are 0, 1, 2 … in the order of the classes' names, numbers by value
 * @throws UserError if more than a tenth of the pictures cannot be used; if there are fewer than 2 or more than 256
 *   classes; and if a class has too few training pictures
 */
export async function collectPictures(source: OwnSource, options: CollectOptions): Promise<ImageDataset> {
  const { channels, size, form } = options;
  if (channels !== null && channels !== 1 && channels !== 3) {
    throw new UserError(
      `${source.name}: pictures have 1 channel (grey) or 3 (colours), not ${channels}; leave the setting out to take what they have`,
      { settings: ['channelsImg'] },
    );
  }
  const plan: Plan = {
    channels: form === 'padded' ? (channels ?? 1) : 1,
    isAssumed: form === 'padded' && channels === null,
    size:
      form !== 'padded'
        ? { width: DEFAULT_SIDE, height: DEFAULT_SIDE }
        : typeof size === 'number'
          ? { width: size, height: size }
          : size,
    isCommonSize: false,
  };
  for (;;) {
    const collection = new Collection(source, plan, options);
    if (await collection.read()) return collection.finish();
  }
}

/** One reading of all pictures. */
class Collection {
  readonly #source: OwnSource;
  readonly #plan: Plan;
  readonly #options: CollectOptions;
  readonly #labels = new Map<string, number>();
  readonly #stores = new Map<OwnPart, PictureStore>();
  readonly #sizes = new SizeCounts();
  readonly #leftOut = new LeftOutPictures();
  #hasColours = false;
  #seen = 0;

  constructor(source: OwnSource, plan: Plan, options: CollectOptions) {
    [this.#source, this.#plan, this.#options] = [source, plan, options];
  }

  /** Reads all pictures. @returns false if the plan has changed, and all must be read again by another collection */
  async read(): Promise<boolean> {
    const { signal, onProgress } = this.#options;
    const { name, total } = this.#source;
    const what = `reading ${name}`;
    const leaveOut = this.#leftOut.add.bind(this.#leftOut);
    let last = performance.now();
    for await (const picture of this.#source.pictures(signal, leaveOut)) {
      signal?.throwIfAborted();
      if (!this.#fits(picture)) return false;
      this.#take(picture);
      const now = performance.now();
      if (onProgress === undefined || now - last < PROGRESS_MS) continue;
      last = now;
      const done = this.#seen + this.#leftOut.count;
      onProgress({ what, done, total: Math.max(done, total ?? 0) });
    }
    return true;
  }

  /** Whether the picture agrees with what is assumed; else changes the plan, at no cost before the first picture. */
  #fits({ width, height, channels }: OwnPicture): boolean {
    const plan = this.#plan;
    const before = { ...plan };
    if (channels === 3 && plan.isAssumed) Object.assign(plan, { channels: 3, isAssumed: false });
    if (plan.size === null) {
      plan.isCommonSize = Math.max(width, height) <= MAX_COMMON_SIDE;
      plan.size = plan.isCommonSize ? { width, height } : { width: DEFAULT_SIDE, height: DEFAULT_SIDE };
    } else if (plan.isCommonSize && (width !== plan.size.width || height !== plan.size.height)) {
      Object.assign(plan, { isCommonSize: false, size: { width: DEFAULT_SIDE, height: DEFAULT_SIDE } });
    }
    const isSame = plan.channels === before.channels && plan.size === before.size;
    return isSame || this.#stores.size === 0;
  }

  #take(picture: OwnPicture): void {
    const { width, height, label, part, where } = picture;
    this.#sizes.add(width, height);
    this.#hasColours ||= picture.channels === 3;
    const pixels = label === '' ? null : this.#converted(picture);
    if (pixels === null) {
      this.#leftOut.add(where, label === '' ? 'it has no label' : 'it shows no figure');
      return;
    }
    this.#storeOf(part ?? 'train').push(pixels, this.#labelOf(label, where));
    this.#seen++;
  }

  #labelOf(label: string, where: string): number {
    const known = this.#labels.get(label);
    if (known !== undefined) return known;
    if (this.#labels.size === MAX_CLASSES) {
      throw new UserError(
        `${where}: the label ${quote(label)} would be class ${MAX_CLASSES + 1}; at most ${MAX_CLASSES} classes are accepted. ` +
          'Is the label the column or the folder of the class?',
      );
    }
    this.#labels.set(label, this.#labels.size);
    return this.#labels.size - 1;
  }

  #storeOf(part: OwnPart): PictureStore {
    const store = this.#stores.get(part) ?? new PictureStore(this.#size, this.#source.total);
    this.#stores.set(part, store);
    return store;
  }

  get #size(): PictureSize {
    const { size, channels } = this.#plan;
    return { ...(size ?? { width: DEFAULT_SIDE, height: DEFAULT_SIDE }), channels };
  }

  /** The picture as the network reads it; null if it has to show a figure and does not. */
  #converted(picture: OwnPicture): Uint8Array | null {
    const { form } = this.#options;
    const input = this.#plan.channels === 1 ? inkOf(picture) : coloursOf(picture);
    if (form !== 'padded') return preparePicture(input, form === 'thinned');
    return paddedPicture(input, this.#size).pixels;
  }

  /** The data set. @throws UserError as collectPictures */
  finish(): ImageDataset {
    const { name, emptyFolders = [] } = this.#source;
    this.#leftOut.refuseMany(name, this.#seen);
    const classes = [...this.#labels.keys()].sort(byNumberThenName);
    const order = new Map(classes.map((label, index) => [label, index]));
    const classOf = Uint8Array.from(this.#labels.keys(), (label) => order.get(label) as number);
    const train = this.#storeOf('train');
    const { test, testPart, validationCount } = this.#divide(train);
    const collected: Collected = {
      form: this.#options.form,
      ...this.#sizes.summary(),
      hasColours: this.#hasColours,
      testPart,
      validationCount,
      ...this.#leftOut.summary(),
      ...(emptyFolders.length > 0 && { emptyFolders }),
    };
    const dataset = {
      name,
      train: train.examples(classOf),
      test: test.examples(classOf),
      classes,
      collected,
    };
    const { onNotice, isWeighted } = this.#options;
    checkCollected(dataset, collected, onNotice, isWeighted);
    return dataset;
  }

  #divide(train: PictureStore): { test: PictureStore } & Pick<Collected, 'testPart' | 'validationCount'> {
    const [test, validation] = [this.#stores.get('test'), this.#stores.get('validation')];
    if (test) {
      if (validation) train.append(validation);
      return { test, testPart: 'test', validationCount: validation?.count ?? 0 };
    }
    if (validation) return { test: validation, testPart: 'validation', validationCount: 0 };
    const counts = train.counts(this.#labels.size);
    const taken = train.take(byTurns(counts), testCount(counts));
    return { test: taken, testPart: 'every seventh', validationCount: 0 };
  }
}

/** The picture as ink. @returns [height, 1, width] 0 is paper, 255 is ink */
function inkOf({ width, height, channels, pixels, ink }: OwnPicture): Required<InputPicture> {
  if (ink) return { channels: 1, ...ink() };
  if (channels === 1) return asInk({ width, height, channels, pixels });
  const grey = new Uint8Array(width * height);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = Math.round(luminance(pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]));
  }
  return asInk({ width, height, channels: 1, pixels: grey });
}

/** The picture in colours. @returns [height, 3, width] */
function coloursOf({ width, height, channels, pixels }: OwnPicture): Required<InputPicture> {
  const colours = new Uint8Array(width * height * 3);
  for (let y = 0, to = 0; y < height; y++) {
    for (let c = 0; c < 3; c++) {
      let from = y * width * channels + (channels === 3 ? c : 0);
      for (let x = 0; x < width; x++, from += channels) colours[to++] = pixels[from];
    }
  }
  return { width, height, channels: 3, pixels: colours };
}
