/** Takes over the state of a torch.optim optimiser: Adam, AdamW and SGD, whose updates scanstroke makes in the same way. */
import { checkValues } from '../../runs/checkpoint/checkpoint-check.js';
import type { StateDict } from '../../state-dict.js';
import { UserError } from '../../user-error.js';
import type { ForeignOptimizer } from '../foreign-model.js';
import type { Assumption } from './input-convention.js';
import type { NetworkTensors } from './network-tensors.js';

/** An optimiser, as `createOptimizer` and its `loadStateDict` take it. */
export interface ImportedOptimizer {
  config: {
    name: 'sgd' | 'adam' | 'adamw';
    lr: number;
    weightDecay: number;
    /** sgd only. */
    momentum?: number;
    nesterov?: boolean;
    /** adam, adamw only. */
    betas?: [number, number];
    eps?: number;
  };
  /** The state after `step` updates; SGD counts none. `tensors`: `mean.lstm.weight_ih_l0` … in the parameters' shapes. */
  state: { name: 'sgd' | 'adam' | 'adamw'; step: number; lr: number; tensors: StateDict };
}

/** Why an optimiser cannot be taken over. */
class Unfit extends Error {}

/** Our vectors by those of torch.optim. */
const ADAM_VECTORS = { mean: 'exp_avg', variance: 'exp_avg_sq' };
const SGD_VECTORS = { velocity: 'momentum_buffer' };
/** AdamW's default. torch.optim's state does not tell Adam from AdamW before PyTorch 2.7. */
const ADAMW_DECAY = 0.01;

/** The choice that the optimiser depends on. */
export interface OptimizerChoices {
  /** Which of two optimisers whose states look alike. Default: adamw for a weight decay of 0.01, else adam. */
  optimizer?: 'adam' | 'adamw';
}

/**
 * @param tensors of the file, in the order of the optimiser's parameters
 * @param report receives assumptions, and the reason why the optimiser is left out
 * @returns null if scanstroke cannot go on with it
 */
export function takeOverOptimizer(
  foreign: ForeignOptimizer,
  network: NetworkTensors,
  tensors: StateDict,
  { optimizer: chosen }: OptimizerChoices,
  report: { assumptions: Assumption[]; notices: string[] },
): ImportedOptimizer | null {
  try {
    const config = configOf(foreign.settings, chosen, report.assumptions);
    return { config, state: stateOf(foreign, config, network, tensors) };
  } catch (error) {
    if (!(error instanceof Unfit || error instanceof UserError)) throw error;
    report.notices.push(`the optimiser's state is left out: ${error.message}`);
    return null;
  }
}

function configOf(
  settings: Record<string, unknown>,
  chosen: OptimizerChoices['optimizer'],
  assumptions: Assumption[],
): ImportedOptimizer['config'] {
  const number = (name: string, expected: string, fits: (value: number) => boolean): number => {
    const value = settings[name];
    if (typeof value === 'number' && fits(value)) return value;
    throw new Unfit(`its "${name}" is ${shownSetting(value)}, expected a number ${expected}`);
  };
  const off = (...names: string[]) => {
    for (const name of names) {
      const value = settings[name] ?? false;
      if (value !== false && value !== 0) {
        throw new Unfit(`it has "${name}" ${shownSetting(value)}, which scanstroke does not have`);
      }
    }
  };
  off('maximize', 'amsgrad', 'dampening');
  const lr = number('lr', 'above 0, at most 1000', (value) => value > 0 && value <= 1000);
  const weightDecay = number('weight_decay', 'from 0 to 100', (value) => value >= 0 && value <= 100);
  if (Object.hasOwn(settings, 'momentum') && Object.hasOwn(settings, 'dampening')) {
    const momentum = number('momentum', 'from 0 to below 1', (value) => value >= 0 && value < 1);
    return { name: 'sgd', lr, weightDecay, momentum, nesterov: momentum > 0 && settings.nesterov === true };
  }
  const { betas } = settings;
  if (!(Array.isArray(betas) && betas.length === 2 && Object.hasOwn(settings, 'amsgrad'))) {
    throw new Unfit('it is none of Adam, AdamW and SGD');
  }
  const [beta1, beta2] = betas.map((beta: unknown) => {
    if (typeof beta === 'number' && beta >= 0 && beta < 1) return beta;
    throw new Unfit(`its "betas" have ${shownSetting(beta)}, expected numbers from 0 to below 1`);
  });
  const eps = number('eps', 'above 0, at most 1', (value) => value > 0 && value <= 1);
  const name = adamOf(settings.decoupled_weight_decay, weightDecay, chosen, assumptions);
  return { name, lr, weightDecay, betas: [beta1, beta2], eps };
}

