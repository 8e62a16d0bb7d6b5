/**
 * Brings a model of another tool into scanstroke: a file → a checkpoint. Nothing in the file is executed. What the file
 * does not say follows from the options, or from conventions, which are said.
 */
import { checkClassNames, MAX_CLASSES } from '../data/class-names.js';
import type { Preprocessing } from '../data/input-kind.js';
import type { ResolvedClassifierConfig } from '../model/classifier-config.js';
import { encodeCheckpoint } from '../runs/checkpoint/checkpoint.js';
import { checkValues } from '../runs/checkpoint/checkpoint-check.js';
import type { StateDict } from '../state-dict.js';
import { UserError } from '../user-error.js';
import type { ForeignModel, ReadBeside } from './foreign-model.js';
import {
  type ArchitectureChoices,
  architectureOf,
  parametersOf,
  suggestedKind,
} from './import/architecture.js';
import { checkChoices } from './import/check-choices.js';
import {
  type Assumption,
  type InputChoices,
  knownKind,
  preprocessingFor,
} from './import/input-convention.js';
import { findNetwork } from './import/network-tensors.js';
import {
  type ImportedOptimizer,
  type OptimizerChoices,
  takeOverOptimizer,
} from './import/torch-optimizer.js';
import { readForeignModel } from './read-model.js';

export type { Assumption } from './import/input-convention.js';
export type { ImportedOptimizer } from './import/torch-optimizer.js';

/** What the user knows about a model, and its file does not say. */
export interface ImportChoices extends ArchitectureChoices, InputChoices, OptimizerChoices {
  /** [K] names of the classes, in the order of the network's outputs. Default: what the file says, or `0`, `1`, … */
  classes?: string[];
}

/** Options of `importModel`. */
export interface ImportOptions extends ImportChoices {
  /** Names the file in messages. Default `model`. */
  name?: string;
  /** Reads a file beside the model, by its name there: external data of an ONNX file. Default: such files are refused. */
  readBeside?: ReadBeside;
}

/** A network on its way in. */
export interface ImportedNetwork {
  /** The kind of file, for people: `a PyTorch state dict`. */
  format: string;
  /** The network's modules in the file, for people: `rnn`, `head`. */
  modules: { lstm: string; linear: string };
  /** The sizes of the network. */
  model: ResolvedClassifierConfig;
  /** The parameters, under PyTorch's names: `lstm.weight_ih_l0` [4H, I] …, `fc.weight` [K, F], `fc.bias` [K]. */
  parameters: StateDict;
  /** How an example becomes the model's input. */
  preprocessing: Preprocessing;
  /** [K] names of the classes. */
  classes: string[];
  /** The logits are divided by this before the softmax. Absent if the file does not tell: as 1. */
  temperature?: number;
  /** The optimiser of a checkpoint of PyTorch's; null if there is none, or scanstroke cannot go on with it. */
  optimizer: ImportedOptimizer | null;
  /** Epochs that were trained; null if the file does not tell. */
  epoch: number | null;
  /** What the file does not say, and was assumed. */
  assumptions: Assumption[];
  /** Lines for the user: what was left out, and why. */
  notices: string[];
}

/** What `importModel` returns. */
export interface ImportedModel extends ImportedNetwork {
  /** A checkpoint for openRecognizer and exportModel: the bytes of a best.safetensors. */
  checkpoint: Uint8Array;
}

const UNUSABLE = 'the network cannot be used; its training diverged or the file is damaged';

/**
 * Reads a model of another tool: files of PyTorch (state dicts, checkpoints, whole modules, TorchScript, torch.export),
 * safetensors, and ONNX. The model must be one stack of LSTM layers and one linear layer; sizes and names are worked out.
 * Nothing in the file is executed.
 *
 * @param bytes the whole file
 * @param options what is known about the model and the file does not say
 * @throws UserError if the file is damaged or of an unknown kind, if it holds another network, if an option contradicts
 * it or is of another type, and if an option is needed; the error's `settings` name the options
 *
 * @example
 * import { readFile, writeFile } from 'node:fs/promises';
 * import { importModel } from 'scanstroke';
 *
 * const file = await readFile('lstm.pt'); // torch.save(model.state_dict(), 'lstm.pt')
 * const { checkpoint, model, assumptions } = await importModel(file, { head: 'last', pixelMean: 0.1307, pixelStd: 0.3081 });
 * console.log(model.hiddenSize, model.numLayers, assumptions.map(({ text }) => text));
 * await writeFile('lstm.safetensors', checkpoint); // for predict, evaluate, page, openRecognizer …
 */
