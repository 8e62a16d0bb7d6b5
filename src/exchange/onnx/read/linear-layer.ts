/** The linear layer of a classifier (Gemm, or MatMul and Add), and the softmax. Its inputs are labels. */
import { MAX_TEMPERATURE, MIN_TEMPERATURE } from '../../../runs/checkpoint/temperature.js';
import { elementCount, type GraphValue } from './graph-value.js';
import type { LinearLayer, Operator, OperatorCall } from './operator-call.js';

const gemm: Operator = (call) => {
  const [alpha, beta] = [call.float('alpha', 1), call.float('beta', 1)];
  const [transA, transB] = [call.whole('transA', 0), call.whole('transB', 0)];
  if (alpha !== 1 || beta !== 1 || transA !== 0) {
    call.fail(`has alpha ${alpha}, beta ${beta} and transA ${transA}; expected 1, 1 and 0`);
  }
  const answers = multiply(call, transB !== 0);
  const bias = call.optional(2);
  if (bias !== null && !addBias(call, answers, bias)) call.fail('has a bias of another shape than [classes]');
  return [answers];
};

const matMul: Operator = (call) => [multiply(call, false)];

/** @param transposed the weight is [K, F], not [F, K] @returns labels of the answers [..., K] */
function multiply(call: OperatorCall, transposed: boolean): GraphValue {
  const { analysis } = call;
  const [features, weight] = [call.input(0), call.input(1)];
  if (features.kind !== 'label' || weight.kind !== 'float' || weight.shape.length !== 2) {
    call.fail('multiplies other values than outputs of the LSTM with weights, which is not supported');
  }
  if (analysis.linear !== null) {
    call.fail('is a second linear layer; scanstroke has one, behind the LSTM layers');
  }
  const [F, K] = transposed ? [weight.shape[1], weight.shape[0]] : [weight.shape[0], weight.shape[1]];
  const width = features.shape.at(-1) ?? 0;
  checkFeatures(call, features, width, F);
  const shape = [...features.shape.slice(0, -1), K];
  const count = analysis.budget.spend(shape, 'label');
  const { base } = analysis.labels.add({ kind: 'answer' }, count);
  analysis.linear = {
    features: Int32Array.from(features.data),
    featureCount: F,
    weight,
    weightStrides: transposed ? [1, F] : [K, 1],
    bias: null,
    temperature: null,
    classes: K,
    firstAnswer: base,
  };
  return { kind: 'label', shape, data: Int32Array.from({ length: count }, (_, n) => base + n) };
}

function checkFeatures(call: OperatorCall, { data }: GraphValue, width: number, needed: number): void {
  const { labels, lstm } = call.analysis;
  for (const label of data) {
    const kind = label === 0 ? 'state' : labels.blockOf(label).kind;
    if (kind === 'input') {
      call.fail(
        "is a linear layer in front of the LSTM; scanstroke's networks feed sequences to the LSTM directly",
      );
    }
    if (kind === 'cell') call.fail('reads final cell states; scanstroke reads hidden states');
  }
  if (width === needed) return;
  const problem = `has weights for ${needed} inputs, and gets ${width}`;
  // With the head 'flatten' the inputs are proportional to the steps.
  const steps = (lstm.steps * needed) / width;
  if (Number.isInteger(steps)) call.failOfSize(problem, lstm.steps, steps);
  call.fail(problem);
}

/** Notes the bias, if `answers` are all outputs of the linear layer and `bias` is [K]. */
export function addBias(call: OperatorCall, answers: GraphValue, bias: GraphValue): boolean {
  const { linear } = call.analysis;
  if (linear === null || !isAnswers(linear, answers)) return false;
  if (bias.kind !== 'float' || bias.data.length !== linear.classes) return false;
  if (bias.shape.length > answers.shape.length || bias.shape.at(-1) !== linear.classes) return false;
  if (linear.bias !== null) call.fail('is a second bias of the linear layer');
  if (linear.temperature !== null) call.fail('adds a bias to logits that have been divided by a temperature');
  linear.bias = Float32Array.from(bias.data);
  return true;
}

/**
 * Notes the temperature, if all outputs of the linear layer are divided by the number `divisor`, and it may be one.
 * @param divisor the number by which they are divided, or 1 / the number that multiplies them
 */
export function divideAnswers(call: OperatorCall, answers: GraphValue, divisor: number): boolean {
  const { linear, notices } = call.analysis;
  if (linear === null || !isAnswers(linear, answers)) return false;
  if (!(divisor >= MIN_TEMPERATURE && divisor <= MAX_TEMPERATURE)) return false;
  if (linear.temperature !== null) call.fail('divides the logits a second time');
  linear.temperature = divisor;
  notices.add(`the file divides the logits by ${divisor}: this is the temperature of the imported network`);
  return true;
}

/** Whether labels are the linear layer's outputs, all and in order. */
export function isAnswers(
  { firstAnswer, features, featureCount, classes }: LinearLayer,
  value: GraphValue,
): boolean {
  const rows = featureCount === 0 ? 0 : features.length / featureCount;
  if (value.kind !== 'label' || value.data.length !== rows * classes || value.data.length === 0) return false;
  return value.data.every((label, n) => label === firstAnswer + n);
}

/** Softmax and LogSoftmax over the classes. Both are left out: scanstroke's answers are logits. */
const softmax: Operator = (call) => {
  const value = call.input(0);
  const { linear, opset, notices } = call.analysis;
  const rank = value.shape.length;
  if (linear === null || !isAnswers(linear, value)) {
    return call.fail('is no softmax of the linear layer, the only one that is supported');
  }
  // Before opset 13 the axes from this one on are taken together.
  const axis = call.axis(call.whole('axis', opset < 13 ? 1 : -1), Math.max(rank, 1));
  const over = opset < 13 ? elementCount(value.shape.slice(axis)) : axis === rank - 1 ? linear.classes : 0;
  if (over !== linear.classes) call.fail(`works on axis ${axis}; expected the axis of the classes`);
  notices.add(
    `the file's ${call.node.operator} is left out: scanstroke computes probabilities from the logits itself`,
  );
  return [value];
};

export const LINEAR_OPERATORS: Readonly<Record<string, Operator>> = {
  Gemm: gemm,
  LogSoftmax: softmax,
  MatMul: matMul,
  Softmax: softmax,
};
