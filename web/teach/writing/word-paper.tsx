/** The pad of the Teach view, and the reading of what is written on it as a word. */
import { useEffect } from 'preact/hooks';
import { useChanges } from '../../hooks.js';
import { ClearIcon, RedoIcon, UndoIcon } from '../../icons.js';
import { Pad } from '../../several/pad.js';
import { ReadingCard } from '../../several/reading-card.js';
import { listenForPadKeys } from '../../several/shortcuts.js';
import '../../style/several.css';
import { whyNoAnswer } from '../answer-panel.js';
import type { TeachSession } from '../project/teach-session.js';

const BY = { examples: 'by comparison with your examples', network: 'by the taught network' };

export function WordPaper({ session }: { session: TeachSession }) {
  const { pad } = session.words;
  useChanges(pad, 'frame');
  useEffect(() => listenForPadKeys(pad), [pad]);
  return (
    <>
      <Pad pad={pad} look={session.words.lookOf(session.desk.lesson)} hint="Write a word of your symbols" />
      <div class="toolbar" role="toolbar" aria-label="Writing">
        <button type="button" disabled={!pad.canUndo} onClick={() => pad.undo()} aria-label="Undo on the pad">
          <UndoIcon />
          Undo
        </button>
        <button type="button" disabled={!pad.canRedo} onClick={() => pad.redo()} aria-label="Redo on the pad">
          <RedoIcon />
          Redo
        </button>
        <button type="button" disabled={pad.ink.pointCount === 0} onClick={() => pad.clear()}>
          <ClearIcon />
          Clear
        </button>
      </div>
    </>
  );
}

export function WordReading({ session }: { session: TeachSession }) {
  useChanges(session, 'frame');
  const { words } = session;
  return (
    <ReadingCard
      pad={words.pad}
      look={words.lookOf(session.desk.lesson)}
      network={words.by && <p class="muted by">{BY[words.by]}</p>}
      waiting={whyNoAnswer(session)}
      teach={(symbol) => session.teachSymbol(symbol)}
    />
  );
}
