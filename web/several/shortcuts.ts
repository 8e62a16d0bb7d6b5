/** Keys of a pad, wherever the focus is: Ctrl+Z undoes, Delete clears, Escape closes a correction, else clears. */
import type { ClassLook } from './look.js';
import type { PadSession } from './pad-session.js';

/** @returns a function that removes the shortcuts */
export function listenForPadKeys(pad: PadSession): () => void {
  const press = (event: KeyboardEvent) => {
    if (!act(pad, event)) return;
    event.preventDefault();
  };
  addEventListener('keydown', press);
  return () => removeEventListener('keydown', press);
}

/** @returns whether the key is one of these */
function act(pad: PadSession, { key, ctrlKey, metaKey, shiftKey, altKey, target }: KeyboardEvent): boolean {
  if (altKey || (target instanceof Element && target.matches('select, input'))) return false;
  const letter = key.toLowerCase();
  if (ctrlKey || metaKey) {
    if (letter !== 'z' && letter !== 'y') return false;
    if (letter === 'z' && !shiftKey) pad.undo();
    else pad.redo();
    return true;
  }
  if (key === 'Escape' && pad.selected) {
    pad.select(null);
    return true;
  }
  if (key !== 'Delete' && key !== 'Escape') return false;
  pad.clear();
  return true;
}

/** The class whose name is the letter of the key. Keys with a name, such as Tab, type nothing, whatever classes there are. */
export function typedClass(
  { key, ctrlKey, metaKey, altKey }: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>,
  classes: readonly string[],
  { nameOf }: Pick<ClassLook, 'nameOf'>,
): string | null {
  if (ctrlKey || metaKey || altKey || key === ' ' || [...key].length !== 1) return null;
  return (
    classes.find((name) => nameOf(name) === key) ??
    classes.find((name) => nameOf(name).toLowerCase() === key.toLowerCase()) ??
    null
  );
}
