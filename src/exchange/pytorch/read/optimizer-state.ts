/**
 * Reads the state dict of a torch.optim optimiser: {"state": {index: {"step", "exp_avg", …}}, "param_groups": [{"lr", …,
 * "params": [index, …]}]}. An optimiser that scanstroke cannot go on with is left out with a notice: the weights are
 * good without it.
 */

import {
  describeValue,
  entriesOf,
  PickleDict,
  PickleRecord,
  PickleTuple,
  type PickleValue,
  TorchTensor,
} from '../../../formats/pickle/pickle-values.js';
import { quote } from '../../../formats/quotation.js';
import type { StateDict } from '../../../state-dict.js';
import { type ForeignOptimizer, OPTIMIZER_VECTORS } from '../../foreign-model.js';
import type { FloatReader } from './float-reader.js';

/**
 * @param value what the checkpoint keeps as its optimiser; null if it has none
 * @param notices gets a line if the optimiser is left out
 * @throws UserError if a tensor is damaged
 */
export function readOptimizer(
  value: PickleValue,
  reader: FloatReader,
  notices: string[],
): ForeignOptimizer | null {
  if (value === null) return null;
  const result = optimizerOf(value, reader);
  if (typeof result !== 'string') return result;
  notices.push(`the optimiser's state is left out: ${result}`);
  return null;
}

/** The optimiser, or why it is left out. */
function optimizerOf(value: PickleValue, reader: FloatReader): ForeignOptimizer | string {
  const optimizer = Array.isArray(value) && value.length === 1 ? value[0] : value;
  // A pickled optimiser, not only its state dict: its state is the same dict, with tensors in place of indices.
  const dict = optimizer instanceof PickleRecord ? optimizer.state : optimizer;
  if (!(dict instanceof PickleDict)) return `expected a dict, found ${describeValue(value)}`;
  const groups = dict.get('param_groups');
  if (!Array.isArray(groups)) return 'it has no "param_groups"';
  if (groups.length !== 1) {
    return `it has ${groups.length} groups of parameters; only one group for all parameters can go on`;
  }
  const [group] = groups;
  const params = group instanceof PickleDict ? group.get('params') : undefined;
  if (!(group instanceof PickleDict && Array.isArray(params))) return 'its group has no "params"';
  const all = entriesOf(dict.get('state'));
  const states: ForeignOptimizer['states'] = [];
  for (const param of params) {
    const state = stateOf(all?.get(param), states.length, reader);
    if (typeof state === 'string') return state;
    states.push(state);
  }
  return { settings: settingsOf(group, reader), states };
}

/** The state of one parameter, or why it is left out. */
function stateOf(
  value: PickleValue | undefined,
  index: number,
  reader: FloatReader,
): ForeignOptimizer['states'][number] | string {
  const vectors: StateDict = new Map();
  let step: number | null = null;
  for (const [key, member] of entriesOf(value) ?? []) {
    const label = `optimizer.state.${index}.${String(key)}`;
    if (key === 'step') {
      step = numberOf(member, label, reader);
      if (step === null) return `its "step" is ${describeValue(member)}, expected a number`;
    } else if (key === 'max_exp_avg_sq') {
      return 'it is Adam with amsgrad, which scanstroke does not have';
    } else if (typeof key !== 'string' || !OPTIMIZER_VECTORS.includes(key)) {
      const shown = typeof key === 'string' ? quote(key) : describeValue(key);
      return `its state has ${shown}, which none of Adam, AdamW and SGD has`;
    } else if (member instanceof TorchTensor) {
      if (!reader.isFloat(member)) return `its ${quote(key)} holds no floating-point numbers`;
      vectors.set(key, reader.read(member, label));
    } else if (member !== null) {
      return `its ${quote(key)} is ${describeValue(member)}, expected a tensor`;
    }
  }
  return { step, vectors };
}

/** Numbers, booleans, null and lists of numbers; texts and other values are not settings of these optimisers. */
function settingsOf(group: PickleDict, reader: FloatReader): Record<string, unknown> {
  const settings: Record<string, unknown> = Object.create(null);
  for (const [key, value] of group.entries) {
    if (typeof key !== 'string' || key === 'params') continue;
    const items = value instanceof PickleTuple ? value.items : value;
    const setting = Array.isArray(items)
      ? items.map((item) => numberOf(item, key, reader))
      : typeof value === 'boolean' || value === null
        ? value
        : numberOf(value, key, reader);
    if (Array.isArray(setting) ? !setting.includes(null) : setting !== null || value === null)
      settings[key] = setting;
  }
  return settings;
}

/** A number, or a tensor of one number. */
function numberOf(value: PickleValue, label: string, reader: FloatReader): number | null {
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
  return value instanceof TorchTensor ? reader.readNumber(value, label) : null;
}
