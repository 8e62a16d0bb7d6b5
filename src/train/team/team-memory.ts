/** How much memory a team allocates, for messages. The sums follow `Team`. */
import { Network } from '../../model/network.js';
import { ParameterLayout } from '../../model/parameters.js';
import { workspaceSize } from '../../model/workspace.js';
import { optimizerStateNames } from '../optimizer.js';
import { planBatch, sumsOfOthers } from './batch-plan.js';
import { rangeOf } from './shares.js';
import { longestSteps, type TeamOptions } from './team.js';
import { PASS_SIZE, passCapacity, passPrecisions } from './team-protocol.js';

/** Bytes of all buffers that a team has from its backend. */
export function teamBytes(options: Omit<TeamOptions, 'startThread'>): number {
  const { backend, model, precision = 'float32', training, threads } = options;
  const P = new ParameterLayout(model).length;
  const precisions = passPrecisions(precision, training !== null);
  const steps = longestSteps(options);
  const sizes = (training ? [true, false] : [false]).map((withBackward) =>
    workspaceSize({ config: model, backend, ...precisions, capacity: passCapacity(steps, withBackward) }),
  );
  const workspace =
    Math.max(...sizes.map((size) => size.floats)) + Math.max(...sizes.map((size) => size.ints));
  const batch = PASS_SIZE * (steps * model.inputSize + 3) + 2 * steps;
  const shared = P + Network.panelsLength(model, backend, precisions);
  if (!training) return 4 * (shared + threads * (workspace + batch));
  const optimizer = P * optimizerStateNames(training.optimizer).length;
  const own = workspace + batch + PASS_SIZE * (model.numClasses + 3);
  const { batchSize } = training;
  const { ranks = null } = options;
  const { buffers, shared: exchanged } = planBatch(batchSize, { batchSize, threads, parameters: P }, ranks);
  const range = ranks && rangeOf(ranks.rank, ranks.ranks, P);
  const received =
    ranks && range && exchanged
      ? sumsOfOthers(exchanged, ranks.rank) * Math.max(1, range.end - range.begin)
      : 0;
  const gradients = P * buffers + received;
  const weights = training.classWeights ? model.numClasses : 0;
  return 4 * (shared + gradients + optimizer + weights + threads * own);
}
