/**
 * Every colour of the charts and of report.html, in a light and a dark edition. Charts are drawn in the light one;
 * `themed` turns its colours into CSS variables, so that one inline SVG looks right in both. Blue, orange and ink
 * are told apart with every common kind of colour blindness, and by their lightness alone.
 *
 * The light colours are all different, which is what `themed` lives on. Text on a step of a ramp has a contrast of
 * at least 4.5 in both editions (WCAG 2.1, AA), and the pen one of 3 with the paper; the pen's colours get lighter from
 * step to step, so that its direction is seen without colours too. The tests check all of it.
 */

export interface Colors {
  /** Behind the cards of the page. */
  page: string;
  /** Behind a chart. */
  surface: string;
  /** Cells and tiles with nothing in them. */
  empty: string;
  ink: string;
  muted: string;
  grid: string;
  axis: string;
  training: string;
  /** The training curve, step by step, behind the epochs' means. */
  trainingCurve: string;
  validation: string;
  /** Text on steps 0 to 3 of a ramp. */
  onPale: string;
  /** Text on steps 4 to 6 of a ramp. */
  onStrong: string;
  /** From few to many correct answers. */
  correct: readonly string[];
  /** From few to many mistakes. */
  wrong: readonly string[];
  /** From the beginning of a drawing to its end. */
  pen: readonly string[];
}

export const light: Colors = {
  page: '#f5f6f8',
  surface: '#ffffff',
  empty: '#f2f4f7',
  ink: '#1a2230',
  muted: '#596475',
  grid: '#e7eaef',
  axis: '#c2c9d3',
  training: '#2c63c2',
  trainingCurve: '#b3cbf2',
  validation: '#b9540b',
  onPale: '#10161f',
  onStrong: '#fefefe',
  correct: ['#e6eefb', '#c7daf8', '#a9c7f4', '#8db4f0', '#4673bc', '#3361ad', '#1d4c9c'],
  wrong: ['#fdeedd', '#fbd6b3', '#f8be87', '#f4a65a', '#b3601f', '#a75117', '#9a4103'],
  pen: [
    '#182888',
    '#392892',
    '#53249c',
    '#6c21a0',
    '#852595',
    '#a02188',
    '#b42778',
    '#c23762',
    '#d24346',
    '#d85636',
    '#dc6928',
    '#df7b0d',
  ],
};

export const dark: Colors = {
  page: '#0e1218',
  surface: '#161b23',
  empty: '#1d232d',
  ink: '#e9edf3',
  muted: '#a2adbc',
  grid: '#29313c',
  axis: '#465162',
  training: '#7eabf5',
  trainingCurve: '#34507f',
  validation: '#f2a25f',
  onPale: '#f2f5fa',
  onStrong: '#0b0f14',
  correct: ['#1b2a45', '#273d65', '#335287', '#3f66a8', '#769cdc', '#89afed', '#9cc2ff'],
  wrong: ['#3b2717', '#58371b', '#77481d', '#96591d', '#d49452', '#e9a863', '#ffbd75'],
  pen: [
    '#6b78ec',
    '#8478ee',
    '#9b78f1',
    '#b078f0',
    '#c77ae1',
    '#de7bd2',
    '#ed81bd',
    '#f68d9f',
    '#ff977d',
    '#ffa36b',
    '#ffaf5e',
    '#ffba4d',
  ],
};

/** Steps of a ramp; from `strongStep` on, text on it is `onStrong`. */
export const rampSteps = light.correct.length;
export const strongStep = 4;

/** The step of a ramp for a share from 0 to 1. */
export function rampStep(share: number): number {
  return Math.min(rampSteps - 1, Math.max(0, Math.floor(share * rampSteps)));
}

/** Names and colours in one list: `ink`, `correct-0` … */
export function colorEntries(colors: Colors): [name: string, color: string][] {
  return Object.entries(colors).flatMap(([name, value]: [string, string | readonly string[]]) =>
    typeof value === 'string'
      ? [[kebab(name), value] as [string, string]]
      : value.map((color, step) => [`${kebab(name)}-${step}`, color] as [string, string]),
  );
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The declarations of the CSS variables, `--ink:#1a2230;…`. */
export function colorVariables(colors: Colors): string {
  return colorEntries(colors)
    .map(([name, color]) => `--${name}:${color};`)
    .join('');
}

/** A chart's SVG with the light edition's colours replaced by CSS variables. */
export function themed(svg: string): string {
  const names = new Map(colorEntries(light).map(([name, color]) => [color, name]));
  return svg.replace(/(fill|stroke)="(#[0-9a-f]{6})"/g, (attribute, property: string, color: string) => {
    const name = names.get(color);
    return name === undefined ? attribute : `${property}="var(--${name})"`;
  });
}

/** A chart's SVG for a file of its own: in the light edition's colours, and in the dark one's where that is preferred. */
export function adaptive(svg: string): string {
  const darkColors = new Map(colorEntries(dark));
  const rules = colorEntries(light)
    .filter(([, color]) => svg.includes(`"${color}"`))
    .flatMap(([name, color]) =>
      ['fill', 'stroke'].map((property) => `[${property}="${color}"]{${property}:${darkColors.get(name)}}`),
    );
  return svg.replace(
    /^<svg [^>]*>/,
    `$&<style>@media (prefers-color-scheme:dark){${rules.join('')}}</style>`,
  );
}
