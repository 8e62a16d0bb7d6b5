/**
 * Mutations of pickles at the bounds of their opcodes, so that most of them stay readable to the end: opcodes are left
 * out, doubled, moved or replaced, and their numbers and texts changed.
 */
import { OPCODES } from '#src/formats/pickle/pickle-opcodes.js';
import type { Random } from '#src/random.js';
import { chance, hostileNumber, mutateBytes, pick, TOKENS } from './byte-mutations.js';

const NEWLINE = 0x0a;
/** Bytes of an argument of fixed length. */
const ARGUMENT_BYTES: Readonly<Record<number, number>> = {
  [OPCODES.PROTO]: 1,
  [OPCODES.BINFLOAT]: 8,
  [OPCODES.BININT]: 4,
  [OPCODES.BININT1]: 1,
  [OPCODES.BININT2]: 2,
  [OPCODES.BINGET]: 1,
  [OPCODES.LONG_BINGET]: 4,
  [OPCODES.BINPUT]: 1,
  [OPCODES.LONG_BINPUT]: 4,
};
const GLOBALS = [
  'os\nsystem',
  '__builtin__\neval',
  '__main__\nNet',
  '__torch__\nNet',
  'collections\nOrderedDict',
  'torch\nHalfStorage',
  'torch.storage\nUntypedStorage',
  'torch\nSize',
  'torch._utils\n_rebuild_tensor_v2',
  'torch._utils\n_rebuild_tensor_v3',
  'torch._utils\n_rebuild_parameter',
  'torch._tensor\n_rebuild_from_type_v2',
  'torch._utils\n_rebuild_sparse_tensor',
  'torch.jit._pickle\nbuild_tensorlist',
];
const TEXTS = [
  ...TOKENS,
  'state_dict',
  'model',
  'optimizer',
  'param_groups',
  'state',
  'params',
  '_modules',
  '_parameters',
  'max_exp_avg_sq',
  'storage',
  'module',
];

/** `bytes` after 1 to 4 mutations; now and then mutations of any bytes. */
export function mutatePickle(random: Random, bytes: Uint8Array): Uint8Array {
  if (chance(random, 0.15)) return mutateBytes(random, bytes);
  const opcodes = opcodesOf(bytes);
  const count = 1 + Math.min(random.below(4), random.below(4));
  for (let n = 0; n < count && opcodes.length > 0; n++) mutateOnce(random, opcodes);
  return new Uint8Array(Buffer.concat(opcodes));
}

/** The pickle cut into its opcodes with their arguments; the rest of bytes that are no pickle as one. */
function opcodesOf(bytes: Uint8Array): Uint8Array[] {
  const opcodes: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + argumentBytes(bytes, at));
    opcodes.push(bytes.slice(at, end));
    at = end;
  }
  return opcodes;
}

function argumentBytes(bytes: Uint8Array, at: number): number {
  const opcode = bytes[at];
  const fixed = ARGUMENT_BYTES[opcode];
  if (fixed !== undefined) return fixed;
  if (opcode === OPCODES.LONG1 || opcode === OPCODES.SHORT_BINSTRING) return 1 + (bytes[at + 1] ?? 0);
  if (opcode === OPCODES.BINUNICODE && at + 5 <= bytes.length) {
    return 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(at + 1, true);
  }
  if (opcode !== OPCODES.GLOBAL) return 0;
  const second = bytes.indexOf(NEWLINE, bytes.indexOf(NEWLINE, at) + 1);
  return second < 0 ? 0 : second - at;
}

function mutateOnce(random: Random, opcodes: Uint8Array[]): void {
  const at = random.below(opcodes.length);
  switch (random.below(7)) {
    case 0:
      opcodes.splice(at, 1);
      break;
    case 1:
      opcodes.splice(at, 0, opcodes[at]);
      break;
    case 2:
      opcodes.splice(at, 0, pick(random, opcodes));
      break;
    case 3:
      opcodes.splice(at, chance(random, 0.5) ? 1 : 0, made(random));
      break;
    default:
      opcodes[at] = withOtherArgument(random, opcodes[at]);
  }
}

/** An opcode with an argument. */
function made(random: Random): Uint8Array {
  const opcode = pick(random, Object.values(OPCODES));
  const length = ARGUMENT_BYTES[opcode] ?? 0;
  return withOtherArgument(random, Uint8Array.of(opcode, ...new Array(length).fill(0)));
}

/** The same opcode with another number, text or name. */
function withOtherArgument(random: Random, code: Uint8Array): Uint8Array {
  const [opcode] = code;
  const changed = Buffer.from(code);
  if (opcode === OPCODES.GLOBAL) return Buffer.from(`c${pick(random, GLOBALS)}\n`);
  if (opcode === OPCODES.BINUNICODE) {
    const text = Buffer.from(pick(random, TEXTS));
    const length = Buffer.alloc(5, opcode);
    length.writeUInt32LE(chance(random, 0.9) ? text.length : hostileNumber(random), 1);
    return Buffer.concat([length, text]);
  }
  const number = chance(random, 0.5) ? random.below(8) : hostileNumber(random);
  if (opcode === OPCODES.BINFLOAT && code.length === 9) changed.writeDoubleBE(number, 1);
  else if (code.length === 5) changed.writeUInt32LE(number % 2 ** 32, 1);
  else if (code.length === 3) changed.writeUInt16LE(number % 2 ** 16, 1);
  else if (code.length === 2) changed[1] = number;
  return changed;
}
