/**
 * Protects users from a wrong import: a graph that computes something else than scanstroke's networks is refused by
 * the name of what differs, and equal graphs in other forms come in.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ATTRIBUTE, ATTRIBUTE_TYPE, DATA_TYPE } from '#src/exchange/onnx/onnx-fields.js';
import { readOnnx } from '#src/exchange/onnx/read-onnx.js';
import {
  bothDirections,
  bytes,
  float,
  floats,
  H,
  I,
  int,
  joined,
  K,
  type SmallParts,
  smallModel,
  T,
  text,
  wholes,
  zeros,
} from './onnx-bytes.js';
import { fixture } from './onnx-fixtures.js';

const read = (change: (parts: SmallParts) => void) => readOnnx(smallModel(change), 'model.onnx', fixture);

const texts = (...values: string[]) =>
  joined(
    ...values.map((value) => text(ATTRIBUTE.strings, value)),
    int(ATTRIBUTE.type, ATTRIBUTE_TYPE.strings),
  );
const real = (value: number) =>
  joined(float(ATTRIBUTE.float, value), int(ATTRIBUTE.type, ATTRIBUTE_TYPE.float));

/** The output after the last step of Y, [batch, D·H]: in PyTorch, out[:, -1]. */
function lastStepOfY(parts: SmallParts, directions: number): void {
  Object.assign(parts.constants, {
    shape: wholes(0, 0, directions * H),
    minus1: { ...wholes(-1), dims: [] },
  });
  parts.head = [
    { op: 'Transpose', inputs: ['Y'], outputs: ['beside'], attributes: { perm: [0, 2, 1, 3] } },
    { op: 'Reshape', inputs: ['beside', 'shape'], outputs: ['out'] },
    { op: 'Gather', inputs: ['out', 'minus1'], outputs: ['h'], attributes: { axis: 0 } },
  ];
}

/** All steps of Y in one row, of a model that takes any number of steps. */
function flattened(parts: SmallParts): void {
  parts.inputs.x = ['batch', 'steps', I];
  Object.assign(parts.constants, { axis1: wholes(1), fc: floats(K, H * T) });
  parts.head = [
    { op: 'Squeeze', inputs: ['Y', 'axis1'], outputs: ['out'] },
    { op: 'Transpose', inputs: ['out'], outputs: ['first'], attributes: { perm: [1, 0, 2] } },
    { op: 'Flatten', inputs: ['first'], outputs: ['h'] },
  ];
}

describe('graphs that come in', () => {
  test('the final state, and the output after the last step of one direction', () => {
    assert.equal(read(() => {}).head, 'final');
    assert.equal(read((parts) => lastStepOfY(parts, 1)).head, 'final');
  });

  test('pictures, whose channels become parts of each row', () => {
    const found = read((parts) => {
      parts.inputs.x = [1, I, T, 1];
      parts.constants.rows = wholes(T, 1, I);
      Object.assign(parts.transpose, { op: 'Reshape', inputs: ['beside', 'rows'], attributes: {} });
      parts.head = [
        ...parts.head,
        { op: 'Transpose', inputs: ['x'], outputs: ['beside'], attributes: { perm: [2, 0, 1, 3] } },
      ];
    });
    assert.equal(found.sequenceLength, T);
  });

  test('all steps, though the file names no number of steps', () => {
    const found = read(flattened);
    assert.equal(found.head, 'flatten');
    assert.equal(found.sequenceLength, T);
  });

  test('columns and gates in our order', () => {
    // The sequence reversed by the graph, and the directions of a bidirectional LSTM exchanged: the columns follow.
    const plain = read((parts) => {
      bothDirections(parts);
      Object.assign(parts.constants, { shape: wholes(-1, 2 * H) });
      parts.head = [
        { op: 'Transpose', inputs: ['Y_h'], outputs: ['beside'], attributes: { perm: [1, 0, 2] } },
        { op: 'Reshape', inputs: ['beside', 'shape'], outputs: ['h'] },
      ];
    });
    const exchanged = read((parts) => {
      bothDirections(parts);
      Object.assign(parts.constants, { shape: wholes(-1, 2 * H), order: wholes(1, 0) });
      parts.head = [
        { op: 'Gather', inputs: ['Y_h', 'order'], outputs: ['swapped'], attributes: { axis: 0 } },
        { op: 'Transpose', inputs: ['swapped'], outputs: ['beside'], attributes: { perm: [1, 0, 2] } },
        { op: 'Reshape', inputs: ['beside', 'shape'], outputs: ['h'] },
      ];
    });
    assert.equal(exchanged.head, 'final');
    const [a, b] = [plain, exchanged].map(({ tensors }) => tensors.get('fc.weight')?.data ?? []);
    for (let k = 0; k < K; k++) {
      for (let n = 0; n < 2 * H; n++) assert.equal(b[k * 2 * H + ((n + H) % (2 * H))], a[k * 2 * H + n]);
    }
    const W = floats(1, 4 * H, I).values ?? [];
    const ours = read(() => {}).tensors.get('lstm.weight_ih_l0')?.data ?? [];
    // ONNX: i o f c. PyTorch: i f g o.
    [0, 2, 3, 1].forEach((theirs, gate) => {
      for (let n = 0; n < H * I; n++) assert.equal(ours[gate * H * I + n], W[theirs * H * I + n]);
    });
  });

  test('without biases, whose place zeros take', () => {
    const { tensors } = read((parts) => {
      parts.lstm.inputs = ['xt', 'W', 'R'];
      parts.gemm.inputs = ['h', 'fc'];
    });
    for (const name of ['lstm.bias_ih_l0', 'lstm.bias_hh_l0', 'fc.bias']) {
      assert.ok(
        tensors.get(name)?.data.every((each) => each === 0),
        name,
      );
    }
  });

  test('with initial states as inputs, and scaled inputs: a notice says what is left out', () => {
    const states = read((parts) => {
      parts.inputs.h0 = [1, 'batch', H];
      parts.lstm.inputs = [...parts.lstm.inputs, '', 'h0', ''];
    });
    assert.match(states.notices.join(), /takes initial states as inputs; scanstroke begins with zeros/);
    const scaled = read((parts) => {
      parts.constants.std = { ...floats(1), dims: [] };
      parts.head.unshift({ op: 'Div', inputs: ['x', 'std'], outputs: ['scaled'] });
      parts.transpose.inputs = ['scaled'];
    });
    assert.match(scaled.notices.join(), /own arithmetic on its input \(Div\) is left out/);
    assert.equal(scaled.notices.length, 1);
  });
});

