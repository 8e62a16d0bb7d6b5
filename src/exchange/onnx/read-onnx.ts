/**
 * Reads a classifier from an ONNX file: scanstroke's own, PyTorch's (both exporters), and Keras's by tf2onnx. The graph
 * is analysed, and nothing in it is computed: read/graph-analysis.ts follows where each number comes from, and
 * read/classifier-head.ts tells the head by the numbers that the linear layer reads.
 */
import { ParameterLayout } from '../../model/parameters.js';
import type { StateDict } from '../../state-dict.js';
import { UserError } from '../../user-error.js';
import type { ForeignModel, ReadBeside } from '../foreign-model.js';
import { isModelMetadata, type ModelMetadata, readModelMetadata } from '../model-metadata.js';
import { type FoundClassifier, findClassifier } from './read/classifier-head.js';
import { Constants } from './read/constants.js';
import { analyseGraph } from './read/graph-analysis.js';
import { readModelMessage, type StoredModel } from './read/model-message.js';
import { OtherSize } from './read/operator-call.js';

/** Sizes that differ from call to call are set anew at most so often: to the weights' inputs, to the steps. */
const MAX_RESIZES = 4;
const MAX_SIZE = 2 ** 20;

/**
 * Reads a model.
 *
 * @param bytes the whole file
 * @param name of the file, for messages
 * @param readBeside reads a file in the model's folder, and must refuse links that leave the folder; called only for
 * paths without `..`, backslashes and drive letters
 * @returns tensors under PyTorch's names in scanstroke's order of gates and columns, the head, and of a file that
 * scanstroke wrote also configuration, preprocessing and classes; the number that divides the logits is the temperature
 * @throws UserError naming what is damaged, or what scanstroke's networks do not have: an operator, an attribute, a head
 */
export function readOnnx(bytes: Uint8Array, name: string, readBeside: ReadBeside): ForeignModel {
  const model = readModelMessage(bytes, name);
  const found = findInAllSizes(model, bytes.length, new Constants(name, readBeside));
  const own = ownMetadata(model.metadata, found, name);
  if (!own && !found.inOrder) {
    throw new UserError(
      `${name}: the graph does not read its whole input row by row: it transposes, crops or mirrors it, or reads the colours of each pixel; ` +
        'export the model without that, and give scanstroke pictures that have gone through it',
    );
  }
  const head = own?.config.head ?? found.heads[0];
  return {
    format: own ? 'an ONNX file of scanstroke' : 'an ONNX file',
    tensors: found.tensors,
    head,
    sequenceLength: head === 'flatten' || !found.anySteps ? found.steps : null,
    config: own?.config ?? null,
    preprocessing: own?.preprocessing ?? null,
    classes: own?.classes ?? null,
    temperature: own?.temperature ?? found.temperature,
    optimizer: null,
    epoch: null,
    // The metadata of an own file say what its graph does besides.
    notices: own ? [] : found.notices,
  };
}

/** Analyses a graph whose sizes differ from call to call with two choices of them: what it reads must be the same. */
function findInAllSizes(
  model: StoredModel,
  fileBytes: number,
  constants: Constants,
): FoundClassifier & { anySteps: boolean } {
  const first = findWithSizes(model, fileBytes, constants, 2);
  if (!first.anySize) return { ...first.found, anySteps: false };
  const second = findWithSizes(model, fileBytes, constants, 3);
  const heads = first.found.heads.filter((head) => second.found.heads.includes(head));
  if (heads.length === 0 || !isSame(first.found.tensors, second.found.tensors)) {
    throw new UserError(
      `${constants.file}: the graph reads other outputs for sequences of ${first.found.steps} steps than of ` +
        `${second.found.steps}; scanstroke's heads read the same`,
    );
  }
  return { ...first.found, heads, anySteps: first.found.steps !== second.found.steps };
}

/** @param least the sizes that differ from call to call are this, this + 1, … */
function findWithSizes(
  model: StoredModel,
  fileBytes: number,
  constants: Constants,
  least: number,
): { found: FoundClassifier; anySize: boolean } {
  const sizes = new Map<string, number>();
  const sizeOf = (name: string, axis: number) => {
    const key = name === '' ? `axis ${axis}` : `name ${name}`;
    const size = sizes.get(key) ?? least + sizes.size;
    sizes.set(key, size);
    return size;
  };
  for (let resizes = 0; ; resizes++) {
    try {
      const found = findClassifier(analyseGraph(model, constants, fileBytes, sizeOf));
      return { found, anySize: sizes.size > 0 };
    } catch (error) {
      if (!(error instanceof OtherSize)) throw error;
      const changed = [...sizes].filter(([, size]) => size === error.found);
      if (changed.length === 0 || resizes === MAX_RESIZES || error.needed > MAX_SIZE) throw error;
      for (const [key] of changed) sizes.set(key, error.needed);
    }
  }
}

function isSame(first: StateDict, second: StateDict): boolean {
  if (first.size !== second.size) return false;
  for (const [name, { shape, data }] of first) {
    const other = second.get(name);
    if (other?.shape.join() !== shape.join()) return false;
    for (let n = 0; n < data.length; n++) if (!Object.is(data[n], other.data[n])) return false;
  }
  return true;
}

/** What scanstroke wrote about its model; null in files of others. @throws UserError if it contradicts the graph */
function ownMetadata(
  stored: ReadonlyMap<string, string>,
  { tensors, heads, steps }: FoundClassifier,
  name: string,
): ModelMetadata | null {
  const metadata = Object.fromEntries(stored);
  if (!isModelMetadata(metadata)) return null;
  const read = readModelMetadata(metadata, name);
  const { config } = read;
  const problem =
    new ParameterLayout(config).mismatch(tensors) ??
    (heads.includes(config.head)
      ? null
      : `the head is ${config.head}, but the graph has ${heads.join(' or ')}`) ??
    (config.head === 'flatten' && config.sequenceLength !== steps ? `the graph has ${steps} steps` : null);
  if (problem === null) return read;
  throw new UserError(`${name}: metadata "model" contradict the graph: ${problem}; was the file changed?`);
}
