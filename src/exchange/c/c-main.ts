/** The program in the C file, which reads a picture or a sequence from standard input: the fastest way to try the model. */
import type { CModel } from './c-model.js';

/** Steps of the longest sequence that the program reads, where memory must be set aside for it. */
const MAX_MAIN_STEPS = 4096;

export function mainText(model: CModel): string {
  const images = model.preprocessing?.kind === 'images';
  return `\
#ifdef NAME_MAIN
/* ---- A program that prints the probability of every class. ---- */

#include <stdio.h>

static int name_refuse(const char *problem)
{
  fprintf(stderr, "NAME: %s\\n", problem);
  return 2;
}

static void name_print(const float *logits)
{
  float probabilities[NAME_CLASSES];
  name_softmax(logits, probabilities);
  for (size_t k = 0; k < NAME_CLASSES; k++) {
    printf("%9.6f  %s\\n", (double)probabilities[k], name_classes[k]);
  }
  printf("answer: %s\\n", name_classes[name_classify(logits)]);
}

${images ? imageMain(model) : sequenceMain(model)}#endif
`;
}

function imageMain({ preprocessing, workspacePerStep }: CModel): string {
  const channels = preprocessing?.kind === 'images' ? preprocessing.channels : 1;
  const magic = channels === 3 ? '6' : '5';
  const picture = channels === 3 ? 'PPM' : 'PGM';
  const pixel =
    channels === 1
      ? 'pixels[n] = file[at + n];'
      : `/* Colours of a pixel lie together in the file, the colours of a pixel row apart in the network's input. */
    const size_t x = n / NAME_CHANNELS % NAME_WIDTH, y = n / NAME_CHANNELS / NAME_WIDTH, c = n % NAME_CHANNELS;
    pixels[(y * NAME_CHANNELS + c) * NAME_WIDTH + x] = file[at + n];`;
  const netpbm = channels === 1 || channels === 3;
  const header = netpbm
    ? `
/* A number in the header of a ${picture}, after spaces and comments; moves *at behind it. */
static size_t name_header_number(const uint8_t *file, size_t size, size_t *at)
{
  size_t number = 0;
  while (*at < size && (file[*at] < '0' || file[*at] > '9')) {
    if (file[*at] == '#') while (*at < size && file[*at] != '\\n') ++*at;
    else ++*at;
  }
  while (*at < size && file[*at] >= '0' && file[*at] <= '9' && number < 1000000) {
    number = 10 * number + (size_t)(file[(*at)++] - '0');
  }
  return number;
}
`
    : '';
  const parse = netpbm
    ? `
  if (size != NAME_PIXELS) {
    if (size < 2 || file[0] != 'P' || file[1] != '${magic}') return name_refuse(expected);
    at = 2;
    if (name_header_number(file, size, &at) != NAME_WIDTH) return name_refuse(expected);
    if (name_header_number(file, size, &at) != NAME_HEIGHT) return name_refuse(expected);
    if (name_header_number(file, size, &at) != 255) return name_refuse(expected);
    at++; /* one space */
  }
  if (size - at != NAME_PIXELS) return name_refuse(expected);`
    : `
  if (size != NAME_PIXELS) return name_refuse(expected);`;
  const { width, height } = preprocessing?.kind === 'images' ? preprocessing : { width: 0, height: 0 };
  const bytes = width * height * channels;
  const expected = netpbm
    ? `expected a binary ${picture} (P${magic}) of ${width} x ${height} pixels with the largest value 255, or its ${bytes} bytes alone`
    : `expected ${bytes} bytes: ${height} rows of ${width} pixels with ${channels} channels each`;
  return `\
${header.trimStart()}${channels === 1 ? INK_TEXT : ''}
/* Reads ${netpbm ? `a binary ${picture}, or raw bytes` : 'raw bytes'}, with the brightness of the training pictures. */
int main(void)
{
  static const char expected[] = "${expected}";
  static uint8_t file[NAME_PIXELS + 4096], pixels[NAME_PIXELS];
  static float inputs[NAME_STEPS * NAME_INPUT_SIZE]${workspacePerStep > 0 ? ', workspace[NAME_WORKSPACE(NAME_STEPS)]' : ''};
  const size_t size = fread(file, 1, sizeof file, stdin);
  float logits[NAME_CLASSES];
  size_t at = 0;${parse}
  for (size_t n = 0; n < NAME_PIXELS; n++) {
    ${pixel}
  }
${channels === 1 ? '  if (size != NAME_PIXELS) name_brighten_ink(pixels);\n' : ''}  name_normalise(pixels, inputs);
  name_predict(inputs, NAME_STEPS, logits${workspacePerStep > 0 ? ', workspace' : ''});
  name_print(logits);
  return 0;
}
`.trimStart();
}