export async function importModel(bytes: Uint8Array, options: ImportOptions = {}): Promise<ImportedModel> {
  const { name = 'model', readBeside = refuseBeside, ...choices } = options;
  checkChoices(choices, `import: ${name}`);
  const foreign = await readForeignModel(bytes, name, readBeside);
  const network = networkOf(foreign, name, choices);
  const { parameters, model, preprocessing, classes, temperature } = network;
  const checkpoint = encodeCheckpoint({ parameters, model, preprocessing, classes, temperature });
  return { ...network, checkpoint };
}

function refuseBeside(file: string): never {
  throw new UserError(
    `import: ${JSON.stringify(file)} beside the model is needed; give the option readBeside`,
  );
}

/**
 * The network in a file that was read.
 * @param name of the file, for messages
 * @throws UserError as importModel
 */
export function networkOf(foreign: ForeignModel, name: string, choices: ImportChoices = {}): ImportedNetwork {
  const where = `import: ${name}`;
  const { tensors, format } = foreign;
  const network = findNetwork(tensors, where);
  for (const [tensor, { data }] of tensors) checkValues(tensor, data, where, UNUSABLE);

  const report = { assumptions: [] as Assumption[], notices: [...foreign.notices] };
  const known = knownKind(foreign, choices);
  const kind = known ?? suggestedKind(network, choices.head ?? foreign.head);
  const model = architectureOf(network, foreign, choices, kind, where);
  const preprocessing = preprocessingFor(model, kind, foreign, choices, {
    assumptions: report.assumptions,
    isKnown: known !== null,
    where,
  });
  const classes = classesOf(model.numClasses, foreign, choices, report.assumptions, where);
  if (network.missing.length > 0) {
    const lacking = (linear: boolean) => network.missing.some(({ name }) => (name === 'fc.bias') === linear);
    const modules = [
      ...(lacking(false) ? [`the LSTM ${network.lstm}`] : []),
      ...(lacking(true) ? [`the linear layer ${network.linear}`] : []),
    ];
    report.notices.push(`no biases (bias=False) in ${modules.join(' and ')}: zeros take their place`);
  }
  const optimizer =
    foreign.optimizer && takeOverOptimizer(foreign.optimizer, network, tensors, choices, report);
  if (optimizer !== null && choices.dropoutRate === undefined && foreign.config === null) {
    report.assumptions.push({
      text: 'a training that goes on has no dropout before the linear layer',
      settings: ['dropoutRate'],
    });
  }
  return {
    format,
    modules: { lstm: network.lstm, linear: network.linear },
    model,
    parameters: parametersOf(network, tensors),
    preprocessing,
    classes,
    ...(foreign.temperature !== null && { temperature: foreign.temperature }),
    optimizer,
    epoch: foreign.epoch,
    ...report,
  };
}

function classesOf(
  numClasses: number,
  foreign: Pick<ForeignModel, 'classes'>,
  choices: ImportChoices,
  assumptions: Assumption[],
  where: string,
): string[] {
  if (numClasses > MAX_CLASSES) {
    throw new UserError(
      `${where}: the network has ${numClasses} outputs; at most ${MAX_CLASSES} classes are supported`,
    );
  }
  const classes = choices.classes ?? foreign.classes;
  if (classes === null) {
    assumptions.push({
      text: numClasses === 1 ? 'the class is called 0' : `the classes are called 0 to ${numClasses - 1}`,
      settings: ['classes'],
    });
    return Array.from({ length: numClasses }, (_, k) => String(k));
  }
  if (classes.length !== numClasses) {
    throw new UserError(
      `${where}: names of ${classes.length} classes, but the network has ${numClasses} outputs`,
      {
        settings: ['classes'],
      },
    );
  }
  checkClassNames(classes, where);
  return [...classes];
}
