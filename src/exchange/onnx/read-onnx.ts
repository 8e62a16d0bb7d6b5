/**
 * Reads a classifier from an ONNX file: scanstroke's own, PyTorch's (both exporters), and Keras's by tf2onnx. The graph
 * is analysed, and nothing in it is computed: read/graph-analysis.ts follows where each number comes from, and
 * read/classifier-head.ts tells the head by the numbers that the linear layer reads.
 */
import { checkClassNames, MAX_CLASSES } from '../../data/class-names.js';
import type { Preprocessing } from '../../data/input-kind.js';
import { readPreprocessing } from '../../data/kinds.js';
import { isPlainObject, parseJson } from '../../formats/json.js';
import { camelCaseKeys } from '../../formats/key-case.js';
import { quote } from '../../formats/quotation.js';
import { list, readAs, text } from '../../formats/shape.js';
import type { ResolvedClassifierConfig } from '../../model/classifier-config.js';
import { ParameterLayout } from '../../model/parameters.js';
import { readClassifierConfig } from '../../model/read-config.js';
import type { StateDict } from '../../state-dict.js';
import { UserError } from '../../user-error.js';
import type { ForeignModel, ReadBeside } from '../foreign-model.js';
import { type FoundClassifier, findClassifier } from './read/classifier-head.js';
import { Constants } from './read/constants.js';
import { analyseGraph } from './read/graph-analysis.js';
import { readModelMessage, type StoredModel } from './read/model-message.js';
import { OtherSize } from './read/operator-call.js';

/** The metadata of files that scanstroke writes. */
const FORMAT = 'scanstroke';
const FORMAT_VERSION = '1';
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
 * scanstroke wrote also configuration, preprocessing and classes
 * @throws UserError naming what is damaged, or what scanstroke's networks do not have: an operator, an attribute, a head
 */
export function readOnnx(bytes: Uint8Array, name: string, readBeside: ReadBeside): ForeignModel {
  const model = readModelMessage(bytes, name);
  const found = findInAllSizes(model, bytes.length, new Constants(name, readBeside));
  const own = readOwnMetadata(model.metadata, found, name);
  const head = own?.config.head ?? found.heads[0];
  return {
    format: own ? 'an ONNX file of scanstroke' : 'an ONNX file',
    tensors: found.tensors,
    head,
    sequenceLength: head === 'flatten' ? found.steps : null,
    config: own?.config ?? null,
    preprocessing: own?.preprocessing ?? null,
    classes: own?.classes ?? null,
    optimizer: null,
    epoch: null,
    // The metadata of an own file say what its graph does besides.
    notices: own ? [] : found.notices,
  };
}

/** Analyses a graph whose sizes differ from call to call with two choices of them: what it reads must be the same. */
function findInAllSizes(model: StoredModel, fileBytes: number, constants: Constants): FoundClassifier {
  const first = findWithSizes(model, fileBytes, constants, 2);
  if (!first.anySize) return first.found;
  const second = findWithSizes(model, fileBytes, constants, 3);
  const heads = first.found.heads.filter((head) => second.found.heads.includes(head));
  if (heads.length === 0 || !isSame(first.found.tensors, second.found.tensors)) {
    throw new UserError(
      `${constants.file}: the graph reads other outputs for sequences of ${first.found.steps} steps than of ` +
        `${second.found.steps}; scanstroke's heads read the same`,
    );
  }
  return { ...first.found, heads };
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

/** What scanstroke notes in its files. @throws UserError if it contradicts the graph */
interface OwnMetadata {
  config: ResolvedClassifierConfig;
  preprocessing: Preprocessing | null;
  classes: string[];
}

const classList = list(text, MAX_CLASSES);

function readOwnMetadata(
  metadata: ReadonlyMap<string, string>,
  { tensors, heads, steps }: FoundClassifier,
  name: string,
): OwnMetadata | null {
  if (metadata.get('format') !== FORMAT) return null;
  const version = metadata.get('format_version') ?? 'none';
  if (version !== FORMAT_VERSION) {
    throw new UserError(
      `${name}: written by another version of scanstroke: format version ${quote(version)}, expected ${FORMAT_VERSION}`,
    );
  }
  const json = (key: string) => parseJson(metadata.get(key) ?? '', `${name}: metadata "${key}"`);
  const object = (key: string): Record<string, unknown> => {
    const value = camelCaseKeys(json(key), `${name}: metadata "${key}"`);
    if (isPlainObject(value)) return value;
    throw new UserError(`${name}: metadata "${key}" must be a JSON object`);
  };
  const config = readClassifierConfig(object('model'), `${name}: metadata "model"`);
  const problem =
    new ParameterLayout(config).mismatch(tensors) ??
    (heads.includes(config.head)
      ? null
      : `the head is ${config.head}, but the graph has ${heads.join(' or ')}`) ??
    (config.head === 'flatten' && config.sequenceLength !== steps ? `the graph has ${steps} steps` : null);
  if (problem !== null) {
    throw new UserError(`${name}: metadata "model" contradict the graph: ${problem}; was the file changed?`);
  }
  const classes = readAs(classList, json('classes'), `${name}: metadata "classes"`);
  checkClassNames(classes, `${name}: metadata "classes"`);
  if (classes.length !== config.numClasses) {
    throw new UserError(
      `${name}: metadata "classes": expected ${config.numClasses} names, found ${classes.length}`,
    );
  }
  const preprocessing = metadata.has('preprocessing')
    ? readPreprocessing(object('preprocessing'), `${name}: metadata "preprocessing"`)
    : null;
  return { config, preprocessing, classes };
}
