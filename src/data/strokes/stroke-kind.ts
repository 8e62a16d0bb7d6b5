/** Pen strokes as a kind of input: a move is a step, and drawings differ in length. */
import { DRAWING_SIZE, drawingToImage, drawingToStrokes } from '../../ink/drawing.js';
import { imageToStrokes, STROKE_COLUMNS } from '../../ink/image-to-strokes.js';
import { pointMoves } from '../../ink/simplify.js';
import { UserError } from '../../user-error.js';
import type { InputKind } from '../input-kind.js';
import {
  checkMoves,
  digitPicture,
  drawingOf,
  isDot,
  pictureToRead,
  type RecognizerInput,
  refuseUnlessDigitSized,
  type Seen,
} from '../inputs/input.js';
import { type Sequence, sequenceIn } from '../sequences/sequence.js';
import { redrawnStrokes } from './redrawn-strokes.js';
import { rotatedViews } from './rotated-views.js';
import { sortedMoves } from './sorted-moves.js';
import { BLOCK_DRAWINGS } from './stored/stored-moves.js';
import { AugmentedStrokes } from './stroke-augment.js';
import { renewContext } from './stroke-context.js';
import { movesOf, type StrokeExamples } from './stroke-examples.js';
import {
  checkContext,
  DEFAULT_STROKE_PREPROCESSING,
  readStrokePreprocessing,
  type StrokePreprocessing,
  strokeInputSize,
} from './stroke-preprocessing.js';
import { StrokeSequences } from './stroke-sequences.js';

/** Values of a move: end of stroke. */
const EOS = 2;

/** About so many drawings tell whether the data set's are of pictures made as MNIST's; this share of them must be. */
const FITTED_SAMPLES = 1000;
const FITTED_SHARE = 0.95;
/** Longer side in pixels of the strokes of such a picture: 20, less up to half the pen's width at both ends. */
const FITTED_SIDE = { least: 12, most: 20 };

export const STROKE_KIND: InputKind<'strokes'> = {
  defaultData: 'strokes',
  idleSettings: {
    augmentElastic: 0,
    augmentThickness: 0,
    permute: null,
    scan: 'rows',
    edges: false,
    pixelMean: 0.5,
    pixelStd: 0.5,
    channelsImg: null,
    imageSize: null,
  },
  otherParts: ['reversed', 'reordered'],
  /** Every drawing that was learnt from ends so; a lifted pen (`0 0 1 0`) becomes the end (`0 0 1 1`). */
  ending: {
    after: (step) => Float32Array.of(0, 0, 1, 1, ...step.subarray(STROKE_COLUMNS)),
    replaces: (step) => step[EOS] !== 0,
  },

  renewalOf: (preprocessing) => (preprocessing.context ? (cut) => renewContext(cut, preprocessing) : null),

  preprocessingFor({ name, width, height, train, own = train.count }, settings) {
    const { inputSize, head, strokeOrder, strokeScale, strokePosition, strokeContext, strokeSort } = settings;
    const { viewRotation, deslant } = settings;
    checkContext(`train: ${name}`, strokeOrder, strokeContext);
    if (viewRotation > 0 && strokeOrder !== 'tour') {
      throw new UserError(
        `train: ${name}: rotated views are of thinned pictures, and the stroke order is ${strokeOrder}; use the order tour, or leave the rotation of views out`,
        { settings: ['viewRotation', 'strokeOrder'] },
      );
    }
    const preprocessing = {
      ...DEFAULT_STROKE_PREPROCESSING,
      width,
      height,
      order: strokeOrder,
      scale: strokeScale,
      ...(deslant && { deslant }),
      ...(strokePosition && { position: strokePosition }),
      ...(strokeContext && { context: strokeContext }),
      ...(strokeSort && { sorted: strokeSort }),
      ...(viewRotation > 0 && { viewRotation }),
      ...(!areFitted(train, own, { width, height }) && { fitted: false }),
    };
    const values = strokeInputSize(preprocessing);
    if (inputSize !== values || head === 'flatten') {
      throw new UserError(
        `train: ${name}: strokes ${strokePosition ? 'with' : 'without'} positions${strokeContext ? ' and with context' : ''} have ${values} values a step and ` +
          `differ in length, but the model has input size ${inputSize} and head ${head}; use the preset strokes, or ` +
          `input size ${values} and head mean`,
        { settings: ['preset', 'inputSize', 'strokePosition', 'strokeContext', 'head'] },
      );
    }
    return preprocessing;
  },
  readPreprocessing: readStrokePreprocessing,
  writePreprocessing: (preprocessing) => ({ ...preprocessing }),

  inputSizeOf: strokeInputSize,
  stepsOf: () => null,
  pictureSizeOf: ({ width, height }) => ({ width, height, channels: 1 }),
  loadOptionsOf: ({ order }) => ({ channelsImg: null, order }),

  sequencesOf: (name, examples, preprocessing) => ({ kind: 'strokes', name, examples, preprocessing }),
  openSequences: (data) => new StrokeSequences(data),
  openAugmented: (data, augmentation, seed) => new AugmentedStrokes({ data, augmentation, seed }),
  lengthsIn:
    ({ offsets }) =>
    (index) =>
      offsets[index + 1] - offsets[index],
  redrawn: (part, test) => redrawnStrokes(test, part),
  blockOf: ({ moves }) => (moves instanceof Int16Array ? null : BLOCK_DRAWINGS),
  exampleAt: (examples, i) => ({ kind: 'strokes', moves: movesOf(examples, i).slice() }),

  prepare(input, preprocessing) {
    const saw = strokesFor(input, preprocessing);
    if (saw === null || !hasPoints(saw.moves)) return null;
    const sequence = sequenceOf(saw.moves, preprocessing);
    if (preprocessing.sorted) saw.moves = sortedMoves(saw.moves, preprocessing);
    const views = saw.picture ? rotatedViews(saw.picture, preprocessing).filter(hasPoints) : [];
    if (views.length === 0) return { saw, ...sequence };
    return { saw, ...sequence, views: views.map((moves) => sequenceOf(moves, preprocessing)) };
  },
  pixelGradient: () => null,
};

