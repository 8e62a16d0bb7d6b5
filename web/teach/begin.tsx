/** What the Teach view shows before there is a symbol: what it is for, and ways to begin. */
import { useRef } from 'preact/hooks';
import type { TeachSession } from './project/teach-session.js';

/** The pictures on the buttons. */
const PICTURES = {
  empty: 'M50 18v64M18 50h64',
  shapes:
    'M30 44a15 15 0 1 0-.1 0zM60 16h28v28H60zM30 60 14 88h32zM74 60l5 10 11 1-8 8 2 11-10-5-10 5 2-11-8-8 11-1z',
  arrows:
    'M12 30h34m-11-11 11 11-11 11M88 70H54m11-11-11 11 11 11M70 12v34m-11-11 11 11 11-11M30 88V54m-11 11 11-11 11 11',
  digits:
    'M20 24l12-10v40M60 22c4-12 26-10 24 6-2 12-20 14-24 26h26M16 66h22L28 90M74 78c-12-4-10-16 0-16s12 12 0 16-14 14 0 14 12-11 0-14',
  alphabet:
    'M14 50 28 14l14 36M19 38h18M62 14v36c26 2 26-18 8-18 16 0 14-20-8-18M42 66c-20-8-32 24 0 22M60 62v28c28 0 28-28 0-28',
};

const WAYS = [
  ['empty', 'Your own', 'start with an empty sheet'],
  ['shapes', 'Shapes', 'circle, star, heart and more'],
  ['arrows', 'Arrows', 'four directions'],
  ['digits', 'Digits', '0 to 9'],
  ['alphabet', 'Alphabet', 'A to Z, for you to draw'],
] as const;

export function Begin({ session }: { session: TeachSession }) {
  const file = useRef<HTMLInputElement>(null);
  return (
    <section class="begin">
      <h1>Teach it your own symbols</h1>
      <p class="lead">
        Draw each symbol a few times. It answers from the second symbol on, gets better in the background, and
        is yours to take away. Nothing leaves this device.
      </p>
      <ul class="ways-in" aria-label="Ways to begin">
        {WAYS.map(([name, title, about]) => (
          <li key={name}>
            <button
              type="button"
              class={name === 'empty' ? 'first' : ''}
              onClick={() => void session.begin(name)}
            >
              <svg viewBox="0 0 100 100" aria-hidden="true">
                <path d={PICTURES[name]} />
              </svg>
              <b>{title}</b>
              <span>{about}</span>
            </button>
          </li>
        ))}
      </ul>
      <p class="muted">
        Or{' '}
        <button type="button" class="link" onClick={() => file.current?.click()}>
          open a file
        </button>
        : a saved project, or drawings as .ndjson. You can also drop it anywhere on this page.
      </p>
      <FileInput session={session} input={file} />
    </section>
  );
}

/** The hidden field behind the buttons that open a file. */
export function FileInput({
  session,
  input,
}: {
  session: TeachSession;
  input: { current: HTMLInputElement | null };
}) {
  return (
    <input
      ref={input}
      type="file"
      hidden
      accept=".json,.ndjson,.jsonl"
      onChange={(event) => {
        const field = event.target as HTMLInputElement;
        const [file] = field.files ?? [];
        if (file) void session.openFile(file);
        field.value = '';
      }}
    />
  );
}
