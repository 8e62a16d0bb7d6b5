/**
 * Every colour of the charts and of report.html, in a light and a dark edition. Charts are drawn in the light edition.
 * `themed` replaces its colours by CSS variables, so that the same inline SVG works in both editions. Blue, orange and
 * ink are distinguishable with every common colour blindness, and by their lightness alone.
 *
 * All light colours are different; `themed` depends on that. In both editions, text on a shade of a ramp has a contrast
 * of at least 4.5 (WCAG 2.1, AA), and the pen has one of at least 3 with the paper. The pen's shades become steadily
 * lighter, so its direction is visible without colours. Tests check all of these.
 */

export interface Colors {
  /** Behind the cards of the page. */
  page: string;
  /** Behind a chart. */
  surface: string;
  /** Empty cells and tiles. */
  empty: string;
  ink: string;
  muted: string;
  grid: string;
  axis: string;
  training: string;
  /** The training curve of single updates, behind the means per epoch. */
  trainingCurve: string;
  validation: string;
  /** Text on shades 0 to 3 of a ramp. */
  onPale: string;
  /** Text on shades 4 to 6 of a ramp. */
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

/** Number of shades of a ramp. From `STRONG_SHADE` on, text on a shade has the colour `onStrong`. */
export const RAMP_SHADES = light.correct.length;
export const STRONG_SHADE = 4;

/** Index of a ramp's shade for a share in [0, 1]. */
export function rampShade(share: number): number {
  return Math.min(RAMP_SHADES - 1, Math.max(0, Math.floor(share * RAMP_SHADES)));
}

/** All colours with their names: `ink`, `correct-0` … */
export function colorEntries(colors: Colors): [name: string, color: string][] {
  return Object.entries(colors).flatMap(([name, value]: [string, string | readonly string[]]) =>
    typeof value === 'string'
      ? [[kebab(name), value] as [string, string]]
      : value.map((color, shade) => [`${kebab(name)}-${shade}`, color] as [string, string]),
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

/** A chart's SVG for a separate file: it is light, or dark if the reader prefers that. */
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
