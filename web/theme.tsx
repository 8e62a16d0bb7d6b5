/** Button for the theme: system, light or dark. public/theme.js applies the stored choice before the first paint. */
import { useState } from 'preact/hooks';
import { DarkIcon, LightIcon, SystemIcon } from './icons.js';

const KEY = 'scanstroke-theme';
const THEMES = ['system', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];
const ICONS = { system: SystemIcon, light: LightIcon, dark: DarkIcon };

export function ThemeButton() {
  const [theme, setTheme] = useState(currentTheme);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  const Icon = ICONS[theme];
  const change = () => {
    apply(next);
    setTheme(next);
  };
  return (
    <button
      type="button"
      class="quiet"
      onClick={change}
      aria-label={`Theme: ${theme}. Change to ${next}`}
      title={`Theme: ${theme}`}
    >
      <Icon />
    </button>
  );
}

function currentTheme(): Theme {
  const { theme } = document.documentElement.dataset;
  return theme === 'light' || theme === 'dark' ? theme : 'system';
}

function apply(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Storage is blocked: the choice is lost when the page closes.
  }
}
