/** Simple shapes and small drawings as outlines (outline.ts). Circles are left out: they are zeros. */

/** Each shape with its outline. */
export const SHAPES: Readonly<Record<string, string>> = {
  triangle: 'M0 1 L.5 0 L1 1 L0 1',
  'triangle, point down': 'M0 0 L1 0 L.5 1 L0 0',
  square: 'M0 0 L1 0 L1 1 L0 1 L0 0',
  diamond: 'M.5 0 L1 .5 L.5 1 L0 .5 L.5 0',
  star: 'M.2 1 L.5 0 L.8 1 L0 .38 L1 .38 L.2 1',
  'star, outline': 'M.5 0 L.62 .36 L1 .36 L.7 .6 L.81 1 L.5 .76 L.19 1 L.3 .6 L0 .36 L.38 .36 L.5 0',
  heart: 'M.5 1 Q0 .62 0 .28 Q.02 0 .27 0 Q.45 .02 .5 .25 Q.55 .02 .73 0 Q.98 0 1 .28 Q1 .62 .5 1',
  cross: 'M0 0 L1 1 M1 0 L0 1',
  'cross, outline':
    'M.35 0 L.65 0 L.65 .35 L1 .35 L1 .65 L.65 .65 L.65 1 L.35 1 L.35 .65 L0 .65 L0 .35 L.35 .35 L.35 0',
  check: 'M0 .55 L.35 1 L1 0',
  'arrow right': 'M0 .5 L1 .5 M.65 .15 L1 .5 L.65 .85',
  'arrow left': 'M1 .5 L0 .5 M.35 .15 L0 .5 L.35 .85',
  'arrow down': 'M.5 0 L.5 1 M.1 .6 L.5 1 L.9 .6',
  smiley: 'E.5 .5 .5 .5 0 360 D.33 .35 D.67 .35 M.25 .62 Q.5 .95 .75 .62',
  house: 'M0 .45 L.5 0 L1 .45 M.1 .4 L.1 1 L.9 1 L.9 .4 M.4 1 L.4 .65 L.62 .65 L.62 1',
  tree: 'M.5 1 L.5 .6 M.1 .6 L.5 0 L.9 .6 L.1 .6',
  sun: 'E.5 .5 .25 .25 0 360 M.5 .12 L.5 0 M.5 .88 L.5 1 M.12 .5 L0 .5 M.88 .5 L1 .5 M.22 .22 L.1 .1 M.78 .78 L.9 .9 M.78 .22 L.9 .1 M.22 .78 L.1 .9',
  moon: 'E.5 .5 .5 .5 -60 -300 M.75 .07 Q.3 .5 .75 .93',
  cloud:
    'M.2 .8 Q-.08 .75 .06 .5 Q.1 .38 .25 .42 Q.3 .1 .55 .2 Q.75 .1 .78 .42 Q1.08 .45 .95 .7 Q.9 .82 .8 .8 L.2 .8',
  flower:
    'E.5 .3 .1 .1 0 360 E.5 .1 .1 .1 0 360 E.3 .3 .1 .1 0 360 E.7 .3 .1 .1 0 360 E.5 .5 .1 .1 0 360 M.5 .6 L.5 1',
  fish: 'M0 .5 Q.35 .05 .72 .5 L1 .2 L1 .8 L.72 .5 Q.35 .95 0 .5 D.18 .45',
  person: 'E.5 .15 .15 .15 0 360 M.5 .3 L.5 .65 M.15 .45 L.85 .45 M.2 1 L.5 .65 L.8 1',
  envelope: 'M0 .2 L1 .2 L1 .8 L0 .8 L0 .2 L.5 .55 L1 .2',
  cup: 'M0 .1 L.1 1 L.6 1 L.7 .1 L0 .1 M.67 .3 Q1.05 .3 .95 .55 Q.9 .7 .64 .7',
  clock: 'E.5 .5 .5 .5 0 360 M.5 .5 L.5 .15 M.5 .5 L.75 .62',
  target: 'E.5 .5 .5 .5 0 360 E.5 .5 .22 .22 0 360',
  lightning: 'M.65 0 L.2 .55 L.55 .55 L.3 1 L.85 .4 L.5 .4 L.65 0',
  flag: 'M.1 1 L.1 0 L.9 .2 L.1 .45',
  umbrella: 'M0 .5 Q.05 0 .5 0 Q.95 0 1 .5 L0 .5 M.5 .5 L.5 .9 Q.45 1.05 .28 .92',
  note: 'E.2 .88 .18 .12 0 360 M.38 .88 L.38 0 Q.6 .3 .8 .2',
  car: 'M0 .7 L0 .45 L.2 .42 L.33 .2 L.7 .2 L.82 .42 L1 .45 L1 .7 L0 .7 E.25 .75 .1 .1 0 360 E.75 .75 .1 .1 0 360',
  eye: 'M0 .5 Q.5 .05 1 .5 Q.5 .95 0 .5 E.5 .5 .13 .13 0 360',
};
