/** The flags of `scanstroke data strokes` and `scanstroke data preview`, as commander gives them to their actions. */
import { OPTION_GROUPS, type OptionKey } from '../../../train/config/options.js';

export interface StrokesFlags {
  data: string;
  order: 'tour' | 'pen' | 'points';
  out?: string;
  sort?: boolean;
  seed: number;
  threads?: number;
  json?: boolean;
}

export interface SummaryFlags {
  data: string;
  channelsImg?: string;
  imageSize?: string;
  json?: boolean;
}

export interface PreviewFlags {
  data: string;
  part: 'train' | 'test';
  order: 'tour' | 'pen' | 'points';
  /** Default 20; where they are drawn in the terminal 6, or 3 with variations. */
  count?: number;
  /** Show strokes in the order in which `train --stroke-sort` reads them. */
  sort?: boolean;
  seed: number;
  out?: string;
  json?: boolean;
  /** Colour channels and size of one's own pictures, as given. */
  channelsImg?: string;
  imageSize?: string;
  /** Show what is none of the classes. */
  negatives?: boolean;
  /** Show drawn digits. */
  drawn?: boolean;
  /** Epochs of training to be shown. */
  augment?: number;
  /** Amounts of the augmentation, by the names of the options. */
  [amount: string]: unknown;
}

/** The amounts' group in the help. */
export const GROUP = 'Augmentation';
/** The amounts that mean something for strokes. */
export const AMOUNTS: readonly OptionKey[] = (
  OPTION_GROUPS.find(({ title }) => title === GROUP)?.keys ?? []
).filter((key) => key !== 'augmentElastic' && key !== 'augmentThickness');
/** Epochs shown if no number is given. */
export const EPOCHS = 4;
