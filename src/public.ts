/// <reference lib="esnext.disposable" preserve="true" />
/** What scanstroke offers wherever it runs. */
export type * from './backends/backend.js';
export {
  BACKEND_CHOICES,
  BACKEND_NAMES,
  type BackendChoice,
  type HostChoice,
} from './backends/backend-names.js';
export { BackendUnavailable, type OnFallback } from './backends/registry.js';
export type { ImagePreprocessing, Scan } from './data/images/image-preprocessing.js';
export type { KindName, OtherPart, Preprocessing } from './data/input-kind.js';
export {
  type Confusion,
  columnsOf,
  drawingOf,
  drawingsToNdjson,
  projectFromNdjson,
  readProject,
  type TaughtNetwork,
  type TeachClass,
  type TeachDrawing,
  type TeachProject,
  type TeachSummary,
  writeProject,
} from './data/pens/project.js';
export type { Sequence } from './data/sequences/sequence.js';
export type { Part } from './data/sources.js';
export type { StrokeOrder, StrokePreprocessing } from './data/strokes/stroke-preprocessing.js';
export type { COptions } from './exchange/c/write-c.js';
export {
  type AboutModel,
  EXPORT_FORMATS,
  type ExportedClassifier,
  type ExportFormat,
  type ExportModel,
  type ExportOptions,
} from './exchange/export.js';
export type { ExportedFile } from './exchange/exportable-model.js';
export type { ReadBeside } from './exchange/foreign-model.js';
export type { ArchitectureChoices } from './exchange/import/architecture.js';
export type { InputChoices } from './exchange/import/input-convention.js';
export type { OptimizerChoices } from './exchange/import/torch-optimizer.js';
export {
  type Assumption,
  type ImportChoices,
  type ImportedModel,
  type ImportedNetwork,
  type ImportedOptimizer,
  type ImportOptions,
  importModel,
} from './exchange/import.js';
export type { OnnxOptions } from './exchange/onnx/write-onnx.js';
export type { OptimizerSettings } from './exchange/pytorch/write/optimizer-export.js';
export type { PytorchOptions } from './exchange/pytorch/write-pytorch.js';
export {
  type Dtype,
  readSafetensors,
  type Tensor,
  type TensorToWrite,
  type TensorValues,
  writeSafetensors,
} from './formats/safetensors/safetensors.js';
export type { Drawing, Stroke } from './ink/drawing.js';
export { type GreyPixels, imageToStrokes } from './ink/image-to-strokes.js';
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
export type { ClassifierConfig, Head, ResolvedClassifierConfig } from './model/classifier-config.js';
export type { SequenceStepper } from './model/stepper.js';
export type { InputPicture, PreparedInput, RecognizerInput, Seen } from './recognize/prepare-input.js';
export {
  describeCheckpoint,
  type Guess,
  type Inspection,
  openRecognizer,
  type Recognition,
  type Recognizer,
  type RecognizerInfo,
  type RecognizerOptions,
} from './recognize/recognizer.js';
export {
  type Box,
  type InkPart,
  type LeftOut,
  type ReadSymbol,
  type ReadSymbolsOptions,
  type Regrouping,
  readSymbols,
  regroupSymbols,
  type SymbolCorrection,
  type SymbolReading,
  type SymbolRecognizer,
} from './recognize/symbols/read-symbols.js';
export type { Trace, TraceOptions } from './recognize/trace.js';
export { type CheckpointToMerge, mergeCheckpoints } from './runs/checkpoint/merge-checkpoints.js';
export type { CurvePoint, EpochMetrics, RunFacts } from './runs/run-folder.js';
export type { StateDict, TensorData } from './state-dict.js';
export { type Features, openFeatures } from './teach/features.js';
export { type LeaveOneOut, Nearest, type NearestAnswer } from './teach/nearest.js';
export { STARTERS, type StarterName, starterProject } from './teach/starters.js';
export type { TaughtSymbols, TeachOptions, TeachProgress, TrainSymbols } from './teach/train-symbols.js';
export type { ProgressEvent, StopReason } from './train/events.js';
export type { TrainerSchedule } from './train/learning-rates.js';
export type {
  CreateOptimizer,
  Optimizer,
  OptimizerConfig,
  OptimizerStateDict,
  ResolvedOptimizer,
} from './train/optimizer.js';
export {
  type ConstantSchedule,
  type CosineSchedule,
  type CosineWarmRestartsSchedule,
  createSchedule,
  type OneCycleSchedule,
  type Schedule,
  type ScheduleConfig,
  type StepSchedule,
  type WarmUp,
} from './train/schedule.js';
export type { Trainer } from './train/trainer/trainer.js';
export type { Examples, TrainerPart } from './train/trainer/trainer-examples.js';
export type {
  TrainerEvaluation,
  TrainerOptions,
  TrainOptions,
  TrainResult,
} from './train/trainer/trainer-options.js';
export { UserError } from './user-error.js';
