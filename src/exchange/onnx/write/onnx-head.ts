/** What follows the LSTM, as ONNX operators: the head, the linear layer, the softmax. */
import type { ResolvedClassifierConfig } from '../../../model/classifier-config.js';
import type { ExportableModel } from '../../exportable-model.js';
import { DATA_TYPE } from '../onnx-fields.js';
import type { GraphBuilder } from './graph-builder.js';
import { type LstmOutputs, parameterOf, type WantedOutputs } from './lstm-layers.js';

/** The values of the layers that a head reads. */
export function wantedBy({ head }: ResolvedClassifierConfig): WantedOutputs {
  const outputs = head === 'flatten' || head === 'mean';
  return { outputs, hidden: !outputs, cells: false };
}

/**
 * Adds the head of a model that reads whole sequences.
 * @param lengths name of the value [batch]; or, if every sequence has all steps, their number
 * @returns the features [batch, F]
 */
export function addHead(
  graph: GraphBuilder,
  config: ResolvedClassifierConfig,
  { outputs, hidden }: LstmOutputs,
  lengths: string | number,
): string {
  switch (config.head) {
    case 'flatten': {
      const batchMajor = graph.node('Transpose', 'head.steps', [outputs], { perm: [2, 0, 1, 3] });
      return graph.node('Flatten', 'head.features', [batchMajor], { axis: 1 });
    }
    case 'final':
      return addStates(graph, graph.node('Concat', 'head.states', hidden, { axis: 0 }));
    case 'last':
      return addStates(graph, hidden[hidden.length - 1]);
    case 'mean': {
      const sum = graph.node('ReduceSum', 'head.sum', [outputs, graph.integers('axis_0', [0])], {
        keepdims: 0,
      });
      return graph.node('Div', 'head.mean', [addStates(graph, sum), addDivisor(graph, lengths)]);
    }
  }
}

/** Final states [N, batch, H] side by side, in the order of PyTorch's h_n: [batch, N·H]. */
export function addStates(graph: GraphBuilder, states: string): string {
  const batchMajor = graph.node('Transpose', 'head.batch', [states], { perm: [1, 0, 2] });
  return graph.node('Flatten', 'head.features', [batchMajor], { axis: 1 });
}

/** The number of summed steps, [batch, 1]. A sequence without a step has the sum 0, and the mean 0 / 1. */
function addDivisor(graph: GraphBuilder, lengths: string | number): string {
  if (typeof lengths === 'number') {
    return graph.constant('head.divisor', [1, 1], Float32Array.of(lengths));
  }
  const least = graph.constant('one', [1], Int32Array.of(1));
  return addColumn(graph, graph.node('Max', 'head.length', [lengths, least]));
}

/** Whole numbers [batch] as float32 [batch, 1]. */
export function addColumn(graph: GraphBuilder, counts: string): string {
  const floats = graph.node('Cast', 'head.count', [counts], { to: DATA_TYPE.float });
  return graph.node('Unsqueeze', 'head.divisor', [floats, graph.integers('axis_1', [1])]);
}

/**
 * Adds the linear layer, and declares the outputs `logits` and `probabilities`, both [batch, K]. The temperature divides
 * the logits before the softmax only.
 */
export function addClassifier(
  graph: GraphBuilder,
  { config, parameters, temperature = 1 }: Pick<ExportableModel, 'config' | 'parameters' | 'temperature'>,
  features: string,
  probabilities: boolean,
): void {
  const { numClasses: K } = config;
  const weight = parameterOf(parameters, 'fc.weight');
  const tensors = [
    graph.constant('fc.weight', [K, weight.length / K], weight),
    graph.constant('fc.bias', [K], parameterOf(parameters, 'fc.bias')),
  ];
  graph.node('Gemm', 'logits', [features, ...tensors], { transB: 1 });
  graph.output('logits', 'float', ['batch', K]);
  if (!probabilities) return;
  const scaled =
    temperature === 1
      ? 'logits'
      : graph.node('Div', 'scaled_logits', [
          'logits',
          graph.constant('temperature', [1], Float32Array.of(temperature)),
        ]);
  graph.node('Softmax', 'probabilities', [scaled], { axis: 1 });
  graph.output('probabilities', 'float', ['batch', K]);
}
