/** The script of a worker thread in Node.js: a member of a team, started by threads-node.ts. */
import { parentPort } from 'node:worker_threads';
import { openHandle } from '../../../backends/open-node.js';
import '../../../data/strokes/stored/stored-file.js';
import { openMember } from '../member.js';
import type { Command, Start } from '../team-protocol.js';

const port = parentPort;
if (!port)
  throw new Error('train/team/threads/worker-node.js runs in a worker thread, started by threads-node.js');
port.once('message', ({ member, backend }: Start) => {
  const { reply, answer } = openMember(member, () => openHandle(backend));
  port.on('message', (command: Command) => port.postMessage(answer(command)));
  port.postMessage(reply);
});
