/**
 * The network in C: one step of a layer, then the whole network, step by step (forward only) or layer by layer
 * (bidirectional). `name_` and `NAME_` stand for the model's name.
 */
import type { CModel } from './c-model.js';

/** Types and functions of the network; the weights follow them in the file. */
export function networkText(model: CModel): string {
  return [
    typesText(model),
    addText(model, 'gates', 'NAME_GATES', 'the four gates of every unit'),
    addText(model, 'classes', 'NAME_CLASSES', 'every class'),
    cellText(model),
    model.streaming ? streamingText(model) : bidirectionalText(model),
    answerText(model),
  ].join('\n');
}

function typesText({ quantize }: CModel): string {
  const scales = (of: string) => (quantize ? `\n  const float *${of}; /* of the column's weights */` : '');
  return `\
/* ---- Weights. Their values are at the end of the file. ---- */

#define NAME_GATES (4 * NAME_HIDDEN_SIZE) /* i, f, g, o of every unit */

/* The code needs float32, as nearly every processor has it. */
typedef char name_float_has_32_bits[sizeof(float) == 4 ? 1 : -1];

typedef ${quantize ? 'int8_t' : 'float'} name_weight;

/* One direction of one layer. Matrices are transposed: a row for each input, a column for each gate. */
typedef struct {
  size_t input_size;
  const name_weight *input; /* [input_size][NAME_GATES] */${scales('input_scales')}
  const name_weight *hidden; /* [NAME_HIDDEN_SIZE][NAME_GATES] */${scales('hidden_scales')}
  const float *bias; /* [NAME_GATES] */
} name_lstm;

typedef struct {
  name_lstm lstm[NAME_LAYERS][NAME_DIRECTIONS];
  const name_weight *linear; /* [features][NAME_CLASSES] */${scales('linear_scales')}
  const float *linear_bias; /* [NAME_CLASSES] */
} name_weights;

static const name_weights *name_trained(void);
`;
}

function addText({ quantize }: CModel, noun: string, width: string, what: string): string {
  const row = (n: number) => {
    const at = n === 0 ? 'n' : n === 1 ? `${width} + n` : `${n} * ${width} + n`;
    return quantize ? `(float)weights[${at}]` : `weights[${at}]`;
  };
  return `\
/*
 * Adds weights x inputs to the sums of ${what}.
 * Takes four inputs at a time, so that a sum is loaded and stored once for four products.
 */
static void name_add_${noun}(float *NAME_RESTRICT sums, const name_weight *NAME_RESTRICT weights,
    const float *NAME_RESTRICT inputs, size_t count)
{
  for (; count >= 4; count -= 4, inputs += 4, weights += 4 * ${width}) {
    const float a = inputs[0], b = inputs[1], c = inputs[2], d = inputs[3];
    for (size_t n = 0; n < ${width}; n++) {
      sums[n] += (${row(0)} * a + ${row(1)} * b)
          + (${row(2)} * c + ${row(3)} * d);
    }
  }
  for (; count > 0; count--, inputs++, weights += ${width}) {
    for (size_t n = 0; n < ${width}; n++) sums[n] += ${row(0)} * inputs[0];
  }
}
`;
}

function cellText(model: CModel): string {
  const sums = model.quantize
    ? `\
  float gates[NAME_GATES], recurrent[NAME_GATES];
  memset(gates, 0, sizeof gates);
  memset(recurrent, 0, sizeof recurrent);
  name_add_gates(gates, lstm->input, inputs, lstm->input_size);
  name_add_gates(recurrent, lstm->hidden, hidden, NAME_HIDDEN_SIZE);
  for (size_t n = 0; n < NAME_GATES; n++) {
    gates[n] = lstm->bias[n] + gates[n] * lstm->input_scales[n] + recurrent[n] * lstm->hidden_scales[n];
  }`
    : `\
  float gates[NAME_GATES];
  memcpy(gates, lstm->bias, sizeof gates);
  name_add_gates(gates, lstm->input, inputs, lstm->input_size);
  name_add_gates(gates, lstm->hidden, hidden, NAME_HIDDEN_SIZE);`;
  return `\
static float name_sigmoid(float x)
{
  return 1.0f / (1.0f + expf(-x));
}

/* One step of one direction of a layer. Replaces its hidden state and its cell state [NAME_HIDDEN_SIZE]. */
static void name_cell(const name_lstm *lstm, const float *inputs, float *hidden, float *cells)
{
${sums}
  for (size_t j = 0; j < NAME_HIDDEN_SIZE; j++) {
    const float i = name_sigmoid(gates[j]);
    const float f = name_sigmoid(gates[NAME_HIDDEN_SIZE + j]);
    const float g = tanhf(gates[2 * NAME_HIDDEN_SIZE + j]);
    const float o = name_sigmoid(gates[3 * NAME_HIDDEN_SIZE + j]);
    cells[j] = f * cells[j] + i * g;
    hidden[j] = o * tanhf(cells[j]);
  }
}
${finishText(model)}`;
}

