/** The choice above the canvas of the Draw tab: one symbol, or several. */
import { linkTo } from '../route.js';

const MODES = [
  ['draw', 'One symbol'],
  ['several', 'Several symbols'],
] as const;

export function DrawModes({ current }: { current: 'draw' | 'several' }) {
  return (
    <nav class="draw-modes" aria-label="What is drawn">
      {MODES.map(([view, label]) => (
        <a key={view} href={linkTo(view)} aria-current={view === current ? 'page' : undefined}>
          {label}
        </a>
      ))}
    </nav>
  );
}
