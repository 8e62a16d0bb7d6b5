/** The Draw view: the canvas, the networks' answers while the pen moves, and how the answers changed. */
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import { isNone } from '#src/recognize/guess-name.js';
import { SURE_FROM } from '#src/recognize/recognizer.js';
import { plural } from '#src/report/text.js';
import { isolated, shownNames } from '../charts/class-name.js';
import { formatChance, verdictOf } from '../charts/classes.js';
import { useChanges, useLoaded, useTitle } from '../hooks.js';
import { SaveIcon } from '../icons.js';
import type { Moment } from '../recognition/moments.js';
import { linkTo } from '../route.js';
import { Failure, Waiting } from '../states.js';
import { AnswerCard } from './answer-card.js';
import type { DrawSession } from './draw-session.js';
import { InkCanvas } from './ink-canvas.js';
import { Replay } from './replay.js';
import { saveDrawing } from './save.js';
import { Seen } from './seen.js';
import { listenForShortcuts } from './shortcuts.js';
import { UndoButtons } from './undo-buttons.js';

/** Screen readers announce the answer when the pen has rested for this long. */
const ANNOUNCE_AFTER_MS = 700;

interface DrawPageProps {
  session: DrawSession;
  /** Names the view in the document's title. */
  title: string;
  /** Above the canvas: the choice between one symbol and several. */
  modes?: ComponentChildren;
}

export function DrawPage({ session, title, modes }: DrawPageProps) {
  useEffect(() => listenForShortcuts(session.ink), [session]);
  useTitle(title);
  return (
    <main class="draw" tabIndex={-1}>
      <h1 class="hidden">Draw</h1>
      <div class="paper">
        {modes}
        <Paper session={session} />
        <Toolbar session={session} />
      </div>
      <Answers session={session} />
      <DetailCards session={session} />
      <Announcement session={session} />
    </main>
  );
}

/** The canvas, with a hint while it is empty. */
function Paper({ session }: { session: DrawSession }) {
  useChanges(session, 'frame');
  const empty = session.ink.pointCount === 0;
  return (
    <div class="sheet">
      <InkCanvas
        session={session}
        label={`Drawing canvas, ${empty ? 'empty' : plural(session.ink.strokes.length, 'stroke')}. With the keyboard: arrow keys move the pen, space puts it down or lifts it.`}
      />
      {empty && (
        <p class="hint" aria-hidden="true">
          {hint(session)}
        </p>
      )}
    </div>
  );
}

function hint(session: DrawSession): string {
  const [known] = session.chosen.map((id) => session.entry(id).classes);
  const classes = known?.filter((name) => !isNone(name));
  const digits = !classes || classes.every((name) => /^\d$/.test(name));
  if (digits) return 'Draw a digit';
  // Few enough to be read at a glance, however long the names are.
  const names = shownNames(classes).map((name) =>
    [...name].length > 20 ? `${[...name].slice(0, 19).join('')}…` : name,
  );
  const shown = names.slice(0, 8).map(isolated).join(', ');
  return `Draw one of ${shown}${names.length > 8 ? ` and ${names.length - 8} more` : ''}`;
}

function Toolbar({ session }: { session: DrawSession }) {
  useChanges(session, 'frame');
  const { ink } = session;
  const empty = ink.pointCount === 0;
  return (
    <div class="toolbar" role="toolbar" aria-label="Drawing">
      <UndoButtons of={ink} isEmpty={empty} clearKeys="Delete Escape" />
      <span class="spring" />
      <button
        type="button"
        disabled={empty || !session.moment()}
        onClick={() => saveDrawing(session)}
        title="Save the drawing and the answers as JSON"
        aria-label="Save"
      >
        <SaveIcon />
      </button>
    </div>
  );
}

/** The newest answer of a network, for its card. */
function answerOf(moment: Moment | undefined, id: string) {
  const answer = moment?.answers.find(({ model }) => model === id);
  // A drawing without ink is answered by nothing.
  return {
    probabilities: answer?.probabilities,
    backend: answer?.probabilities ? answer.backend : undefined,
    problem: answer?.error ?? null,
  };
}