/** The logits, divided or multiplied by a number, and their softmax. */
function scaledLogits(op: 'Div' | 'Mul', number: number, dims: number[] = []) {
  return (parts: SmallParts) => {
    parts.constants.factor = { dims, values: Float32Array.of(number) };
    parts.tail.push(
      { op, inputs: ['y', 'factor'], outputs: ['scaled'] },
      { op: 'Softmax', inputs: ['scaled'], outputs: ['p'], attributes: { axis: 1 } },
    );
    parts.outputs[0] = 'p';
  };
}

describe('a number that divides the logits', () => {
  test('is the temperature', () => {
    assert.equal(read(() => {}).temperature, null);
    for (const dims of [[], [1], [1, 1]]) assert.equal(read(scaledLogits('Div', 2.5, dims)).temperature, 2.5);
    const multiplied = read(scaledLogits('Mul', 0.25));
    assert.equal(multiplied.temperature, 4);
    assert.match(multiplied.notices.join(), /divides the logits by 4: this is the temperature/);
    assert.equal(read(scaledLogits('Div', 1)).temperature, null);
  });

  test('is refused out of range, twice, and before the bias', () => {
    for (const number of [0, -2, 1e-3, 1e3]) {
      assert.throws(
        () => read(scaledLogits('Div', number)),
        /^UserError: model\.onnx: the operator Div.* computes with values/,
      );
    }
    const twice = (parts: SmallParts) => {
      scaledLogits('Div', 2)(parts);
      parts.tail.splice(1, 0, { op: 'Div', inputs: ['scaled', 'factor'], outputs: ['again'] });
      parts.tail[2].inputs = ['again'];
    };
    assert.throws(() => read(twice), /divides the logits a second time/);
    const before = (parts: SmallParts) => {
      scaledLogits('Div', 2)(parts);
      parts.gemm.inputs = ['h', 'fc'];
      parts.tail.splice(1, 0, { op: 'Add', inputs: ['scaled', 'b'], outputs: ['sum'] });
      parts.tail[2].inputs = ['sum'];
    };
    assert.throws(() => read(before), /adds a bias to logits that have been divided by a temperature/);
  });
});

