/** What the flags of the benchmarks take, and how a mistake in them ends: in one line, with exit code 2. */
import { UserError } from '#src/user-error.js';

/** The names in a list. @throws UserError for one that is not known */
export function names<Name extends string>(flag: string, list: string, known: readonly Name[]): Name[] {
  const wanted = list.split(',').filter((name) => name !== '');
  for (const name of wanted) {
    if (!known.includes(name as Name)) throw new UserError(`${flag} takes ${known.join(', ')}, not ${name}`);
  }
  return wanted as Name[];
}

/** @throws UserError for anything but a whole number of at least 1 */
export function count(flag: string, text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new UserError(`${flag} takes a whole number of at least 1, not ${text}`);
}

export async function failForUsers(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (!(error instanceof UserError || code?.startsWith('ERR_PARSE_ARGS'))) throw error;
    console.error(message);
    process.exitCode = 2;
  }
}
