/** The beginning of the C file: what it is, how it is used, and its declarations. */
import type { Head } from '../../model/classifier-config.js';
import { inputDeclarations } from './c-input.js';
import type { CModel } from './c-model.js';
import { stringLiteral, withName } from './c-text.js';

/** What the weights take, for the comment at the head. */
export interface WeightFacts {
  /** Bytes of all constants. */
  bytes: number;
  /** Root mean square error of the quantised weights, relative to their root mean square; null for float32. */
  error: number | null;
}

const HEAD_WORDS: Record<Head, string> = {
  flatten: 'the hidden states of the last layer at all steps',
  final: 'the final hidden states of all layers',
  last: 'the final hidden states of the last layer',
  mean: 'the mean hidden states of the last layer',
};

/**
 * Names of files that mean themselves to a shell, within quotes in C, and in a comment; the comment shows others as the
 * model's identifier.
 */
const PLAIN_FILE = /^[\p{L}\p{N}_.][\p{L}\p{M}\p{N}_.+-]*$/u;
/** Stands for the file's name in commentText. */
const FILE = '%FILE%';

/** The comment and the declarations, with the model's name. @param fileName shown in the comment */
export function headText(model: CModel, facts: WeightFacts, fileName: string): string {
  const { identifier } = model;
  const file = PLAIN_FILE.test(fileName) ? fileName : `${identifier}.c`;
  const comment = withName(commentText(model, facts), identifier).replaceAll(FILE, () => file);
  return `${comment}\n${withName(declarationsText(model), identifier)}`;
}

/** How far 8-bit weights are from the weights. @param error see WeightFacts */
export function errorText(error: number): string {
  return `the error of the 8-bit weights is ${percent(error)} of their size (both root mean square); only a test set tells how many answers change`;
}

/** A file that the program in the C file reads: `picture.pgm`. */
export function inputFileName({ preprocessing }: Pick<CModel, 'preprocessing'>): string {
  if (preprocessing === null) return 'sequence.txt';
  if (preprocessing.kind === 'strokes') return 'moves.txt';
  return { 1: 'picture.pgm', 3: 'picture.ppm' }[preprocessing.channels] ?? 'picture.raw';
}

function commentText(model: CModel, facts: WeightFacts): string {
  const { config, streaming, weights, quantize, preprocessing, workspacePerStep } = model;
  const { hiddenSize, numLayers, bidirectional, head } = config;
  const layers = numLayers === 1 ? 'one layer' : `${numLayers} layers`;
  const input = { images: 'pictures', strokes: 'pen strokes', sequences: 'sequences' }[
    preprocessing?.kind ?? 'sequences'
  ];
  const precision = quantize
    ? `\
 * Precision: weights of a gate (of a class, in the linear layer) are 8-bit integers with one float32 scale: the largest
 * weight divided by 127; input and recurrent weights have scales apart. Biases, states and all arithmetic are float32.
 * The error of the weights is ${percent(facts.error ?? 0)} of their size (both root mean square). Only a test set tells
 * how many answers change.`
    : `\
 * Precision: float32. Logits differ from scanstroke's in the last digits: sums run in another order, and expf and tanhf
 * are the C library's. In networks tried on MNIST's test digits the difference was below 1e-5, with logits up to 29;
 * it grows with the logits. Do not compile with -ffast-math.`;
  const memory = streaming
    ? `name_state: ${stateBytes(model)} bytes${head === 'mean' || head === 'flatten' ? ' and a size_t' : ''}`
    : workspacePerStep > 0
      ? `workspace: NAME_WORKSPACE(steps) floats, ${4 * workspacePerStep} bytes a step`
      : 'no workspace';
  return `\
/*
 * NAME: an LSTM that classifies ${input}, as one C99 file. Written by scanstroke.
 *
 * Network: ${layers} of ${hiddenSize} units${bidirectional ? ' in both directions' : ''}.
 * The linear layer reads ${HEAD_WORDS[head]}.
 * Weights: ${weights}, ${facts.bytes} bytes of constants.
 * Memory: ${memory}; ${streaming ? 'name_step' : 'name_predict'} takes about ${stackBytes(model)} bytes of stack${streaming ? ', name_predict a state more' : ''}.
 * Nothing is allocated, and no variable is global: functions are reentrant.
 *
${precision}
 *
 * Try it:
 *
 *   cc -std=c99 -O3 -DNAME_MAIN -o NAME ${FILE} -lm && ./NAME < ${inputFileName(model)}
 *
 * Use it: compile this file (cc -std=c99 -O3 -c ${FILE}) and link it, with -lm. Your program includes its
 * declarations:
 *
${exampleText(model)}
 */
`;
}

