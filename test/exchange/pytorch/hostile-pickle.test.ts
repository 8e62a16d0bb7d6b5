/** Protects users from hostile pickles: nothing is executed, and time, memory and messages stay small. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MAX_MODULE_DEPTH } from '#src/exchange/pytorch/read/module-tensors.js';
import { readPytorch } from '#src/exchange/pytorch/read-pytorch.js';
import { OPCODES } from '#src/formats/pickle/pickle-opcodes.js';
import { MAX_MARKS, readPickle } from '#src/formats/pickle/pickle-reader.js';
import { PickleDict, PickleRecord } from '#src/formats/pickle/pickle-values.js';
import { MAX_OPCODES } from '#src/formats/pickle/torch-functions.js';
import { UserError } from '#src/user-error.js';
import {
  APPEND,
  archiveOf,
  BUILD,
  type Code,
  DICT,
  dict,
  EMPTY_TUPLE,
  FALSE,
  filled,
  get,
  global,
  int,
  LIST,
  list,
  MARK,
  NEWOBJ,
  NONE,
  object,
  pickle,
  put,
  REDUCE,
  SETITEM,
  tensor,
  text,
  tuple,
} from './pickle-bytes.js';

const W = tensor({ size: [2, 3], stride: [3, 1] });
const read = (...codes: Code[]) => readPytorch(archiveOf(pickle(...codes)), 'm.pt');

function refused(problem: RegExp, ...codes: Code[]): void {
  assert.throws(
    () => read(...codes),
    (error) => error instanceof UserError && problem.test(error.message) && !/[\n\r]/.test(error.message),
  );
}

describe('nothing is executed', () => {
  const command = tuple(text('touch /tmp/scanstroke-was-here'));

  test('calls that reach the system are refused by name, wherever they stand', () => {
    for (const [module, name] of [
      ['os', 'system'],
      ['posix', 'system'],
      ['nt', 'system'],
      ['subprocess', 'Popen'],
      ['builtins', 'eval'],
      ['__builtin__', 'exec'],
      ['builtins', '__import__'],
      ['runpy', '_run_code'],
      ['importlib', 'import_module'],
      ['code', 'interact'],
      ['code', 'InteractiveInterpreter'],
      ['code', 'InteractiveConsole.push'],
      ['code', 'compile_command'],
      ['code', 'sys.modules'],
      ['code', '__builtins__.get'],
      ['commands', 'getoutput'],
      ['commands', 'getstatusoutput'],
      ['commands', 'getstatus'],
      ['pip', 'main'],
      ['pip._internal', 'main'],
    ]) {
      const call = [...global(module, name), ...command, ...REDUCE];
      const expected = new RegExp(
        `data\\.pkl: byte \\d+: Python would call "${module}\\.${name}".*executed nothing`,
      );
      refused(expected, call);
      refused(expected, dict({ w: W, extra: call }));
    }
  });

  test('other functions and classes stay names with arguments', () => {
    const call = [...global('numpy.core.multiarray', 'scalar'), ...tuple(int(1)), ...REDUCE];
    const { value } = readPickle(pickle(call), 'm');
    assert.ok(value instanceof PickleRecord);
    assert.equal(value.className, 'numpy.core.multiarray.scalar');
    assert.deepEqual(value.args, [1]);
    assert.deepEqual([...read(dict({ w: W, loss: call })).tensors.keys()], ['w']);
  });

  test('packages may be called code and commands, and a value Ellipsis', () => {
    for (const [module, name] of [
      ['code.net', 'Net'],
      ['code', 'Net'],
      ['commands.models', 'Net'],
      ['builtins', 'Ellipsis'],
      ['__builtin__', 'NotImplemented'],
    ]) {
      assert.deepEqual([...read(dict({ w: W, extra: global(module, name) })).tensors.keys()], ['w']);
    }
  });

  test('names that JavaScript knows are ordinary keys', () => {
    const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString'];
    const state = [...DICT, ...names.flatMap((name) => [...text(name), ...W, ...SETITEM])];
    assert.deepEqual([...read(state).tensors.keys()], names);
    const group = dict({ params: list(int(0)) });
    const named = [...DICT, ...text('__proto__'), ...dict({ lr: int(5) }), ...SETITEM];
    const optimizer = dict({
      state: named,
      param_groups: list([...group, ...text('__proto__'), ...int(7), ...SETITEM]),
    });
    const settings = read(dict({ model: dict({ w: W }), optimizer })).optimizer?.settings ?? {};
    assert.deepEqual(Object.keys(settings), ['__proto__']);
    assert.equal('lr' in {}, false);
  });
});

describe('opcodes', () => {
  test('that torch.save does not write are refused by name', () => {
    for (const [opcode, name] of [
      [0x93, 'STACK_GLOBAL'],
      [0x92, 'NEWOBJ_EX'],
      [0x69, 'INST'],
      [0x6f, 'OBJ'],
      [0x82, 'EXT1'],
      [0x50, 'PERSID'],
      [0x67, 'GET'],
      [0x30, 'POP'],
      [0x8b, 'LONG4'],
      [0xff, '0xff'],
    ] as const) {
      refused(new RegExp(`byte 2: the opcode ${name}.* is not read; save the model again`), [opcode]);
    }
  });

  test('on an empty stack or without a MARK are refused', () => {
    for (const name of [
      'TUPLE1',
      'TUPLE2',
      'TUPLE3',
      'REDUCE',
      'NEWOBJ',
      'BUILD',
      'APPEND',
      'SETITEM',
      'BINPERSID',
    ] as const) {
      refused(/byte 2: (fewer than \d values are|nothing is) on the stack/, [OPCODES[name]]);
      refused(/byte 4: (fewer than \d values are|nothing is) on the stack/, NONE, MARK, [OPCODES[name]]);
    }
    for (const name of ['TUPLE', 'APPENDS', 'SETITEMS'] as const)
      refused(/there is no MARK/, [OPCODES[name]]);
    refused(/ends within a MARK/, MARK, NONE);
    refused(/on the stack/);
  });

  test('with wrong operands are refused', () => {
    refused(/expected a list to append to, found None/, NONE, NONE, APPEND);
    refused(/expected a dict to fill, found a list/, LIST, NONE, NONE, SETITEM);
    refused(/a key without a value/, DICT, MARK, NONE, [OPCODES.SETITEMS]);
    refused(/expected a class or a function, found None/, NONE, EMPTY_TUPLE, REDUCE);
    refused(/expected a tuple of arguments, found a list/, global('a', 'B'), LIST, NEWOBJ);
    refused(/nothing was remembered as 4294967295/, get(0xffff_ffff));
    refused(/pickle protocol 5/, [OPCODES.PROTO, 5]);
  });

  test('whose lengths lie are refused before memory is allocated', () => {
    refused(/the pickle is cut short/, [OPCODES.BINUNICODE, 0xff, 0xff, 0xff, 0]);
    refused(/a text of 4294967295 bytes; at most/, [OPCODES.BINUNICODE, 0xff, 0xff, 0xff, 0xff]);
    refused(/the pickle is cut short/, [OPCODES.LONG1, 255, 1]);
    refused(/the pickle is cut short/, [OPCODES.SHORT_BINSTRING, 200, 65]);
    refused(/expected a name of up to 1000 bytes/, [OPCODES.GLOBAL, ...new Array(3000).fill(97), 10, 97, 10]);
    refused(/expected a name of up to 1000 bytes and a line break/, [OPCODES.GLOBAL, 97, 97]);
  });

  test('by the million are refused, and soon', () => {
    const nones = new Uint8Array(MAX_OPCODES + 1).fill(OPCODES.NONE);
    const bytes = Buffer.concat([Uint8Array.of(OPCODES.PROTO, 2), nones]);
    assert.throws(
      () => readPickle(bytes, 'm'),
      /UserError: m: byte 1000000: over 1000000 opcodes; save only the weights/,
    );
    const dicts = Buffer.concat([Uint8Array.of(OPCODES.PROTO, 2), nones.map(() => OPCODES.EMPTY_DICT)]);
    const before = process.memoryUsage().rss;
    assert.throws(() => readPickle(dicts, 'm'), UserError);
    // A million dicts; a reader without a limit would go on to the end of the file.
    assert.ok(process.memoryUsage().rss - before < 300 * 2 ** 20);
  });

  test('LONG1 reads numbers of any sign and size', () => {
    const long = (...bytes: number[]) =>
      readPickle(pickle([OPCODES.LONG1, bytes.length, ...bytes]), 'm').value;
    assert.equal(long(), 0);
    assert.equal(long(0xff), -1);
    assert.equal(long(0x00, 0x80), -32768);
    assert.equal(long(0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19), 0x1950a86a20f9469cfc6cn);
  });

  test('a huge index of the memo takes no memory', () => {
    const { value } = readPickle(pickle(DICT, put(0xffff_fffe), get(0xffff_fffe), tuple()), 'm');
    assert.notEqual(value, undefined);
  });
});

describe('nesting', () => {
  test('of MARKs has a limit', () => {
    refused(new RegExp(`nested deeper than ${MAX_MARKS} MARKs`), new Array(100_000).fill(OPCODES.MARK));
  });

  test('of tuples and lists by the hundred thousand is no recursion', () => {
    refused(/found a tuple/, NONE, new Array(200_000).fill(OPCODES.TUPLE1));
    const lists = new Array(100_000).fill(OPCODES.EMPTY_LIST);
    refused(/found a list/, lists, new Array(99_999).fill(OPCODES.APPEND));
  });

  test('lists and dicts that contain themselves do not loop', () => {
    const self = [...DICT, ...put(1), ...text('model'), ...get(1), ...SETITEM];
    refused(/found a dict with "model"/, self);
    refused(/found a list/, LIST, put(1), get(1), APPEND);
    const optimizer = [...LIST, ...put(2), ...get(2), ...APPEND];
    assert.match(
      read(dict({ model: dict({ w: W }), optimizer })).notices.join(),
      /expected a dict, found a list/,
    );
  });

  const module = (state: Record<string, Code>) =>
    object('__main__', 'Net', dict({ _parameters: DICT, _buffers: DICT, _modules: DICT, ...state }));

  test('modules that contain themselves are refused', () => {
    const made = [...global('__main__', 'Net'), ...EMPTY_TUPLE, ...NEWOBJ, ...put(1)];
    const state = dict({ _parameters: dict({ w: W }), _modules: dict({ inner: get(1) }) });
    refused(/a module contains itself; save model\.state_dict\(\)/, made, state, BUILD);
    const script = [...global('__torch__', 'Net'), ...EMPTY_TUPLE, ...NEWOBJ, ...put(1)];
    refused(/a module contains itself/, script, dict({ w: W, inner: get(1) }), BUILD);
  });

  test('modules in modules have a limit', () => {
    let code = module({ _parameters: dict({ w: W }) });
    for (let i = 0; i < MAX_MODULE_DEPTH; i++) code = module({ _modules: dict({ m: code }) });
    refused(/modules are nested deeper than 64/, code);
  });

  test('modules that are shared in a way that makes 2^50 of them are refused soon', () => {
    let code: Code = [...module({}), ...put(100)];
    for (let i = 1; i < 50; i++) {
      const shared = { a: get(99 + i), b: get(99 + i) };
      code = [...code, ...module({ _modules: filled(DICT, shared) }), ...put(100 + i), ...tuple()];
    }
    const last = get(149);
    const all = tuple(code, last);
    const value = dict({ x: all, model: last });
    refused(/it has over 100000 modules/, value);
  });
});

test('a dict that names one large dict again and again is refused soon', () => {
  const members = Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`n${n}`, NONE]));
  const names = Array.from({ length: 3000 }, (_, n) => [`m${n}`, get(7)] as const);
  const code = dict({ first: [...dict(members), ...put(7)], ...Object.fromEntries(names) });
  refused(/it names over 4000000 members of dicts and modules/, code);
});

test('a model is found beside other tensors', () => {
  for (const key of ['state_dict', 'model_state_dict', 'model', 'net']) {
    const { format, tensors, epoch } = read(dict({ epoch: int(3), loss: W, [key]: dict({ w: W }), rng: W }));
    assert.deepEqual([format, [...tensors.keys()], epoch], ['a PyTorch checkpoint', ['w'], 3]);
  }
  assert.deepEqual([...read(dict({ model: W, w: W })).tensors.keys()], ['model', 'w']);
});

describe('what stands for storages', () => {
  test('must be a storage', () => {
    const persistent = (id: Code) => [...id, OPCODES.BINPERSID];
    refused(/a reference outside the file: expected a storage, found the number 5/, persistent(int(5)));
    refused(/found "rref"/, persistent(tuple(text('rref'), int(1))));
    refused(
      /a storage: expected its class and its key/,
      persistent(tuple(text('storage'), text('x'), text('0'))),
    );
    const negative = tuple(text('storage'), global('torch', 'FloatStorage'), text('0'), text('cpu'), int(-1));
    refused(/number of elements: expected a whole number from 0, found the number -1/, persistent(negative));
  });

  test('may not change its type', () => {
    const other = tensor({ size: [1], stride: [1], className: 'DoubleStorage' });
    refused(/storage "0" is both "torch\.FloatStorage" and "torch\.DoubleStorage"/, dict({ w: W, v: other }));
  });

  test('may be a class with its source, as the older form has for modules', () => {
    const net = [
      ...tuple(text('module'), global('__main__', 'Net'), text('net.py'), text('import os')),
      OPCODES.BINPERSID,
    ];
    const state = dict({ _parameters: dict({ w: W }), _buffers: DICT, _modules: DICT });
    const { format, tensors } = read(net, EMPTY_TUPLE, NEWOBJ, state, BUILD);
    assert.equal(format, 'a PyTorch module, an object of class __main__.Net');
    assert.deepEqual([...tensors.keys()], ['w']);
  });
});

test('what PyTorch wraps around tensors is seen through', () => {
  const parameter = [...global('torch._utils', '_rebuild_parameter'), ...tuple(W, FALSE, NONE), ...REDUCE];
  const rebuild = global('torch._utils', '_rebuild_parameter');
  const typed = [
    ...global('torch._tensor', '_rebuild_from_type_v2'),
    ...tuple(rebuild, global('torch.nn.parameter', 'Parameter'), tuple(W, FALSE, NONE), DICT),
    ...REDUCE,
  ];
  const { tensors } = read(dict({ parameter, typed }));
  for (const { data } of tensors.values()) assert.deepEqual([...data], [1, 2, 3, 4, 5, 6]);
  assert.equal(tensors.size, 2);
  const func = global('torch._tensor', '_rebuild_from_type_v2');
  refused(
    /found a dict with "w"/,
    dict({ w: [...func, ...tuple(func, NONE, tuple(func, NONE, EMPTY_TUPLE)), ...REDUCE] }),
  );
});

test('a plain dict subclass and names with control characters do no harm', () => {
  const { value } = readPickle(
    pickle(filled([...global('a', 'D\u001b[2J'), ...EMPTY_TUPLE, ...REDUCE], { k: NONE })),
    'm',
  );
  assert.ok(value instanceof PickleRecord && !(value instanceof PickleDict));
  refused(/^m\.pt: expected a state dict, .*, found an object of class a\.D\?\[2J; /, [
    ...global('a', 'D\u001b[2J'),
    ...EMPTY_TUPLE,
    ...REDUCE,
  ]);
});