/** The strokes that the network is shown: pictures and drawings become those of their thinned picture. Null if none. */
function strokesFor(
  input: RecognizerInput,
  { width, height, order, fitted = true }: StrokePreprocessing,
): (Seen & { moves: Int16Array }) | null {
  if (input.kind === 'strokes') {
    checkMoves(input.moves);
    return { picture: null, moves: input.moves };
  }
  // A network of points reads a picture by the tour of its thinned lines, as if a pen had drawn it.
  const size = { ...(order === 'points' ? DRAWING_SIZE : { width, height }), channels: 1 };
  if (input.kind === 'picture') {
    const picture = pictureToRead(input, size, { isFitted: fitted, isThinned: true });
    const moves = picture && imageToStrokes(picture.pixels, size.width, size.height);
    return moves && { picture, moves: order === 'points' ? pointMoves(drawingOf(moves)) : moves };
  }
  refuseUnlessDigitSized('a drawing', size);
  if (isDot(input)) return null;
  if (order === 'points') return { picture: null, moves: pointMoves(input) };
  return { picture: digitPicture(drawingToImage(input)), moves: drawingToStrokes(input, { order }) };
}

function sequenceOf(moves: Int16Array, preprocessing: StrokePreprocessing): Sequence {
  const offsets = Int32Array.of(0, moves.length / STROKE_COLUMNS);
  const examples = { count: 1, labels: new Uint8Array(1), moves, offsets };
  return sequenceIn(new StrokeSequences({ name: 'input', examples, preprocessing }), 0);
}

function hasPoints(moves: Int16Array): boolean {
  for (let at = EOS; at < moves.length; at += STROKE_COLUMNS) if (moves[at] === 0) return true;
  return false;
}

/** Whether all but a few of the first `own` drawings have the size of MNIST's; true for another size of the picture. */
function areFitted(
  examples: StrokeExamples,
  own: number,
  { width, height }: { width: number; height: number },
): boolean {
  if (width !== DRAWING_SIZE.width || height !== DRAWING_SIZE.height) return true;
  const step = Math.max(1, Math.floor(own / FITTED_SAMPLES));
  let [looked, fitted] = [0, 0];
  for (let i = 0; i < own; i += step, looked++) {
    const longer = longerSide(movesOf(examples, i));
    if (longer >= FITTED_SIDE.least && longer <= FITTED_SIDE.most) fitted++;
  }
  return fitted >= FITTED_SHARE * looked;
}

/** In pixels. */
function longerSide(moves: Int16Array): number {
  let [x, y, left, top, right, bottom] = [0, 0, Infinity, Infinity, -Infinity, -Infinity];
  for (let at = 0; at < moves.length; at += STROKE_COLUMNS) {
    x += moves[at];
    y += moves[at + 1];
    if (moves[at + EOS] !== 0) continue;
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return Math.max(right - left, bottom - top) + 1;
}
