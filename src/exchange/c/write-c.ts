/**
 * Writes a model as one C99 file without dependencies: declarations, the network as readable code, the weights, and a
 * program to try it. The parts are in this folder: c-head.ts, c-network.ts, c-input.ts, c-main.ts; the numbers are made by
 * c-arrays.ts.
 */
import { featuresOf } from '../../model/classifier-config.js';
import type { ExportableModel, ExportedFile } from '../exportable-model.js';
import { floatBits, int8Numbers, joined } from './c-arrays.js';
import { classNamesText, errorText, headText } from './c-head.js';
import { inputText } from './c-input.js';
import { mainText } from './c-main.js';
import { type CModel, checkedModel, lstmTensors } from './c-model.js';
import { networkText } from './c-network.js';
import { withName } from './c-text.js';
import { quantizeRows, squaredError } from './quantization.js';

/** Settings of a C file. */
export interface COptions {
  /** Weights as 8-bit integers. Default false: float32. */
  quantize?: boolean;
  /** Name of the file, which the comment at its head shows. Default: the model's name as a C identifier, and `.c`. */
  fileName?: string;
}

/**
 * A model as a C99 file. Its name is the model's as a C identifier: `my-run` → `my_run.c` with `my_run_predict`. The head
 * of the file says how to use the functions, and how large the state and the workspace are.
 *
 * With `quantize`, every row of the LSTM's two matrices and of the linear layer's has a scale, and its weights are
 * −127 to 127; biases and activations are float32.
 *
 * @returns one file
 * @throws UserError for more than 16,777,216 weights, and for tensors, classes or preprocessing that do not fit the
 * configuration
 */
export function writeC(model: ExportableModel, options: COptions): ExportedFile[] {
  const checked = checkedModel(model, options.quantize ?? false);
  const { identifier, classes } = checked;
  const { fileName = `${identifier}.c` } = options;
  const encoder = new TextEncoder();
  const template = (text: string) => encoder.encode(withName(text, identifier));
  const weights = weightsOf(checked);
  const bytes = joined([
    encoder.encode(headText(checked, weights, fileName)),
    template(networkText(checked)),
    template(`\n${inputText(checked)}`),
    template('\n/* ---- Names of the classes, and weights. ---- */\n\n'),
    encoder.encode(classNamesText(classes, identifier)),
    ...weights.arrays.map((piece) => (typeof piece === 'string' ? template(piece) : piece)),
    template(trainedText(checked)),
    template(mainText(checked)),
    template('\n#endif /* NAME_HEADER */\n'),
  ]);
  return [{ name: fileName, bytes, notices: weights.error === null ? [] : [errorText(weights.error)] }];
}

interface Weights {
  /** Templates and values, in the order of the file. */
  arrays: (string | Uint8Array)[];
  bytes: number;
  error: number | null;
}

/** The arrays of constants. */
function weightsOf(model: CModel): Weights {
  const { config, parameters, quantize } = model;
  const arrays: Weights['arrays'] = [];
  let [bytes, errors, squares] = [0, 0, 0];
  const floats = (name: string, values: Float32Array) => {
    const { length } = values;
    arrays.push(
      `static const union { uint32_t bits[${length}]; float values[${length}]; } ${name} = {{\n`,
      floatBits(values),
      '}};\n\n',
    );
    bytes += 4 * length;
  };
  const matrix = (name: string, values: Float32Array, rows: number) => {
    if (!quantize) return floats(name, transposed(values, rows));
    const quantized = quantizeRows(values, rows);
    errors += squaredError(values, quantized);
    squares += values.reduce((sum, value) => sum + value * value, 0);
    arrays.push(`static const int8_t ${name}[${values.length}] = {\n`);
    arrays.push(int8Numbers(transposed(quantized.integers, rows)), '};\n\n');
    bytes += values.length;
    floats(`${name}_scales`, quantized.scales);
  };
  const tensor = (name: string) => parameters.get(name)!.data;
  const gates = 4 * config.hiddenSize;
  for (const { torch, c } of lstmTensors(config)) {
    matrix(`${c}_input`, tensor(`lstm.weight_ih_${torch}`), gates);
    matrix(`${c}_hidden`, tensor(`lstm.weight_hh_${torch}`), gates);
    const other = tensor(`lstm.bias_hh_${torch}`);
    const bias = tensor(`lstm.bias_ih_${torch}`).map((value, n) => value + other[n]);
    floats(`${c}_bias`, bias);
  }
  matrix('name_linear_weights', tensor('fc.weight'), config.numClasses);
  floats('name_linear_bias', tensor('fc.bias'));
  return { arrays, bytes, error: quantize ? (squares > 0 ? Math.sqrt(errors / squares) : 0) : null };
}

/** [rows, columns] → [columns, rows] */
function transposed<Values extends Float32Array | Int8Array>(values: Values, rows: number): Values {
  const columns = values.length / rows;
  const result = values.slice() as Values;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = values[row * columns + column];
    }
  }
  return result;
}

/** The table of all arrays. */
function trainedText(model: CModel): string {
  const { config, quantize } = model;
  const matrix = (name: string) => (quantize ? `${name}, ${name}_scales.values` : `${name}.values`);
  const directions = config.bidirectional ? 2 : 1;
  const rows = lstmTensors(config).map(
    ({ c, inputSize }) =>
      `{${inputSize}, ${matrix(`${c}_input`)},\n      ${matrix(`${c}_hidden`)},\n      ${c}_bias.values}`,
  );
  const layers: string[] = [];
  for (let n = 0; n < rows.length; n += directions) {
    layers.push(`    {${rows.slice(n, n + directions).join(',\n     ')}},\n`);
  }
  return `\
static const name_weights *name_trained(void)
{
  /* The linear layer's ${featuresOf(config)} features are in the order of PyTorch. */
  static const name_weights trained = {{
${layers.join('')}  }, ${matrix('name_linear_weights')}, name_linear_bias.values};
  return &trained;
}

`;
}
