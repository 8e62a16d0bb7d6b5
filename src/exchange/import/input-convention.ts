/**
 * How inputs become sequences, of a model whose file does not say it: by the user's choices, and for the rest by the
 * conventions of the projects that such models come from. Every assumption is said.
 */
import { EDGES_PER_PIXEL } from '../../data/images/edges.js';
import {
  checkSequenceShape,
  type ImagePreprocessing,
  readImagePreprocessing,
} from '../../data/images/image-preprocessing.js';
import type { KindName, Preprocessing } from '../../data/input-kind.js';
import { MAX_SEQUENCE_LENGTH } from '../../data/sequences/sequence.js';
import {
  DEFAULT_STROKE_PREPROCESSING,
  readStrokePreprocessing,
  type StrokeOrder,
  type StrokePreprocessing,
  strokeInputSize,
} from '../../data/strokes/stroke-preprocessing.js';
import type { ResolvedClassifierConfig } from '../../model/classifier-config.js';
import { UserError } from '../../user-error.js';
import type { ForeignModel } from '../foreign-model.js';

/** How inputs become sequences, as far as the user knows it. */
export interface InputChoices {
  /** Default: strokes for four values a step, except with the head flatten; else images. */
  kind?: KindName;
  /** Size in pixels of the pictures, or of the picture that contains the strokes. Default: follows from the steps; strokes: 28 × 28. */
  picture?: { height: number; width: number };
  /** images: number of colour channels. Default 1. */
  channelsImg?: number;
  /** images: T, steps of every sequence. Default: follows from the linear layer or the picture. */
  sequenceLength?: number;
  /** images: a pixel x from 0 to 255 becomes (x/255 − mean)/std. Default 0.5. */
  pixelMean?: number;
  /** images: see `pixelMean`; above 0. Default 0.5. */
  pixelStd?: number;
  /** strokes: order of the points. Default `tour`. */
  strokeOrder?: StrokeOrder;
  /** strokes: factor of dx and dy. Default 1. */
  strokeScale?: number;
}

/** Something that the file does not say and that was assumed. */
export interface Assumption {
  /** For people: `the classes are called 0 to 9`. */
  text: string;
  /** The options that change it. */
  settings: readonly string[];
}

const IMAGE_CHOICES = ['channelsImg', 'sequenceLength', 'pixelMean', 'pixelStd'] as const;
const STROKE_CHOICES = ['strokeOrder', 'strokeScale'] as const;
/** The normalisation of the mnist-lstm project, and of most examples. */
const CENTRE = { mean: 0.5, std: 0.5 };

/** The kind of input, if file or choices tell; null if the shapes must. */
export function knownKind(
  { preprocessing }: Pick<ForeignModel, 'preprocessing'>,
  choices: InputChoices,
): KindName | null {
  if (choices.kind !== undefined) return choices.kind;
  if (preprocessing !== null) return preprocessing.kind;
  if (STROKE_CHOICES.some((name) => choices[name] !== undefined)) return 'strokes';
  return IMAGE_CHOICES.some((name) => choices[name] !== undefined) ? 'images' : null;
}

/**
 * @param kind of input
 * @param isKnown whether the kind is not only an assumption
 * @param assumptions receives what was assumed
 * @param where what messages begin with
 * @throws UserError for choices without an effect or that contradict the model, and if the picture's size must be given
 */
export function preprocessingFor(
  model: ResolvedClassifierConfig,
  kind: KindName,
  foreign: Pick<ForeignModel, 'preprocessing' | 'sequenceLength'>,
  choices: InputChoices,
  { assumptions, isKnown, where }: { assumptions: Assumption[]; isKnown: boolean; where: string },
): Preprocessing {
  const idle = (kind === 'images' ? STROKE_CHOICES : IMAGE_CHOICES).filter(
    (name) => choices[name] !== undefined,
  );
  if (idle.length > 0) {
    throw new UserError(
      `${where}: of a model that reads ${kind}, there is nothing to choose with these settings`,
      {
        settings: idle,
      },
    );
  }
  const said = foreign.preprocessing;
  const assume = (text: string, ...settings: string[]) => assumptions.push({ text, settings });
  if (kind === 'strokes') {
    const known = said?.kind === 'strokes' ? said : null;
    return strokePreprocessing(model, known, choices, isKnown, assume, where);
  }
  const known = said?.kind === 'images' ? said : null;
  return imagePreprocessing(model, known, foreign.sequenceLength, choices, isKnown, assume, where);
}

type Assume = (text: string, ...settings: string[]) => void;

function strokePreprocessing(
  { inputSize }: ResolvedClassifierConfig,
  said: StrokePreprocessing | null,
  { picture, strokeOrder, strokeScale }: InputChoices,
  isKnown: boolean,
  assume: Assume,
  where: string,
): StrokePreprocessing {
  const values = strokeInputSize(said ?? DEFAULT_STROKE_PREPROCESSING);
  if (inputSize !== values) {
    const places = (said?.position ? ', x, y' : '') + (said?.context ? ', context' : '');
    throw new UserError(
      `${where}: the network reads ${inputSize} values a step, but strokes have ${values}: dx, dy, end of stroke, end of drawing${places}; choose images`,
      { settings: ['kind'] },
    );
  }
  const { width, height, order, scale } = said ?? DEFAULT_STROKE_PREPROCESSING;
  const result = readStrokePreprocessing(
    {
      kind: 'strokes',
      width: picture?.width ?? width,
      height: picture?.height ?? height,
      order: strokeOrder ?? order,
      scale: strokeScale ?? scale,
      ...(said?.deslant && { deslant: true }),
      ...(said?.position && { position: true }),
      ...(said?.context && { context: true }),
      ...(said?.sorted && { sorted: true }),
      ...(said?.viewRotation && { viewRotation: said.viewRotation }),
      ...(said?.fitted === false && { fitted: false }),
    },
    where,
  );
  if (said !== null) return result;
  if (!isKnown)
    assume(
      'the four values of a step are moves of pen strokes: dx, dy, end of stroke, end of drawing',
      'kind',
    );
  const open = [
    { text: `drawn in ${result.width} × ${result.height} pixels`, setting: 'picture', chosen: picture },
    { text: `points in the order ${result.order}`, setting: 'strokeOrder', chosen: strokeOrder },
    { text: `dx and dy × ${result.scale}`, setting: 'strokeScale', chosen: strokeScale },
  ].filter(({ chosen }) => chosen === undefined);
  if (open.length > 0) {
    assume(`strokes: ${open.map(({ text }) => text).join(', ')}`, ...open.map(({ setting }) => setting));
  }
  return result;
}