function exampleText(model: CModel): string {
  const { streaming, preprocessing, workspacePerStep, steps } = model;
  const workspace = workspacePerStep > 0 ? ', workspace' : '';
  const kind = preprocessing?.kind ?? 'sequences';
  const isPlaced = preprocessing?.kind === 'strokes' && preprocessing.position === true;
  const isMapped = preprocessing?.kind === 'strokes' && preprocessing.context === true;
  const place = isPlaced ? 'place, ' : '';
  const lines = [
    '#include <stdio.h>',
    '#define NAME_HEADER',
    `#include "${FILE}"`,
    '',
    'int main(void)',
    '{',
  ];
  if (kind === 'images') {
    lines.push(
      '  static uint8_t pixels[NAME_PIXELS]; // a picture goes here',
      `  static float inputs[NAME_STEPS * NAME_INPUT_SIZE]${workspace && ', workspace[NAME_WORKSPACE(NAME_STEPS)]'};`,
      '  float logits[NAME_CLASSES];',
      '  name_normalise(pixels, inputs);',
      `  name_predict(inputs, NAME_STEPS, logits${workspace});`,
    );
  } else if (streaming && !isMapped) {
    lines.push(
      '  name_state state;',
      `  float inputs[NAME_INPUT_SIZE]${kind === 'sequences' ? ' = {0}' : ''}, logits[NAME_CLASSES]${isPlaced ? ', place[2] = {0}' : ''};`,
      '  name_reset(&state);',
      ...(kind === 'strokes'
        ? [
            `  name_move(${place}5, 3, 0, 0, inputs);   // the first point`,
            '  name_step(&state, inputs, logits);',
          ]
        : ['  name_step(&state, inputs, logits); // a step']),
      ...(kind === 'strokes' ? [`  name_move(${place}0, 0, 1, 1, inputs);   // the end`] : []),
      '  name_step(&state, inputs, logits);',
    );
  } else {
    const count = steps === null ? '2' : 'NAME_STEPS';
    lines.push(
      `  static float inputs[${count} * NAME_INPUT_SIZE]${workspace && `, workspace[NAME_WORKSPACE(${count})]`};`,
      `  float logits[NAME_CLASSES]${isPlaced ? ', place[2] = {0}' : ''};`,
      ...(kind === 'strokes'
        ? [
            `  name_move(${place}5, 3, 0, 0, inputs);                   // the first point`,
            `  name_move(${place}0, 0, 1, 1, inputs + NAME_INPUT_SIZE); // the end`,
          ]
        : []),
      ...(isMapped ? [`  name_context(inputs, ${count});`] : []),
      `  name_predict(inputs, ${count}, logits${workspace});`,
    );
  }
  lines.push('  printf("%s\\n", name_classes[name_classify(logits)]);', '  return 0;', '}');
  return lines.map((line) => ` *   ${line}`.trimEnd()).join('\n');
}

