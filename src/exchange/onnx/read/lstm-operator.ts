/**
 * ONNX's LSTM (https://onnx.ai/onnx/operators/onnx__LSTM.html): X [T, B, I], W [D, 4H, I], R [D, 4H, H], B [D, 8H] →
 * Y [T, D, B, H], Y_h and Y_c [D, B, H]; with layout 1 the batch comes first. Finds the layer and direction of each, and
 * labels their outputs. A graph may reverse a sequence itself, and so make a forward LSTM a reverse direction.
 */
import type { GraphValue } from './graph-value.js';
import type { LayerDirection, LstmStack } from './lstm-stack.js';
import type { Operator, OperatorCall } from './operator-call.js';

/** Where PyTorch's gates i f g o are among ONNX's i o f c. */
const GATES = [0, 2, 3, 1] as const;
const ACTIVATIONS = ['sigmoid', 'tanh', 'tanh'];

/** Inputs and form of an operator, checked. */
interface LstmNode {
  x: GraphValue;
  batchFirst: boolean;
  /** Whether each direction of the node runs backwards. */
  reverse: boolean[];
  T: number;
  B: number;
  I: number;
  H: number;
}

export const lstm: Operator = (call) => {
  const node = readNode(call);
  const { lstm: stack } = call.analysis;
  setSizes(call, node);
  refuseStates(call, node);
  const { layer, flipped, columns } = matchSequence(call, node);
  stack.layers[layer] ??= { inputSize: node.I, directions: [] };
  const added = node.reverse.map((reverse, n) => {
    const direction = reverse === flipped ? 0 : 1;
    const { directions } = stack.layers[layer];
    if (directions[direction]) {
      call.fail(`is a second LSTM in layer ${layer} that reads ${direction === 0 ? 'forward' : 'backward'}`);
    }
    const count = stack.labelsOfDirection;
    const states = call.analysis.labels.add({ kind: 'state', layer, direction }, count);
    const read = { states, ...weightsOf(call, node, n, columns) };
    directions[direction] = read;
    return { read, backwards: direction === 1 };
  });
  return outputsOf(call, node, added, flipped);
};

/** Whether each direction reads backwards. */
const DIRECTIONS = new Map([
  ['forward', [false]],
  ['reverse', [true]],
  ['bidirectional', [false, true]],
]);

function readNode(call: OperatorCall): LstmNode {
  const direction = call.attribute('direction', 'text') ?? 'forward';
  const reverse = DIRECTIONS.get(direction);
  if (reverse === undefined) return call.fail('has an unknown direction');
  const activations = call.attribute('activations', 'texts') ?? [];
  if (activations.some((name, n) => name.toLowerCase() !== ACTIVATIONS[n % ACTIVATIONS.length])) {
    call.fail('has other activations than Sigmoid, Tanh, Tanh, which is not supported');
  }
  if (call.float('clip', 0) !== 0) call.fail('has the attribute "clip", which is not supported');
  if (call.whole('input_forget', 0) !== 0) {
    call.fail('couples input and forget gates ("input_forget"), which is not supported');
  }
  call.ignore('output_sequence', 'hidden_size');
  const x = call.input(0);
  if (x.kind !== 'label' || x.shape.length !== 3) {
    return call.fail(
      `needs sequences of three axes that come from the model's input, found ${x.shape.length} axes`,
    );
  }
  const R = weight(call, 2, 'the recurrent weights', 3);
  const batchFirst = call.whole('layout', 0) !== 0;
  const [T, B, I] = batchFirst ? [x.shape[1], x.shape[0], x.shape[2]] : x.shape;
  const H = R.shape[2];
  const W = weight(call, 1, 'the weights', 3);
  const peepholes = call.optional(7);
  if (peepholes?.data.some((value) => value !== 0)) call.fail('has peepholes, which are not supported');
  if (Math.min(T, B, I, H) < 1)
    call.fail(`reads ${B} sequences of ${T} steps of ${I} numbers, with ${H} units`);
  const D = reverse.length;
  if (W.shape[2] !== I) {
    call.failOfSize(`reads steps of ${I} numbers, and has weights for ${W.shape[2]}`, I, W.shape[2]);
  }
  const expected = [
    { found: W.shape, sizes: [D, 4 * H, I], name: 'W' },
    { found: R.shape, sizes: [D, 4 * H, H], name: 'R' },
    { found: call.optional(3)?.shape ?? [D, 8 * H], sizes: [D, 8 * H], name: 'B' },
  ];
  for (const { found, sizes, name } of expected) {
    if (found.join() !== sizes.join()) {
      call.fail(`has ${name} of shape [${found.join(', ')}], expected [${sizes.join(', ')}]`);
    }
  }
  return { x, batchFirst, reverse, T, B, I, H };
}

function weight(call: OperatorCall, place: number, what: string, rank: number): GraphValue {
  const value = call.numbers(place, what);
  if (value.kind !== 'float' || value.shape.length !== rank) {
    call.fail(`needs ${what} as floats with ${rank} axes, found ${value.shape.length} axes`);
  }
  return value;
}

