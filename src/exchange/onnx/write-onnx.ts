/**
 * Writes a model as one ONNX file of standard operators, for ONNX Runtime and whatever else reads ONNX. All operators
 * have the same form in opsets 13 to 22.
 *
 * - `inputs` float32 [batch, steps, I] and `lengths` int32 [batch], the steps of each sequence, from 0; with head
 *   'flatten' the steps are fixed and there are no lengths;
 * - with `withPreprocessing` in place of both: `images` uint8 [batch, channels, height, width];
 * - with `initialStates` also `h0` and `c0` float32 [L·D, batch, H], as PyTorch's;
 * - `logits` float32 [batch, K], with `probabilities` also `probabilities` [batch, K], softmax(logits / temperature).
 *
 * write/step-graph.ts has the inputs and outputs of `streaming`, write/lstm-layers.ts the names of the parameters. Model,
 * preprocessing and classes are in the metadata, in the JSON of a checkpoint.
 */

import { DESLANT_FIRST } from '../../data/deslant.js';
import { READ_EDGES } from '../../data/images/edges.js';
import type { ImagePreprocessing } from '../../data/images/image-preprocessing.js';
import { SORT_STROKES } from '../../data/strokes/sort-strokes.js';
import { CONTEXT_AFTER } from '../../data/strokes/stroke-context.js';
import { POSITIONS_AFTER } from '../../data/strokes/stroke-positions.js';
import { shown } from '../../formats/shape.js';
import { directionsOf } from '../../model/classifier-config.js';
import { UserError } from '../../user-error.js';
import type { ExportableModel, ExportedFile } from '../exportable-model.js';
import { modelMetadata } from '../model-metadata.js';
import { GraphBuilder } from './write/graph-builder.js';
import { addLstmLayers } from './write/lstm-layers.js';
import { addClassifier, addHead, wantedBy } from './write/onnx-head.js';
import { modelMessage } from './write/onnx-messages.js';
import { addPictures } from './write/pictures.js';
import { addStepGraph } from './write/step-graph.js';

/** Settings of an ONNX file. */
export interface OnnxOptions {
  /** Version of the standard operators, 13 to 22. Default 13. */
  opset?: number;
  /** Adds the output `probabilities` [batch, classes], the softmax of the logits. Default false. */
  probabilities?: boolean;
  /** The model takes pictures: `images` uint8 [batch, channels, height, width]. Default false. */
  withPreprocessing?: boolean;
  /** One step at a time: states go in and come out. Default false. */
  streaming?: boolean;
  /** Adds inputs for the initial states. Default false. */
  initialStates?: boolean;
}

const DEFAULT_OPSET = 13;
/** The file format of the ONNX release that brought each opset; older runtimes refuse a newer format. */
const IR_VERSIONS: ReadonlyMap<number, number> = new Map([
  [13, 7],
  [14, 7],
  [15, 8],
  [16, 8],
  [17, 8],
  [18, 8],
  [19, 9],
  [20, 9],
  [21, 10],
  [22, 10],
]);

/**
 * @returns one file, `NAME.onnx`
 * @throws UserError for settings that do not fit the model, or each other
 */
export function writeOnnx(model: ExportableModel, options: OnnxOptions): ExportedFile[] {
  const opset = options.opset ?? DEFAULT_OPSET;
  const irVersion = irVersionOf(opset);
  const pictures = picturesOf(model, options);
  const graph = new GraphBuilder();
  if (options.streaming) {
    checkStreaming(model, options);
    addStepGraph(graph, model, options.probabilities ?? false);
  } else {
    addSequenceGraph(graph, model, options, pictures);
  }
  const message = modelMessage({
    opset,
    irVersion,
    documentation: documentationOf(model, pictures !== null),
    graph: graph.finish(model.name),
    metadata: modelMetadata(model),
  });
  return [{ name: `${model.name}.onnx`, bytes: message.finish(), notices: graph.descriptions }];
}

function irVersionOf(opset: number): number {
  const version = IR_VERSIONS.get(opset);
  if (version !== undefined) return version;
  throw new UserError(`export: ONNX's opset must be a whole number from 13 to 22, got ${shown(opset)}`, {
    settings: ['opset'],
  });
}

