/** Preprocessing in C: pixels or moves → the network's input, with the roundings of training. */
import { DESLANT_FIRST, MOST_SLANT } from '../../data/deslant.js';
import { type ImagePreprocessing, pixelOrder } from '../../data/images/image-preprocessing.js';
import { SORT_STROKES } from '../../data/strokes/sort-strokes.js';
import { contextCell } from '../../data/strokes/stroke-context.js';
import { CONTEXT_CELLS, type StrokePreprocessing } from '../../data/strokes/stroke-preprocessing.js';
import { edgesText, normaliseWithEdges } from './c-edges.js';
import type { CModel } from './c-model.js';
import { floatLiteral } from './c-text.js';

const NUMBERS_PER_LINE = 16;

/** Macros and declarations, with the comments for users. */
export function inputDeclarations({ preprocessing }: CModel): string {
  if (preprocessing === null) return '';
  return preprocessing.kind === 'images'
    ? imageDeclarations(preprocessing)
    : strokeDeclarations(preprocessing);
}

/** Definitions of what inputDeclarations declares. */
export function inputText({ preprocessing }: CModel): string {
  if (preprocessing === null) return '';
  return preprocessing.kind === 'images' ? imageText(preprocessing) : strokeText(preprocessing);
}

function imageDeclarations({ channels, height, width, deslant, edges }: ImagePreprocessing): string {
  const shape = channels === 1 ? '[NAME_HEIGHT][NAME_WIDTH]' : '[NAME_HEIGHT][NAME_CHANNELS][NAME_WIDTH]';
  return `
#define NAME_WIDTH ${width}
#define NAME_HEIGHT ${height}
#define NAME_CHANNELS ${channels}
#define NAME_PIXELS (NAME_WIDTH * NAME_HEIGHT * NAME_CHANNELS)

/*
 * A picture becomes the network's input.
 *   pixels  ${shape} as in the training pictures; in MNIST's 0 is paper and 255 is ink
 *   inputs  [NAME_STEPS][NAME_INPUT_SIZE] is written
${deslant ? ' * Its slant is removed first, as from the training pictures.\n' : ''}${edges ? ' * The input has its edges, too.\n' : ''} */
void name_normalise(const uint8_t *pixels, float *inputs);
`;
}

function strokeDeclarations(preprocessing: StrokePreprocessing): string {
  const { width, height, scale, order, deslant, position, context, sorted } = preprocessing;
  const how =
    order === 'tour'
      ? ` * The network learnt from tours: a picture is thinned to lines one pixel wide, and a tour visits their pixels,
 * whichever way they were drawn.`
      : order === 'pen'
        ? ' * The network learnt from points in the order in which a pen drew them.'
        : ` * The network learnt from the points of simplified drawings, in the order in which a pen drew them: moved to the
 * corner, scaled to 255 pixels, every stroke without the points that are within 2 pixels of the line between others.`;
  return `
#define NAME_WIDTH ${width} /* of the picture that contains the strokes, in pixels */
#define NAME_HEIGHT ${height}
#define NAME_SCALE ${floatLiteral(scale)} /* of dx and dy */

/*
 * A move becomes the network's input [NAME_INPUT_SIZE].
 *
 * How points become moves: count pixels from 1, x to the right, y downwards. The first move is the first point itself,
 * dx = x and dy = y. Each later move is the difference from the point before${order === 'points' ? '' : '; between neighbouring pixels -1, 0 or 1'}.
 * The move 0 0 1 0 (eos, end of stroke) lifts the pen between strokes. The last move is 0 0 1 1 (eod, end of drawing).
${how}
${position ? PLACE_NOTE : ''}${deslant ? note('remove slant', DESLANT_FIRST) : ''}${sorted ? note('sort strokes', SORT_STROKES) : ''} */
void name_move(${position ? 'float *place, ' : ''}float dx, float dy, int eos, int eod, float *inputs);
${context ? CONTEXT_DECLARATION : ''}`;
}

