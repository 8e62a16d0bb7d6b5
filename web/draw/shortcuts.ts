/** Keyboard shortcuts of the Draw view; they work wherever the focus is. */
import type { Ink } from './ink.js';

/** @returns a function that removes the shortcuts */
export function listenForShortcuts(ink: Ink): () => void {
  const press = (event: KeyboardEvent) => {
    const action = actionOf(event);
    if (!action) return;
    event.preventDefault();
    ink[action]();
  };
  addEventListener('keydown', press);
  return () => removeEventListener('keydown', press);
}

function actionOf({ key, ctrlKey, metaKey, shiftKey, altKey, target }: KeyboardEvent) {
  if (altKey || (target instanceof Element && target.matches('select, input:not([type=range])'))) return null;
  const letter = key.toLowerCase();
  if (ctrlKey || metaKey) {
    if (letter === 'z') return shiftKey ? 'redo' : 'undo';
    return letter === 'y' ? 'redo' : null;
  }
  return key === 'Delete' || key === 'Escape' ? 'clear' : null;
}