/** The preprocessing of pictures, if the file is to take them. */
function picturesOf(
  { preprocessing }: ExportableModel,
  { withPreprocessing }: OnnxOptions,
): ImagePreprocessing | null {
  if (!withPreprocessing) return null;
  const settings = ['withPreprocessing'];
  if (preprocessing?.kind !== 'images') {
    const found = preprocessing ? 'reads pen strokes' : 'has no preprocessing';
    throw new UserError(
      `export: only a model that reads images can take pictures, but this one ${found}; ` +
        'export it without preprocessing: it then takes sequences',
      { settings },
    );
  }
  return preprocessing;
}

function checkStreaming(
  { config }: ExportableModel,
  { withPreprocessing, initialStates }: OnnxOptions,
): void {
  if (config.bidirectional || config.head === 'flatten') {
    const why = config.bidirectional
      ? 'is bidirectional: it reads sequences from their end too'
      : "has the head 'flatten', which reads all steps at once";
    throw new UserError(
      'export: only a unidirectional model with the head final, last or mean can read one step at a time; ' +
        `this one ${why}`,
      { settings: ['streaming'] },
    );
  }
  const idle = withPreprocessing ? 'withPreprocessing' : initialStates ? 'initialStates' : null;
  if (idle === null) return;
  const why = withPreprocessing ? 'takes no pictures' : 'takes states in any case';
  throw new UserError(`export: a file that reads one step at a time ${why}; leave out one of the settings`, {
    settings: ['streaming', idle],
  });
}

/** The graph that reads whole sequences, or pictures. */
function addSequenceGraph(
  graph: GraphBuilder,
  model: ExportableModel,
  options: OnnxOptions,
  pictures: ImagePreprocessing | null,
): void {
  const { config } = model;
  const states = [config.numLayers * directionsOf(config), 'batch', config.hiddenSize];
  const sequences = pictures
    ? addPictures(graph, pictures)
    : graph.input('inputs', 'float', ['batch', config.sequenceLength ?? 'steps', config.inputSize]);
  const ragged = pictures === null && config.head !== 'flatten';
  const lengths = ragged ? graph.input('lengths', 'int32', ['batch']) : '';
  const initial = options.initialStates
    ? { hidden: graph.input('h0', 'float', states), cell: graph.input('c0', 'float', states) }
    : null;
  const sequence = graph.node('Transpose', 'time_major', [sequences], { perm: [1, 0, 2] });
  const outputs = addLstmLayers(graph, model, { sequence, lengths, initial }, wantedBy(config));
  const features = addHead(graph, config, outputs, pictures ? pictures.sequenceLength : lengths);
  addClassifier(graph, model, features, options.probabilities ?? false);
}

function documentationOf({ config, name, preprocessing }: ExportableModel, takesPictures: boolean): string {
  const { inputSize, hiddenSize, numLayers, bidirectional, head } = config;
  return (
    `${name}: a sequence classifier of scanstroke, LSTM(input_size=${inputSize}, hidden_size=${hiddenSize}, ` +
    `num_layers=${numLayers}, bidirectional=${bidirectional}), head ${head}. ` +
    'Parameters: lstm.lN.W, lstm.lN.R and lstm.lN.B are weight_ih_lN, weight_hh_lN and [bias_ih_lN, bias_hh_lN] ' +
    'of torch.nn.LSTM, directions stacked (forward, reverse), gates in the order i o f c in place of i f g o; ' +
    'fc.weight and fc.bias are those of torch.nn.Linear.' +
    (preprocessing?.deslant && !takesPictures ? ` ${DESLANT_FIRST}` : '') +
    (preprocessing?.kind === 'images' && preprocessing.edges && !takesPictures ? ` ${READ_EDGES}` : '') +
    (preprocessing?.kind === 'strokes' && preprocessing.sorted ? ` ${SORT_STROKES}` : '') +
    (preprocessing?.kind === 'strokes' && preprocessing.position ? ` ${POSITIONS_AFTER}` : '') +
    (preprocessing?.kind === 'strokes' && preprocessing.context ? ` ${CONTEXT_AFTER}` : '')
  );
}