const CONTEXT_DECLARATION = `
/*
 * The network is also told where ink is around each move, drawn before or after: the last ${CONTEXT_CELLS} values of its step.
 * Call this after name_move for all moves of a drawing, before name_predict; allocates nothing.
 *   inputs  [steps][NAME_INPUT_SIZE]; the last values of each step are written
 * The time grows with the square of the steps.
 */
void name_context(float *inputs, size_t steps);
`;

/** Lines of a comment. @param left what the code leaves to the user, who does it by the rule */
function note(left: string, rule: string): string {
  const lines = rule.match(/.{1,110}(?: |$)/g) ?? [];
  return `${[` * This code does not ${left}.`, ...lines.map((line) => ` * ${line.trim()}`)].join('\n')}\n`;
}

/** A pixel as the network reads it. @param index of the pixel in the picture, as C */
function pixelText({ deslant }: ImagePreprocessing, index: string): string {
  return deslant ? `name_upright(pixels, &slant, ${index})` : `pixels[${index}]`;
}

/** The rule of data/deslant.ts, with its roundings. */
const SLANT_TEXT = `\
/* x becomes x - slope * (y - middle). */
typedef struct {
  double slope, middle;
} name_slant;

/* The slant of a picture by the moments of its ink. */
static name_slant name_slant_of(const uint8_t *pixels)
{
  double mass = 0, sum_x = 0, sum_y = 0, sum_xy = 0, sum_yy = 0, spread, slope;
  name_slant slant = { 0.0, 0.0 };
  for (size_t y = 0; y < NAME_HEIGHT; y++) {
    double row = 0, across = 0;
    for (size_t x = 0; x < NAME_WIDTH; x++) {
      row += pixels[y * NAME_WIDTH + x];
      across += (double)pixels[y * NAME_WIDTH + x] * (double)x;
    }
    mass += row;
    sum_x += across;
    sum_y += row * (double)y;
    sum_xy += across * (double)y;
    sum_yy += row * (double)(y * y);
  }
  if (mass == 0) return slant;
  slant.middle = sum_y / mass;
  spread = sum_yy - sum_y * slant.middle;
  slope = spread > 0 ? (sum_xy - sum_x * slant.middle) / spread : 0;
  slant.slope = slope > ${MOST_SLANT} ? ${MOST_SLANT} : slope < -${MOST_SLANT} ? -${MOST_SLANT} : slope;
  return slant;
}

/* Pixel n of the picture without slant, interpolated along its pixel row. */
static uint8_t name_upright(const uint8_t *pixels, const name_slant *slant, size_t n)
{
  const uint8_t *row = pixels + n / NAME_WIDTH * NAME_WIDTH;
  const double shift = slant->slope * ((double)(n / NAME_WIDTH) - slant->middle);
  const double whole = floor(shift);
  const long at = (long)(n % NAME_WIDTH) + (long)whole;
  const int left = at >= 0 && at < NAME_WIDTH ? row[at] : 0;
  const int right = at >= -1 && at < NAME_WIDTH - 1 ? row[at + 1] : 0;
  const double part = (shift - whole) * (double)(right - left);
  return (uint8_t)((double)left + part + 0.5);
}

`;

function imageText(preprocessing: ImagePreprocessing): string {
  const pixels = pixelOrder(preprocessing);
  const { deslant, edges } = preprocessing;
  const order =
    pixels === null
      ? ''
      : `\
/* The network reads the pixels in this order.${edges ? ' Numbers from NAME_PIXELS on stand for edges.' : ''} */
static const ${pixels.length <= 2 ** 16 ? 'uint16_t' : 'uint32_t'} name_order[NAME_STEPS * NAME_INPUT_SIZE] = {
${numbers(pixels)}
};

`;
  const pixel = pixelText(preprocessing, pixels === null ? 'n' : 'name_order[n]');
  const normalise = edges
    ? `${edgesText(preprocessing)}${normaliseWithEdges(preprocessing, pixel)}`
    : normaliseText(preprocessing, pixel);
  return `\
/* ---- Preprocessing. ---- */

${order}${deslant ? SLANT_TEXT : ''}${normalise}`;
}

