/** Parses the flags of the benchmarks. A user's mistake gives one line and exit code 2. */
import { UserError } from '#src/user-error.js';

/** The names in a comma-separated list. @throws UserError for an unknown name */
export function names<Name extends string>(flag: string, list: string, known: readonly Name[]): Name[] {
  const wanted = list.split(',').filter((name) => name !== '');
  return wanted.map((name) => oneOf(flag, name, known));
}

/** @throws UserError for an unknown name */
export function oneOf<Name extends string>(flag: string, text: string, known: readonly Name[]): Name {
  const name = known.find((candidate) => candidate === text);
  if (name === undefined) throw new UserError(`${flag} takes ${known.join(', ')}, not ${text}`);
  return name;
}

/** A whole number of at least 1. @throws UserError for any other text */
export function count(flag: string, text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new UserError(`${flag} takes a whole number of at least 1, not ${text}`);
}

/** The thread counts that are measured. */
export interface ThreadCounts {
  /** One, and the most: for every contender. */
  threads: number[];
  /** Those in between: only for the native training update. */
  moreThreads: number[];
}

/**
 * One thread, and those of a comma-separated list. Without a list: powers of two up to 16, and all cores.
 * @throws UserError for other text
 */
export function threadCounts(flag: string, list: string | undefined, cores: number): ThreadCounts {
  const wanted =
    list === undefined
      ? [...[2, 4, 8, 16].filter((threads) => threads <= cores), cores]
      : list.split(',').map((text) => count(flag, text));
  const most = Math.max(...wanted);
  const between = [...new Set(wanted)].filter((threads) => threads > 1 && threads < most);
  return { threads: [...new Set([1, most])], moreThreads: between.sort((a, b) => a - b) };
}

/** Runs `main`. Prints a user's mistake in one line and sets exit code 2; rethrows any other error. */
export async function failForUsers(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const isFlagError = 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
    if (!(error instanceof UserError || isFlagError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}
