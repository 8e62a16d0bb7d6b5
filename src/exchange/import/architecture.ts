/**
 * Works out a classifier's configuration: sizes from the shapes of a file's tensors, the head from what the file says,
 * from the user's choice, or from the number of values that the linear layer reads.
 */
import type { KindName } from '../../data/input-kind.js';
import { STROKE_COLUMNS } from '../../ink/image-to-strokes.js';
import {
  HEADS,
  type Head,
  type ResolvedClassifierConfig,
  resolveClassifierConfig,
} from '../../model/classifier-config.js';
import { ParameterLayout } from '../../model/parameters.js';
import type { StateDict } from '../../state-dict.js';
import { UserError } from '../../user-error.js';
import type { ForeignModel } from '../foreign-model.js';
import type { NetworkTensors } from './network-tensors.js';

/** The choices that the architecture depends on. */
export interface ArchitectureChoices {
  /** What the linear layer reads. Default: what the file says, or what its number of inputs allows. */
  head?: Head;
  /** Dropout before the linear layer, in a training that goes on. Default: what the file says, or 0. */
  dropoutRate?: number;
}

/** The outputs that each head reads, for people. */
const READS: Readonly<Record<Head, string>> = {
  flatten: 'the outputs of all steps',
  final: 'the final hidden states of all layers',
  last: 'the last hidden states of the last layer',
  mean: 'the mean of its outputs',
};

/**
 * @param kind of input, if it is known: strokes differ in length, so their head is not `flatten`
 * @param where what messages begin with
 * @throws UserError if sizes contradict each other or are too large, and if the head must be chosen
 */
export function architectureOf(
  network: NetworkTensors,
  foreign: Pick<ForeignModel, 'head' | 'config'>,
  choices: ArchitectureChoices,
  kind: KindName | null,
  where: string,
): ResolvedClassifierConfig {
  const { inputSize, hiddenSize, numLayers, bidirectional, numClasses, features } = network;
  const { config } = foreign;
  const head = headOf(network, foreign, choices.head, kind, where);
  const sequenceLength = head === 'flatten' ? stepsOfFlatten(network) : null;
  try {
    const resolved = resolveClassifierConfig({
      inputSize,
      hiddenSize,
      numLayers,
      bidirectional,
      numClasses,
      head,
      sequenceLength: sequenceLength ?? undefined,
      dropout: choices.dropoutRate ?? config?.dropout ?? 0,
      layerDropout: numLayers > 1 ? (config?.layerDropout ?? 0) : 0,
      forgetBias: config?.forgetBias ?? 0,
      chronoInit: config?.chronoInit,
    });
    new ParameterLayout(resolved); // checks the number of parameters
    refuseOtherSizes(config, resolved, where);
    return resolved;
  } catch (error) {
    if (!(error instanceof UserError) || error.message.startsWith(where)) throw error;
    throw new UserError(`${where}: ${error.message} (its linear layer reads ${features} values)`, error);
  }
}

/** The kind of input that the shapes suggest: four values a step, in sequences of any length, are moves of a pen. */
export function suggestedKind(network: NetworkTensors, head: Head | null): KindName {
  const { inputSize } = network;
  if (inputSize !== STROKE_COLUMNS || head === 'flatten') return 'images';
  return headsFor(network, 'strokes').length > 0 ? 'strokes' : 'images';
}

/** T, if the linear layer reads the outputs of all steps; not a whole number if it cannot. */
function stepsOfFlatten({ features, hiddenSize, bidirectional }: NetworkTensors): number {
  return features / (hiddenSize * (bidirectional ? 2 : 1));
}

/** The heads that give the linear layer its number of inputs. A sequence of one step needs no recurrent network. */
function headsFor(network: NetworkTensors, kind: KindName | null): Head[] {
  const steps = stepsOfFlatten(network);
  return HEADS.filter((head) => {
    if (head === 'flatten') return kind !== 'strokes' && Number.isInteger(steps) && steps > 1;
    return steps === (head === 'final' ? network.numLayers : 1);
  });
}

function headOf(
  network: NetworkTensors,
  foreign: Pick<ForeignModel, 'head'>,
  chosen: Head | undefined,
  kind: KindName | null,
  where: string,
): Head {
  const { features, hiddenSize: H, numLayers: L, bidirectional } = network;
  const heads = headsFor(network, kind);
  const known = chosen ?? foreign.head;
  const reads = `its linear layer reads ${features} values`;
  if (known !== null && known !== undefined) {
    const source = chosen === undefined ? 'the file says' : 'chosen was';
    if (foreign.head !== null && known !== foreign.head && !sameFeatures(known, foreign.head, network)) {
      throw new UserError(
        `${where}: the file says head ${foreign.head}, but chosen was ${known}; leave it out`,
        {
          settings: ['head'],
        },
      );
    }
    if (
      heads.includes(known) ||
      (known === 'flatten' && kind !== 'strokes' && stepsOfFlatten(network) === 1)
    ) {
      return known;
    }
    const possible = heads.length > 0 ? `which fits ${either(heads)}` : 'which fits no head';
    throw new UserError(`${where}: ${source} head ${known}, but ${reads}, ${possible}`, {
      settings: ['head'],
    });
  }
  if (heads.length === 1) return heads[0];
  if (heads.length === 0 && kind === 'strokes' && headsFor(network, null).length > 0) {
    throw new UserError(
      `${where}: ${reads}: the outputs of ${stepsOfFlatten(network)} steps; but strokes differ in length, so choose images`,
      { settings: ['kind'] },
    );
  }
  if (heads.length === 0) {
    throw new UserError(
      `${where}: ${reads}, which is none of hidden size ${H}${bidirectional ? ' × 2 directions' : ''} × ` +
        `1, × ${L} ${L === 1 ? 'layer' : 'layers'} or × the steps of a sequence; the network has another form than scanstroke's`,
    );
  }
  const meanings = heads.map((head) => READS[head]);
  throw new UserError(`${where}: ${reads}: ${either(meanings)}; choose the head ${either(heads)}`, {
    settings: ['head'],
  });
}

/** The final states of one layer are those of the last layer. */
function sameFeatures(a: Head, b: Head, { numLayers }: NetworkTensors): boolean {
  return numLayers === 1 && a !== 'mean' && b !== 'mean' && a !== 'flatten' && b !== 'flatten';
}

function either(texts: readonly string[]): string {
  return texts.length === 1 ? texts[0] : `${texts.slice(0, -1).join(', ')} or ${texts[texts.length - 1]}`;
}

/** The configuration in a file of scanstroke's must be that of its tensors. */
function refuseOtherSizes(
  said: ResolvedClassifierConfig | null,
  found: ResolvedClassifierConfig,
  where: string,
): void {
  if (said === null) return;
  for (const name of ['inputSize', 'hiddenSize', 'numLayers', 'bidirectional', 'numClasses'] as const) {
    if (said[name] !== found[name]) {
      throw new UserError(
        `${where}: its metadata say ${name} ${said[name]}, but its tensors have ${found[name]}; the file is damaged`,
      );
    }
  }
}

/** The network's parameters under scanstroke's names, with the file's arrays. Biases that the file lacks are zero. */
export function parametersOf(network: NetworkTensors, tensors: StateDict): StateDict {
  const parameters: StateDict = new Map();
  for (const [ours, theirs] of network.names) {
    const tensor = tensors.get(theirs);
    if (tensor) parameters.set(ours, tensor);
  }
  for (const { name, shape } of network.missing) {
    parameters.set(name, {
      shape,
      data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
    });
  }
  return parameters;
}
