/**
 * How training sequences are varied from epoch to epoch. Every amount is 0 by default: no variation. The variation of a
 * sample is a function of (seed, epoch, sample) alone. Epochs count from 1.
 */
export interface Augmentation {
  /** Rotation by up to this many degrees in either direction. */
  rotation: number;
  /** Scaling by a factor from 1 / (1 + scale) to 1 + scale, in x and y separately. */
  scale: number;
  /** Shear by up to this: x += shear · y about the centre. */
  shear: number;
  /** Shift by up to this many pixels in x and in y. */
  shift: number;
  /** Images only: amplitude in pixels of a smooth random displacement (Simard et al. 2003). */
  elastic: number;
  /** Images only: lines up to this much thicker or thinner; 1 is a dilation or erosion by a cross of 3 × 3 pixels. */
  thickness: number;
  /** Strokes only: standard deviation in pixels of the noise added to every point. */
  jitter: number;
  /** Strokes only: probability that an inner point of a stroke is removed. */
  drop: number;
  /** Strokes only: points are resampled along the stroke; spacing × a factor from 1 / (1 + resample) to 1 + resample. */
  resample: number;
  /** Strokes only: probability that the whole drawing is reversed: last stroke first, each from its end. */
  reverse: number;
  /** Strokes only: probability that the strokes are drawn in another order. */
  shuffle: number;
  /** Strokes only: probability, for each stroke, that it is drawn from its end. */
  flip: number;
  /** The last epoch that is varied: later ones read the samples as they are. */
  until: number;
}

export const NO_AUGMENTATION: Readonly<Augmentation> = {
  rotation: 0,
  scale: 0,
  shear: 0,
  shift: 0,
  elastic: 0,
  thickness: 0,
  jitter: 0,
  drop: 0,
  resample: 0,
  reverse: 0,
  shuffle: 0,
  flip: 0,
  until: Number.POSITIVE_INFINITY,
};

/** Whether anything is varied in an epoch; without one, in any. */
export function isAugmenting({ until, ...amounts }: Augmentation, epoch = 1): boolean {
  return epoch <= until && Object.values(amounts).some((amount) => amount !== 0);
}
