/** The configuration of a sequence classifier: its check, its defaults, and the sizes that follow from it. */
import { optionNames, requireOptions } from '../formats/argument.js';
import { shown } from '../formats/shape.js';
import { UserError } from '../user-error.js';

/**
 * Which of the LSTM's outputs the linear layer reads:
 * - `flatten`: every step's output of the last layer, in one row; sequences of one fixed length;
 * - `final`: the final hidden state of every layer and direction, in the order of PyTorch's h_n (layer by layer,
 *   forward then reverse);
 * - `last`: the same of the last layer only;
 * - `mean`: the mean of the last layer's outputs over the steps of each sequence.
 */
export type Head = 'flatten' | 'final' | 'last' | 'mean';
export const HEADS: readonly Head[] = ['flatten', 'final', 'last', 'mean'];

/** The sizes of a classifier. */
export interface ClassifierConfig {
  /** I: features a step, at least 1. */
  inputSize: number;
  /** H: units of each layer and direction, at least 1. */
  hiddenSize: number;
  /** L: stacked layers, 1 to 1024. Default 1. */
  numLayers?: number;
  /** Read sequences in both directions. Default false. */
  bidirectional?: boolean;
  /** K: classes, at least 1. */
  numClasses: number;
  /** What the linear layer reads. Default 'final'. */
  head?: Head;
  /** Steps of every sequence, or of the longest. The head 'flatten' needs it; the other heads ignore it. */
  sequenceLength?: number;
  /** Probability of dropping each input of the linear layer in training, in [0, 1). Default 0. */
  dropout?: number;
  /** Probability of dropping outputs between stacked layers (torch.nn.LSTM's `dropout`), in [0, 1). Default 0. */
  layerDropout?: number;
  /** Added to the forget gates' biases at initialisation (Jozefowicz et al. 2015 advise 1). Default 0. */
  forgetBias?: number;
  /**
   * The longest dependency in steps, a whole number from 3 to 1,000,000, such as the length of the sequences: chrono
   * initialisation (Tallec & Ollivier 2018, “Can recurrent neural networks warp time?”). Each unit draws u uniformly from
   * 1 to `chronoInit` − 1. Its forget gate's bias begins as log(u) and its input gate's as −log(u), so it keeps what it
   * reads for about u steps. Default null: biases as PyTorch's. Not together with `forgetBias`.
   */
  chronoInit?: number | null;
}

/** A ClassifierConfig with every default filled in. */
export type ResolvedClassifierConfig = Required<Omit<ClassifierConfig, 'sequenceLength'>> & {
  /** Null except for the head 'flatten'. */
  sequenceLength: number | null;
};

/** Limits of `chronoInit`: with 2, every bias would be log 1 = 0. */
export const CHRONO_RANGE = { from: 3, to: 1_000_000 } as const;

/** Limit for stacked layers. It bounds the list of tensors, which is made before their sizes are added up. */
export const MAX_LAYERS = 1024;

function requireWhole(name: string, value: unknown, most = Number.POSITIVE_INFINITY): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most) return value;
  const range = most < Number.POSITIVE_INFINITY ? `from 1 to ${most}` : 'of at least 1';
  throw new UserError(`model: ${name} must be a whole number ${range}, got ${shown(value)}`);
}

function requireRate(name: string, value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0 && value < 1)) {
    throw new UserError(`model: ${name} must be a number in [0, 1), got ${shown(value)}`);
  }
  return value;
}

function requireHead(value: unknown): Head {
  const head = HEADS.find((known) => known === value);
  if (head === undefined) {
    throw new UserError(`model: head must be one of ${HEADS.join(', ')}, got ${shown(value)}`);
  }
  return head;
}

function requireChrono(value: unknown): number | null {
  const { from, to } = CHRONO_RANGE;
  const fits = typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to;
  if (value === null || fits) return value;
  throw new UserError(
    `model: chronoInit must be a whole number from ${from} to ${to}, or null, got ${shown(value)}`,
  );
}

