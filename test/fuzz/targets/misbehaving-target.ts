/** A target that does what no reader may do, for the tests of the watchdog. The first byte of an input chooses. */
import { openSync } from 'node:fs';
import { UserError } from '#src/user-error.js';
import type { Input, Openers } from '../target.js';

const actions: Record<string, (input: Input) => unknown> = {
  accept: () => {},
  refuse: () => {
    throw new UserError('refused: found 3');
  },
  throw: () => {
    throw new TypeError('cannot read properties of undefined');
  },
  'break lines': () => {
    throw new UserError('two\nlines');
  },
  print: () => console.log('noise'),
  compute: () => {
    for (;;) Math.sqrt(2);
  },
  wait: () => new Promise(() => setInterval(() => {}, 1000)),
  allocate: () => {
    const bytes = new Uint8Array(200 * 2 ** 20).fill(1);
    if (bytes[1] !== 1) throw new Error('not reached');
  },
  'fill the heap': () => {
    const lists: number[][] = [];
    for (;;) lists.push(Array.from({ length: 1000 }, (_, i) => i + 0.5));
  },
  exit: () => process.exit(3),
  abort: () => process.abort(),
  'reject later': () => {
    void Promise.reject(new Error('nobody awaits this'));
  },
  'leave a file open': () => {
    openSync('/dev/null', 'r');
  },
};

/** What an input of this target can ask for. */
export const ACTIONS = Object.keys(actions);

/** The input for an action; the bytes after the first do nothing. */
export function inputFor(action: string): Input {
  return Uint8Array.of(ACTIONS.indexOf(action), 1, 2, 3);
}

export const OPENERS: Openers = {
  misbehaving: async () => ({
    make: (random) => Uint8Array.of(random.below(4), random.below(256)),
    run: async (input) => {
      await actions[ACTIONS[(input[0] ?? 0) % ACTIONS.length]](input);
    },
  }),
};
