/** The buttons Undo, Redo and Clear of a toolbar. The keys are those of what they act on. */
import { ClearIcon, RedoIcon, UndoIcon } from '../icons.js';

export interface Undoable {
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  undo(): void;
  redo(): void;
  clear(): void;
}

export function UndoButtons({
  of,
  isEmpty,
  clearKeys,
}: {
  of: Undoable;
  isEmpty: boolean;
  clearKeys: string;
}) {
  return (
    <>
      <button
        type="button"
        disabled={!of.canUndo}
        onClick={() => of.undo()}
        title="Undo (Ctrl+Z)"
        aria-keyshortcuts="Control+Z"
      >
        <UndoIcon />
        Undo
      </button>
      <button
        type="button"
        disabled={!of.canRedo}
        onClick={() => of.redo()}
        title="Redo (Ctrl+Shift+Z)"
        aria-keyshortcuts="Control+Shift+Z Control+Y"
      >
        <RedoIcon />
        Redo
      </button>
      <button
        type="button"
        disabled={isEmpty}
        onClick={() => of.clear()}
        title="Clear (Delete)"
        aria-keyshortcuts={clearKeys}
      >
        <ClearIcon />
        Clear
      </button>
    </>
  );
}
