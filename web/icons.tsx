/** The page's icons: 24 × 24 units, strokes as wide as those of the font. */
import type { ComponentChildren } from 'preact';

function icon(shapes: ComponentChildren) {
  return () => (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {shapes}
    </svg>
  );
}

export const UndoIcon = icon(<path d="M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3" />);
export const RedoIcon = icon(<path d="m15 14 5-5-5-5M20 9H10a6 6 0 0 0 0 12h3" />);
export const ClearIcon = icon(
  <path d="M4 7h16M10 11v6M14 11v6M6 7l1 12a2 2 0 0 0 2 2h6a2 2 0 0 0 2-2l1-12M9 7V4h6v3" />,
);
export const SaveIcon = icon(<path d="M12 4v11M7 10.5l5 5 5-5M5 20h14" />);
export const PlayIcon = icon(<path d="M8 5.5v13l10.5-6.5z" class="filled" />);
export const PauseIcon = icon(<path d="M9 5.5v13M15.5 5.5v13" class="heavy" />);
export const LightIcon = icon(
  <>
    <circle cx="12" cy="12" r="4.2" />
    <path d="M12 3v1.8M12 19.2V21M3 12h1.8M19.2 12H21M5.6 5.6l1.3 1.3M17.1 17.1l1.3 1.3M18.4 5.6l-1.3 1.3M6.9 17.1l-1.3 1.3" />
  </>,
);
export const DarkIcon = icon(<path d="M20 14.5A8.2 8.2 0 0 1 9.5 4 8.2 8.2 0 1 0 20 14.5z" />);
export const SystemIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M12 3.5v17a8.5 8.5 0 0 0 0-17z" class="filled" />
  </>,
);
export const BackIcon = icon(<path d="M15 5l-7 7 7 7" />);
export const NextIcon = icon(<path d="M9 5l7 7-7 7" />);
