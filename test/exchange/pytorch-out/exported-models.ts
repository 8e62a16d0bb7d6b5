/** Models to export, inputs for them, and what scanstroke computes. */
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import type { Preprocessing } from '#src/data/input-kind.js';
import type { ExportableModel } from '#src/exchange/exportable-model.js';
import type { OptimizerSettings } from '#src/exchange/pytorch/write/optimizer-export.js';
import { type LabelledBatch, SequenceClassifier } from '#src/model/classifier.js';
import { type ClassifierConfig, HEADS } from '#src/model/classifier-config.js';
import { Random } from '#src/random.js';
import { Optimizer, type OptimizerConfig } from '#src/train/optimizer.js';
import { uniform } from '../../cases/draw.js';

export const backend = new ReferenceBackend();
export const STEPS = 9;
const [INPUT_SIZE, HIDDEN, CLASSES] = [4, 7, 3];
/** Weights of three times PyTorch's initial range, so that logits differ from example to example. */
const WEIGHT_FACTOR = 3;

/** Every head, 1, 2 and 6 layers, one direction and both. */
export function everyConfig(): ClassifierConfig[] {
  return HEADS.flatMap((head) =>
    [1, 2, 6].flatMap((numLayers) =>
      [false, true].map((bidirectional) => ({
        inputSize: INPUT_SIZE,
        hiddenSize: HIDDEN,
        numClasses: CLASSES,
        head,
        numLayers,
        bidirectional,
        sequenceLength: STEPS,
        dropout: 0.25,
        layerDropout: 0.5,
      })),
    ),
  );
}

export const namesOf = (count: number) => Array.from({ length: count }, (_, k) => `class ${k}`);

/** A classifier, and the same as a model to export. */
export async function exampleOf(
  config: ClassifierConfig,
  name: string,
  preprocessing: Preprocessing | null = null,
): Promise<{ classifier: SequenceClassifier; model: ExportableModel }> {
  const classifier = new SequenceClassifier(config, backend, { seed: 3 });
  const parameters = await classifier.stateDict();
  for (const { data } of parameters.values()) for (const i of data.keys()) data[i] *= WEIGHT_FACTOR;
  await classifier.loadStateDict(parameters);
  const model: ExportableModel = {
    config: classifier.config,
    parameters,
    preprocessing,
    classes: namesOf(config.numClasses),
    name,
    training: null,
  };
  return { classifier, model };
}

/** Sequences of these lengths, padded with zeros. */
export function batchOf(lengths: readonly number[], inputSize = INPUT_SIZE, steps = STEPS): LabelledBatch {
  const random = new Random(8, lengths.length);
  const inputs = new Float32Array(lengths.length * steps * inputSize);
  lengths.forEach((length, b) => {
    inputs.set(uniform(random, length * inputSize, 2), b * steps * inputSize);
  });
  return {
    inputs,
    batchSize: lengths.length,
    steps,
    lengths: Int32Array.from(lengths),
    labels: Int32Array.from(lengths, (_, b) => b % CLASSES),
  };
}

/** Trains a classifier a little. @returns the model with the state of its training, and its optimiser */
export async function trainedExample(
  settings: OptimizerConfig,
  updates: number,
  name: string,
): Promise<{
  classifier: SequenceClassifier;
  model: ExportableModel;
  optimizer: Optimizer;
  settings: OptimizerSettings;
}> {
  const config = {
    inputSize: INPUT_SIZE,
    hiddenSize: HIDDEN,
    numClasses: CLASSES,
    numLayers: 2,
    bidirectional: true,
  };
  const { classifier, model } = await exampleOf(config, name);
  const optimizer = new Optimizer(settings, backend);
  for (let update = 0; update < updates; update++) await updateOnce(classifier, optimizer);
  const { tensors, step } = optimizer.stateDict();
  return {
    classifier,
    optimizer,
    settings: optimizer.config,
    model: {
      ...model,
      // A checkpoint gives its tensors in the order of their names.
      parameters: new Map([...(await classifier.stateDict())].toSorted(([a], [b]) => (a < b ? -1 : 1))),
      training: { optimizer: tensors, state: { epoch: 4, updates: step, optimizer: settings.name } },
    },
  };
}

export const TRAINING_BATCH = batchOf([STEPS, 4, 1, 7]);

/** The update that PyTorch makes too. */
export async function updateOnce(classifier: SequenceClassifier, optimizer: Optimizer): Promise<void> {
  const { gradients } = await classifier.gradients(TRAINING_BATCH);
  const parameters = await classifier.stateDict();
  await optimizer.step(parameters, gradients);
  await classifier.loadStateDict(parameters);
}

/** The optimisers that are tried. */
export const OPTIMIZERS: Record<string, OptimizerConfig> = {
  adam: { name: 'adam', lr: 0.01, betas: [0.8, 0.99], eps: 1e-6, weightDecay: 0.001 },
  adamw: { name: 'adamw', lr: 0.003, weightDecay: 0.1 },
  momentum: { name: 'sgd', lr: 0.1, momentum: 0.9 },
  nesterov: { name: 'sgd', lr: 0.05, momentum: 0.7, nesterov: true, weightDecay: 0.01 },
  sgd: { name: 'sgd', lr: 0.2, weightDecay: 0.02 },
};