/** Definition of `name_normalise`. @param pixel value n of the sequence, as C */
function normaliseText({ deslant, mean, std }: ImagePreprocessing, pixel: string): string {
  return `\
void name_normalise(const uint8_t *pixels, float *inputs)
{${deslant ? '\n  const name_slant slant = name_slant_of(pixels);' : ''}
  for (size_t n = 0; n < NAME_STEPS * NAME_INPUT_SIZE; n++) {
    const float share = (float)${pixel} / 255.0f;
    const float centred = share - ${floatLiteral(mean)};
    inputs[n] = centred / ${floatLiteral(std)};
  }
}
`;
}

const PLACE_NOTE = ` * The network is also told where each move ends.
 *   place  [2] x and y of the pen; 0, 0 before the first move of a drawing; is changed
`;

function strokeText(preprocessing: StrokePreprocessing): string {
  const { position, context } = preprocessing;
  const places = `
  place[0] += dx;
  place[1] += dy;
  inputs[4] = (place[0] - (NAME_WIDTH + 1) / 2.0f) / (NAME_WIDTH / 4.0f);
  inputs[5] = (place[1] - (NAME_HEIGHT + 1) / 2.0f) / (NAME_HEIGHT / 4.0f);`;
  return `\
/* ---- Preprocessing. ---- */

void name_move(${position ? 'float *place, ' : ''}float dx, float dy, int eos, int eod, float *inputs)
{
  inputs[0] = dx * NAME_SCALE;
  inputs[1] = dy * NAME_SCALE;
  inputs[2] = eos ? 1.0f : 0.0f;
  inputs[3] = eod ? 1.0f : 0.0f;${position ? places : ''}
}
${context ? contextText(preprocessing) : ''}`;
}

/** The rule of data/strokes/stroke-context.ts, with its roundings. */
const contextText = (preprocessing: StrokePreprocessing) => `
void name_context(float *inputs, size_t steps)
{
  const double cell = ${contextCell(preprocessing)} * (double)NAME_SCALE;
  double x = 0, y = 0;
  for (size_t t = 0; t < steps; t++) {
    /* 5 x 5 cells in a frame, which takes the shares outside of them */
    double map[7][7] = {{0}}, ink_x = 0, ink_y = 0;
    float *values = inputs + (t + 1) * NAME_INPUT_SIZE - ${CONTEXT_CELLS};
    x += (double)inputs[t * NAME_INPUT_SIZE] / cell;
    y += (double)inputs[t * NAME_INPUT_SIZE + 1] / cell;
    for (size_t s = 0; s < steps; s++) {
      const float *move = inputs + s * NAME_INPUT_SIZE;
      double u, v;
      size_t i, j;
      ink_x += (double)move[0] / cell;
      ink_y += (double)move[1] / cell;
      u = ink_x - x + 3;
      v = ink_y - y + 3;
      if (move[2] != 0.0f || !(u > 0 && v > 0 && u < 6 && v < 6)) continue;
      i = (size_t)u;
      j = (size_t)v;
      u -= (double)i;
      v -= (double)j;
      map[j][i] += (1 - u) * (1 - v);
      map[j][i + 1] += u * (1 - v);
      map[j + 1][i] += (1 - u) * v;
      map[j + 1][i + 1] += u * v;
    }
    for (size_t j = 1; j < 6; j++) {
      for (size_t i = 1; i < 6; i++) *values++ = (float)(map[j][i] < 6 ? map[j][i] / 3 : 2);
    }
  }
}
`;

function numbers(values: Int32Array): string {
  const lines: string[] = [];
  for (let at = 0; at < values.length; at += NUMBERS_PER_LINE) {
    lines.push(`  ${values.subarray(at, at + NUMBERS_PER_LINE).join(', ')}`);
  }
  return lines.join(',\n');
}
