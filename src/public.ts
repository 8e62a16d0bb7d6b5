/** What scanstroke offers wherever it runs. */
export type { Backend, BackendName } from './backends/backend.js';
export { readSafetensors, writeSafetensors } from './formats/safetensors.js';
export { imageToStrokes } from './ink/image-to-strokes.js';
export { renderStrokes } from './ink/render-strokes.js';
export {
  type Batch,
  type ClassifierOptions,
  type GradientOptions,
  type Gradients,
  type LabelledBatch,
  SequenceClassifier,
  type States,
} from './model/classifier.js';
export type { ClassifierConfig, Head } from './model/classifier-config.js';
export type { StateDict } from './model/parameters.js';
export type { SequenceStepper } from './model/stepper.js';
export type { InputPicture, RecognizerInput, Seen } from './recognize/input.js';
export {
  type Guess,
  type Inspection,
  openRecognizer,
  type Recognition,
  type Recognizer,
  type RecognizerInfo,
} from './recognize/recognizer.js';
export type { Trace, TraceOptions } from './recognize/trace.js';
export type { RunFacts } from './runs/run-folder.js';
export { createOptimizer, type Optimizer, type OptimizerConfig } from './train/optimizer.js';
export { createSchedule, type Schedule, type ScheduleConfig } from './train/schedule.js';
export type { Trainer, TrainerOptions } from './train/trainer.js';
export { UserError } from './user-error.js';
