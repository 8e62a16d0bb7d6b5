/** Draw and watch: the canvas, what the networks say while the pen moves, and how they came to say it. */
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import { SURE_FROM } from '#src/recognize/recognizer.js';
import { formatChance, verdictOf } from '../charts/classes.js';
import { useChanges, useLoaded } from '../hooks.js';
import { ClearIcon, RedoIcon, SaveIcon, UndoIcon } from '../icons.js';
import { AnswerCard } from './answer-card.js';
import type { DrawSession } from './draw-session.js';
import { InkCanvas } from './ink-canvas.js';
import { Replay } from './replay.js';
import { saveDrawing } from './save.js';
import { Seen } from './seen.js';
import { listenForShortcuts } from './shortcuts.js';

/** A screen reader is told when the pen has rested for so long. */
const REST_MS = 700;

export function DrawPage({ session }: { session: DrawSession }) {
  useEffect(() => listenForShortcuts(session.ink), [session]);
  return (
    <main class="draw">
      <h1 class="hidden">Draw</h1>
      <div class="paper">
        <Paper session={session} />
        <Toolbar session={session} />
      </div>
      <Answers session={session} />
      <FollowingFrames session={session} />
      <Spoken session={session} />
    </main>
  );
}

/** The canvas with its invitation. */
function Paper({ session }: { session: DrawSession }) {
  useChanges(session, 'frame');
  const empty = session.ink.count === 0;
  return (
    <div class="sheet">
      <InkCanvas
        session={session}
        label={`Canvas to draw on, ${empty ? 'empty' : `${session.ink.strokes.length} strokes`}. With the keys: arrows move the pen, space puts it down and lifts it.`}
      />
      {empty && (
        <p class="invitation" aria-hidden="true">
          {invitation(session)}
        </p>
      )}
    </div>
  );
}

function invitation(session: DrawSession): string {
  const classes = session.chosen.map((id) => session.entry(id).classes)[0];
  const digits = !classes || classes.every((name) => /^\d$/.test(name));
  return digits
    ? 'Draw a digit'
    : `Draw one of ${classes.slice(0, 8).join(', ')}${classes.length > 8 ? ' …' : ''}`;
}

function Toolbar({ session }: { session: DrawSession }) {
  useChanges(session, 'frame');
  const { ink } = session;
  const empty = ink.count === 0;
  return (
    <div class="toolbar" role="toolbar" aria-label="Drawing">
      <button
        type="button"
        disabled={!ink.canUndo}
        onClick={() => ink.undo()}
        title="Undo (Ctrl+Z)"
        aria-keyshortcuts="Control+Z"
      >
        <UndoIcon />
        Undo
      </button>
      <button
        type="button"
        disabled={!ink.canRedo}
        onClick={() => ink.redo()}
        title="Redo (Ctrl+Shift+Z)"
        aria-keyshortcuts="Control+Shift+Z Control+Y"
      >
        <RedoIcon />
        Redo
      </button>
      <button
        type="button"
        disabled={empty}
        onClick={() => ink.clear()}
        title="Clear (Delete)"
        aria-keyshortcuts="Delete Escape"
      >
        <ClearIcon />
        Clear
      </button>
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

/** A card for every network, side by side: in the document as soon as the answer is there. */
function Answers({ session }: { session: DrawSession }) {
  useChanges(session);
  useLayoutEffect(() => session.barsShown());
  const { phase, models, chosen } = session;
  if (phase.state === 'failed') {
    return (
      <section class="card notice" role="alert">
        <h2>The model cannot be used</h2>
        <p>{phase.reason}</p>
      </section>
    );
  }
  if (phase.state === 'ready' && models.length === 0) return <NoModels />;
  const moment = session.moment();
  const empty = session.ink.count === 0 ? 'Nothing drawn yet' : moment ? 'Only a dot so far' : 'Reading …';
  return (
    <div
      class="answers"
      data-count={chosen.length}
      aria-busy={session.ink.count > 0 && moment?.points !== session.ink.count}
    >
      {chosen.map((id, slot) => (
        <AnswerCard
          key={slot}
          model={session.entry(id)}
          models={models}
          sureFrom={SURE_FROM}
          empty={empty}
          onChoose={(other) => session.choose(chosen.map((each, n) => (n === slot ? other : each)))}
          probabilities={moment?.answers.find(({ model }) => model === id)?.probabilities}
        />
      ))}
      {session.problem && (
        <p class="problem" role="alert">
          {session.problem}
        </p>
      )}
      {phase.state === 'loading' && (
        <section class="card answer loading" aria-busy="true" aria-label="Loading" />
      )}
    </div>
  );
}

function NoModels() {
  return (
    <section class="card notice">
      <h2>No model yet</h2>
      <p>Train one, under a minute on two cores, and serve it:</p>
      <pre>
        <code>{'npx scanstroke train\nnpx scanstroke serve'}</code>
      </pre>
    </section>
  );
}

/** What may come after the bars: the main thread is to be free when the worker's answer arrives. */
function FollowingFrames({ session }: { session: DrawSession }) {
  useChanges(session, 'idle');
  if (session.chosen.length === 0) return null;
  const kinds = new Set(session.chosen.map((id) => session.entry(id).kind));
  const latency = session.latency();
  return (
    <>
      <Replay session={session} sureFrom={SURE_FROM} />
      <Seen shown={session.moment()?.shown ?? null} kinds={kinds} />
      <Inner session={session} />
      <p class="footnote">
        Recognised in this page; nothing you draw leaves it.
        {latency !== null && (
          <span title="Until the bars stand in the document, from the pen's event; the screen shows them with its next frame. The middle one of the newest sixty">
            {' '}
            Pen to bars: <span id="latency">{latency.toFixed(1)}</span> ms.
          </span>
        )}
      </p>
    </>
  );
}

/** What is behind the answers, for those who want to see it. */
function Inner({ session }: { session: DrawSession }) {
  const [open, setOpen] = useState(false);
  const { value, error } = useLoaded(
    async () => (open ? (await import('./look-inside.js')).default : null),
    [open],
  );
  const LookInside = value;
  return (
    <details
      class="card look-inside"
      onToggle={(event) => setOpen((event.target as HTMLDetailsElement).open)}
    >
      <summary>Look inside the network</summary>
      {error && <p role="alert">{error}</p>}
      {open && LookInside && <LookInside session={session} />}
    </details>
  );
}

/** The answer for screen readers, once the pen rests. */
function Spoken({ session }: { session: DrawSession }) {
  const [text, setText] = useState('');
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const stop = session.subscribe(() => {
      clearTimeout(timer);
      timer = setTimeout(() => setText(spoken(session)), REST_MS);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [session]);
  return (
    <p class="hidden" aria-live="polite" id="spoken">
      {text}
    </p>
  );
}

function spoken(session: DrawSession): string {
  const moment = session.moment();
  if (!moment) return session.ink.count === 0 ? 'The canvas is empty.' : '';
  return moment.answers
    .map(({ model, probabilities }) => {
      const { classes, name } = session.entry(model);
      if (!probabilities) return `${name}: nothing to recognise.`;
      const { top, unsure } = verdictOf(probabilities, SURE_FROM);
      return `${name}: ${unsure ? 'not sure, perhaps ' : ''}${classes[top[0]]}, ${formatChance(probabilities[top[0]])}.`;
    })
    .join(' ');
}
