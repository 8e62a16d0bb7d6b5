/**
 * Keys of the Teach view, wherever the focus is: Enter takes the drawing, Space too if the pen is no keyboard; Ctrl+Z
 * takes back the last stroke, or without a drawing the last change; Delete and Escape clear the drawing.
 */
import type { TeachSession } from './project/teach-session.js';

/** @returns a function that removes the shortcuts */
export function listenForTeachKeys(session: TeachSession): () => void {
  const press = (event: KeyboardEvent) => {
    if (!act(session, event)) return;
    event.preventDefault();
    event.stopPropagation();
  };
  // Before the canvas, whose keyboard pen takes Space.
  addEventListener('keydown', press, { capture: true });
  return () => removeEventListener('keydown', press, { capture: true });
}

/** @returns whether the key is one of these */
function act(session: TeachSession, event: KeyboardEvent): boolean {
  const { key, ctrlKey, metaKey, shiftKey, altKey, target } = event;
  const { ink, desk } = session;
  // The pad has keys of its own.
  if (session.mode === 'word') return false;
  if (altKey || (target instanceof Element && target.matches(FIELDS))) return false;
  const hasInk = ink.pointCount > 0;
  if (ctrlKey || metaKey) {
    const letter = key.toLowerCase();
    if (letter === 'z' && !shiftKey) {
      if (ink.canUndo) ink.undo();
      else desk.undo();
      return true;
    }
    if (letter !== 'y' && letter !== 'z') return false;
    if (ink.canRedo) ink.redo();
    else desk.redo();
    return true;
  }
  if (!hasInk) return false;
  if (key === 'Delete' || key === 'Escape') {
    if (isForAnother(target)) return false;
    ink.clear();
    return true;
  }
  const isControl = target instanceof Element && target.matches('button, summary, a, input');
  const byKeys = ink.strokes.at(-1)?.tool === 'keyboard';
  if (isControl || !(key === 'Enter' || (key === ' ' && !byKeys))) return false;
  session.take();
  return true;
}

/** Whether Delete and Escape are for a drawing of a wall, or for an open menu. */
function isForAnother(target: EventTarget | null): boolean {
  const isInWall = target instanceof Element && target.closest('.wall') !== null;
  return isInWall || document.querySelector('details.menu[open]') !== null;
}

/** Fields in which these keys mean something else. */
const FIELDS = 'select, textarea, input:not([type=radio], [type=color])';
