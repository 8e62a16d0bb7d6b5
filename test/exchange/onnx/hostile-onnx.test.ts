/**
 * Protects users from hostile ONNX files: one clear line, and neither time nor memory beyond what the file's length
 * explains, whatever sizes, names and links it holds.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GRAPH, MODEL, TENSOR } from '#src/exchange/onnx/onnx-fields.js';
import { readOnnx } from '#src/exchange/onnx/read-onnx.js';
import { UserError } from '#src/user-error.js';
import {
  bytes,
  float,
  floats,
  H,
  I,
  int,
  joined,
  K,
  node,
  type SmallParts,
  smallModel,
  T,
  text,
  wholes,
} from './onnx-bytes.js';
import { fixture } from './onnx-fixtures.js';

const nothingBeside = (name: string): Uint8Array => {
  throw new UserError(`reads ${name} beside the model`);
};
const readBytes = (file: Uint8Array) => readOnnx(file, 'model.onnx', nothingBeside);
const read = (change: (parts: SmallParts) => void) => readBytes(smallModel(change));

/** A reading that must be refused. @returns seconds of processor time, MiB of memory */
function refused(run: () => unknown, message: RegExp): void {
  const [cpu, memory] = [process.cpuUsage(), process.memoryUsage()];
  assert.throws(run, { name: 'UserError', message });
  const { user, system } = process.cpuUsage(cpu);
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  assert.ok((user + system) / 1e6 < 4, 'takes seconds');
  // All values of a graph together take at most 384 MiB.
  assert.ok(arrayBuffers - memory.arrayBuffers < 400 * 2 ** 20, 'takes much memory');
  assert.ok(heapUsed - memory.heapUsed < 512 * 2 ** 20, 'takes much of the heap');
}

describe('damaged files', () => {
  test('every truncation is refused, or changes nothing', () => {
    const file = smallModel();
    const whole = readBytes(file).tensors;
    for (let length = 0; length < file.length; length++) {
      try {
        assert.deepEqual(readBytes(file.subarray(0, length)).tensors, whole);
      } catch (error) {
        assert.ok(error instanceof UserError, `${length}: ${String(error)}`);
      }
    }
  });

  test('every flipped bit gives a model or one line', () => {
    const file = smallModel();
    for (let at = 0; at < file.length; at++) {
      const changed = file.slice();
      changed[at] ^= 1 << (at % 8);
      try {
        readBytes(changed);
      } catch (error) {
        assert.ok(error instanceof UserError, `${at}: ${error instanceof Error ? error.stack : ''}`);
        assert.ok(!error.message.includes('\n') && error.message.length < 1000, `${at}: ${error.message}`);
      }
    }
  });

  test('files of other kinds are refused', () => {
    for (const file of [new Uint8Array(), new TextEncoder().encode('PK\x03\x04'), new Uint8Array(100)]) {
      refused(() => readBytes(file), /damaged|not an ONNX file/);
    }
  });
});

