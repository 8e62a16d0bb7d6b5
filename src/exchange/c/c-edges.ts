/**
 * Edges of pictures in C, by the rule of data/images/edges.ts. They add up where the network's input has them, as whole
 * numbers below 2^24, which float32 holds exactly; so they need no other memory.
 */
import {
  AXIS_WEIGHT,
  DIAGONAL_WEIGHT,
  EDGE_DIRECTIONS,
  EDGE_MEAN,
  EDGE_STD,
  FULL_STRENGTH,
} from '../../data/images/edges.js';
import type { ImagePreprocessing } from '../../data/images/image-preprocessing.js';
import { floatLiteral } from './c-text.js';

/** Parameters and arguments of the functions that look at pixels. */
const slantParameter = ({ deslant }: ImagePreprocessing) => (deslant ? 'const name_slant *slant, ' : '');
const slantArgument = ({ deslant }: ImagePreprocessing, text: string) => (deslant ? `${text}, ` : '');

/** Definition of `name_add_edges`. */
export function edgesText(preprocessing: ImagePreprocessing): string {
  const { deslant } = preprocessing;
  const parameter = slantParameter(preprocessing);
  const slant = slantArgument(preprocessing, 'slant');
  const pixel = deslant
    ? 'name_upright(pixels, slant, (size_t)(y * NAME_WIDTH + x))'
    : 'pixels[y * NAME_WIDTH + x]';
  return `\
/* The pixel at x, y; outside of the picture is paper. */
static int name_pixel(const uint8_t *pixels, ${parameter}long x, long y)
{
  if (x < 0 || y < 0 || x >= NAME_WIDTH || y >= NAME_HEIGHT) return 0;
  return ${pixel};
}

/* Adds to what cell x, y of 2 x 2 pixels has in a direction. */
static void name_add(float *inputs, int direction, long x, long y, int strength)
{
  if (x < 0 || y < 0 || x >= NAME_WIDTH / 2 || y >= NAME_HEIGHT / 2) return;
${placesText(preprocessing)}}

/* Divides the strength of the edge at a pixel among the four nearest cells. */
static void name_divide(float *inputs, int direction, long x, long y, int strength)
{
  const long beside = x % 2 ? x / 2 + 1 : x / 2 - 1, nearer = y % 2 ? y / 2 + 1 : y / 2 - 1;
  name_add(inputs, direction, x / 2, y / 2, 9 * strength);
  name_add(inputs, direction, beside, y / 2, 3 * strength);
  name_add(inputs, direction, x / 2, nearer, 3 * strength);
  name_add(inputs, direction, beside, nearer, strength);
}

/*
 * Adds up the edges in those of the inputs that hold them. The gradient of a pixel, by Sobel, is split into a part
 * along an axis and one along a diagonal. Directions are 0 east, 1 south-east, 2 south and so on.
 */
static void name_add_edges(const uint8_t *pixels, ${parameter}float *inputs)
{
  for (long y = 0; y < NAME_HEIGHT; y++) {
    for (long x = 0; x < NAME_WIDTH; x++) {
      int gx = 0, gy = 0, across, down;
      for (long n = -1; n <= 1; n++) {
        const int weight = n == 0 ? 2 : 1;
        gx += weight * (name_pixel(pixels, ${slant}x + 1, y + n) - name_pixel(pixels, ${slant}x - 1, y + n));
        gy += weight * (name_pixel(pixels, ${slant}x + n, y + 1) - name_pixel(pixels, ${slant}x + n, y - 1));
      }
      across = gx < 0 ? -gx : gx;
      down = gy < 0 ? -gy : gy;
      if (across > down) name_divide(inputs, gx > 0 ? 0 : 4, x, y, ${AXIS_WEIGHT} * (across - down));
      if (across < down) name_divide(inputs, gy > 0 ? 2 : 6, x, y, ${AXIS_WEIGHT} * (down - across));
      if (across > 0 && down > 0) {
        const int diagonal = gx > 0 ? (gy > 0 ? 1 : 7) : (gy > 0 ? 3 : 5);
        name_divide(inputs, diagonal, x, y, ${DIAGONAL_WEIGHT} * (across < down ? across : down));
      }
    }
  }
}

`;
}

/** Statements that add to the inputs of a cell: one, or one each by rows and by columns. */
function placesText({ scan = 'rows', width, height, sequenceLength }: ImagePreprocessing): string {
  // Half of a step's values are read by rows where both scans are.
  const part = scan === 'both' ? 'NAME_INPUT_SIZE / 2' : 'NAME_INPUT_SIZE';
  const place = (from: string, along: string, lines: number, across: string, length: string) => {
    const cells = lines / 2 / sequenceLength; // rows or columns of cells in a step
    const inStep = cells === 1 ? 'direction' : `(${along} % ${cells} * ${EDGE_DIRECTIONS} + direction)`;
    const step = cells === 1 ? along : `${along} / ${cells}`;
    // Pixels are the first third.
    return `  inputs[${step} * NAME_INPUT_SIZE + ${from}${part} / 3 + ${inStep} * (${length} / 2) + ${across}] += (float)strength;\n`;
  };
  const rows = place('', 'y', height, 'x', 'NAME_WIDTH');
  const columns = place(scan === 'both' ? `${part} + ` : '', 'x', width, 'y', 'NAME_HEIGHT');
  return `${scan === 'columns' ? '' : rows}${scan === 'rows' ? '' : columns}`;
}

/** Definition of `name_normalise`. @param pixel the value of pixel `name_order[n]`, as C */
export function normaliseWithEdges(preprocessing: ImagePreprocessing, pixel: string): string {
  const { deslant, mean, std } = preprocessing;
  return `\
void name_normalise(const uint8_t *pixels, float *inputs)
{${deslant ? '\n  const name_slant slant = name_slant_of(pixels);' : ''}
  for (size_t n = 0; n < NAME_STEPS * NAME_INPUT_SIZE; n++) inputs[n] = 0.0f;
  name_add_edges(pixels, ${slantArgument(preprocessing, '&slant')}inputs);
  for (size_t n = 0; n < NAME_STEPS * NAME_INPUT_SIZE; n++) {
    const int is_edge = name_order[n] >= NAME_PIXELS;
    const float strength = inputs[n] / ${floatLiteral(FULL_STRENGTH)};
    const float share = is_edge ? sqrtf(strength) : (float)${pixel} / 255.0f;
    const float centred = share - (is_edge ? ${floatLiteral(EDGE_MEAN)} : ${floatLiteral(mean)});
    inputs[n] = centred / (is_edge ? ${floatLiteral(EDGE_STD)} : ${floatLiteral(std)});
  }
}
`;
}
