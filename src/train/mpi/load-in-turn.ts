/**
 * The ranks of an MPI job load the data of a run in turn: first rank 0, then the first rank of each other host, then the
 * rest. So each file of a cache is made once, by the first that needs it, whether hosts share the cache or not. Who loads
 * gives signs of life, and who waits is told so, because a conversion may take longer than a rank may be silent.
 */
import type { LoadingEvent } from '../events.js';
import type { LoadReport, RankCommand } from './commands.js';
import type { Ranks } from './ranks.js';

type LoadingRanks = Pick<Ranks, 'others' | 'place' | 'send' | 'receive' | 'signs'>;

/**
 * On rank 0.
 * @param command lets another rank load
 * @param loading of rank 0
 * @param begin is called before the other ranks do anything but wait
 * @returns what `loading` does
 */
export async function* loadInTurn<R>(
  ranks: LoadingRanks,
  command: RankCommand & { type: 'run' },
  loading: AsyncGenerator<LoadingEvent, R>,
  begin: () => void,
): AsyncGenerator<LoadingEvent, R> {
  const { others, place } = ranks;
  const signs = ranks.signs({ type: 'wait' } satisfies RankCommand, others);
  let loaded: R;
  try {
    loaded = yield* loading;
  } finally {
    await signs.end();
  }
  begin();
  const first = others.filter((rank) => place.hosts.indexOf(place.hosts[rank]) === rank);
  yield* loadOn(ranks, first, command);
  yield* loadOn(ranks, without(others, first), command);
  return loaded;
}

/** Lets ranks load, all at once. */
async function* loadOn(
  ranks: LoadingRanks,
  loaders: number[],
  command: RankCommand,
): AsyncGenerator<LoadingEvent, void> {
  await ranks.send(command, loaders);
  for (let loading = loaders; loading.length > 0; ) {
    const unfinished: number[] = [];
    for (const rank of loading) {
      const { type } = (await ranks.receive(rank)) as LoadReport;
      if (type === 'loading') unfinished.push(rank);
    }
    loading = unfinished;
    if (loading.length === 0) return;
    await ranks.send({ type: 'wait' } satisfies RankCommand, without(ranks.others, loading));
    const done = loaders.length - loading.length;
    yield { type: 'loading', what: 'data on the other ranks', done, total: loaders.length };
  }
}

function without(ranks: number[], left: number[]): number[] {
  return ranks.filter((rank) => !left.includes(rank));
}

/** On another rank: tells rank 0 that it loads, and when it has ended. */
export async function reportLoading<T>(
  ranks: Pick<Ranks, 'send' | 'signs'>,
  loading: Promise<T>,
): Promise<T> {
  const signs = ranks.signs({ type: 'loading' } satisfies LoadReport, [0]);
  const loaded = await loading.finally(() => signs.end());
  await ranks.send({ type: 'loaded' } satisfies LoadReport, [0]);
  return loaded;
}
