/**
 * The functions that NumPy writes into a pickle of an array of arrays. An array stays a record of `numpy.ndarray`, whose
 * state numpy-arrays.ts reads. Every other function is refused.
 */

import { UserError } from '../../user-error.js';
import { quote } from '../quotation.js';
import type { PickleDialect } from './pickle-dialect.js';
import { describeValue, PickleRecord, type PickleValue } from './pickle-values.js';

/** Twenty for each of 800,000 arrays. */
export const MAX_ARRAY_OPCODES = 16_000_000;

export const ARRAY = 'numpy.ndarray';
export const DTYPE = 'numpy.dtype';

/** Pickles that np.save and np.savez write of arrays of objects. */
export const NUMPY_PICKLES: PickleDialect = {
  protocols: [2, 4],
  mostOpcodes: MAX_ARRAY_OPCODES,
  hasBytes: true,
  advice: {
    opcode: 'save the arrays again, with np.savez and its default protocol',
    protocol: 'save the arrays again, with np.savez and its default protocol',
    size: 'divide the arrays among several files',
  },
  rebuild(name, args) {
    switch (name) {
      case 'numpy.core.multiarray._reconstruct':
      case 'numpy._core.multiarray._reconstruct':
        return new PickleRecord(ARRAY, []);
      case DTYPE:
        return new PickleRecord(DTYPE, args);
      case '_codecs.encode':
        return latinBytes(args[0]);
      default:
        throw new UserError(
          `arrays are made without ${quote(name)}, which is not read; save arrays of whole numbers alone, with np.savez`,
        );
    }
  },
  storageOf() {
    throw new UserError('a reference outside the file: arrays have none');
  },
};

/** Bytes that Python 3 writes by protocol 2: a text whose letters are the bytes. */
function latinBytes(text: PickleValue | undefined): Uint8Array {
  if (typeof text !== 'string')
    throw new UserError(`_codecs.encode: expected a text, found ${describeValue(text)}`);
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
