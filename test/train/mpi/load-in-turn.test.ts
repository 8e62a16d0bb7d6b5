/** Protects the order in which the ranks of an MPI job load data: whoever waits is told so, and counts as alive. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveConfig } from '#src/train/config/run-config.js';
import type { LoadingEvent } from '#src/train/events.js';
import { loadInTurn } from '#src/train/mpi/load-in-turn.js';

/** Ranks 0 and 1 on one host, 2 and 3 on another, 4 on a third; each says `loading` so often before it has loaded. */
const HOSTS = ['a', 'a', 'b', 'b', 'c'];
const TIMES_LOADING = [0, 0, 2, 1, 1];

function fakeRanks() {
  const log: string[] = [];
  const left = [...TIMES_LOADING];
  const ranks = {
    others: [1, 2, 3, 4],
    place: { rank: 0, size: 5, localSize: 2, hosts: HOSTS, library: '' },
    send: async (value: unknown, peers: readonly number[] = []) => {
      log.push(`${(value as { type: string }).type} to ${peers.join(' ')}`);
    },
    receive: async (rank: number) => {
      const type = left[rank]-- > 0 ? 'loading' : 'loaded';
      log.push(`${type} by ${rank}`);
      return { type };
    },
    signs: () => {
      log.push('all others wait');
      const end = async () => {
        log.push('no more');
      };
      return { end };
    },
  };
  return { log, ranks };
}

const RUN = { type: 'run' as const, config: { ...resolveConfig({}), savingPath: 'run' }, flags: {} };

async function* loading(fails = false): AsyncGenerator<LoadingEvent, string> {
  yield { type: 'loading', what: 'reading', done: 1, total: 2 };
  if (fails) throw new Error('no such file');
  return 'data';
}

async function drain(events: AsyncGenerator<LoadingEvent, string>): Promise<[LoadingEvent[], string]> {
  const seen: LoadingEvent[] = [];
  for (;;) {
    const { value, done } = await events.next();
    if (done) return [seen, value];
    seen.push(value);
  }
}

test('first rank 0, then the first rank of each other host, then the rest', async () => {
  const { log, ranks } = fakeRanks();
  const [events, data] = await drain(
    loadInTurn(ranks, RUN, loading(), () => {
      log.push('begin');
    }),
  );
  assert.equal(data, 'data');
  assert.deepEqual(log, [
    'all others wait',
    'no more',
    'begin',
    'run to 2 4',
    'loading by 2',
    'loading by 4',
    'wait to 1 3',
    'loading by 2',
    'loaded by 4',
    'wait to 1 3 4',
    'loaded by 2',
    'run to 1 3',
    'loaded by 1',
    'loading by 3',
    'wait to 1 2 4',
    'loaded by 3',
  ]);
  const shown = events.map(({ what, done, total }) => `${what} ${done}/${total}`);
  const others = 'data on the other ranks';
  assert.deepEqual(shown, ['reading 1/2', `${others} 0/2`, `${others} 1/2`, `${others} 1/2`]);
});

test('if rank 0 cannot load, no other rank begins', async () => {
  const { log, ranks } = fakeRanks();
  await assert.rejects(drain(loadInTurn(ranks, RUN, loading(true), () => log.push('begin'))), /no such file/);
  assert.deepEqual(log, ['all others wait', 'no more']);
});
