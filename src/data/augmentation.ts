/**
 * How training sequences are varied from epoch to epoch. Every amount is 0 by default, which leaves things as they are.
 * What happens to a sample is a function of (seed, epoch, sample) alone.
 */
export interface Augmentation {
  /** Turned by up to this many degrees, either way. */
  rotation: number;
  /** Enlarged or reduced by a factor between 1 / (1 + scale) and 1 + scale, in x and y separately. */
  scale: number;
  /** Sheared by up to this: x += shear · y about the centre. */
  shear: number;
  /** Shifted by up to this many pixels in x and in y. */
  shift: number;
  /** Images only: amplitude in pixels of a smooth random displacement (Simard et al. 2003). */
  elastic: number;
  /** Strokes only: standard deviation in pixels by which every point is moved. */
  jitter: number;
  /** Strokes only: probability with which an inner point of a stroke is left out. */
  drop: number;
  /** Strokes only: points are set anew along the stroke, at distances scaled by between 1 / (1 + resample) and 1 + resample. */
  resample: number;
  /** Strokes only: probability that the whole drawing is made in reverse: last stroke first, each from its end. */
  reverse: number;
  /** Strokes only: probability that the strokes are drawn in another order. */
  shuffle: number;
  /** Strokes only: probability, for each stroke, that it is drawn from its end. */
  flip: number;
}

export const NO_AUGMENTATION: Readonly<Augmentation> = {
  rotation: 0,
  scale: 0,
  shear: 0,
  shift: 0,
  elastic: 0,
  jitter: 0,
  drop: 0,
  resample: 0,
  reverse: 0,
  shuffle: 0,
  flip: 0,
};

/** Whether anything is varied. */
export function isAugmenting(augmentation: Augmentation): boolean {
  return Object.values(augmentation).some((amount) => amount !== 0);
}
