/** What a Web Worker runs: a member of a team, started by threads-page.ts. */
import { openHandle } from '../../backends/open-web.js';
import { Member } from './member.js';
import type { Command, Start } from './team-protocol.js';

let thread: Member | null = null;

addEventListener('message', ({ data }: MessageEvent<Start | Command>) => {
  if ('member' in data) thread = new Member(data.member, openHandle(data.backend));
  else postMessage((thread as Member).answer(data));
});
