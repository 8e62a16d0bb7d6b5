/** Tells symbols apart from a few examples of each, at once after every example. */

/** The answer to a feature. */
export interface NearestAnswer {
  /** [K] ids of the classes that have an example, in the order of their first examples. */
  classes: string[];
  /** [K] probabilities of the classes, if it is one of them; their sum is 1. */
  probabilities: Float32Array;
  /** Chance from 0 to 1 that it is none of the classes. */
  none: number;
}

/** How the examples are answered when each is left out in turn. */
export interface LeftOut {
  correct: number;
  /** Examples of classes with at least two. */
  count: number;
  /** Ids of classes and of the examples; most examples first. */
  confusions: { drawn: string; answered: string; examples: string[] }[];
}

/** A classifier that learns from each example at once. */
export class Nearest {
  /** Number of examples. */
  get count(): number {
    return 0;
  }

  /** Adds an example, or replaces that with the same id. @param feature of `Features.of` */
  add(_id: string, _classId: string, _feature: Float32Array): void {}

  /** Removes an example. @returns whether there was one */
  remove(_id: string): boolean {
    return false;
  }

  /** @returns null without examples */
  answer(_feature: Float32Array): NearestAnswer | null {
    return null;
  }

  /** Answers every example as if it were not there. */
  leaveOneOut(): LeftOut {
    return { correct: 0, count: 0, confusions: [] };
  }
}
