/** What a worker thread of Node.js runs: a member of a team, started by threads-node.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { openHandle } from '../../backends/open-node.js';
import { Member } from './member.js';
import type { Command, Start } from './team-protocol.js';

const port = parentPort;
if (!port) throw new Error('train/worker-node.js runs in a worker thread, started by train/threads-node.js');
const { member, backend } = workerData as Start;
const thread = new Member(member, openHandle(backend));
port.on('message', (command: Command) => port.postMessage(thread.answer(command)));
