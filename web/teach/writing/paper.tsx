/** The sheet of the Teach view: which symbol is drawn, the canvas, and how a drawing is taken. */
import { plural } from '#src/report/text.js';
import { InkCanvas } from '../../draw/ink-canvas.js';
import { useChanges } from '../../hooks.js';
import { ClearIcon, NextIcon, UndoIcon } from '../../icons.js';
import { countsOf } from '../project/edits.js';
import type { Mode, TeachSession } from '../project/teach-session.js';
import { REST_MS } from './resting-pen.js';
import { WordPaper } from './word-paper.js';

const MODES: [Mode, string][] = [
  ['add', 'Draw examples'],
  ['try', 'Try it'],
  ['word', 'Write words'],
];

export function Paper({ session }: { session: TeachSession }) {
  useChanges(session, 'frame');
  const { mode } = session;
  return (
    <div class="paper">
      <div class="modes" role="radiogroup" aria-label="What drawings are for">
        {MODES.map(([each, label]) => (
          <label key={each} class={each === mode ? 'chosen' : ''}>
            <input
              type="radio"
              name="teach-mode"
              checked={each === mode}
              onChange={() => session.setMode(each)}
            />
            {label}
          </label>
        ))}
      </div>
      {mode === 'add' && <Chips session={session} />}
      {mode === 'word' ? <WordPaper session={session} /> : <SymbolPaper session={session} />}
    </div>
  );
}

/** The canvas for one symbol. */
function SymbolPaper({ session }: { session: TeachSession }) {
  const { ink, mode } = session;
  const name = session.className(session.chosen);
  const empty = ink.pointCount === 0;
  const what = mode === 'add' ? `an example of ${name}` : 'anything';
  return (
    <>
      <div class="sheet">
        <InkCanvas
          session={session}
          label={`Canvas to draw ${what}, ${empty ? 'empty' : plural(ink.strokes.length, 'stroke')}. With the keyboard: arrow keys move the pen, space puts it down or lifts it, Enter takes the drawing.`}
        />
        {empty && (
          <p class="hint" aria-hidden="true">
            <span>
              {mode === 'add' ? (
                <span>
                  Draw <b>{name}</b>
                </span>
              ) : (
                'Draw anything'
              )}
              <small>
                {mode === 'add'
                  ? 'Taken when the pen rests for a second, or with Next, Enter or Space. Then draw the next.'
                  : 'The next stroke after a second of rest begins a new drawing.'}
              </small>
            </span>
          </p>
        )}
        <span
          class={`rest${session.pen.isRunning && mode === 'add' ? ' running' : ''}`}
          style={{ '--rest': `${REST_MS}ms` }}
        />
      </div>
      <div class="toolbar" role="toolbar" aria-label="Drawing">
        <button type="button" disabled={!ink.canUndo} onClick={() => ink.undo()} aria-label="Undo the stroke">
          <UndoIcon />
          Stroke
        </button>
        <button type="button" disabled={empty} onClick={() => ink.clear()}>
          <ClearIcon />
          Clear
        </button>
        {mode === 'add' && (
          <>
            <span class="spring" />
            <button type="button" disabled={empty} onClick={() => session.take()}>
              <NextIcon />
              Next
            </button>
          </>
        )}
      </div>
    </>
  );
}

/** The classes, to choose the one that is drawn. */
function Chips({ session }: { session: TeachSession }) {
  const { classes } = session.desk.lesson;
  const counts = countsOf(session.desk.lesson);
  return (
    <div class="chips">
      <div class="group" role="radiogroup" aria-label="Symbol to draw">
        {classes.map(({ id, name, colour }) => (
          <label key={id} class={id === session.chosen ? 'chosen' : ''} style={{ '--colour': colour }}>
            <input
              type="radio"
              name="teach-class"
              checked={id === session.chosen}
              onChange={() => session.choose(id)}
              onFocus={(event) =>
                (event.target as Element).parentElement?.scrollIntoView({
                  block: 'nearest',
                  inline: 'nearest',
                })
              }
            />
            <i class="dot" />
            <bdi>{name}</bdi>
            <span class="muted">{counts.get(id)}</span>
          </label>
        ))}
      </div>
      <button type="button" onClick={() => session.addClass()} aria-label="New symbol">
        + New
      </button>
    </div>
  );
}
