/** Checkpoints of untrained networks, for tests. */
import type { Backend } from '#src/backends/backend.js';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import type { ImagePreprocessing } from '#src/data/images/image-preprocessing.js';
import {
  DEFAULT_STROKE_PREPROCESSING,
  type StrokePreprocessing,
  strokeInputSize,
} from '#src/data/strokes/stroke-preprocessing.js';
import { type ClassifierConfig, resolveClassifierConfig } from '#src/model/classifier-config.js';
import { ParameterLayout } from '#src/model/parameters.js';
import { openRecognizer, type Recognizer } from '#src/recognize/recognizer.js';
import { encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';

export const ROWS: ImagePreprocessing = {
  kind: 'images',
  sequenceLength: 28,
  inputSize: 28,
  channels: 1,
  height: 28,
  width: 28,
  mean: 0.5,
  std: 0.5,
  permutationSeed: null,
};
export const STROKES: StrokePreprocessing = { ...DEFAULT_STROKE_PREPROCESSING };

/** A small network of four classes for these inputs. Its weights are large, so that the answers differ. */
export function checkpointBytes(
  preprocessing: typeof ROWS | typeof STROKES,
  model: Partial<ClassifierConfig> = {},
  classes = [...'abcdefghij'].slice(0, model.numClasses ?? 4),
  temperature?: number,
): Uint8Array {
  const config: ClassifierConfig = {
    hiddenSize: 6,
    numClasses: 4,
    ...(preprocessing.kind === 'strokes'
      ? { inputSize: strokeInputSize(preprocessing), head: 'mean' }
      : {
          inputSize: preprocessing.inputSize,
          head: 'flatten',
          sequenceLength: preprocessing.sequenceLength,
        }),
    numLayers: 2,
    bidirectional: true,
    ...model,
  };
  const resolved = resolveClassifierConfig(config);
  const layout = new ParameterLayout(resolved);
  const vector = new Float32Array(layout.length);
  layout.initialize(resolved, vector, 5);
  const parameters = layout.toStateDict(vector);
  for (const { data } of parameters.values()) for (let i = 0; i < data.length; i++) data[i] *= 3;
  return encodeCheckpoint({
    parameters,
    model: resolved,
    preprocessing: { ...preprocessing },
    classes,
    temperature,
  });
}

export function recognizerFor(
  preprocessing: typeof ROWS | typeof STROKES,
  model: Partial<ClassifierConfig> = {},
  backend: Backend = new ReferenceBackend(),
): Recognizer {
  return openRecognizer(checkpointBytes(preprocessing, model), backend, { name: 'a.safetensors' });
}