describe('sizes that lie', () => {
  const CASES: Record<string, [(parts: SmallParts) => void, RegExp]> = {
    'dims whose product overflows': [
      ({ constants }) => Object.assign(constants.W, { dims: [2 ** 40, 2 ** 40] }),
      /"W" of shape \[1099511627776, 1099511627776\] needs more than 2\^53 bytes, found 240/,
    ],
    'negative dims': [
      ({ constants }) => Object.assign(constants.W, { dims: [-1, 4 * H, I] }),
      /"W" has the size -1/,
    ],
    'more values than dims': [
      ({ constants }) => Object.assign(constants.W, { dims: [1, 4 * H, I - 1] }),
      /"W" of shape \[1, 20, 2\] needs 160 bytes, found 240/,
    ],
    'dims of huge empty tensors': [
      ({ constants, head }) => {
        constants.empty = { dims: [0, 2 ** 40], values: new Float32Array() };
        head.push({ op: 'Concat', inputs: ['empty', 'empty'], outputs: ['e'], attributes: { axis: 1 } });
        head[0].inputs = ['Y_h', 'e'];
      },
      /needs a list of at most/,
    ],
    'float_data of another length': [
      ({ constants }) => Object.assign(constants, { b: { dims: [K], fields: [float(TENSOR.floatData, 1)] } }),
      /"b" of shape \[4\] needs 16 bytes, found 4/,
    ],
    'an unknown element type': [
      ({ constants }) => Object.assign(constants.b, { dataType: 17 }),
      /"b" has the element type 17, which is not supported/,
    ],
    'an expansion to 2^40 elements': [
      ({ constants, lstm, head }) => {
        constants.huge = wholes(2 ** 20, 2 ** 20);
        head.unshift({ op: 'Expand', inputs: ['b0', 'huge'], outputs: ['expanded'] });
        constants.b0 = floats(1);
        lstm.inputs = [...lstm.inputs, '', 'expanded'];
      },
      /a value in the graph has the shape \[1048576, 1048576\], which is too large to analyse/,
    ],
    'a constant of 2^40 elements': [
      ({ constants, lstm, head }) => {
        constants.huge = wholes(2 ** 40);
        head.unshift({ op: 'ConstantOfShape', inputs: ['huge'], outputs: ['zeros'] });
        lstm.inputs = [...lstm.inputs, '', 'zeros'];
      },
      /has the shape \[1099511627776\], which is too large to analyse/,
    ],
    'a range without end': [
      ({ constants, lstm, head }) => {
        Object.assign(constants, { start: wholes(0), limit: wholes(2 ** 40), step: wholes(1) });
        head.unshift({ op: 'Range', inputs: ['start', 'limit', 'step'], outputs: ['range'] });
        lstm.inputs = [...lstm.inputs, 'range'];
      },
      /has the shape \[1099511627776\], which is too large to analyse/,
    ],
    'a reshape to 2^40 elements': [
      ({ constants, head }) => {
        constants.huge = wholes(2 ** 20, 2 ** 20);
        head.push({ op: 'Reshape', inputs: ['Y_h', 'huge'], outputs: ['big'] });
        head[0].outputs = ['unused'];
        head[1].outputs = ['h'];
      },
      /Reshape cannot make \[1048576, 1048576\]/,
    ],
    'an input of 2^40 elements': [
      ({ inputs }) => Object.assign(inputs, { x: [2 ** 20, 2 ** 20, I] }),
      /has the shape \[1048576, 1048576, 3\], which is too large to analyse; export the model with a smaller batch/,
    ],
    'an input without steps': [
      ({ inputs }) => Object.assign(inputs, { x: [0, T, I] }),
      /reads 0 sequences of 6 steps/,
    ],
    'steps of a slice': [
      ({ constants, head, transpose }) => {
        Object.assign(constants, { from: wholes(0), to: wholes(2 ** 40), axis1: wholes(1), none: wholes(0) });
        head.unshift({ op: 'Slice', inputs: ['x', 'from', 'to', 'axis1', 'none'], outputs: ['sliced'] });
        transpose.inputs = ['sliced'];
      },
      /Slice has the step 0/,
    ],
  };
  for (const [name, [change, message]] of Object.entries(CASES)) {
    test(name, () => refused(() => read(change), message));
  }

  test('operators that double a value, over and over', () => {
    const doubling = Array.from({ length: 60 }, (_, n) => ({
      op: 'Concat',
      inputs: [`v${n}`, `v${n}`],
      outputs: [`v${n + 1}`],
      attributes: { axis: 0 },
    }));
    refused(
      () =>
        read(({ head, constants, lstm }) => {
          constants.v0 = floats(1000);
          head.unshift(...doubling);
          lstm.inputs = [...lstm.inputs, '', 'v60'];
        }),
      /too large to analyse/,
    );
  });

  test('many operators on a large value', () => {
    const chain = Array.from({ length: 500 }, (_, n) => ({
      op: 'Transpose',
      inputs: [`v${n}`],
      outputs: [`v${n + 1}`],
    }));
    refused(
      () =>
        read(({ head, constants, lstm }) => {
          constants.million = wholes(2 ** 20);
          head.unshift({ op: 'ConstantOfShape', inputs: ['million'], outputs: ['v0'] }, ...chain);
          lstm.inputs = [...lstm.inputs, '', 'v500'];
        }),
      /too large to analyse/,
    );
  });

  test('more operators, metadata or dims than any model has', () => {
    const many = (count: number, part: Uint8Array) => new Uint8Array(Buffer.alloc(count * part.length, part));
    const graph = many(10 ** 6, bytes(GRAPH.node, node({ op: 'Identity', inputs: ['x'], outputs: ['y'] })));
    refused(() => readBytes(bytes(MODEL.graph, graph)), /more than 65536 operators/);
    const constants = Array.from({ length: 65_537 }, (_, n) =>
      bytes(GRAPH.initializer, text(TENSOR.name, `${n}`)),
    );
    refused(() => readBytes(bytes(MODEL.graph, joined(...constants))), /more than 65536 constants/);
    const dims = bytes(GRAPH.initializer, many(100, int(TENSOR.dims, 1)));
    refused(() => readBytes(bytes(MODEL.graph, dims)), /has more than 16 numbers/);
    const outputs = many(5000, text(2, 'y'));
    refused(
      () => readBytes(bytes(MODEL.graph, bytes(GRAPH.node, outputs))),
      /more than 4096 inputs or outputs/,
    );
  });
});