/** As the Python file of an export does: the pictures of most programs have dark ink. */
const INK_TEXT = `
/* Of a picture with a bright border, takes the negative: the network learnt from bright ink on dark paper. */
static void name_brighten_ink(uint8_t *pixels)
{
  const uint8_t *below = pixels + (NAME_HEIGHT - 1) * NAME_WIDTH;
  size_t sum = 0;
  for (size_t x = 0; x < NAME_WIDTH; x++) sum += (size_t)pixels[x] + below[x];
  for (size_t y = 0; y < NAME_HEIGHT; y++) {
    sum += (size_t)pixels[y * NAME_WIDTH] + pixels[y * NAME_WIDTH + NAME_WIDTH - 1];
  }
  if (sum <= (size_t)127 * 2 * (NAME_WIDTH + NAME_HEIGHT)) return;
  for (size_t n = 0; n < NAME_PIXELS; n++) pixels[n] = (uint8_t)(255 - pixels[n]);
}
`;

function sequenceMain({ streaming, config, preprocessing, workspacePerStep }: CModel): string {
  const strokes = preprocessing?.kind === 'strokes';
  const isPlaced = strokes && preprocessing.position === true;
  const isMapped = strokes && preprocessing.context === true;
  const numbers = strokes ? '4' : 'NAME_INPUT_SIZE';
  const declared = `values[${numbers}], ${isPlaced ? 'place[2] = {0}, ' : ''}`;
  const what = strokes ? 'moves, four numbers each: dx dy eos eod' : 'steps, NAME_INPUT_SIZE numbers each';
  const toInput = (target: string) =>
    strokes
      ? `name_move(${isPlaced ? 'place, ' : ''}values[0], values[1], values[2] != 0.0f, values[3] != 0.0f, ${target});`
      : `memcpy(${target}, values, sizeof values);`;
  const partial = `return name_refuse("expected ${strokes ? '4' : String(config.inputSize)} numbers for every ${strokes ? 'move' : 'step'}")`;
  const read = `\
/* Reads the numbers of a step. Returns how many are left out; all of them at the end. */
static size_t name_read_step(float *values)
{
  size_t n = 0;
  while (n < ${numbers} && scanf("%f", &values[n]) == 1) n++;
  return ${numbers} - n;
}
`;
  if (streaming && !isMapped) {
    return `\
${read}
/* Reads ${what}; each goes through the network as it comes. */
int main(void)
{
  float ${declared}inputs[NAME_INPUT_SIZE], logits[NAME_CLASSES];
  name_state state;
  size_t missing;
  name_reset(&state);
  while ((missing = name_read_step(values)) == 0) {
    ${toInput('inputs')}
    name_step(&state, inputs, logits);
  }
  if (missing < ${numbers} || !feof(stdin)) ${partial};
  name_answer(&state, logits);
  name_print(logits);
  return 0;
}
`;
  }
  const steps = config.head === 'flatten' ? 'NAME_STEPS' : String(MAX_MAIN_STEPS);
  return `\
#define NAME_MAIN_STEPS ${steps}

${read}
/* Reads ${what}. */
int main(void)
{
  static float inputs[NAME_MAIN_STEPS * NAME_INPUT_SIZE]${workspacePerStep > 0 ? ', workspace[NAME_WORKSPACE(NAME_MAIN_STEPS)]' : ''};
  float ${declared}logits[NAME_CLASSES];
  size_t steps = 0, missing;
  while ((missing = name_read_step(values)) == 0) {
    if (steps == NAME_MAIN_STEPS) return name_refuse("too many ${strokes ? 'moves' : 'steps'}; raise NAME_MAIN_STEPS");
    ${toInput('inputs + steps * NAME_INPUT_SIZE')}
    steps++;
  }
  if (missing < ${numbers} || !feof(stdin)) ${partial};
${isMapped ? '  name_context(inputs, steps);\n' : ''}  name_predict(inputs, steps, logits${workspacePerStep > 0 ? ', workspace' : ''});
  name_print(logits);
  return 0;
}
`;
}
