/** A class: its colour, its name, what can be done with it, and the wall of its drawings. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { TeachClass, TeachDrawing } from '#src/data/pens/project.js';
import { plural } from '#src/report/text.js';
import { ClassChoice } from './class-choice.js';
import { DrawingThumb } from './drawing-thumb.js';
import { NameField } from './name-field.js';
import type { TeachSession } from './project/teach-session.js';
import { closeFromOutside } from './project-bar.js';

interface ClassCardProps {
  session: TeachSession;
  class: TeachClass;
  drawings: readonly TeachDrawing[];
}

export function ClassCard({ session, class: it, drawings }: ClassCardProps) {
  const [problem, setProblem] = useState<string | null>(null);
  const name = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (session.unnamed !== it.id) return;
    session.unnamed = null;
    // On a touch screen the keyboard would cover the canvas.
    if (matchMedia('(pointer: fine)').matches) name.current?.focus({ preventScroll: true });
  }, [it.id]);
  const isChosen = session.mode === 'add' && session.chosen === it.id;
  return (
    <li
      class={`class-card${isChosen ? ' chosen' : ''}`}
      style={{ '--colour': it.colour }}
      data-class={it.name}
    >
      <header>
        <input
          type="color"
          value={it.colour}
          aria-label={`Colour of ${it.name}`}
          onChange={(event) => session.recolour(it.id, (event.target as HTMLInputElement).value)}
        />
        <NameField
          field={name}
          class="name"
          label={`Name of ${it.name}`}
          name={it.name}
          rename={(typed) => setProblem(session.rename(it.id, typed))}
          selects
        />
        <span class="muted count">{plural(drawings.length, 'drawing')}</span>
        <button type="button" onClick={() => drawHere(session, it.id)} aria-label={`Draw ${it.name}`}>
          Draw
        </button>
        <ClassMenu session={session} class={it} />
      </header>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <DrawingWall session={session} class={it} drawings={drawings} />
    </li>
  );
}

function drawHere(session: TeachSession, id: string): void {
  const wasPad = session.mode === 'word';
  session.choose(id);
  const focus = () => {
    const canvas = document.querySelector<HTMLElement>('.teach canvas.ink');
    canvas?.focus();
    canvas?.scrollIntoView({ block: 'nearest' });
  };
  // In place of the pad comes another canvas.
  if (wasPad) requestAnimationFrame(focus);
  else focus();
}

function ClassMenu({ session, class: it }: Omit<ClassCardProps, 'drawings'>) {
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => closeFromOutside(menu), []);
  const others = session.desk.lesson.classes.filter(({ id }) => id !== it.id);
  /** The card goes away: the focus goes to the one that takes its place, or the one before. */
  const leave = (change: () => void) => {
    const card = menu.current?.closest('.class-card');
    const next = card?.nextElementSibling ?? card?.previousElementSibling;
    change();
    const draw = next?.querySelector<HTMLElement>('header button');
    focusSoon(() => draw ?? document.querySelector<HTMLElement>('.begin button'));
  };
  return (
    <details class="menu more" ref={menu}>
      <summary aria-label={`More for ${it.name}`}>
        <span aria-hidden="true">⋯</span>
      </summary>
      <div class="sheet-menu">
        {others.length > 0 && (
          <ClassChoice
            label="Merge into"
            classes={others}
            action="Merge"
            choose={(into) => leave(() => session.merge(it.id, into))}
          />
        )}
        <button type="button" class="danger" onClick={() => leave(() => session.deleteClass(it.id))}>
          Delete {it.name}
        </button>
      </div>
    </details>
  );
}

/** Moves the focus when the change that was just made is shown. */
function focusSoon(find: () => HTMLElement | null | undefined): void {
  requestAnimationFrame(() => find()?.focus());
}

/** The drawings. One of them is in the tab order; arrow keys go to the others, Delete deletes. */
function DrawingWall({ session, class: it, drawings }: ClassCardProps) {
  const wall = useRef<HTMLUListElement>(null);
  const [at, setAt] = useState(0);
  if (drawings.length === 0) {
    return <p class="muted none-yet">No drawing yet. Five to ten make it good.</p>;
  }
  const current = Math.min(at, drawings.length - 1);
  const buttonAt = (n: number): HTMLElement | undefined => {
    const buttons = wall.current?.querySelectorAll('button') ?? [];
    return buttons[Math.max(0, Math.min(buttons.length - 1, n))];
  };
  const selected = drawings.filter(({ id }) => session.selected.has(id));
  const others = session.desk.lesson.classes.filter(({ id }) => id !== it.id);
  /** Drawings go away: the focus goes to the one that takes the place of the n-th, or to the button that draws more. */
  const leave = (n: number, change: () => void) => {
    const draw = wall.current?.closest('.class-card')?.querySelector<HTMLElement>('header button');
    change();
    focusSoon(() => buttonAt(n) ?? draw);
  };
  const press = (event: KeyboardEvent, n: number) => {
    if (event.key === 'ArrowRight' || event.key === 'ArrowDown') buttonAt(n + 1)?.focus();
    else if (event.key === 'ArrowLeft' || event.key === 'ArrowUp') buttonAt(n - 1)?.focus();
    else if (event.key === 'Delete' || event.key === 'Backspace') {
      const doomed = selected.length > 0 ? selected : [drawings[n]];
      leave(n, () => session.deleteDrawings(idsOf(doomed)));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <>
      <ul class="wall" ref={wall} aria-label={`Drawings of ${it.name}`}>
        {drawings.map(({ id, drawing }, n) => (
          <li key={id}>
            <button
              type="button"
              tabIndex={n === current ? 0 : -1}
              aria-pressed={session.selected.has(id)}
              aria-label={`Drawing ${n + 1} of ${it.name}`}
              data-drawing={id}
              onFocus={() => setAt(n)}
              onClick={() => toggle(session, id)}
              onKeyDown={(event) => press(event, n)}
            >
              <DrawingThumb drawing={drawing} />
            </button>
          </li>
        ))}
      </ul>
      {selected.length > 0 && (
        <div class="selected-bar">
          <span>{plural(selected.length, 'drawing')} selected</span>
          {others.length > 0 && (
            <ClassChoice
              label="Move to"
              classes={others}
              action="Move"
              choose={(into) => leave(current, () => session.moveDrawings(idsOf(selected), into))}
            />
          )}
          <button
            type="button"
            class="danger"
            onClick={() => leave(current, () => session.deleteDrawings(idsOf(selected)))}
          >
            Delete
          </button>
        </div>
      )}
    </>
  );
}

function idsOf(drawings: readonly TeachDrawing[]): Set<string> {
  return new Set(drawings.map(({ id }) => id));
}

function toggle(session: TeachSession, id: string): void {
  const selected = new Set(session.selected);
  if (!selected.delete(id)) selected.add(id);
  session.select(selected);
}
