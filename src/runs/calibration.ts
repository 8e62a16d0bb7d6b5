/** How well the probabilities of a network agree with its accuracy: what evaluations measure and reports draw. */

/** The answers whose highest probability lies in (from, to]. */
export interface CalibrationBin {
  from: number;
  to: number;
  /** Number of answers. */
  count: number;
  /** Mean of the highest probabilities; null without answers. */
  confidence: number | null;
  /** Share of correct answers; null without answers. */
  accuracy: number | null;
}

/** How well probabilities agree with accuracy, on one part of the data. */
export interface Calibration {
  /** 0 to 1: mean distance of confidence and accuracy over the bins, by their counts. */
  expectedCalibrationError: number;
  /** Mean negative log-likelihood of the true classes. */
  negativeLogLikelihood: number;
  /** Mean of the highest probabilities, 0 to 1. */
  confidence: number;
  /** Share of correct answers, 0 to 1. */
  accuracy: number;
  /** Bins of equal width, from 0 to 1. */
  bins: CalibrationBin[];
}

/** The same answers without and with temperature scaling. */
export interface CalibrationComparison {
  temperature: number;
  /** Softmax of the logits. */
  before: Calibration;
  /** Softmax of the logits divided by the temperature. */
  after: Calibration;
}