function finishText({ quantize, config: { head } }: CModel): string {
  const flat = head === 'flatten';
  const double = (value: string) => (flat ? `(double)${value}` : value);
  const sum = `${double('trained->linear_bias[k]')} + sums[k]${quantize ? ` * ${double('trained->linear_scales[k]')}` : ''}`;
  return `
${flat ? STEP_TEXT : ''}/* The linear layer's sums become logits. */
static void name_finish(const ${flat ? 'double' : 'float'} *sums, float *logits)
{
  const name_weights *trained = name_trained();
  for (size_t k = 0; k < NAME_CLASSES; k++) {
    logits[k] = ${flat ? `(float)(${sum})` : sum};
  }
}
`;
}

/** The head `flatten` has thousands of products for each class. */
const STEP_TEXT = `\
/*
 * Adds the linear layer's products with one hidden state. They are summed by themselves, and the sums added in double:
 * one long sum in float would lose digits.
 */
static void name_add_step(double *sums, size_t index, const float *hidden)
{
  const name_weight *linear = name_trained()->linear + index * NAME_HIDDEN_SIZE * NAME_CLASSES;
  float part[NAME_CLASSES];
  memset(part, 0, sizeof part);
  name_add_classes(part, linear, hidden, NAME_HIDDEN_SIZE);
  for (size_t k = 0; k < NAME_CLASSES; k++) sums[k] += (double)part[k];
}

`;

/** Forward only: a state is carried from step to step. */
function streamingText({ config: { head } }: CModel): string {
  const afterLayers = {
    final: '',
    last: '',
    mean: `
  state->steps++;
  for (size_t j = 0; j < NAME_HIDDEN_SIZE; j++) state->sums[j] += inputs[j];`,
    flatten: `
  name_add_step(state->sums, state->steps, inputs);
  state->steps++;`,
  }[head];
  const read = {
    final: 'name_add_classes(sums, trained->linear, &state->hidden[0][0], NAME_LAYERS * NAME_HIDDEN_SIZE);',
    last: 'name_add_classes(sums, trained->linear, state->hidden[NAME_LAYERS - 1], NAME_HIDDEN_SIZE);',
    mean: `\
float mean[NAME_HIDDEN_SIZE];
  for (size_t j = 0; j < NAME_HIDDEN_SIZE; j++) {
    mean[j] = state->steps > 0 ? state->sums[j] / (float)state->steps : 0.0f;
  }
  name_add_classes(sums, trained->linear, mean, NAME_HIDDEN_SIZE);`,
    flatten: '',
  }[head];
  const answer =
    head === 'flatten'
      ? `  name_finish(state->sums, logits);`
      : `\
  const name_weights *trained = name_trained();
  float sums[NAME_CLASSES];
  memset(sums, 0, sizeof sums);
  ${read}
  name_finish(sums, logits);`;
  return `\
/* ---- The network, step by step. ---- */

void name_reset(name_state *state)
{
  memset(state, 0, sizeof *state);
}

/* One step of all layers. Each reads the hidden state of the one below. */
static void name_advance(name_state *state, const float *inputs)
{
  const name_weights *trained = name_trained();${head === 'flatten' ? '\n  if (state->steps == NAME_STEPS) return;' : ''}
  for (size_t layer = 0; layer < NAME_LAYERS; layer++) {
    name_cell(&trained->lstm[layer][0], inputs, state->hidden[layer], state->cells[layer]);
    inputs = state->hidden[layer];
  }${afterLayers}
}

void name_answer(const name_state *state, float *logits)
{
${answer}
}

void name_step(name_state *state, const float *inputs, float *logits)
{
  name_advance(state, inputs);
  name_answer(state, logits);
}

void name_predict(const float *inputs, size_t steps, float *logits)
{
  name_state state;
  name_reset(&state);
  for (size_t t = 0; t < steps; t++) name_advance(&state, inputs + t * NAME_INPUT_SIZE);
  name_answer(&state, logits);
}
`;
}

