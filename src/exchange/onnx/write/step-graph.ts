/**
 * The graph that reads one step at a time. The states come out of one call and go into the next:
 *
 * - `inputs` float32 [batch, I], the step; `hidden` and `cell` float32 [L, batch, H], zero at the first step;
 * - with the head 'mean' also `sum` float32 [batch, H] and `count` int32 [batch], the sum of the last layer's outputs
 *   and the number of steps so far, zero at the first step;
 * - `logits` [batch, K] of the sequence so far, and `next_hidden`, `next_cell`, `next_sum`, `next_count`.
 */
import type { ResolvedClassifierConfig } from '../../../model/classifier-config.js';
import type { ExportableModel } from '../../exportable-model.js';
import type { GraphBuilder } from './graph-builder.js';
import { addLstmLayers } from './lstm-layers.js';
import { addClassifier, addColumn, addStates } from './onnx-head.js';

/** @param model unidirectional, with the head final, last or mean */
export function addStepGraph(
  graph: GraphBuilder,
  model: Pick<ExportableModel, 'config' | 'parameters' | 'temperature'>,
  probabilities: boolean,
): void {
  const { config } = model;
  const { inputSize, hiddenSize, numLayers, head } = config;
  const states = [numLayers, 'batch', hiddenSize];
  const step = graph.input('inputs', 'float', ['batch', inputSize]);
  const initial = {
    hidden: graph.input('hidden', 'float', states),
    cell: graph.input('cell', 'float', states),
  };
  const sequence = graph.node('Unsqueeze', 'sequence', [step, graph.integers('axis_0', [0])]);
  const wanted = { outputs: false, hidden: true, cells: true };
  const { hidden, cells } = addLstmLayers(graph, model, { sequence, lengths: '', initial }, wanted);
  const nextHidden = addJoined(graph, 'next_hidden', hidden);
  addJoined(graph, 'next_cell', cells);
  const last = hidden[numLayers - 1];
  const features =
    head === 'mean'
      ? addRunningMean(graph, config, last)
      : addStates(graph, head === 'final' ? nextHidden : last);
  addClassifier(graph, model, features, probabilities);
  for (const name of ['next_hidden', 'next_cell']) graph.output(name, 'float', states);
  if (head !== 'mean') return;
  graph.output('next_sum', 'float', ['batch', hiddenSize]);
  graph.output('next_count', 'int32', ['batch']);
}

/** The states of all layers, under the name of an output. */
function addJoined(graph: GraphBuilder, name: string, states: readonly string[]): string {
  return graph.node('Concat', name, states, { axis: 0 });
}

/** @param last hidden states [1, batch, H] of the last layer @returns the mean so far [batch, H] */
function addRunningMean(graph: GraphBuilder, { hiddenSize }: ResolvedClassifierConfig, last: string): string {
  const sum = graph.input('sum', 'float', ['batch', hiddenSize]);
  const count = graph.input('count', 'int32', ['batch']);
  const output = graph.node('Squeeze', 'head.output', [last, graph.integers('axis_0', [0])]);
  const nextSum = graph.node('Add', 'next_sum', [sum, output]);
  const nextCount = graph.node('Add', 'next_count', [count, graph.constant('one', [1], Int32Array.of(1))]);
  return graph.node('Div', 'head.mean', [nextSum, addColumn(graph, nextCount)]);
}
