/**
 * The state of a training as torch.optim keeps it. scanstroke's optimisers follow PyTorch's formulas, so the vectors are
 * the same under other names, and `step` is the number of updates made.
 */
import { between, checked, flag, oneOf, readAs, record, whole } from '../../../formats/shape.js';
import type { ResolvedClassifierConfig } from '../../../model/classifier-config.js';
import { ParameterLayout } from '../../../model/parameters.js';
import type { StateDict } from '../../../state-dict.js';
import { UserError } from '../../../user-error.js';
import type { ExportableModel } from '../../exportable-model.js';
import type { PythonValue } from './pickle-writer.js';

/** The settings of the training's optimiser, all of them; `createOptimizer(…).config` has this type. */
export interface OptimizerSettings {
  /** The update rule. */
  readonly name: 'sgd' | 'adam' | 'adamw';
  /** Learning rate of the next update. */
  readonly lr: number;
  /** sgd: momentum; 0 for none. */
  readonly momentum: number;
  /** sgd: Nesterov momentum. */
  readonly nesterov: boolean;
  /** adam, adamw: decay of the running means of the gradient and of its square. */
  readonly betas: readonly [number, number];
  /** adam, adamw: added to the denominator. */
  readonly eps: number;
  /** sgd, adam: added to the gradient; adamw: decoupled from it. */
  readonly weightDecay: number;
}

/** The state of a training in PyTorch's terms. */
export interface TorchTraining {
  settings: OptimizerSettings;
  /** Epochs that are complete. */
  epoch: number;
  /** Updates made. */
  updates: number;
  /** By PyTorch's name of the vector (`exp_avg`), then by parameter, in the order of `module.parameters()`. */
  vectors: Map<string, StateDict>;
}

/** PyTorch's names of the vectors, by ours. */
const ADAM_VECTORS: Record<string, string> = { mean: 'exp_avg', variance: 'exp_avg_sq' };
const MOMENTUM_VECTORS: Record<string, string> = { velocity: 'momentum_buffer' };

const atLeastZero = between(0, Number.MAX_VALUE);
const optimizerSettings = record<OptimizerSettings>({
  name: oneOf(['sgd', 'adam', 'adamw']),
  lr: atLeastZero,
  momentum: atLeastZero,
  nesterov: flag,
  betas: checked('a list of two numbers', (value): value is readonly [number, number] => {
    return Array.isArray(value) && value.length === 2 && value.every(Number.isFinite);
  }),
  eps: atLeastZero,
  weightDecay: atLeastZero,
});
const savedState = record<{ epoch: number; updates: number; optimizer: OptimizerSettings['name'] }>({
  epoch: whole(1),
  updates: whole(0),
  optimizer: oneOf(['adam', 'adamw', 'sgd']),
});

/**
 * @param optimizer its settings, of the run's configuration; a checkpoint has only the optimiser's name
 * @throws UserError if the checkpoint has no training state, or the settings are of another optimiser
 */
export function torchTraining(
  { name, config, training }: ExportableModel,
  optimizer: OptimizerSettings | undefined,
): TorchTraining {
  if (training === null) {
    throw new UserError(
      `export: ${name} has no state of a training, so there is no optimiser to write; ` +
        'export the last checkpoint of a run (last.safetensors), or leave the optimiser out',
      { settings: ['withOptimizer'] },
    );
  }
  if (optimizer === undefined) {
    throw new UserError(
      `export: ${name}: a checkpoint does not have the settings of its optimiser; give them as \`optimizer\``,
    );
  }
  const settings = readAs(optimizerSettings, optimizer, 'export: the settings of the optimiser');
  const state = readAs(savedState, training.state, `export: ${name}: the training state`);
  if (state.optimizer !== settings.name) {
    throw new UserError(
      `export: ${name} was trained with the optimiser ${state.optimizer}, but the settings are of ${settings.name}`,
    );
  }
  const { epoch, updates } = state;
  return {
    settings,
    epoch: epoch - 1,
    updates,
    vectors: vectorsOf(name, config, training.optimizer, settings),
  };
}