describe('graphs that cannot be', () => {
  test('a circle', () => {
    const circle = ({ head }: SmallParts) => {
      head[0].inputs = ['again', 'axis0'];
      head.push({ op: 'Identity', inputs: ['h'], outputs: ['again'] });
    };
    refused(() => read(circle), /the graph needs the value "(h|again)" to make it/);
    const itself = ({ head, outputs }: SmallParts) => {
      head.push({ op: 'Add', inputs: ['z', 'z'], outputs: ['z'] });
      outputs.push('z');
    };
    refused(() => read(itself), /the graph needs the value "z" to make it/);
  });

  test('a chain of 60,000 operators, which recursion would not survive', () => {
    const found = read(({ head, lstm }) => {
      const chain = Array.from({ length: 60_000 }, (_, n) => ({
        op: 'Identity',
        inputs: [n === 0 ? 'xt' : `c${n - 1}`],
        outputs: [`c${n}`],
      }));
      head.push(...chain);
      lstm.inputs = ['c59999', 'W', 'R', 'B'];
    });
    assert.equal(found.head, 'final');
  });

  test('two values of one name, a value that nothing makes, an input without a shape', () => {
    refused(
      () => read(({ head }) => head.push({ op: 'Identity', inputs: ['x'], outputs: ['h'] })),
      /two values in the graph have the name "h"/,
    );
    refused(
      () => read(({ head }) => head.push({ op: 'Identity', inputs: ['x'], outputs: ['W'] })),
      /two values in the graph have the name "W"/,
    );
    refused(
      () => read(({ gemm }) => Object.assign(gemm, { inputs: ['h', 'nowhere'] })),
      /nothing .* makes .* "nowhere"/,
    );
    const constant = bytes(GRAPH.initializer, text(TENSOR.name, 'W'));
    const graph = joined(constant, constant);
    refused(() => readBytes(bytes(MODEL.graph, graph)), /two constants have the name "W"/);
    refused(() => readBytes(joined(smallModel(), smallModel())), /two graphs/);
  });

  test('__proto__ and other names of objects are names like any others', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const found = read(({ head, gemm, constants }) => {
        Object.assign(head[0], { inputs: ['Y_h', 'axis0'], outputs: [name] });
        Object.assign(gemm, { inputs: [name, 'fc', 'b'] });
        constants.axis0 = wholes(0);
      });
      assert.equal(found.tensors.size, 6);
      refused(
        () => read(({ gemm }) => Object.assign(gemm, { op: name })),
        /is not supported; scanstroke reads/,
      );
      refused(
        () =>
          read(({ gemm }) => Object.defineProperty(gemm.attributes, name, { value: 1, enumerable: true })),
        /which is not supported/,
      );
    }
  });

  test('line breaks and control characters in names stay out of messages', () => {
    refused(() => read(({ gemm }) => Object.assign(gemm, { op: 'A\n\u001b[2J' })), /^\P{Cc}*$/u);
    refused(() => read(({ gemm }) => Object.assign(gemm, { inputs: ['h', 'x\ny'] })), /^\P{Cc}*$/u);
  });
});

describe('values in other files', () => {
  const external = (entries: Record<string, string>) => (parts: SmallParts) => {
    const fields = Object.entries(entries).map(([key, value]) =>
      bytes(TENSOR.externalData, joined(text(1, key), text(2, value))),
    );
    parts.constants.b = { dims: [K], fields: [...fields, int(TENSOR.dataLocation, 1)] };
  };

  test('are read beside the model, at their offset', () => {
    const asked: string[] = [];
    const file = new Uint8Array(Float32Array.of(9, 1, 2, 3, 4, 9).buffer);
    const found = readOnnx(
      smallModel(external({ location: 'data/b.bin', offset: '4', length: '16' })),
      'model.onnx',
      (name) => {
        asked.push(name);
        return file;
      },
    );
    assert.deepEqual(Array.from(found.tensors.get('fc.bias')?.data ?? []), [1, 2, 3, 4]);
    assert.deepEqual(asked, ['data/b.bin'], 'once');
  });

  test('are never asked for outside of the folder', () => {
    const names = [
      '../b.bin',
      'a/../../b.bin',
      '/etc/passwd',
      '..',
      '.',
      '',
      'a//b',
      'C:b',
      'a\\b',
      '\\\\host\\b',
      'a\0b',
    ];
    for (const location of names) {
      refused(
        () => read(external({ location })),
        /lies in the file .*; expected a file in the model's folder/,
      );
    }
    refused(() => read(external({})), /lies in the file ""/);
  });

  test('are refused if the caller refuses them, or they do not fit', () => {
    refused(() => read(external({ location: 'link' })), /^reads link beside the model$/);
    const file = new Uint8Array(32);
    const withFile = (entries: Record<string, string>) => () =>
      readOnnx(smallModel(external({ location: 'b', ...entries })), 'model.onnx', () => file);
    refused(
      withFile({ offset: '999999999999999' }),
      /lies at bytes 999999999999999 to .* of "b", which has 32/,
    );
    refused(withFile({ offset: '8', length: '40' }), /lies at bytes 8 to 48 of "b", which has 32/);
    refused(withFile({ offset: '-1' }), /has the offset "-1" in "b"; expected a whole number/);
    refused(withFile({ length: '1e3' }), /has the length "1e3"/);
    refused(withFile({ length: '8' }), /needs 16 bytes, found 8/);
    refused(withFile({}), /needs 16 bytes, found 32/);
  });

  test('a file of PyTorch without its weights says which are missing', () => {
    refused(() => readOnnx(fixture('external.onnx'), 'external.onnx', nothingBeside), /^reads external\.bin/);
  });
});