/** All LSTMs of a classifier read the same batch of sequences, with the same number of units. */
function setSizes(call: OperatorCall, { T, B, H }: LstmNode): void {
  const { lstm: stack } = call.analysis;
  const given = call.optional(4) === null ? null : call.wholeList(4, 'the lengths');
  const lengths = given ?? new Array<number>(B).fill(T);
  if (lengths.length !== B || !lengths.every((each) => Number.isInteger(each) && each >= 1 && each <= T)) {
    call.fail(`has lengths that do not fit ${B} sequences of ${T} steps`);
  }
  if (stack.steps === 0) {
    Object.assign(stack, { steps: T, batch: B, units: H, lengths });
  }
  if (stack.units !== H) {
    call.fail(`has ${H} units, and another LSTM has ${stack.units}; scanstroke's layers have one size`);
  }
  if (stack.steps !== T || stack.batch !== B || stack.lengths.join() !== lengths.join()) {
    call.fail('reads other sequences than another LSTM of the file: batch, steps or lengths differ');
  }
}

/** Initial states must be zero, or inputs of the graph. */
function refuseStates(call: OperatorCall, { B, H, reverse, batchFirst }: LstmNode): void {
  const { labels, notices } = call.analysis;
  const expected = batchFirst ? [B, reverse.length, H] : [reverse.length, B, H];
  for (const place of [5, 6]) {
    const state = call.optional(place);
    if (state === null) continue;
    if (state.shape.join() !== expected.join()) {
      call.fail(`has initial states of shape [${state.shape.join(', ')}], expected [${expected.join(', ')}]`);
    }
    for (const value of state.data) {
      if (value === 0) continue;
      if (state.kind !== 'label') {
        call.fail('has initial states that are not zero; scanstroke begins with zeros');
      }
      if (labels.blockOf(value).kind !== 'input')
        call.fail("begins with another LSTM's states, which is not supported");
      notices.add('the file takes initial states as inputs; scanstroke begins with zeros');
    }
  }
}

/** How an LSTM's input relates to the layer below it. */
interface SequenceMatch {
  layer: number;
  /** The graph has reversed the steps. */
  flipped: boolean;
  /** [I] which input of ours stands in each column. */
  columns: Int32Array;
}

function matchSequence(call: OperatorCall, node: LstmNode): SequenceMatch {
  const { labels } = call.analysis;
  const first = node.x.data[0];
  const block = first === 0 ? null : labels.blockOf(first);
  if (block?.kind === 'input') return matchInput(call, node);
  if (block?.kind === 'state') return matchLayer(call, node, block.layer);
  return call.fail("reads other values than the model's input or the outputs of an LSTM");
}

/** Place of a step's first number in X. */
function placeOf({ batchFirst, T, B, I }: LstmNode, step: number, batch: number): number {
  return (batchFirst ? batch * T + step : step * B + batch) * I;
}

/** The step that stands at `step` of X. */
function stepAt(length: number, flipped: boolean, step: number): number {
  return flipped ? length - 1 - step : step;
}

function matchInput(call: OperatorCall, node: LstmNode): SequenceMatch {
  const { lstm: stack, labels } = call.analysis;
  const { T, B, I } = node;
  const input = labels.blockOf(node.x.data[0]);
  if (!node.x.data.every((label) => label >= input.base && label < input.base + input.count)) {
    call.fail(
      "reads several inputs of the model, or zeros beside the model's input; scanstroke reads one sequence",
    );
  }
  const [length] = stack.lengths;
  const flipped = stack.sequence === null ? isBackward(node, length) : !isSame(stack, node, false);
  if (stack.sequence === null) {
    const sequence = new Int32Array(T * B * I);
    for (let b = 0; b < B; b++) {
      for (let t = 0; t < T; t++) {
        const at = t < stack.lengths[b] ? stepAt(stack.lengths[b], flipped, t) : t;
        const from = placeOf(node, at, b);
        sequence.set(node.x.data.subarray(from, from + I), (t * B + b) * I);
      }
    }
    stack.sequence = sequence;
  } else if (flipped && !isSame(stack, node, true)) {
    call.fail('reads another sequence than another LSTM of the first layer');
  }
  return { layer: 0, flipped, columns: Int32Array.from({ length: I }, (_, i) => i) };
}

/** Whether the first sequence goes through the input's elements backwards. */
function isBackward(node: LstmNode, length: number): boolean {
  if (length < 2) return false;
  for (let t = 1; t < length; t++) {
    if (node.x.data[placeOf(node, t, 0)] >= node.x.data[placeOf(node, t - 1, 0)]) return false;
  }
  return true;
}

/** Whether X is the sequence of the first layer, or its reverse, in the steps of each sequence. */
function isSame({ sequence, lengths }: LstmStack, node: LstmNode, flipped: boolean): boolean {
  const { B, I, x } = node;
  if (sequence === null || sequence.length !== x.data.length) return false;
  for (let b = 0; b < B; b++) {
    for (let t = 0; t < lengths[b]; t++) {
      const place = placeOf(node, stepAt(lengths[b], flipped, t), b);
      for (let i = 0; i < I; i++) if (x.data[place + i] !== sequence[(t * B + b) * I + i]) return false;
    }
  }
  return true;
}

