/** Sizes and memory layouts that the kernels of a stack share. */
import type { BatchCapacity } from '../batch-layout.js';
import { deviceColumns, featureColumns, padded } from '../verbs.js';
import type { StackNetwork } from './stack-network.js';

/**
 * Everything is counted in vec4 ("quads") where a name says so.
 *
 * Letters: L layers, H' padded hidden size, K classes, F' padded features, N rows.
 */
export interface StackSizes {
  /** L */ layers: number;
  /** H' */ units: number;
  /** Four a unit and layer. */
  threads: number;
  /** 4H' */ layerThreads: number;
  /**
   * H'/2: vec4s of weights that a thread multiplies with in a step, forward and backward. Each half of them belongs to
   * one of the two products of a layer: with the layer below (or above), and with its own state.
   */
  weights: number;
  /**
   * Those that a thread keeps in registers for all steps, a multiple of 4. It reads the others from memory in each step.
   */
  registerWeights: number;
  /** Quads of a row of inputs that hold inputs. */
  inputQuads: number;
  /** Quads of a row of inputs, padding included. */
  inputStride: number;
  /** K */ classes: number;
  /** F' */ features: number;
  /** Where the parts of the panels begin, in quads; `quads` is their end. */
  panels: { forward: number; biases: number; classifier: number; backward: number; quads: number };
  /** Quads of the activations of a layer at one row, and where its parts begin. */
  record: {
    /** [H'] gates i, f, g, o of each unit; later their gradients before the activations. */ gates: number;
    /** [2H'/4] what the weights are multiplied with: outputs of the layer below, own state before. */
    operands: number;
    /** [H'/4] */ cells: number;
    quads: number;
  };
  /** Quads of a sequence beside its records: features [F'/4], gradients of the logits [⌈K/4⌉]. */
  summaryQuads: number;
}

/** @param isSoftware the processor computes: it has few registers, and compiles long kernels slowly */
export function stackSizes(network: StackNetwork, isSoftware: boolean): StackSizes {
  const { classes } = network;
  const layers = network.layers.length;
  const [{ hiddenSize, inputs }] = network.layers;
  const units = padded(hiddenSize);
  const layerThreads = 4 * units;
  const threads = layers * layerThreads;
  const weights = units / 2;
  const features = deviceColumns(featureColumns(network.head));
  const weightQuads = layers * weights * layerThreads;
  const biases = weightQuads;
  const classifier = biases + layers * units;
  // A row of fc.weight [F'] and its bias, which takes a quad.
  const backward = classifier + classes * (features / 4 + 1);
  return {
    layers,
    units,
    threads,
    layerThreads,
    weights,
    registerWeights: isSoftware ? 0 : Math.min(weights, registerWeights(threads)),
    inputQuads: Math.ceil(inputs.size / 4),
    inputStride: padded(inputs.size) / 4,
    classes,
    features,
    panels: { forward: 0, biases, classifier, backward, quads: backward + weightQuads },
    record: {
      gates: 0,
      operands: units,
      cells: units + units / 2,
      quads: units + units / 2 + units / 4,
    },
    summaryQuads: features / 4 + Math.ceil(classes / 4),
  };
}

/** vec4s that fit beside a thread's other values into the 65536 registers that a core of a GPU shares out. */
function registerWeights(threads: number): number {
  const registersOfCore = 65536;
  const registersOfThread = 255;
  const otherValues = 20;
  return 4 * Math.floor((Math.min(registersOfThread, registersOfCore / threads) - otherValues) / 16);
}

/** Quads of the scratch memory of a training step: records [N, L], then summaries of the sequences. */
export function trainingScratch(sizes: StackSizes, { rows, blocks, lanes }: BatchCapacity) {
  const summaries = rows * sizes.layers * sizes.record.quads;
  return { summaries, quads: summaries + blocks * lanes * sizes.summaryQuads };
}

/** WGSL constants with the sizes. */
export function sizeConstants(sizes: StackSizes): string {
  const { layers, units, threads, layerThreads, weights, record, panels } = sizes;
  return `
const LAYERS = ${layers}u;
// Hidden units of a layer, padding included.
const UNITS = ${units}u;
const THREADS = ${threads}u;
const LAYER_THREADS = ${layerThreads}u;
// vec4s of weights of a thread.
const WEIGHTS = ${weights}u;
const CLASSES = ${sizes.classes}u;
// Features of the linear layer, padding included.
const FEATURES = ${sizes.features}u;
const FEATURE_QUADS = ${sizes.features / 4}u;
// Inputs of a row in quads: those that hold inputs, and all.
const INPUT_QUADS = ${sizes.inputQuads}u;
const INPUT_STRIDE = ${sizes.inputStride}u;
// Where the parts of the panels begin.
const BIASES = ${panels.biases}u;
const CLASSIFIER = ${panels.classifier}u;
const BACKWARD = ${panels.backward}u;
// The activations of a layer at one row.
const OPERANDS = ${record.operands}u;
const CELLS = ${record.cells}u;
const RECORD = ${record.quads}u;
// Beside the records, of a sequence: features, then gradients of the logits.
const SUMMARY = ${sizes.summaryQuads}u;
`;
}