const CONFIG_NAMES = optionNames<ClassifierConfig>({
  inputSize: true,
  hiddenSize: true,
  numLayers: true,
  bidirectional: true,
  numClasses: true,
  head: true,
  sequenceLength: true,
  dropout: true,
  layerDropout: true,
  forgetBias: true,
  chronoInit: true,
});

/** A program's configuration with every default filled in. @throws UserError as resolveClassifierConfig, and for others */
export function requireClassifierConfig(config: ClassifierConfig): ResolvedClassifierConfig {
  requireOptions('model', config, CONFIG_NAMES);
  return resolveClassifierConfig(config);
}

/**
 * Checks a configuration and fills in the defaults.
 * @param config a ClassifierConfig, possibly from a file; other fields are ignored
 * @throws UserError naming the field, what it expects and what it got
 */
export function resolveClassifierConfig(
  config: Partial<Record<keyof ClassifierConfig, unknown>>,
): ResolvedClassifierConfig {
  const head = requireHead(config.head ?? 'final');
  if (head === 'flatten' && config.sequenceLength == null) {
    throw new UserError(`model: head 'flatten' reads every step, so it needs sequenceLength`);
  }
  const forgetBias = config.forgetBias ?? 0;
  if (typeof forgetBias !== 'number' || !Number.isFinite(forgetBias)) {
    throw new UserError(`model: forgetBias must be a number, got ${shown(forgetBias)}`);
  }
  const chronoInit = requireChrono(config.chronoInit ?? null);
  if (chronoInit !== null && forgetBias !== 0) {
    throw new UserError(
      `model: chronoInit ${chronoInit} and forgetBias ${forgetBias} both set the forget gates' biases; leave out one of the two`,
    );
  }
  const bidirectional = config.bidirectional ?? false;
  if (typeof bidirectional !== 'boolean') {
    throw new UserError(`model: bidirectional must be true or false, got ${shown(bidirectional)}`);
  }
  return {
    inputSize: requireWhole('inputSize', config.inputSize),
    hiddenSize: requireWhole('hiddenSize', config.hiddenSize),
    numLayers: requireWhole('numLayers', config.numLayers ?? 1, MAX_LAYERS),
    bidirectional,
    numClasses: requireWhole('numClasses', config.numClasses),
    head,
    sequenceLength: head === 'flatten' ? requireWhole('sequenceLength', config.sequenceLength) : null,
    dropout: requireRate('dropout', config.dropout ?? 0),
    layerDropout: requireRate('layerDropout', config.layerDropout ?? 0),
    forgetBias,
    chronoInit,
  };
}

/** D: 1 or 2. */
export function directionsOf(config: ResolvedClassifierConfig): number {
  return config.bidirectional ? 2 : 1;
}

/** I of a layer: the data's for the first, both directions' hidden states for the others. */
export function layerInputSize(config: ResolvedClassifierConfig, layer: number): number {
  return layer === 0 ? config.inputSize : directionsOf(config) * config.hiddenSize;
}

/** F: inputs of the linear layer. */
export function featuresOf(config: ResolvedClassifierConfig): number {
  const outputs = directionsOf(config) * config.hiddenSize;
  if (config.head === 'flatten') return outputs * (config.sequenceLength as number);
  return config.head === 'final' ? outputs * config.numLayers : outputs;
}

/**
 * Floating-point operations of the LSTM's matrix products on the way forward, a step of one sequence: 2·4H(I + H) for
 * every layer and direction. A training step takes three times as many.
 */
export function flopsPerStep(config: ResolvedClassifierConfig): number {
  let flops = 0;
  for (let layer = 0; layer < config.numLayers; layer++) {
    flops +=
      8 * config.hiddenSize * (layerInputSize(config, layer) + config.hiddenSize) * directionsOf(config);
  }
  return flops;
}

export function eachLayer<R>(config: ResolvedClassifierConfig, make: (layer: number) => R): R[] {
  return Array.from({ length: config.numLayers }, (_, layer) => make(layer));
}

export function eachDirection<R>(config: ResolvedClassifierConfig, make: (direction: number) => R): R[] {
  return Array.from({ length: directionsOf(config) }, (_, direction) => make(direction));
}
