/**
 * Weights of the classes in the loss, for data with rare classes: torch.nn.CrossEntropyLoss(weight=…). The loss of a
 * batch is the sum of the weighted losses over the sum of the weights of its samples (PyTorch's mean).
 */
import { shown } from '../formats/shape.js';
import { UserError } from '../user-error.js';

/**
 * N / (K · N_k) for class k (scikit-learn's class_weight="balanced"; King & Zeng 2001, “Logistic regression in rare
 * events data”). The mean weight of a sample is 1. K counts the classes that have samples; the others get 0.
 *
 * @param labels of the training samples
 * @param classes of the model
 * @returns [classes]
 */
export function balancedWeights(labels: Iterable<number>, classes: number): Float32Array {
  const counts = new Float64Array(classes);
  for (const label of labels) counts[label]++;
  const samples = counts.reduce((sum, count) => sum + count, 0);
  const present = counts.reduce((sum, count) => sum + Number(count > 0), 0);
  return Float32Array.from(counts, (count) => (count > 0 ? samples / (present * count) : 0));
}

/** Sum of the weights of samples, in float64, in their order. @param weights [K]; null: 1 for every class */
export function sumWeights(labels: Int32Array, weights: Float32Array | null): number {
  if (!weights) return labels.length;
  let sum = 0;
  for (let b = 0; b < labels.length; b++) sum += weights[labels[b]];
  return sum;
}

/**
 * A caller's weights as float32.
 * @param verb begins messages
 * @throws UserError unless there is a finite weight of at least 0 for each of `classes`
 */
export function requireWeights(verb: string, weights: ArrayLike<number>, classes: number): Float32Array {
  if (typeof weights !== 'object' || weights === null) {
    throw new UserError(`${verb}: classWeights must be a list of ${classes} weights, got ${shown(weights)}`);
  }
  if (weights.length !== classes) {
    throw new UserError(
      `${verb}: classWeights must have a weight for each of the ${classes} classes, got ${weights.length}`,
    );
  }
  const floats = Float32Array.from(weights);
  floats.forEach((weight, k) => {
    if (weight >= 0 && weight < Number.POSITIVE_INFINITY) return;
    throw new UserError(
      `${verb}: classWeights[${k}] must be a finite number of at least 0, got ${shown(weights[k])}`,
    );
  });
  return floats;
}