function imagePreprocessing(
  model: ResolvedClassifierConfig,
  said: ImagePreprocessing | null,
  saidSteps: number | null,
  choices: InputChoices,
  isKnown: boolean,
  assume: Assume,
  where: string,
): ImagePreprocessing {
  const { inputSize } = model;
  const channels = choices.channelsImg ?? said?.channels ?? 1;
  const mean = choices.pixelMean ?? said?.mean ?? CENTRE.mean;
  const std = choices.pixelStd ?? said?.std ?? CENTRE.std;
  const chosen = choices.picture ?? (said && { height: said.height, width: said.width });
  const steps = model.sequenceLength ?? choices.sequenceLength ?? said?.sequenceLength ?? saidSteps;
  if (
    choices.sequenceLength !== undefined &&
    model.sequenceLength !== null &&
    choices.sequenceLength !== model.sequenceLength
  ) {
    throw new UserError(
      `${where}: the linear layer reads ${model.sequenceLength} steps, but sequence length ${choices.sequenceLength} was chosen; leave it out`,
      { settings: ['sequenceLength'] },
    );
  }
  const scan = said?.scan ?? 'rows';
  const edges = said?.edges ?? false;
  const times = (scan === 'both' ? 2 : 1) * (edges ? 1 + EDGES_PER_PIXEL : 1);
  const shape = pictureOf(inputSize / times, channels, steps, chosen, where);
  checkSequenceShape(where, "the model's", { ...shape, inputSize, channels, scan, edges });
  if (shape.sequenceLength > MAX_SEQUENCE_LENGTH) {
    throw new UserError(
      `${where}: the network reads ${shape.sequenceLength} steps; at most ${MAX_SEQUENCE_LENGTH} are supported`,
    );
  }
  const permutationSeed = said?.permutationSeed ?? null;
  const result = readImagePreprocessing(
    {
      kind: 'images',
      ...shape,
      inputSize,
      channels,
      mean,
      std,
      permutationSeed,
      scan,
      ...(edges && { edges }),
      ...(said?.deslant && { deslant: true }),
      ...(said?.fitted === false && { fitted: false }),
      ...(said?.padded && { padded: true }),
    },
    where,
  );
  if (said !== null) return result;
  if (chosen === null || chosen === undefined) {
    const { height, width, sequenceLength } = shape;
    const colours = choices.channelsImg === undefined ? ' with one colour channel' : '';
    assume(
      `inputs are pictures of ${height} × ${width} pixels${colours}, read as ${sequenceLength} steps of ${inputSize} values`,
      'picture',
      ...(choices.channelsImg === undefined ? ['channelsImg'] : []),
      ...(isKnown ? [] : ['kind']),
    );
  }
  const open = (['pixelMean', 'pixelStd'] as const).filter((name) => choices[name] === undefined);
  if (open.length > 0) assume(`a pixel x from 0 to 255 becomes (x/255 − ${mean}) / ${std}`, ...open);
  return result;
}

/**
 * The picture that T steps of I values are read from, pixel row by pixel row: a square one if there is one, else of T
 * pixel rows. Without T, the square whose pixel rows are the steps.
 * @param chosen the picture, if it is known
 */
function pictureOf(
  inputSize: number,
  channels: number,
  steps: number | null,
  chosen: { height: number; width: number } | null | undefined,
  where: string,
): Pick<ImagePreprocessing, 'height' | 'width' | 'sequenceLength'> {
  if (chosen) {
    const { height, width } = chosen;
    const values = height * width * channels;
    const sequenceLength = steps ?? values / inputSize;
    if (Number.isInteger(sequenceLength) && sequenceLength * inputSize === values) {
      return { height, width, sequenceLength };
    }
    const wanted = steps === null ? `steps of ${inputSize} values` : `${steps} steps of ${inputSize} values`;
    throw new UserError(
      `${where}: the network reads ${wanted}, but a picture of ${height} × ${width} with ${channels === 1 ? 'one channel' : `${channels} channels`} has ${values} values`,
      { settings: ['picture', 'channelsImg'] },
    );
  }
  if (steps !== null) {
    const side = Math.sqrt((steps * inputSize) / channels);
    if (Number.isInteger(side)) return { height: side, width: side, sequenceLength: steps };
    const width = inputSize / channels;
    if (Number.isInteger(width)) return { height: steps, width, sequenceLength: steps };
  } else if (inputSize > 1 && Number.isInteger(inputSize / channels)) {
    const side = inputSize / channels;
    return { height: side, width: side, sequenceLength: side };
  }
  throw new UserError(
    `${where}: the network reads ${inputSize === 1 ? 'one value' : `${inputSize} values`} a step, ` +
      `which does not tell the size of the pictures of ${channels === 1 ? 'one channel' : `${channels} channels`}; give it, such as 28x28`,
    { settings: ['picture'] },
  );
}
