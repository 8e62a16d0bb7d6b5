/** What the templates of C need to know of a model, checked. */
import { kindOf } from '../../data/kinds.js';
import { quote } from '../../formats/quotation.js';
import {
  directionsOf,
  layerInputSize,
  type ResolvedClassifierConfig,
} from '../../model/classifier-config.js';
import { ParameterLayout } from '../../model/parameters.js';
import { UserError } from '../../user-error.js';
import type { ExportableModel } from '../exportable-model.js';
import { identifierOf, MAX_TEXT_BYTES } from './c-text.js';

/** Limit for the weights of a C file: compilers take about 200 bytes of memory for each float32, here 3.4 GB. */
export const MAX_C_WEIGHTS = 2 ** 24;

/** A model on its way into C. */
export interface CModel extends Omit<ExportableModel, 'training' | 'temperature'> {
  /** The logits are divided by this before the softmax. */
  temperature: number;
  /** Prefix of functions: `my_run`; of macros: `MY_RUN`. */
  identifier: string;
  quantize: boolean;
  /** Forward only: the network reads a sequence step by step. Else it needs the whole sequence. */
  streaming: boolean;
  /** Floats of the workspace for every step of a sequence; 0 if the network needs none. */
  workspacePerStep: number;
  /** Steps of every sequence; null if they differ. */
  steps: number | null;
  /** Number of weights and biases. */
  weights: number;
}

/**
 * @throws UserError for a model that is too large, has other tensors than its configuration says, weights that are not
 * finite, or preprocessing or classes of another size
 */
export function checkedModel(model: ExportableModel, quantize: boolean): CModel {
  const { config, parameters, preprocessing, classes, temperature = 1, name } = model;
  const layout = new ParameterLayout(config);
  if (layout.length > MAX_C_WEIGHTS) {
    throw new UserError(
      `export c: ${quote(name)} has ${layout.length} weights, and compilers take up to ${MAX_C_WEIGHTS} in one file; ` +
        'export it as onnx, or train a smaller model',
    );
  }
  layout.check(parameters, `the tensors of ${quote(name)}`);
  for (const [tensor, { data }] of parameters) {
    const n = data.findIndex((value) => !Number.isFinite(value));
    if (n >= 0) {
      throw new UserError(
        `export c: ${quote(name)}: value ${n} of ${tensor} is ${data[n]}, expected a finite number; use another checkpoint`,
      );
    }
  }
  checkClasses(config, classes, name);
  checkPreprocessing(model);
  return {
    config,
    parameters,
    preprocessing,
    classes,
    temperature,
    name,
    identifier: identifierOf(name),
    quantize,
    streaming: !config.bidirectional,
    workspacePerStep: workspacePerStep(config),
    steps: config.sequenceLength ?? (preprocessing && kindOf(preprocessing).stepsOf(preprocessing)),
    weights: layout.length,
  };
}

function checkClasses({ numClasses }: ResolvedClassifierConfig, classes: string[], name: string): void {
  if (classes.length !== numClasses) {
    throw new UserError(
      `export c: ${quote(name)} has ${numClasses} classes, found ${classes.length} names of classes; give one for each`,
    );
  }
  const long = classes.find((text) => new TextEncoder().encode(text).length > MAX_TEXT_BYTES);
  if (long !== undefined) {
    throw new UserError(
      `export c: the class name ${quote(long)} is longer than ${MAX_TEXT_BYTES} bytes; rename the class`,
    );
  }
}

function checkPreprocessing({ config, preprocessing, name }: ExportableModel): void {
  if (preprocessing === null) return;
  const kind = kindOf(preprocessing);
  const [inputSize, steps] = [kind.inputSizeOf(preprocessing), kind.stepsOf(preprocessing)];
  const { sequenceLength } = config;
  if (inputSize !== config.inputSize || (sequenceLength !== null && steps !== sequenceLength)) {
    const found = `${steps ?? 'any number of'} steps of ${inputSize} values`;
    const expected = `${sequenceLength ?? 'any number of'} steps of ${config.inputSize} values`;
    throw new UserError(
      `export c: ${quote(name)} reads ${expected}, found preprocessing that gives ${found}; give the preprocessing of its training`,
    );
  }
}

/**
 * A bidirectional layer reads the whole output of the layer below, and writes its own: two buffers [T, 2H] in turns. The
 * last layer's output goes straight into the linear layer, so one layer needs no buffer and two need one.
 */
function workspacePerStep(config: ResolvedClassifierConfig): number {
  if (!config.bidirectional) return 0;
  return Math.min(config.numLayers - 1, 2) * 2 * config.hiddenSize;
}

/** Names of the tensors of every layer and direction, PyTorch's and those of the C file. */
export function lstmTensors(config: ResolvedClassifierConfig) {
  const found: { layer: number; torch: string; c: string; inputSize: number }[] = [];
  for (let layer = 0; layer < config.numLayers; layer++) {
    for (let direction = 0; direction < directionsOf(config); direction++) {
      found.push({
        layer,
        torch: `l${layer}${direction === 1 ? '_reverse' : ''}`,
        c: `name_lstm${layer}${direction === 1 ? '_reverse' : ''}`,
        inputSize: layerInputSize(config, layer),
      });
    }
  }
  return found;
}