/** Both directions: a layer reads the whole output of the layer below. */
function bidirectionalText({ config: { head, numLayers } }: CModel): string {
  const stacked = numLayers > 1;
  const eachStep = {
    final: '',
    last: '',
    mean: 'for (size_t j = 0; j < NAME_HIDDEN_SIZE; j++) mean[j] += hidden[j] / (float)steps;',
    flatten: 'name_add_step(sums, t * NAME_DIRECTIONS + direction, hidden);',
  }[head];
  const above =
    'memcpy(outputs + (t * NAME_DIRECTIONS + direction) * NAME_HIDDEN_SIZE, hidden, sizeof hidden);';
  const readLast = (features: string) => {
    const read = `name_add_classes(sums, linear + direction * NAME_HIDDEN_SIZE * NAME_CLASSES, ${features},`;
    if (!stacked) return `${read}\n          NAME_HIDDEN_SIZE);`;
    return `if (layer == NAME_LAYERS - 1) {\n        ${read}\n            NAME_HIDDEN_SIZE);\n      }`;
  };
  let inner = eachStep;
  if (stacked) inner = `if (layer + 1 < NAME_LAYERS) {\n          ${above}\n        }`;
  if (stacked && eachStep !== '') inner += ` else {\n          ${eachStep}\n        }`;
  const read = {
    final: `name_add_classes(sums, linear + (layer * NAME_DIRECTIONS + direction) * NAME_HIDDEN_SIZE * NAME_CLASSES,
          hidden, NAME_HIDDEN_SIZE);`,
    last: readLast('hidden'),
    mean: readLast('mean'),
    flatten: '',
  }[head];
  const outputs =
    numLayers === 1
      ? ''
      : numLayers === 2
        ? '\n    float *outputs = workspace; /* [steps][2][NAME_HIDDEN_SIZE] */'
        : `
    /* [steps][2][NAME_HIDDEN_SIZE]: one of two buffers, in turns. */
    float *outputs = workspace + (layer % 2) * steps * 2 * NAME_HIDDEN_SIZE;`;
  const below = stacked
    ? `\n    const float *below = layer == 0 ? inputs : workspace${numLayers === 2 ? '' : ' + ((layer - 1) % 2) * steps * 2 * NAME_HIDDEN_SIZE'};`
    : '\n    const float *below = inputs;';
  return `\
/* ---- The network, layer by layer: each reads the sequence forwards and backwards. ---- */

void name_predict(const float *inputs, size_t steps, float *logits${stacked ? ', float *workspace' : ''})
{
  const name_weights *trained = name_trained();
${head === 'flatten' ? '' : '  const name_weight *linear = trained->linear; /* [features][NAME_CLASSES] */\n'}  ${head === 'flatten' ? 'double' : 'float'} sums[NAME_CLASSES];
  memset(sums, 0, sizeof sums);${head === 'flatten' ? '\n  if (steps > NAME_STEPS) steps = NAME_STEPS;' : ''}
  for (size_t layer = 0; layer < NAME_LAYERS; layer++) {${below}${outputs}
    for (size_t direction = 0; direction < NAME_DIRECTIONS; direction++) {
      const name_lstm *lstm = &trained->lstm[layer][direction];
      float hidden[NAME_HIDDEN_SIZE], cells[NAME_HIDDEN_SIZE];${head === 'mean' ? '\n      float mean[NAME_HIDDEN_SIZE];\n      memset(mean, 0, sizeof mean);' : ''}
      memset(hidden, 0, sizeof hidden);
      memset(cells, 0, sizeof cells);
      for (size_t n = 0; n < steps; n++) {
        const size_t t = direction == 0 ? n : steps - 1 - n;
        name_cell(lstm, below + t * lstm->input_size, hidden, cells);${inner && `\n        ${inner}`}
      }${read && `\n      ${read}`}
    }
  }
  name_finish(sums, logits);
}
`;
}

function answerText({ temperature }: CModel): string {
  const exponent = temperature === 1 ? 'logits[k] - largest' : '(logits[k] - largest) / NAME_TEMPERATURE';
  return `\
/* ---- Answers. ---- */

void name_softmax(const float *logits, float *probabilities)
{
  float largest = logits[0], sum = 0.0f;
  for (size_t k = 1; k < NAME_CLASSES; k++) if (logits[k] > largest) largest = logits[k];
  for (size_t k = 0; k < NAME_CLASSES; k++) {
    probabilities[k] = expf(${exponent});
    sum += probabilities[k];
  }
  for (size_t k = 0; k < NAME_CLASSES; k++) probabilities[k] /= sum;
}

size_t name_classify(const float *logits)
{
  size_t best = 0;
  for (size_t k = 1; k < NAME_CLASSES; k++) if (logits[k] > logits[best]) best = k;
  return best;
}
`;
}
