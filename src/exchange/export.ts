/** Takes a model out of scanstroke: a checkpoint → the files of another format. */
import type { Preprocessing } from '../data/input-kind.js';
import { requireBytes } from '../formats/argument.js';
import type { ResolvedClassifierConfig } from '../model/classifier-config.js';
import { decodeCheckpoint } from '../runs/checkpoint/checkpoint.js';
import type { StateDict } from '../state-dict.js';
import { UserError } from '../user-error.js';
import type { COptions } from './c/write-c.js';
import type { ExportableModel, ExportedFile } from './exportable-model.js';
import { modelMetadata, readModelMetadata } from './model-metadata.js';
import type { OnnxOptions } from './onnx/write-onnx.js';
import type { PytorchOptions } from './pytorch/write-pytorch.js';

/** The formats that a model can be written in. */
export const EXPORT_FORMATS = ['onnx', 'pytorch', 'safetensors', 'html', 'c'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What to write. */
export type ExportOptions =
  | ({ format: 'onnx' } & OnnxOptions)
  | ({ format: 'pytorch' | 'safetensors' } & PytorchOptions)
  | { format: 'html' }
  | ({ format: 'c' } & COptions);

/** What formats need besides the model. */
export interface ExportResources {
  /** `html`: the text of the built page, which files of the package hold. In Node.js: `readPageTemplate`. */
  pageTemplate?: () => Promise<string>;
}

/** A classifier of a program, such as SequenceClassifier. */
export interface ExportedClassifier {
  readonly config: ResolvedClassifierConfig;
  stateDict(): Promise<StateDict>;
}

/** What a program knows about its classifier, or about a checkpoint. */
export interface AboutModel {
  /** Names the model and its files. Default `model`. */
  name?: string;
  /** Only of a classifier: how inputs become sequences. Default: the input is sequences. */
  preprocessing?: Preprocessing;
  /** [K] Only of a classifier: names of the classes. Default `0`, `1`, … */
  classes?: string[];
  /** Only of a classifier: its logits are divided by this before the softmax, 0.01 to 100. Default 1. */
  temperature?: number;
}

/** Writes a model in the format of another tool. */
export type ExportModel = (
  model: Uint8Array | ExportedClassifier,
  options: ExportOptions & AboutModel,
) => Promise<ExportedFile[]>;

/** `exportModel` where these resources are at hand. */
export function exportsWith(resources: ExportResources): ExportModel {
  return async (model, options) => filesOf(await exportableOf(model, options), options, resources);
}

async function exportableOf(
  model: Uint8Array | ExportedClassifier,
  { name = 'model', preprocessing, classes, temperature }: AboutModel,
): Promise<ExportableModel> {
  if (model instanceof Uint8Array) {
    const { model: config, training = null, ...rest } = decodeCheckpoint(model, name);
    return { ...rest, config, training, name };
  }
  if (!('stateDict' in Object(model))) requireBytes('exportModel: the model', model);
  const { config } = model;
  const about = {
    config,
    preprocessing: preprocessing ?? null,
    classes: classes ?? Array.from({ length: config.numClasses }, (_, k) => String(k)),
    temperature,
  };
  // A checkpoint's were checked when it was decoded. What an import would refuse must not be written.
  readModelMetadata(modelMetadata(about), 'exportModel');
  return { ...about, parameters: await model.stateDict(), name, training: null };
}

/** The files of a model. @throws UserError for settings that do not fit the model */
export async function filesOf(
  model: ExportableModel,
  options: ExportOptions,
  { pageTemplate }: ExportResources = {},
): Promise<ExportedFile[]> {
  switch (options.format) {
    case 'onnx': {
      const { writeOnnx } = await import('./onnx/write-onnx.js');
      return writeOnnx(model, options);
    }
    case 'pytorch':
    case 'safetensors': {
      const { writePytorch } = await import('./pytorch/write-pytorch.js');
      return writePytorch(model, options.format, options);
    }
    case 'html': {
      const { writeHtml } = await import('./html/write-html.js');
      if (!pageTemplate)
        throw new UserError('export html: only Node.js can read the built page; export there');
      return writeHtml(model, await pageTemplate());
    }
    case 'c': {
      const { writeC } = await import('./c/write-c.js');
      return writeC(model, options);
    }
    default:
      options satisfies never;
      throw new UserError(
        `exportModel: expected a format of ${EXPORT_FORMATS.join(', ')}, found ${String((options as { format: unknown }).format)}`,
      );
  }
}