function declarationsText(model: CModel): string {
  const { config, streaming, steps, workspacePerStep, classes, temperature } = model;
  const { inputSize, hiddenSize, numLayers, bidirectional, head } = config;
  const fixed = head === 'flatten';
  const workspace = workspacePerStep > 0;
  const lengths = fixed
    ? '0 to NAME_STEPS; missing steps count as zero hidden states, further ones are ignored'
    : 'any number; without steps, the hidden states are zero';
  return `\
#ifndef NAME_DECLARED
#define NAME_DECLARED

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NAME_INPUT_SIZE ${inputSize} /* values a step */
#define NAME_HIDDEN_SIZE ${hiddenSize}
#define NAME_LAYERS ${numLayers}
#define NAME_DIRECTIONS ${bidirectional ? 2 : 1}
#define NAME_CLASSES ${classes.length}
${temperatureText(temperature)}${steps === null ? '' : `#define NAME_STEPS ${steps} /* of a sequence */\n`}${
  workspace
    ? `#define NAME_WORKSPACE(steps) ((size_t)(steps) * ${workspacePerStep}) /* floats that name_predict needs */\n`
    : ''
}
/* [NAME_CLASSES] names of the classes, in UTF-8. */
extern const char *const name_classes[NAME_CLASSES];
${inputDeclarations(model)}
/*
 * The logits of a sequence: scores of the classes.
 *   inputs  [steps][NAME_INPUT_SIZE]
 *   steps   ${lengths}
 *   logits  [NAME_CLASSES] is written${workspace ? '\n *   workspace  [NAME_WORKSPACE(steps)] is used; its content does not matter' : ''}
 */
void name_predict(const float *inputs, size_t steps, float *logits${workspace ? ', float *workspace' : ''});
${streaming ? streamingDeclarations(head) : ''}
/* Probabilities [NAME_CLASSES] from logits${temperature === 1 ? '' : ' / NAME_TEMPERATURE'}; both may be the same array. */
void name_softmax(const float *logits, float *probabilities);

/* The class with the largest logit, or probability: 0 to NAME_CLASSES - 1. */
size_t name_classify(const float *logits);

#ifdef __cplusplus
}
#endif

#endif /* NAME_DECLARED */

#ifndef NAME_HEADER

#include <math.h>
#include <string.h>

#ifdef __cplusplus
#define NAME_RESTRICT
#else
#define NAME_RESTRICT restrict
#endif

`;
}

/** Nothing for a network whose logits are not divided. */
function temperatureText(temperature: number): string {
  if (temperature === 1) return '';
  const text = String(temperature);
  const literal = `${/[.e]/.test(text) ? text : `${text}.0`}f`;
  return `#define NAME_TEMPERATURE ${literal} /* fitted on validation data: probabilities agree with accuracy */\n`;
}

function streamingDeclarations(head: Head): string {
  const sums = {
    final: '',
    last: '',
    mean: "\n  float sums[NAME_HIDDEN_SIZE]; /* of the last layer's hidden states */\n  size_t steps;",
    flatten: '\n  double sums[NAME_CLASSES]; /* of the linear layer, so far */\n  size_t steps;',
  }[head];
  return `
/* A sequence that is read step by step. A copy of the struct is a sequence of its own. */
typedef struct {
  float hidden[NAME_LAYERS][NAME_HIDDEN_SIZE];
  float cells[NAME_LAYERS][NAME_HIDDEN_SIZE];${sums}
} name_state;

/* Begins a sequence. */
void name_reset(name_state *state);

/* Reads a step, inputs [NAME_INPUT_SIZE], and writes the logits [NAME_CLASSES] of the sequence so far. */
void name_step(name_state *state, const float *inputs, float *logits);

/* The logits of the sequence so far. */
void name_answer(const name_state *state, float *logits);
`;
}

/** Names of the classes, as C strings. Not a template: a name may hold any text. */
export function classNamesText(classes: readonly string[], identifier: string): string {
  const names = classes.map((name) => `  ${stringLiteral(name)},\n`).join('');
  return `const char *const ${identifier}_classes[${identifier.toUpperCase()}_CLASSES] = {\n${names}};\n\n`;
}

function stateBytes({ config: { numLayers, hiddenSize, head, numClasses } }: CModel): number {
  const sums = head === 'mean' ? hiddenSize : head === 'flatten' ? 2 * numClasses : 0;
  return 4 * (2 * numLayers * hiddenSize + sums);
}

/** The arrays on the stack at once, and what calls need; the latter is an estimate. */
function stackBytes(model: CModel): number {
  const { config, quantize, streaming } = model;
  const { hiddenSize, numClasses } = config;
  const gates = (quantize ? 2 : 1) * 4 * hiddenSize;
  const kept = streaming ? 0 : 3 * hiddenSize;
  return 4 * (gates + numClasses + kept) + 200;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