describe('graphs that are refused by name', () => {
  const CASES: Record<string, [(parts: SmallParts) => void, RegExp]> = {
    'a GRU': [(parts) => Object.assign(parts.lstm, { op: 'GRU' }), /GRU layers are not supported/],
    'an unknown operator': [
      ({ tail, outputs }) => {
        tail.push({ op: 'Relu', inputs: ['y'], outputs: ['z'] });
        outputs[0] = 'z';
      },
      /the operator "Relu" is not supported; scanstroke reads classifiers of LSTM layers/,
    ],
    "an operator of another tool's": [
      ({ gemm }) => Object.assign(gemm, { domain: 'com.example' }),
      /the operator "com\.example\.Gemm" is not supported/,
    ],
    'other activations': [
      ({ lstm }) => Object.assign(lstm.attributes, { activations: texts('Sigmoid', 'Relu', 'Relu') }),
      /LSTM has other activations than Sigmoid, Tanh, Tanh/,
    ],
    'clipped cells': [
      ({ lstm }) => Object.assign(lstm.attributes, { clip: real(3) }),
      /LSTM has the attribute "clip"/,
    ],
    'coupled gates': [
      ({ lstm }) => Object.assign(lstm.attributes, { input_forget: 1 }),
      /\("input_forget"\)/,
    ],
    'an unknown attribute': [
      ({ lstm }) => Object.assign(lstm.attributes, { zoneout: 1 }),
      /LSTM has the attribute "zoneout", which is not supported/,
    ],
    'a subgraph': [
      ({ gemm }) => Object.assign(gemm.attributes, { body: bytes(ATTRIBUTE.graph, new Uint8Array()) }),
      /Gemm has the attribute "body" \(a graph\), which is not supported/,
    ],
    peepholes: [
      ({ lstm, constants }) => {
        constants.P = floats(1, 3 * H);
        lstm.inputs = [...lstm.inputs, '', '', '', 'P'];
      },
      /LSTM has peepholes/,
    ],
    'initial states that are not zero': [
      ({ lstm, constants, inputs }) => {
        inputs.x = [2, T, I];
        constants.h0 = floats(1, 2, H);
        lstm.inputs = [...lstm.inputs, '', 'h0'];
      },
      /LSTM has initial states that are not zero/,
    ],
    'columns in place of rows': [
      ({ inputs, transpose }) => {
        inputs.x = [1, I, T];
        transpose.attributes.perm = [2, 0, 1];
      },
      /does not read its whole input row by row: it transposes, crops or mirrors it/,
    ],
    'a part of the input': [
      ({ inputs, transpose, head, constants }) => {
        inputs.x = [1, T + 2, I];
        Object.assign(constants, { from: wholes(0), to: wholes(T), axis1: wholes(1) });
        transpose.inputs = ['part'];
        head.push({ op: 'Slice', inputs: ['x', 'from', 'to', 'axis1'], outputs: ['part'] });
      },
      /does not read its whole input row by row/,
    ],
    'colours side by side': [
      ({ inputs, transpose, constants }) => {
        inputs.x = [1, T, 2, 2];
        Object.assign(constants, { W: floats(1, 4 * H, 4), rows: wholes(T, 1, 4) });
        Object.assign(transpose, { op: 'Reshape', inputs: ['x', 'rows'], attributes: {} });
      },
      /reads the colours of each pixel/,
    ],
    'a backward LSTM alone': [
      ({ lstm }) => Object.assign(lstm.attributes, { direction: 'reverse' }),
      /LSTM layer 0 reads sequences backwards only/,
    ],
    'the wrong end of the backward direction': [
      (parts) => {
        bothDirections(parts);
        lastStepOfY(parts, 2);
      },
      /layer 0 backward at step 6 of 6: the backward direction ends at step 1.*out\[:, -1\]/,
    ],
    'one step in the middle': [
      (parts) => {
        lastStepOfY(parts, 1);
        parts.constants.minus1 = { ...wholes(2), dims: [] };
      },
      /the linear layer reads layer 0 forward at step 3 of 6; scanstroke reads all steps/,
    ],
    'a fixed step, which is the last one only of short sequences': [
      (parts) => {
        parts.inputs.x = ['batch', 'steps', I];
        lastStepOfY(parts, 1);
        // The first analysis has 3 steps.
        parts.constants.minus1 = { ...wholes(2), dims: [] };
      },
      /the linear layer reads layer 0 forward at step 3 of 4/,
    ],
    'an answer for each step': [
      (parts) => {
        flattened(parts);
        parts.constants.fc = floats(H, K);
        parts.head = parts.head.slice(0, 2);
        parts.head[1].outputs = ['h'];
        Object.assign(parts.gemm, { op: 'MatMul', inputs: ['h', 'fc'], attributes: {} });
      },
      /gives 6 answers for 2 sequences; scanstroke's classifiers give one each/,
    ],
    'cell states': [
      ({ head }) => Object.assign(head[0], { inputs: ['Y_c', 'axis0'] }),
      /Gemm reads final cell states; scanstroke reads hidden states/,
    ],
    'two linear layers': [
      ({ tail, constants, outputs }) => {
        constants.fc2 = floats(K, K);
        tail.push({ op: 'MatMul', inputs: ['y', 'fc2'], outputs: ['z'] });
        outputs[0] = 'z';
      },
      /MatMul is a second linear layer/,
    ],
    'a linear layer in front': [
      ({ head, transpose, constants }) => {
        constants.project = floats(I, I);
        head.unshift({ op: 'MatMul', inputs: ['x', 'project'], outputs: ['projected'] });
        transpose.inputs = ['projected'];
      },
      /MatMul is a linear layer in front of the LSTM/,
    ],
    'the sum of both directions': [
      (parts) => {
        bothDirections(parts);
        Object.assign(parts.constants, { fc: floats(K, H) });
        parts.head = [
          { op: 'Split', inputs: ['Y_h'], outputs: ['f', 'r'], attributes: { axis: 0 } },
          { op: 'Add', inputs: ['f', 'r'], outputs: ['sum'] },
          { op: 'Squeeze', inputs: ['sum', 'axis0'], outputs: ['h'] },
        ];
      },
      /Add computes with values of the network/,
    ],
    'a mean over a part of the steps': [
      (parts) => {
        parts.constants.axis1 = wholes(1);
        Object.assign(parts.constants, { from: wholes(1), to: wholes(T) });
        parts.head = [
          { op: 'Slice', inputs: ['Y', 'from', 'to', 'axis0'], outputs: ['some'] },
          { op: 'Squeeze', inputs: ['some', 'axis1'], outputs: ['out'] },
          { op: 'ReduceMean', inputs: ['out'], outputs: ['h'], attributes: { axes: [0], keepdims: 0 } },
        ];
      },
      /ReduceMean adds up other values than the outputs of one unit over all steps/,
    ],
    'a mean over padded steps': [
      (parts) => {
        parts.inputs.lengths = ['batch'];
        parts.types.lengths = DATA_TYPE.int32;
        parts.constants.axis1 = wholes(1);
        parts.lstm.inputs = [...parts.lstm.inputs, 'lengths'];
        parts.head = [
          { op: 'Squeeze', inputs: ['Y', 'axis1'], outputs: ['out'] },
          { op: 'ReduceMean', inputs: ['out'], outputs: ['h'], attributes: { axes: [0], keepdims: 0 } },
        ];
      },
      /averages over steps past the end of a sequence/,
    ],
    'a second layer that does not read all of the first': [
      (parts) => {
        bothDirections(parts);
        Object.assign(parts.constants, { axis1: wholes(1), W2: floats(1, 4 * H, H), fc: floats(K, H) });
        parts.head = [
          { op: 'Split', inputs: ['Y'], outputs: ['f', 'r'], attributes: { axis: 1 } },
          { op: 'Squeeze', inputs: ['f', 'axis1'], outputs: ['forward'] },
          {
            op: 'LSTM',
            inputs: ['forward', 'W2', 'R2'],
            outputs: ['', 'Y2'],
            attributes: { hidden_size: H },
          },
          { op: 'Squeeze', inputs: ['Y2', 'axis0'], outputs: ['h'] },
        ];
        parts.constants.R2 = floats(1, 4 * H, H);
      },
      /LSTM reads 5 numbers of layer 0, which gives 10/,
    ],
    'alpha of another value': [
      ({ gemm }) => Object.assign(gemm.attributes, { alpha: real(0.5) }),
      /Gemm has alpha 0\.5/,
    ],
    'an output that is not the linear layer': [
      ({ outputs }) => outputs.splice(0, 1, 'Y_h'),
      /has no linear layer/,
    ],
    'no LSTM': [
      (parts) => {
        parts.outputs[0] = 'xt';
      },
      /the graph has no LSTM/,
    ],
    'old operators': [
      (parts) => Object.assign(parts, { opset: 5 }),
      /version 5 of ONNX's operators \(opset\); 7 to 26/,
    ],
  };
  for (const [name, [change, message]] of Object.entries(CASES)) {
    test(name, () => {
      assert.throws(() => read(change), { name: 'UserError', message });
    });
  }

  test('zeros as initial states and peepholes are none', () => {
    const found = read(({ lstm, constants, inputs }) => {
      inputs.x = [2, T, I];
      constants.h0 = zeros(1, 2, H);
      constants.P = zeros(1, 3 * H);
      lstm.inputs = [...lstm.inputs, '', 'h0', 'h0', 'P'];
    });
    assert.deepEqual(found.notices, []);
  });
});
