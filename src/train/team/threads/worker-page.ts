/** The script of a Web Worker: a member of a team, started by threads-page.ts. */
import { openHandle } from '../../../backends/open-web.js';
import { openMember } from '../member.js';
import type { Command, Start } from '../team-protocol.js';

addEventListener(
  'message',
  ({ data: { member, backend } }: MessageEvent<Start>) => {
    const { reply, answer } = openMember(member, () => openHandle(backend));
    addEventListener('message', ({ data }: MessageEvent<Command>) => postMessage(answer(data)));
    postMessage(reply);
  },
  { once: true },
);
