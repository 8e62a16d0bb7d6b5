/**
 * Tells symbols apart from a few examples of each, at once after every example. A ridge regression on the features
 * (ridge.ts) says which class it is; the distance to the nearest example says whether it is one at all.
 */
import { UserError } from '../user-error.js';
import { type LinearLayer, RidgeSums, scoresOf } from './ridge.js';

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
export interface LeaveOneOut {
  correct: number;
  /** Examples of classes with at least two. */
  count: number;
  /** Ids of classes and of the examples; most examples first. */
  confusions: { drawn: string; answered: string; examples: string[] }[];
}

/** Strength of the regularisation, and scale of the scores in the softmax: by experiment (docs/experiments.md). */
const STRENGTH = 0.3;
const GAIN = 8;
/**
 * Distance to the nearest example of the same class, in features of length 1: its mean and deviation over symbols of
 * many kinds with five examples a class. Counts as much as PRIOR_COUNT examples of the project.
 */
const PRIOR = { mean: 0.35, deviation: 0.12, count: 4 };
/** A drawing that is this many deviations farther away than examples are is as likely none as one of the classes. */
const EVEN = 1.5;
const STEEPNESS = 3;

interface Example {
  classId: string;
  feature: Float32Array;
  /** Distance to the nearest other example of the class; Infinity if there is none. */
  nearest: number;
}

/**
 * A classifier that learns from each example at once.
 *
 * @example
 * import { Nearest, openBackend, openFeatures, shippedModel } from 'scanstroke';
 *
 * const backend = await openBackend();
 * const features = openFeatures(await shippedModel('digit-strokes'), backend);
 * const tick = { strokes: [{ xs: [0, 30, 90], ys: [50, 100, 0] }] };
 * const line = { strokes: [{ xs: [0, 100], ys: [0, 10] }] };
 * const nearest = new Nearest();
 * for (const [id, drawing] of Object.entries({ tick, line })) {
 *   const feature = await features.of(drawing);
 *   if (feature) nearest.add(id, id, feature);
 * }
 * const feature = await features.of({ strokes: [{ xs: [0, 25, 80], ys: [45, 100, 5] }] });
 * console.log(feature && nearest.answer(feature)); // { classes: [ 'tick', 'line' ], probabilities, none }
 * features.close();
 * backend.close();
 */
export class Nearest {
  readonly #examples = new Map<string, Example>();
  #sums: RidgeSums | null = null;
  /** The classes of the sums; those without examples stay until all examples are gone. */
  #classes: string[] = [];
  #layer: LinearLayer | null = null;

  /** Number of examples. */
  get count(): number {
    return this.#examples.size;
  }