/** One answer card per network, side by side. Renders at once when an answer arrives. */
function Answers({ session }: { session: DrawSession }) {
  useChanges(session);
  useLayoutEffect(() => session.barsShown());
  const { phase, models, chosen } = session;
  if (phase.state === 'failed') {
    return (
      <section class="card notice">
        <Failure title="No network can be used." message={phase.reason} retry={phase.retry}>
          {session.hasServer && (
            <a class="way" href={linkTo('runs')}>
              All runs
            </a>
          )}
        </Failure>
      </section>
    );
  }
  if (phase.state === 'ready' && models.length === 0) return <NoModels />;
  const moment = session.moment();
  const empty =
    session.ink.pointCount === 0 ? 'Nothing drawn yet' : moment ? 'Only a dot so far' : 'Recognising …';
  return (
    <div
      class="answers"
      data-count={chosen.length}
      aria-busy={session.ink.pointCount > 0 && moment?.points !== session.ink.pointCount}
    >
      {chosen.map((id, slot) => (
        <AnswerCard
          key={slot}
          model={session.entry(id)}
          models={models}
          sureFrom={SURE_FROM}
          empty={empty}
          onChoose={(other) => session.choose(other, slot)}
          {...answerOf(moment, id)}
        />
      ))}
      {session.problem && (
        <p class="problem" role="alert">
          {session.problem}
        </p>
      )}
      {phase.state === 'loading' && (
        <section class="card answer loading" aria-busy="true" aria-label="Loading">
          <Waiting
            what={
              session.opening === null
                ? 'Loading the list of networks'
                : `Loading the network ${session.opening}`
            }
            patience="The connection is slow, or the network is large. Reload the page to try again."
          />
        </section>
      )}
    </div>
  );
}

function NoModels() {
  return (
    <section class="card notice">
      <h2>No model yet</h2>
      <p>Train one (under a minute on two cores), then serve it:</p>
      <pre>
        <code>{'npx scanstroke train\nnpx scanstroke serve'}</code>
      </pre>
    </section>
  );
}

/** The cards below the bars. They render when the browser is idle, so that the bars never wait for them. */
function DetailCards({ session }: { session: DrawSession }) {
  useChanges(session, 'idle');
  if (session.chosen.length === 0) return null;
  const kinds = new Set(session.chosen.map((id) => session.entry(id).kind));
  const latency = session.latency();
  return (
    <>
      <Replay session={session} sureFrom={SURE_FROM} />
      <Seen shown={session.moment()?.shown ?? null} kinds={kinds} />
      <LookInsideCard session={session} />
      <p class="footnote">
        Recognition runs in this page; your drawing stays on this device.
        {latency !== null && (
          <span title="Time from the pen's event until the bars are in the document. The screen shows them in its next frame. Median of the last 60.">
            {' '}
            Delay from pen to bars: <span id="latency">{latency.toFixed(1)}</span> ms.
          </span>
        )}
      </p>
    </>
  );
}

/** "Look inside": its code is loaded when the card is first opened. */
function LookInsideCard({ session }: { session: DrawSession }) {
  const [open, setOpen] = useState(false);
  const { value: LookInside, error } = useLoaded(
    async () => (open ? (await import('./look-inside.js')).default : null),
    [open],
  );
  return (
    <details
      class="card look-inside"
      onToggle={(event) => setOpen((event.target as HTMLDetailsElement).open)}
    >
      <summary>Look inside the network</summary>
      {error && <Failure title="This cannot be loaded." message={error} retry={() => location.reload()} />}
      {open && !LookInside && !error && <Waiting what="Loading" />}
      {open && LookInside && <LookInside session={session} />}
    </details>
  );
}

/** Announces the answers to screen readers when the pen rests. */
function Announcement({ session }: { session: DrawSession }) {
  const [text, setText] = useState('');
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const unsubscribe = session.subscribe(() => {
      clearTimeout(timer);
      timer = setTimeout(() => setText(announcementOf(session)), ANNOUNCE_AFTER_MS);
    });
    return () => {
      clearTimeout(timer);
      unsubscribe();
    };
  }, [session]);
  return (
    <p class="hidden" aria-live="polite" id="announcement">
      {text}
    </p>
  );
}

function announcementOf(session: DrawSession): string {
  const moment = session.moment();
  if (!moment) return session.ink.pointCount === 0 ? 'The canvas is empty.' : '';
  return moment.answers
    .map(({ model, probabilities, error }) => {
      const { classes, name } = session.entry(model);
      if (error !== null) return `${name}: ${error}`;
      if (!probabilities) return `${name}: nothing to recognise.`;
      const { top, unsure } = verdictOf(probabilities, SURE_FROM);
      return `${name}: ${unsure ? 'not sure, perhaps ' : ''}${shownNames(classes)[top[0]]}, ${formatChance(probabilities[top[0]])}.`;
    })
    .join(' ');
}
