/**
 * Finds the network among the tensors of a file: one stack of LSTM layers and one linear layer, whatever their modules
 * are called. Tensors have PyTorch's names within their module: `rnn.weight_ih_l0`, `head.weight`.
 */
import { quote } from '../../formats/quotation.js';
import { MAX_LAYERS } from '../../model/classifier-config.js';
import type { StateDict } from '../../state-dict.js';
import { UserError } from '../../user-error.js';

/** The network's tensors, and the sizes that their shapes give. */
export interface NetworkTensors {
  /** Names of the two modules in the file, for people: `rnn`, `head`. */
  lstm: string;
  linear: string;
  /** I */
  inputSize: number;
  /** H */
  hiddenSize: number;
  /** L */
  numLayers: number;
  bidirectional: boolean;
  /** K */
  numClasses: number;
  /** F: values that the linear layer reads. */
  features: number;
  /** The file's names by ours, in our order: `lstm.weight_ih_l0` → `rnn.weight_ih_l0`. Biases may be missing. */
  names: ReadonlyMap<string, string>;
  /** Names of ours that the file lacks: all biases of the LSTM, or that of the linear layer, or both. */
  missing: readonly { name: string; shape: number[] }[];
}

const LSTM_TENSOR = /^(?:(.*)\.)?((?:weight|bias)_(?:ih|hh|hr)_l(0|[1-9]\d{0,3})(_reverse)?)$/s;
const CELL_TENSOR = /(^|\.)(weight|bias)_(ih|hh)$/;
const MAX_LISTED = 5;
const ONE_OF_EACH = 'scanstroke reads one stack of LSTM layers and one linear layer';

/**
 * @param where what messages begin with
 * @throws UserError if there is no such network, or anything besides it, by name
 */
export function findNetwork(tensors: StateDict, where: string): NetworkTensors {
  const refuse = (problem: string): never => {
    throw new UserError(`${where}: ${problem}`);
  };
  const { stacks, others } = sorted(tensors);
  if (stacks.size === 0) {
    const cell = others.find((name) => CELL_TENSOR.test(name));
    refuse(
      cell === undefined
        ? `it holds no LSTM: expected tensors such as lstm.weight_ih_l0, found ${listed(others)}`
        : `${quote(cell)} is of a cell, such as torch.nn.LSTMCell, whose use the file does not tell; ${ONE_OF_EACH}`,
    );
  }
  if (stacks.size > 1) {
    refuse(`it holds ${stacks.size} LSTMs, ${listed([...stacks.keys()])}; ${ONE_OF_EACH}`);
  }
  const [[prefix, stack]] = stacks;
  const linear = linearOf(tensors, others, where);
  const sizes = stackSizes(tensors, stack, where);
  const { numLayers, bidirectional, hiddenSize: H, inputSize } = sizes;

  const D = bidirectional ? 2 : 1;
  const names = new Map<string, string>();
  const missing: { name: string; shape: number[] }[] = [];
  const take = (ours: string, theirs: string | undefined, shape: number[]) => {
    if (theirs === undefined) {
      missing.push({ name: ours, shape });
      return;
    }
    const found = shapeOf(tensors, theirs);
    if (found.join() !== shape.join()) {
      refuse(`tensor ${quote(theirs)} is [${found.join(', ')}], expected [${shape.join(', ')}]`);
    }
    names.set(ours, theirs);
  };
  for (let layer = 0; layer < numLayers; layer++) {
    for (const direction of bidirectional ? ['', '_reverse'] : ['']) {
      const place = `l${layer}${direction}`;
      const columns = {
        weight_ih: [layer === 0 ? inputSize : D * H],
        weight_hh: [H],
        bias_ih: [],
        bias_hh: [],
      };
      for (const [role, rest] of Object.entries(columns)) {
        const theirs = stack.get(`${role}_${place}`);
        if (theirs === undefined && role.startsWith('weight')) {
          refuse(
            `the LSTM ${shown(prefix)} has no ${role}_${place}, but other tensors of ${numLayers} layers`,
          );
        }
        take(`lstm.${role}_${place}`, theirs, [4 * H, ...rest]);
      }
    }
  }
  const biases = 2 * D * numLayers;
  if (missing.length !== 0 && missing.length !== biases) {
    const [{ name }] = missing;
    refuse(
      `the LSTM ${shown(prefix)} has no ${name.replace('lstm.', '')}, but other biases; all or none must be there`,
    );
  }
  const [numClasses, features] = shapeOf(tensors, linear.weight);
  take('fc.weight', linear.weight, [numClasses, features]);
  take('fc.bias', linear.bias, [numClasses]);
  return {
    lstm: shown(prefix),
    linear: shown(linear.module),
    ...sizes,
    numClasses,
    features,
    names,
    missing,
  };
}

/** By the module of the stack, and within it by the rest of the name. */
type Stacks = Map<string, Map<string, string>>;

function sorted(tensors: StateDict): { stacks: Stacks; others: string[] } {
  const stacks: Stacks = new Map();
  const others: string[] = [];
  for (const name of tensors.keys()) {
    const [, prefix = '', tensor] = LSTM_TENSOR.exec(name) ?? [];
    if (tensor === undefined) {
      others.push(name);
      continue;
    }
    const stack = stacks.get(prefix) ?? new Map<string, string>();
    stacks.set(prefix, stack.set(tensor, name));
  }
  return { stacks, others };
}