  /**
   * Adds an example, or replaces that with the same id.
   * @param feature [D] of `Features.of`; kept
   * @throws UserError if the other examples' features have another length
   */
  add(id: string, classId: string, feature: Float32Array): void {
    this.remove(id);
    const [other] = this.#examples.values();
    if (other && other.feature.length !== feature.length) {
      throw new UserError(
        `examples: a feature of ${feature.length} values, but the others have ${other.feature.length}; ` +
          'use the features of one network',
      );
    }
    this.#sums ??= new RidgeSums(feature.length);
    if (!this.#classes.includes(classId)) this.#classes.push(classId);
    this.#sums.add(feature, this.#classes.indexOf(classId));
    const example: Example = { classId, feature, nearest: Number.POSITIVE_INFINITY };
    for (const each of this.#examples.values()) {
      if (each.classId !== classId) continue;
      const apart = distance(feature, each.feature);
      each.nearest = Math.min(each.nearest, apart);
      example.nearest = Math.min(example.nearest, apart);
    }
    this.#examples.set(id, example);
    this.#layer = null;
  }

  /** Removes an example. @returns whether there was one */
  remove(id: string): boolean {
    const example = this.#examples.get(id);
    if (!example) return false;
    this.#examples.delete(id);
    this.#layer = null;
    this.#sums?.add(example.feature, this.#classes.indexOf(example.classId), -1);
    if (this.#examples.size === 0) {
      // Sums of nothing begin anew, without rounding errors.
      this.#sums = null;
      this.#classes = [];
    }
    this.#measureAnew(example.classId);
    return true;
  }

  /**
   * Answers a feature.
   * @param feature [D] of `Features.of`
   * @returns null without examples
   */
  answer(feature: Float32Array): NearestAnswer | null {
    if (this.#examples.size === 0) return null;
    const { classes, numbers } = this.#present();
    const scores = scoresOf(this.#solved(), feature);
    const probabilities = softmax(numbers.map((k) => GAIN * scores[k]));
    let nearest = Number.POSITIVE_INFINITY;
    for (const each of this.#examples.values()) nearest = Math.min(nearest, distance(feature, each.feature));
    return { classes, probabilities, none: this.#chanceOfNone(nearest) };
  }

  /** Answers every example as if it were not there; exact but for the strength of the regularisation, which stays. */
  leaveOneOut(): LeaveOneOut {
    const { classes, numbers } = this.#present();
    const members = new Map<string, number>();
    for (const { classId } of this.#examples.values()) members.set(classId, (members.get(classId) ?? 0) + 1);
    const left: LeaveOneOut = { correct: 0, count: 0, confusions: [] };
    if (classes.length === 0) return left;
    const layer = this.#solved();
    const pairs = new Map<string, LeaveOneOut['confusions'][number]>();
    for (const [id, { classId, feature }] of this.#examples) {
      if ((members.get(classId) ?? 0) < 2) continue;
      left.count++;
      const scores = this.#scoresWithout(layer, feature, classId, members);
      let best = 0;
      numbers.forEach((k, n) => {
        if (scores[k] > scores[numbers[best]]) best = n;
      });
      if (classes[best] === classId) {
        left.correct++;
        continue;
      }
      const key = JSON.stringify([classId, classes[best]]);
      const pair = pairs.get(key) ?? { drawn: classId, answered: classes[best], examples: [] };
      pair.examples.push(id);
      pairs.set(key, pair);
    }
    left.confusions = [...pairs.values()].sort((a, b) => b.examples.length - a.examples.length);
    return left;
  }

  /**
   * The scores of an example by the layer of the others. With the influence h of the example on its own answer ŷ, the
   * answer of the others is (ŷ − h y) / (1 − h) (Allen 1974).
   */
  #scoresWithout(
    layer: LinearLayer,
    feature: Float32Array,
    classId: string,
    members: ReadonlyMap<string, number>,
  ): Float64Array {
    const n = this.#examples.size;
    const influence = Math.min(layer.leverage(feature), 1 - 1e-9);
    return scoresOf(layer, feature).map((score, k) => {
      const own = this.#classes[k] === classId ? 1 : 0;
      const share = (members.get(this.#classes[k]) ?? 0) / n;
      const others = ((members.get(this.#classes[k]) ?? 0) - own) / Math.max(1, n - 1);
      return (score + share - influence * own) / (1 - influence) - others;
    });
  }

  #solved(): LinearLayer {
    this.#layer ??= (this.#sums as RidgeSums).solve(STRENGTH);
    return this.#layer;
  }

  /** The classes that have an example, and their numbers in the sums. */
  #present(): { classes: string[]; numbers: number[] } {
    const present = new Set([...this.#examples.values()].map(({ classId }) => classId));
    const classes = this.#classes.filter((each) => present.has(each));
    return { classes, numbers: classes.map((each) => this.#classes.indexOf(each)) };
  }

  /** A logistic function of the distance, in deviations of the distances between examples of a class. */
  #chanceOfNone(nearest: number): number {
    let [n, sum, squares] = [
      PRIOR.count,
      PRIOR.count * PRIOR.mean,
      PRIOR.count * (PRIOR.mean ** 2 + PRIOR.deviation ** 2),
    ];
    for (const each of this.#examples.values()) {
      if (each.nearest === Number.POSITIVE_INFINITY) continue;
      n++;
      sum += each.nearest;
      squares += each.nearest ** 2;
    }
    const mean = sum / n;
    const deviation = Math.sqrt(Math.max(squares / n - mean ** 2, 1e-6));
    return 1 / (1 + Math.exp(-STEEPNESS * ((nearest - mean) / deviation - EVEN)));
  }

  /** Measures the distances within a class from which an example was taken. */
  #measureAnew(classId: string): void {
    const members = [...this.#examples.values()].filter((each) => each.classId === classId);
    for (const each of members) {
      each.nearest = Number.POSITIVE_INFINITY;
      for (const other of members) {
        if (other !== each) each.nearest = Math.min(each.nearest, distance(each.feature, other.feature));
      }
    }
  }
}

function distance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return Math.sqrt(sum);
}

function softmax(scores: readonly number[]): Float32Array {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return Float32Array.from(powers, (power) => power / sum);
}
