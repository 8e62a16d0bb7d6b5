/**
 * A menu of the symbols with a button beside it. The choice alone does nothing: with the keyboard, every arrow key in a
 * closed menu chooses the next entry.
 */
import { useState } from 'preact/hooks';
import type { TeachClass } from '#src/data/pens/project.js';

interface ClassChoiceProps {
  /** Before the menu. */
  label: string;
  classes: readonly TeachClass[];
  /** On the button. */
  action: string;
  choose: (id: string) => void;
}

export function ClassChoice({ label, classes, action, choose }: ClassChoiceProps) {
  const [chosen, setChosen] = useState('');
  const id = classes.some((each) => each.id === chosen) ? chosen : '';
  return (
    <div class="class-choice">
      <label>
        {label}
        <select value={id} onChange={(event) => setChosen((event.target as HTMLSelectElement).value)}>
          <option value="">choose …</option>
          {classes.map((each) => (
            <option key={each.id} value={each.id}>
              {each.name}
            </option>
          ))}
        </select>
      </label>
      <button type="button" disabled={id === ''} onClick={() => choose(id)}>
        {action}
      </button>
    </div>
  );
}