/** Sizes of the stack, from the shapes of its first layer and the names of all. */
function stackSizes(
  tensors: StateDict,
  stack: ReadonlyMap<string, string>,
  where: string,
): Pick<NetworkTensors, 'inputSize' | 'hiddenSize' | 'numLayers' | 'bidirectional'> {
  const layers = new Set<number>();
  let bidirectional = false;
  for (const [tensor, name] of stack) {
    const [, , , layer, reverse] = LSTM_TENSOR.exec(tensor) ?? [];
    if (tensor.includes('_hr_')) {
      throw new UserError(
        `${where}: tensor ${quote(name)} is a projection (proj_size of torch.nn.LSTM), which scanstroke does not have`,
      );
    }
    layers.add(Number(layer));
    bidirectional ||= reverse !== undefined;
  }
  const numLayers = [...layers].reduce((most, layer) => Math.max(most, layer + 1), 0);
  if (numLayers > MAX_LAYERS) {
    throw new UserError(
      `${where}: it has LSTM layers up to ${numLayers - 1}; at most ${MAX_LAYERS} are supported`,
    );
  }
  for (let layer = 0; layer < numLayers; layer++) {
    if (!layers.has(layer)) {
      throw new UserError(
        `${where}: its LSTM has no layer ${layer} (weight_ih_l${layer}), but a layer ${numLayers - 1}`,
      );
    }
  }
  const [ih, hh] = ['weight_ih_l0', 'weight_hh_l0'].map((tensor) => {
    const name = stack.get(tensor);
    if (name === undefined) throw new UserError(`${where}: its LSTM has no ${tensor}`);
    const shape = shapeOf(tensors, name);
    if (shape.length !== 2 || shape.some((size) => size < 1)) {
      throw new UserError(
        `${where}: tensor ${quote(name)} is [${shape.join(', ')}], expected [4 × hidden size, …]`,
      );
    }
    return { name, rows: shape[0], columns: shape[1] };
  });
  const H = hh.columns;
  if (hh.rows !== 4 * H) {
    const other = hh.rows === 3 * H ? 'a GRU' : hh.rows === H ? 'a plain RNN' : 'no LSTM';
    throw new UserError(
      `${where}: tensor ${quote(hh.name)} is [${hh.rows}, ${H}]: this is ${other}; an LSTM's is [4 × hidden size, hidden size]`,
    );
  }
  return { inputSize: ih.columns, hiddenSize: H, numLayers, bidirectional };
}

/** The one linear layer among the tensors that are not of the LSTM. */
function linearOf(
  tensors: StateDict,
  others: readonly string[],
  where: string,
): { module: string; weight: string; bias: string | undefined } {
  const modules = new Map<string, Map<string, string>>();
  for (const name of others) {
    const dot = name.lastIndexOf('.');
    const module = dot < 0 ? '' : name.slice(0, dot);
    const parts = modules.get(module) ?? new Map<string, string>();
    modules.set(module, parts.set(name.slice(dot + 1), name));
  }
  const linear: { module: string; weight: string; bias: string | undefined }[] = [];
  const foreign: string[] = [];
  for (const [module, parts] of modules) {
    const what = strangerIn(tensors, parts);
    if (what !== null) foreign.push(`${shown(module)} (${what})`);
    else linear.push({ module, weight: parts.get('weight') as string, bias: parts.get('bias') });
  }
  if (foreign.length > 0) {
    throw new UserError(`${where}: besides an LSTM it holds ${enumerated(foreign)}; ${ONE_OF_EACH}`);
  }
  if (linear.length === 0) {
    throw new UserError(`${where}: it holds an LSTM, but no linear layer after it; ${ONE_OF_EACH}`);
  }
  if (linear.length > 1) {
    const names = linear.map(({ module }) => shown(module));
    throw new UserError(
      `${where}: it holds ${linear.length} linear layers or embeddings, ${enumerated(names)}; ${ONE_OF_EACH}`,
    );
  }
  return linear[0];
}

/** What a module is, if it is no linear layer; null for a linear layer. */
function strangerIn(tensors: StateDict, parts: ReadonlyMap<string, string>): string | null {
  const shapes = new Map([...parts].map(([part, name]) => [part, shapeOf(tensors, name)]));
  if (shapes.has('running_mean') || shapes.has('running_var')) return 'batch normalisation';
  const weight = shapes.get('weight');
  if (weight !== undefined && weight.length > 2) return 'a convolution';
  const rest = [...shapes.keys()].filter((part) => part !== 'weight' && part !== 'bias');
  if (weight !== undefined && weight.length === 1 && rest.length === 0) return 'a normalisation';
  if (weight?.length === 2 && rest.length === 0 && weight.every((size) => size > 0)) return null;
  return `tensors ${listed([...shapes.keys()])}`;
}

function shapeOf(tensors: StateDict, name: string): number[] {
  return tensors.get(name)?.shape ?? [];
}

/** A module's name for messages; the file's own tensors have none. */
function shown(module: string): string {
  return module === '' ? 'at the top' : quote(module).slice(1, -1);
}

function listed(names: readonly string[]): string {
  return enumerated(names.map((name) => quote(name)));
}

function enumerated(texts: readonly string[]): string {
  if (texts.length === 0) return 'nothing';
  const more = texts.length > MAX_LISTED ? ` and ${texts.length - MAX_LISTED} more` : '';
  return texts.slice(0, MAX_LISTED).join(', ') + more;
}