/** The outputs of layer `below` must be X, step by step, with all its directions side by side. */
function matchLayer(call: OperatorCall, node: LstmNode, below: number): SequenceMatch {
  const { lstm: stack } = call.analysis;
  const { B, I, x } = node;
  const { units: H, lengths } = stack;
  const directions = stack.layers[below].directions.filter((each) => each !== undefined);
  if (I !== directions.length * H || directions.length > 1 !== stack.layers[below].directions.length > 1) {
    call.fail(`reads ${I} numbers of layer ${below}, which gives ${directions.length * H}`);
  }
  const first = stack.stateOf(x.data[0]);
  const flipped = first !== null && first.step !== 0 && lengths[0] > 1;
  const columns = new Int32Array(I);
  for (let i = 0; i < I; i++) {
    const label = x.data[i];
    const state = label === 0 ? null : stack.stateOf(label);
    if (state?.layer !== below) return call.fail('reads other values beside the outputs of the layer below');
    columns[i] = state.direction * H + state.unit;
  }
  if (new Set(columns).size !== I) call.fail('reads outputs of the layer below twice');
  const owners = Array.from(columns, (column) => stack.layers[below].directions[Math.floor(column / H)]);
  for (let b = 0; b < B; b++) {
    for (let t = 0; t < lengths[b]; t++) {
      const place = placeOf(node, t, b);
      const step = stepAt(lengths[b], flipped, t);
      for (let i = 0; i < I; i++) {
        const owner = owners[i];
        if (owner === undefined || x.data[place + i] !== stack.labelOf(owner, step, b, columns[i] % H)) {
          return call.fail('reads the outputs of the layer below in another order of steps or sequences');
        }
      }
    }
  }
  return { layer: below + 1, flipped, columns };
}

/** The weights of a node's direction, gates and columns in our order. @param n direction within the node */
function weightsOf(
  call: OperatorCall,
  { I, H }: LstmNode,
  n: number,
  columns: Int32Array,
): Omit<LayerDirection, 'states'> {
  const [W, R] = [call.input(1).data, call.input(2).data];
  const B = call.optional(3)?.data ?? new Float32Array((n + 1) * 8 * H);
  const [weightIh, weightHh] = [new Float32Array(4 * H * I), new Float32Array(4 * H * H)];
  const [biasIh, biasHh] = [new Float32Array(4 * H), new Float32Array(4 * H)];
  GATES.forEach((theirs, ours) => {
    for (let unit = 0; unit < H; unit++) {
      const to = ours * H + unit;
      const row = theirs * H + unit;
      const from = n * 4 * H + row;
      for (let i = 0; i < I; i++) weightIh[to * I + columns[i]] = W[from * I + i];
      weightHh.set(R.subarray(from * H, (from + 1) * H), to * H);
      biasIh[to] = B[n * 8 * H + row];
      biasHh[to] = B[n * 8 * H + 4 * H + row];
    }
  });
  return { weightIh, weightHh, biasIh, biasHh };
}

/** Labels of Y, Y_h and Y_c. */
function outputsOf(
  call: OperatorCall,
  node: LstmNode,
  added: { read: LayerDirection; backwards: boolean }[],
  flipped: boolean,
): GraphValue[] {
  const { lstm: stack, budget, labels } = call.analysis;
  const { T, B, H, batchFirst } = node;
  const D = added.length;
  const [wantsY, , wantsCells] = [0, 1, 2].map((n) => (call.node.outputs[n] ?? '') !== '');
  const yShape = batchFirst ? [B, T, D, H] : [T, D, B, H];
  const stateShape = batchFirst ? [B, D, H] : [D, B, H];
  const y = new Int32Array(wantsY ? budget.spend(yShape, 'label') : 0);
  const hidden = new Int32Array(budget.spend(stateShape, 'label'));
  added.forEach(({ read, backwards }, d) => {
    for (let b = 0; b < B; b++) {
      const length = stack.lengths[b];
      const at = (batchFirst ? b * D + d : d * B + b) * H;
      const final = backwards ? 0 : length - 1;
      for (let unit = 0; unit < H; unit++) hidden[at + unit] = stack.labelOf(read, final, b, unit);
      // Past the end of a sequence, Y is zero.
      for (let t = 0; t < length && wantsY; t++) {
        const row = (batchFirst ? (b * T + t) * D + d : (t * D + d) * B + b) * H;
        const step = stepAt(length, flipped, t);
        for (let unit = 0; unit < H; unit++) y[row + unit] = stack.labelOf(read, step, b, unit);
      }
    }
  });
  const cells = new Int32Array(wantsCells ? budget.spend(stateShape, 'label') : 0);
  if (wantsCells) {
    const { base } = labels.add({ kind: 'cell' }, cells.length);
    cells.forEach((_, n) => {
      cells[n] = base + n;
    });
  }
  return [
    { kind: 'label', shape: yShape, data: y },
    { kind: 'label', shape: stateShape, data: hidden },
    { kind: 'label', shape: stateShape, data: cells },
  ];
}
