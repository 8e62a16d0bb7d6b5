/** Recognises in an error of Node.js, of V8 or of a worker thread that files or memory ran out. */
import { UserError } from '../user-error.js';

/** The system allows no more open files; or there is no memory for a buffer or a thread. */
export type Shortage = 'files' | 'memory';

const FILES = /\b(EMFILE|ENFILE)\b/;
const MEMORY =
  /\b(ENOMEM|EAGAIN|ERR_WORKER_OUT_OF_MEMORY|ERR_WORKER_INIT_FAILED|ERR_MEMORY_ALLOCATION_FAILED)\b|array buffer allocation failed|could not allocate memory|cannot allocate|out of memory/i;

/** @returns null for any other error */
export function shortageOf(error: unknown): Shortage | null {
  if (!(error instanceof Error)) return null;
  const { code } = error as NodeJS.ErrnoException;
  const text = `${code ?? ''} ${error.message}`;
  if (FILES.test(text)) return 'files';
  return MEMORY.test(text) ? 'memory' : null;
}

const SHORTAGES: Record<Shortage, string> = {
  files: 'too many files are open; raise the limit, for example with `ulimit -n 1024`',
  memory: 'there is not enough memory; close other programs, or raise the limit (ulimit -v)',
};

/** A UserError where files or memory ran out in a place that has no message for it; any other error unchanged. */
export function explainShortage(error: unknown): unknown {
  const shortage = error instanceof UserError ? null : shortageOf(error);
  return shortage === null ? error : new UserError(SHORTAGES[shortage]);
}
