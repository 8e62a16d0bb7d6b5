/**
 * The state of an optimiser in a safetensors file that scanstroke exported: tensors `optimizer.exp_avg.lstm.weight_ih_l0`
 * … and `optimizer.step`, and in the metadata the settings as JSON, all under torch.optim's names.
 */
import { isPlainObject, parseJson } from '../../formats/json.js';
import type { StateDict } from '../../state-dict.js';
import { UserError } from '../../user-error.js';
import { type ForeignOptimizer, OPTIMIZER_VECTORS } from '../foreign-model.js';

/** What the names of the optimiser's tensors begin with. */
export const OPTIMIZER_PREFIX = 'optimizer.';
/** The member of the metadata that holds the settings. */
export const OPTIMIZER_KEY = 'optimizer';
/** The one tensor that is not of a parameter. */
export const STEP = 'step';

/**
 * @param tensors those of the optimiser, by their names without the prefix
 * @param parameters names of the model's tensors, in the order of `module.parameters()`
 * @param name of the file, for messages
 * @returns null if the file has no optimiser
 * @throws UserError naming what is missing or unknown
 */
export function readOptimizerTensors(
  metadata: Readonly<Record<string, string>>,
  tensors: StateDict,
  parameters: readonly string[],
  name: string,
): ForeignOptimizer | null {
  if (!Object.hasOwn(metadata, OPTIMIZER_KEY)) return null;
  const settings = parseJson(metadata[OPTIMIZER_KEY], `${name}: metadata "${OPTIMIZER_KEY}"`);
  if (!isPlainObject(settings)) {
    throw new UserError(`${name}: metadata "${OPTIMIZER_KEY}" must be a JSON object`);
  }
  const step = tensors.get(STEP);
  const vectors = OPTIMIZER_VECTORS.filter((vector) =>
    parameters.some((each) => tensors.has(`${vector}.${each}`)),
  );
  if (tensors.size !== vectors.length * parameters.length + (step ? 1 : 0)) {
    throw new UserError(
      `${name}: expected a tensor of the optimiser for each of ${parameters.length} parameters` +
        ` (${OPTIMIZER_VECTORS.join(', ')}), and a step; found ${tensors.size} tensors`,
    );
  }
  const states = parameters.map((parameter) => ({
    step: step?.data[0] ?? null,
    vectors: new Map(vectors.map((vector) => [vector, vectorOf(tensors, `${vector}.${parameter}`, name)])),
  }));
  return { settings, states };
}

function vectorOf(tensors: StateDict, key: string, name: string) {
  const tensor = tensors.get(key);
  if (tensor === undefined) throw new UserError(`${name}: the tensor ${OPTIMIZER_PREFIX}${key} is missing`);
  return tensor;
}
