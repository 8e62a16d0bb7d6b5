/** Plugin of vite: `virtual:palette.css` has the reports' colours as variables. */
import type { Plugin } from 'vite';
import { colorVariables, dark, light } from '#src/report/palette.js';

const NAME = 'virtual:palette.css';

/** The theme follows `data-theme`, else the system's preference. */
export function paletteCss(): Plugin {
  const id = `\0${NAME}`;
  return {
    name: 'palette',
    resolveId: (source) => (source === NAME ? id : undefined),
    load: (source) =>
      source === id
        ? `:root { ${colorVariables(light)} color-scheme: light; }
           @media (prefers-color-scheme: dark) { :root:not([data-theme='light']) { ${colorVariables(dark)} color-scheme: dark; } }
           :root[data-theme='dark'] { ${colorVariables(dark)} color-scheme: dark; }`
        : undefined,
  };
}
