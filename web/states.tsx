/** What a card shows instead of content: that it waits and for what, or why there is nothing and what to do. */
import type { ComponentChildren } from 'preact';
import { plural } from '#src/report/text.js';
import { useSeconds } from './hooks.js';

/** From this time on the seconds are shown, so that a long wait is seen to go on. */
const COUNT_FROM_S = 4;

interface WaitingProps {
  /** What is under way, without an ellipsis at the end: `Running the network`. */
  what: string;
  /** Shown as a bar. */
  progress?: { done: number; total: number } | null;
  /** Said in addition after a long wait. */
  patience?: string;
}

/** Something is under way. Goes away when it ends; whoever shows it sees to a time limit. */
export function Waiting({ what, progress = null, patience }: WaitingProps) {
  const seconds = useSeconds();
  return (
    <div class="state" role="status">
      <p class="muted">
        {what} …{seconds >= COUNT_FROM_S && <span aria-hidden="true"> {seconds} s</span>}
      </p>
      {patience && seconds >= 3 * COUNT_FROM_S && <p class="muted">{patience}</p>}
      {progress && <progress value={progress.done} max={progress.total} aria-label={what} />}
    </div>
  );
}

interface FailureProps {
  /** What failed, in a few words. */
  title: string;
  message: string;
  /** Tries again; without it there is no button. */
  retry?: () => void;
  /** Links to elsewhere. */
  children?: ComponentChildren;
}

/** Something failed: the reason in plain text, a button that tries again, and ways out. */
export function Failure({ title, message, retry, children }: FailureProps) {
  return (
    <div class="state" role="alert">
      <p>
        <b>{title}</b>
      </p>
      <p class="reason">{sentence(message)}</p>
      <p class="ways">
        {retry && (
          <button type="button" onClick={retry}>
            Try again
          </button>
        )}
        {children}
      </p>
    </div>
  );
}

/** Messages of the server begin in small letters, because the command line puts a prefix before them. */
function sentence(message: string): string {
  const text = `${message.slice(0, 1).toUpperCase()}${message.slice(1)}`;
  return /[.!?)]$/.test(text) ? text : `${text}.`;
}

/** `Samples 1 to 60 of 90`, with the noun and separators. */
export function rangeText(first: number, last: number, count: number, noun: string): string {
  if (first === 1 && last === count) return plural(count, noun);
  return `${noun.slice(0, 1).toUpperCase()}${noun.slice(1)}s ${first.toLocaleString('en')} to ${last.toLocaleString('en')} of ${count.toLocaleString('en')}`;
}
