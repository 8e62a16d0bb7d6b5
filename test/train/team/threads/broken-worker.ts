/** Worker thread for thread-group.test.ts: fails as `workerData.behaviour` says. */
import { parentPort, workerData } from 'node:worker_threads';
import { UserError } from 'scanstroke';
import { Control } from '#src/train/team/control.js';
import type { Command, Reply } from '#src/train/team/team-protocol.js';
import { postableError } from '#src/user-error.js';

export type Behaviour =
  | 'good'
  | 'throws at start'
  | 'exits at start'
  | 'never ready'
  | 'throws UserError'
  | 'throws'
  | 'exits in the command'
  | 'exits between commands'
  | 'never replies';

export interface BrokenStart {
  behaviour: Behaviour;
  control: Int32Array;
}

const { behaviour, control: words } = workerData as BrokenStart;
const control = new Control(words);
const reply = (type: Reply['type'], error: Reply['error'] = null) =>
  parentPort?.postMessage({ type, error } satisfies Reply);

/** Two barriers, like those of an update; the broken thread fails between them. */
function carryOut({ threads }: Command): void {
  control.barrier(threads);
  if (behaviour === 'throws') throw new TypeError('a defect');
  if (behaviour === 'throws UserError') throw new UserError('a mistake', { settings: ['threads'] });
  if (behaviour === 'exits in the command') process.exit(7);
  control.barrier(threads);
}

if (behaviour === 'throws at start') throw new Error('no memory');
if (behaviour === 'exits at start') process.exit(3);
parentPort?.on('message', (command: Command) => {
  let error: Reply['error'] = null;
  try {
    carryOut(command);
  } catch (thrown) {
    control.fail();
    error = postableError(thrown);
  }
  control.end();
  if (behaviour !== 'never replies') reply('ended', error);
  if (behaviour === 'exits between commands') setTimeout(() => process.exit(9), 20);
});
if (behaviour !== 'never ready') reply('ready');