/** Adam or AdamW: without weight decay they are the same. */
function adamOf(
  decoupled: unknown,
  weightDecay: number,
  chosen: OptimizerChoices['optimizer'],
  assumptions: Assumption[],
): 'adam' | 'adamw' {
  if (typeof decoupled === 'boolean') return decoupled ? 'adamw' : 'adam';
  if (chosen !== undefined || weightDecay === 0) return chosen ?? 'adam';
  const name = weightDecay === ADAMW_DECAY ? 'adamw' : 'adam';
  assumptions.push({
    text: `the optimiser, which has weight decay ${weightDecay}, is ${name}`,
    settings: ['optimizer'],
  });
  return name;
}

function stateOf(
  { states }: ForeignOptimizer,
  { name, lr, momentum }: ImportedOptimizer['config'],
  network: NetworkTensors,
  tensors: StateDict,
): ImportedOptimizer['state'] {
  if (network.missing.length > 0) {
    throw new Unfit("the file's network has no biases, but scanstroke trains them");
  }
  if (states.length !== tensors.size) {
    throw new Unfit(`it has ${states.length} parameters, but the network has ${tensors.size}`);
  }
  const vectorsOf = new Map([...tensors.keys()].map((theirs, i) => [theirs, states[i].vectors]));
  const vectors: Record<string, string> = name === 'sgd' ? (momentum ? SGD_VECTORS : {}) : ADAM_VECTORS;
  const known = Object.values(vectors);
  for (const { vectors: found } of states) {
    const other = [...found.keys()].find((vector) => !known.includes(vector));
    if (other !== undefined)
      throw new Unfit(`its state has "${other}", but its settings are those of ${name}`);
  }
  const steps = new Set(states.map(({ step }) => (name === 'sgd' ? 0 : (step ?? 0))));
  const [step] = steps;
  if (steps.size !== 1) throw new Unfit('its parameters have been updated different numbers of times');
  if (!(Number.isSafeInteger(step) && step >= 0))
    throw new Unfit(`its "step" is ${step}, expected a whole number`);

  const result: StateDict = new Map();
  for (const [ours, vector] of Object.entries(vectors)) {
    for (const [parameter, theirName] of network.names) {
      const { shape, data } = tensors.get(theirName) ?? { shape: [], data: new Float32Array(0) };
      const found = vectorsOf.get(theirName)?.get(vector);
      // Before the first update there are no vectors.
      if (found === undefined && step > 0) throw new Unfit(`it has no "${vector}" of ${theirName}`);
      if (found !== undefined && found.shape.join() !== shape.join()) {
        throw new Unfit(
          `its parameters have another order: "${vector}" of ${theirName} is [${found.shape.join(', ')}], expected [${shape.join(', ')}]`,
        );
      }
      const values = found?.data ?? new Float32Array(data.length);
      checkValues(`optimizer.${ours}.${parameter}`, values, 'its state', 'it cannot go on');
      result.set(`${ours}.${parameter}`, { shape: [...shape], data: values });
    }
  }
  return { name, step, lr, tensors: result };
}

function shownSetting(value: unknown): string {
  if (value === undefined) return 'missing';
  return typeof value === 'number' || typeof value === 'boolean' || value === null
    ? String(value)
    : 'no number';
}