function vectorsOf(
  name: string,
  config: ResolvedClassifierConfig,
  saved: StateDict,
  { name: rule, momentum }: OptimizerSettings,
): TorchTraining['vectors'] {
  const layout = new ParameterLayout(config);
  const names = rule === 'sgd' ? (momentum > 0 ? MOMENTUM_VECTORS : {}) : ADAM_VECTORS;
  const vectors: TorchTraining['vectors'] = new Map();
  for (const [ours, theirs] of Object.entries(names)) {
    const tensors = vectorOf(saved, ours, layout);
    const problem = layout.mismatch(tensors);
    if (problem) {
      throw new UserError(`export: ${name}: the optimiser's ${ours} does not fit the parameters: ${problem}`);
    }
    vectors.set(theirs, inOrder(tensors, layout));
  }
  return vectors;
}

/** A vector by parameter. Checkpoints of the first version hold each as one flat vector (`mean`). */
function vectorOf(saved: StateDict, vector: string, layout: ParameterLayout): StateDict {
  const flat = saved.get(vector);
  if (flat?.data.length === layout.length) return layout.toStateDict(flat.data);
  const prefix = `${vector}.`;
  const tensors: StateDict = new Map();
  for (const [name, tensor] of saved) {
    if (name.startsWith(prefix)) tensors.set(name.slice(prefix.length), tensor);
  }
  return tensors;
}

/** Tensors in the order in which PyTorch lists a module's parameters. @param tensors fit the layout */
export function inOrder(tensors: StateDict, layout: ParameterLayout): StateDict {
  return new Map(layout.places.map(({ name }) => [name, tensors.get(name)!]));
}

/**
 * `state_dict()` of the optimiser, as PyTorch 1.12 to 2.x loads it. Settings that one version has and another lacks are
 * ignored or have defaults there.
 *
 * @param save stores a tensor and refers to it
 */
export function optimizerStateDict(
  { settings, updates, vectors }: TorchTraining,
  parameters: readonly string[],
  save: (tensor: { shape: number[]; data: Float32Array }) => PythonValue,
): PythonValue {
  const states = parameters.map((parameter): [PythonValue, PythonValue][] => {
    const state: [PythonValue, PythonValue][] = [];
    // PyTorch's step is a float32 tensor for each parameter. Of a step from 2^24 on it holds the nearest float32.
    if (settings.name !== 'sgd') state.push(['step', save({ shape: [], data: Float32Array.of(updates) })]);
    for (const [vector, tensors] of vectors) state.push([vector, save(tensors.get(parameter)!)]);
    return state;
  });
  return {
    dict: [
      ['state', { dict: states.map((dict, index) => [{ int: index }, { dict }]) }],
      ['param_groups', { list: [{ dict: groupOf(settings, parameters.length) }] }],
    ],
  };
}

function groupOf(settings: OptimizerSettings, parameters: number): [PythonValue, PythonValue][] {
  const { name, lr, momentum, nesterov, betas, eps, weightDecay } = settings;
  const group: [PythonValue, PythonValue][] =
    name === 'sgd'
      ? [
          ['lr', { float: lr }],
          ['momentum', { float: momentum }],
          ['dampening', { float: 0 }],
          ['weight_decay', { float: weightDecay }],
          ['nesterov', nesterov],
        ]
      : [
          ['lr', { float: lr }],
          ['betas', { tuple: betas.map((float) => ({ float })) }],
          ['eps', { float: eps }],
          ['weight_decay', { float: weightDecay }],
          ['amsgrad', false],
          ['capturable', false],
          ['decoupled_weight_decay', name === 'adamw'],
        ];
  group.push(
    ['maximize', false],
    ['foreach', null],
    ['differentiable', false],
    ['fused', null],
    ['params', { list: Array.from({ length: parameters }, (_, int) => ({ int })) }],
  );
  return group;
}
