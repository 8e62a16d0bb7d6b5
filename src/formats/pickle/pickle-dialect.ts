/** What the pickles of one program may hold: the machine of pickle-reader.ts is the same for all. */
import type { PickleValue } from './pickle-values.js';

export interface PickleDialect {
  /** That are read: the least and the newest. */
  protocols: readonly [number, number];
  /** Opcodes in a pickle. */
  mostOpcodes: number;
  /** Whether there are bytes; texts of Python 2 are bytes then. */
  hasBytes: boolean;
  /** What messages advise where an opcode or a protocol is not read, or there are too many opcodes. */
  advice: { opcode: string; protocol: string; size: string };
  /**
   * What a call of Python's would give.
   * @param name of a class or a function
   * @throws UserError without a place, if the arguments do not fit a function that is known
   */
  rebuild(name: string, args: readonly PickleValue[]): PickleValue;
  /** What a persistent id stands for. @throws UserError without a place */
  storageOf(id: PickleValue): PickleValue;
}
