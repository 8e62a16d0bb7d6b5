/** The line above the Teach view: the project's name, other projects, undo and redo, and whether all is kept. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { plural } from '#src/report/text.js';
import { RedoIcon, UndoIcon } from '../icons.js';
import { FileInput } from './begin.js';
import { NameField } from './name-field.js';
import { EMPTY_LESSON } from './project/edits.js';
import type { TeachSession } from './project/teach-session.js';

export function ProjectBar({ session }: { session: TeachSession }) {
  const { desk } = session;
  return (
    <div class="project-bar">
      <NameField
        class="title"
        label="Name of the project"
        name={desk.lesson.name}
        maxLength={80}
        rename={(typed) => rename(session, typed)}
      />
      <ProjectMenu session={session} />
      <span class="spring" />
      <KeptLine session={session} />
      <span class="pair">
        <button
          type="button"
          disabled={desk.undoable === null}
          onClick={() => desk.undo()}
          title={desk.undoable === null ? 'Undo (Ctrl+Z)' : `Undo: ${desk.undoable} (Ctrl+Z)`}
          aria-label={desk.undoable === null ? 'Undo the last change' : `Undo: ${desk.undoable}`}
        >
          <UndoIcon />
        </button>
        <button
          type="button"
          disabled={desk.redoable === null}
          onClick={() => desk.redo()}
          title={desk.redoable === null ? 'Redo (Ctrl+Shift+Z)' : `Redo: ${desk.redoable} (Ctrl+Shift+Z)`}
          aria-label={desk.redoable === null ? 'Redo the last change' : `Redo: ${desk.redoable}`}
        >
          <RedoIcon />
        </button>
      </span>
    </div>
  );
}

/** A project without a name keeps the one it has. */
function rename({ desk }: TeachSession, typed: string): void {
  const name = typed.trim();
  if (name !== '' && name !== desk.lesson.name) desk.edit({ ...desk.lesson, name }, 'rename the project');
}

function KeptLine({ session }: { session: TeachSession }) {
  const { keeping } = session.desk;
  if (keeping.state === 'refused') return null; // The notice below the bar says so.
  return (
    <span class="muted kept" title="In this browser's storage. Nothing is sent anywhere.">
      {keeping.state === 'writing' ? 'Keeping …' : 'Kept in this browser'}
    </span>
  );
}

/** Projects: new, open, delete; files. */
function ProjectMenu({ session }: { session: TeachSession }) {
  const { desk } = session;
  const [doomed, setDoomed] = useState<string | null>(null);
  const menu = useRef<HTMLDetailsElement>(null);
  const file = useRef<HTMLInputElement>(null);
  useEffect(() => closeFromOutside(menu), []);
  const close = () => {
    setDoomed(null);
    if (menu.current) menu.current.open = false;
  };
  const after = (action: () => unknown) => () => {
    close();
    void action();
  };
  return (
    <details class="menu" ref={menu}>
      <summary>Projects</summary>
      <div class="sheet-menu">
        <div class="menu-row">
          <button type="button" onClick={after(() => desk.add({ ...EMPTY_LESSON, network: null }))}>
            New project
          </button>
          <button type="button" onClick={after(() => file.current?.click())}>
            Open a file
          </button>
        </div>
        <ul aria-label="Kept projects">
          {desk.shelf.map(({ id, name, classes, drawings }) => (
            <li key={id}>
              <button
                type="button"
                class="entry"
                aria-current={id === desk.id ? 'true' : undefined}
                onClick={after(() => id !== desk.id && desk.open(id))}
              >
                <b>{id === desk.id ? desk.lesson.name : name}</b>
                <span class="muted">
                  {plural(classes, 'symbol')}, {plural(drawings, 'drawing')}
                </span>
              </button>
              {doomed === id ? (
                <button type="button" class="danger" onClick={after(() => desk.delete(id))}>
                  Delete for good
                </button>
              ) : (
                <button type="button" aria-label={`Delete the project ${name}`} onClick={() => setDoomed(id)}>
                  Delete …
                </button>
              )}
            </li>
          ))}
        </ul>
      </div>
      <FileInput session={session} input={file} />
    </details>
  );
}

/** Closes an open menu at a click elsewhere and with Escape. @returns a function that stops that */
export function closeFromOutside(menu: { current: HTMLDetailsElement | null }): () => void {
  const close = (event: Event) => {
    const element = menu.current;
    if (!element?.open) return;
    if (event instanceof KeyboardEvent) {
      if (event.key !== 'Escape') return;
      event.stopImmediatePropagation(); // the keys of the view listen beside this
      element.querySelector('summary')?.focus();
    } else if (element.contains(event.target as Node)) return;
    element.open = false;
  };
  addEventListener('pointerdown', close);
  addEventListener('keydown', close, { capture: true });
  return () => {
    removeEventListener('pointerdown', close);
    removeEventListener('keydown', close, { capture: true });
  };
}
