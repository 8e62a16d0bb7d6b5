/**
 * Finds the model, the optimiser and the epoch in what torch.save wrote: a state dict, a module, or a dict with both
 * under the names that programs use.
 */

import { describeValue, PickleDict, type PickleValue } from '../../../formats/pickle/pickle-values.js';
import { quote } from '../../../formats/quotation.js';
import { UserError } from '../../../user-error.js';
import { isModule, isTorchScript, MAX_TENSORS, type NamedTensors, TensorFinder } from './module-tensors.js';

/** The parts of a file. */
export interface CheckpointParts {
  /** `a PyTorch state dict` */
  format: string;
  tensors: NamedTensors;
  /** What the file keeps as its optimiser; null if it has none. */
  optimizer: PickleValue;
  epoch: PickleValue;
  notices: string[];
}

/** Names under which programs save the model, the most telling ones first. */
const MODEL_KEYS = [
  'state_dict',
  'model_state_dict',
  'model_state',
  'model',
  'net',
  'network',
  'weights',
  'params',
  'parameters',
  'module',
];
const OPTIMIZER_KEYS = [
  'optimizer_state_dict',
  'optimizer',
  'optim_state_dict',
  'optimizer_state',
  'optim',
  'opt',
  'optimizer_states',
  'optimizers',
];
/** Dicts around the checkpoint: {"checkpoint": {"model": …}}. */
const MAX_WRAPPERS = 3;
const MAX_LISTED_KEYS = 12;

/**
 * @param value what the file holds
 * @param name of the file, for messages
 * @throws UserError naming what the file holds, if there is no model in it
 */
export function checkpointParts(value: PickleValue, name: string): CheckpointParts {
  const finder = new TensorFinder(name);
  const alone = { optimizer: null, epoch: null, notices: [] };
  if (isModule(value)) {
    const format = isTorchScript(value)
      ? 'a TorchScript archive'
      : `a PyTorch module, ${describeValue(value)}`;
    return { ...alone, format, tensors: someTensors(finder.tensorsOf(value), name) };
  }
  if (!(value instanceof PickleDict)) {
    throw new UserError(
      `${name}: expected a state dict, a checkpoint or a module of PyTorch, found ${describeValue(value)}; ` +
        'save the model with torch.save(model.state_dict(), "model.pt")',
    );
  }
  // A checkpoint may hold tensors beside the model, such as the loss, or the state of a random generator.
  const holdsModel = MODEL_KEYS.some((key) => (finder.tensorsOf(value.get(key))?.size ?? 0) > 0);
  const tensors = holdsModel ? null : finder.tensorsOf(value);
  if (tensors !== null) return { ...alone, format: 'a PyTorch state dict', tensors };
  return partsOfCheckpoint(value, { name, finder }, 0);
}

/** A file that is read. */
interface ReadFile {
  /** For messages. */
  name: string;
  finder: TensorFinder;
}

function partsOfCheckpoint(dict: PickleDict, file: ReadFile, depth: number): CheckpointParts {
  const optimizer = OPTIMIZER_KEYS.map((key) => dict.get(key)).find((value) => value !== undefined) ?? null;
  const models = new Map<string, NamedTensors>();
  for (const [key, value] of dict.entries) {
    if (typeof key !== 'string' || OPTIMIZER_KEYS.includes(key)) continue;
    const tensors = file.finder.tensorsOf(value);
    if (tensors !== null && tensors.size > 0) models.set(key, tensors);
  }
  const chosen = MODEL_KEYS.find((key) => models.has(key));
  if (chosen === undefined && models.size === 0) return partsWithin(dict, file, depth);
  const parts: CheckpointParts = {
    format: 'a PyTorch checkpoint',
    tensors: new Map(),
    optimizer,
    epoch: dict.get('epoch') ?? null,
    notices: [],
  };
  if (chosen !== undefined) {
    parts.tensors = models.get(chosen) ?? parts.tensors;
    models.delete(chosen);
    if (models.size > 0) {
      parts.notices.push(`the model is taken from ${quote(chosen)}; left out: ${listed([...models.keys()])}`);
    }
  } else if (models.size === 1) {
    [parts.tensors] = models.values();
  } else {
    parts.tensors = joined(models, file.name);
  }
  return parts;
}

/** {"lstm": lstm.state_dict(), "fc": fc.state_dict()} → `lstm.weight_ih_l0` … `fc.weight`. */
function joined(models: Map<string, NamedTensors>, name: string): NamedTensors {
  const all: NamedTensors = new Map();
  for (const [key, tensors] of models) {
    for (const [tensor, value] of tensors) all.set(`${key}.${tensor}`, value);
    if (all.size > MAX_TENSORS) throw new UserError(`${name}: over ${MAX_TENSORS} tensors`);
  }
  return all;
}

function partsWithin(dict: PickleDict, file: ReadFile, depth: number): CheckpointParts {
  const inner = [...dict.entries.values()].filter((value) => value instanceof PickleDict);
  if (depth < MAX_WRAPPERS && inner.length === 1) return partsOfCheckpoint(inner[0], file, depth + 1);
  const keys = [...dict.entries.keys()].filter((key) => typeof key === 'string');
  throw new UserError(
    `${file.name}: expected tensors, or a model's state dict under ${MODEL_KEYS.slice(0, 4).join(', ')}, ` +
      `found ${keys.length === 0 ? 'a dict without names' : `a dict with ${listed(keys)}`}; ` +
      'save the model with torch.save(model.state_dict(), "model.pt")',
  );
}

function someTensors(tensors: NamedTensors | null, name: string): NamedTensors {
  if (tensors !== null && tensors.size > 0) return tensors;
  throw new UserError(`${name}: the module has no tensors, so there is nothing to import`);
}

function listed(keys: readonly string[]): string {
  const shown = keys.slice(0, MAX_LISTED_KEYS).map((key) => quote(key, 40));
  return keys.length > shown.length ? `${shown.join(', ')} …` : shown.join(', ');
}

/** Prefixes that wrappers of modules add to every name: DataParallel, torch.compile, Lightning. */
const WRAPPER_PREFIXES = ['module.', '_orig_mod.', 'model.'];

/** Names without the prefixes that all of them share with a wrapper. */
export function withoutWrappers(tensors: NamedTensors): NamedTensors {
  let current = tensors;
  for (;;) {
    const names = [...current.keys()];
    const prefix = WRAPPER_PREFIXES.find((each) => names.every((name) => name.startsWith(each)));
    if (prefix === undefined || names.length === 0) return current;
    current = new Map([...current].map(([name, tensor]) => [name.slice(prefix.length), tensor]));
  }
}

/** A whole number of epochs; null of any other value. */
export function epochOf(value: PickleValue): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}
