/** Colours of classes: those of Okabe and Ito (2008), which people with colour blindness can tell apart, and darker ones. */
const COLOURS = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#56b4e9',
  '#7a5195',
  '#8c6d1f',
  '#b3003c',
  '#4d4d4d',
  '#2f7d32',
  '#3949ab',
];

/** The colour of class k: the first twelve differ. */
export function classColour(k: number): string {
  return COLOURS[k % COLOURS.length];
}
