/**
 * The arguments of a network's verbs in one workspace, made once: making an object of this size, and views of shared
 * memory, takes V8 longer than a verb takes on a short sequence. A pass sets the fields that depend on its batch.
 */
import type {
  CopyRows,
  LinearBackward,
  LinearForward,
  LstmBackward,
  LstmForward,
  LstmWeights,
} from '../backends/backend.js';
import {
  directionsOf,
  eachDirection,
  eachLayer,
  featuresOf,
  layerInputSize,
  type ResolvedClassifierConfig,
} from './classifier-config.js';
import { type HeadCopy, headCopies } from './head.js';
import type { ParameterViews } from './parameters.js';
import type { Workspace } from './workspace.js';

/** Set by every pass; these stand for them until then. */
const NO_FLOATS = new Float32Array(0);
const NO_INTS = new Int32Array(0);
const NO_WEIGHTS: LstmWeights = {
  weightIh: NO_FLOATS,
  weightHh: NO_FLOATS,
  biasIh: NO_FLOATS,
  biasHh: NO_FLOATS,
};

export interface NetworkCalls {
  /** [layer][direction] */ lstmForward: LstmForward[][];
  /** [layer][direction] */ lstmBackward: LstmBackward[][];
  head: HeadCopy[];
  /** [copy of the head] outputs to features. */ toFeatures: CopyRows[];
  /** [copy of the head] gradients of features to gradients of outputs. */ toOutputs: CopyRows[];
  linearForward: LinearForward;
  linearBackward: LinearBackward;
}

/** @param parameters whose linear layer is used */
export function networkCalls(
  config: ResolvedClassifierConfig,
  workspace: Workspace,
  parameters: ParameterViews,
): NetworkCalls {
  const { layers, features, logits, scratch } = workspace;
  const { hiddenSize, numLayers } = config;
  const gradients = workspace.gradients ?? [NO_FLOATS, NO_FLOATS];
  // The two buffers of gradients take turns, from the top layer down.
  const dOutputsOf = (layer: number) => gradients[(numLayers - 1 - layer) % 2];
  const shapeOf = (layer: number, direction: number) => ({
    inputSize: layerInputSize(config, layer),
    hiddenSize,
    batchSizes: NO_INTS,
    rows: 0,
    reverse: direction === 1,
    outputStride: directionsOf(config) * hiddenSize,
    outputColumn: direction * hiddenSize,
    panels: NO_FLOATS,
    inputs: NO_FLOATS,
    outputs: layers[layer].outputs,
    cells: layers[layer].cells[direction],
    scratch,
  });
  const head = headCopies(config, workspace);
  const linear = {
    rows: 0,
    inputSize: featuresOf(config),
    outputSize: config.numClasses,
    inputs: features,
    weight: parameters.linear.weight,
  };
  return {
    lstmForward: eachLayer(config, (layer) =>
      eachDirection(config, (direction) => ({
        ...shapeOf(layer, direction),
        gates: null,
        initial: null,
      })),
    ),
    lstmBackward: eachLayer(config, (layer) =>
      eachDirection(config, (direction) => ({
        ...shapeOf(layer, direction),
        gates: layers[layer].gates[direction] ?? NO_FLOATS,
        sumOf: null,
        dOutputs: dOutputsOf(layer),
        dInputs: layer > 0 ? dOutputsOf(layer - 1) : null,
        dWeights: NO_WEIGHTS,
      })),
    ),
    head,
    toFeatures: head.map(({ layer, ...copy }) => ({
      ...copy,
      source: layers[layer].outputs,
      target: features,
    })),
    toOutputs: head.map(({ layer, sourceOffsets, targetOffsets, ...copy }) => ({
      ...copy,
      source: features,
      sourceOffsets: targetOffsets,
      target: dOutputsOf(layer),
      targetOffsets: sourceOffsets,
      accumulate: true,
    })),
    linearForward: { ...linear, bias: parameters.linear.bias, outputs: logits },
    // The features are overwritten with their gradient.
    linearBackward: {
      ...linear,
      sumOf: null,
      dOutputs: NO_FLOATS,
      dInputs: features,
      dWeight: NO_FLOATS,
      dBias: NO_FLOATS,
      scratch,
    },
  };
}
