/** Keys that work wherever the focus is on the Draw page. */
import type { Ink } from './ink.js';

/** @returns stops listening */
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
