/**
 * The most confident mistakes, as pictures or as drawn strokes, with the true class, the answer and the answer's
 * probability.
 */

import type { EChartsOption } from 'echarts';
import type { Stroke } from '../../ink/drawing.js';
import { movesToStrokes } from '../../ink/render-strokes.js';
import type { Mistake } from '../../runs/run-folder.js';
import { light } from '../palette.js';
import { type PictureImage, pictureImage } from '../picture.js';
import { className } from '../recall.js';
import { fitSquare, strokeShapes } from '../stroke-drawing.js';
import { type StrokeShape, shapesGraphic } from '../stroke-shapes.js';
import { formatShare, plural } from '../text.js';
import { baseOption, type Chart, FONT_FAMILY, fitText, frames, textWidth } from './chart.js';

/** Number of mistakes shown at most. */
export const MAX_MISTAKES = 30;

/** A mistake, ready to be shown. */
export interface MistakeTile {
  /** `4 → 9` */
  caption: string;
  /** `99.8 %` */
  confidence: string;
  /** The whole mistake in a sentence. */
  description: string;
  picture: { kind: 'images'; image: PictureImage } | { kind: 'strokes'; strokes: readonly Stroke[] };
}

/** The first MAX_MISTAKES mistakes, with their pictures. */
export function mistakeTiles(mistakes: readonly Mistake[], classes: readonly string[]): MistakeTile[] {
  return mistakes.slice(0, MAX_MISTAKES).map((mistake) => {
    const [label, predicted] = [className(classes, mistake.label), className(classes, mistake.predicted)];
    return {
      caption: `${label} → ${predicted}`,
      confidence: formatShare(mistake.confidence, 1),
      description:
        `Test sample ${mistake.index}: true class ${label}, taken for ${predicted} with ` +
        `${formatShare(mistake.confidence, 1)}; the true class got ${formatShare(mistake.labelProbability, 1)}.`,
      picture: tilePicture(mistake.picture),
    };
  });
}

function tilePicture(picture: Mistake['picture']): MistakeTile['picture'] {
  if (!('moves' in picture)) return { kind: 'images', image: pictureImage(picture) };
  return { kind: 'strokes', strokes: movesToStrokes(picture.moves) };
}

/** A drawing's shapes, in a square of this side. */
export function tileShapes(strokes: readonly Stroke[], side: number): StrokeShape[] {
  return strokeShapes(strokes, fitSquare(strokes, side));
}

export function mistakesTitle(tiles: readonly MistakeTile[]): string {
  if (tiles.length === 0) return 'No mistakes on the test set';
  return tiles.length === 1 ? 'The most confident mistake' : `The ${tiles.length} most confident mistakes`;
}

/** Explains how to read the tiles. */
export function mistakesNote(tiles: readonly MistakeTile[]): string {
  return tiles.some(({ picture }) => picture.kind === 'strokes')
    ? 'True class → answer, with its probability. The pen runs from the ring, from blue to orange; dots where it is lifted.'
    : 'True class → answer, and the probability that the network gave its answer.';
}

/** The tiles in a grid, as a chart for a file. (The page has an HTML grid, which fits any width.) */
export function mistakesChart(tiles: readonly MistakeTile[]): Chart {
  const { left, top, fontSize } = frames.file;
  const width = 960;
  const inner = width - 2 * left;
  const gap = 12;
  const widest = Math.max(78, ...tiles.map(({ caption }) => textWidth(caption, fontSize)));
  const columns = Math.max(5, Math.min(10, Math.floor((inner + gap) / (widest + gap))));
  const column = (inner + gap) / columns;
  const side = Math.min(96, column - gap);
  const row = side + 2 * fontSize + 32;
  const rows = Math.ceil(tiles.length / columns);
  const title = mistakesTitle(tiles);
  const note = tiles.length > 0 ? mistakesNote(tiles) : 'Every sample was recognised.';
  const option: EChartsOption = {
    ...baseOption('file', width, title, note),
    graphic: tiles.flatMap(({ caption, confidence, picture }, index) => {
      const x = left + (index % columns) * column;
      const y = top + Math.floor(index / columns) * row;
      const text = { fontFamily: FONT_FAMILY, fontSize, align: 'left' as const };
      return [
        ...(picture.kind === 'strokes'
          ? shapesGraphic(tileShapes(picture.strokes, side), x, y)
          : [imageGraphic(picture.image, x, y, side)]),
        {
          type: 'rect' as const,
          silent: true,
          shape: { x: x + 0.5, y: y + 0.5, width: side - 1, height: side - 1, r: 3 },
          style: { fill: 'none', stroke: light.axis, lineWidth: 1 },
        },
        {
          type: 'text' as const,
          silent: true,
          x,
          y: y + side + 9,
          style: { ...text, text: fitText(caption, column - 6, fontSize), fontWeight: 600, fill: light.ink },
        },
        {
          type: 'text' as const,
          silent: true,
          x,
          y: y + side + 9 + fontSize * 1.35,
          style: { ...text, text: confidence, fill: light.muted },
        },
      ];
    }),
  };
  return { name: 'mistakes', title, note, width, height: Math.ceil(top + rows * row + 8), option };
}

function imageGraphic({ uri, width, height }: PictureImage, x: number, y: number, side: number) {
  const scale = side / Math.max(width, height);
  const [w, h] = [width * scale, height * scale];
  return {
    type: 'image' as const,
    silent: true,
    x: x + (side - w) / 2,
    y: y + (side - h) / 2,
    style: { image: uri, width: w, height: h },
  };
}

/** The page's text above the tiles. `all` is the number of all mistakes. */
export function mistakesLead(tiles: readonly MistakeTile[], all: number): string {
  const shown = tiles.length;
  if (all === 0) return 'Every test sample was recognised.';
  if (shown === 0) return `${plural(all, 'mistake')} on the test set.`;
  return `${shown === 1 ? 'One' : shown} of ${plural(all, 'mistake')} on the test set, the most confident first. ${mistakesNote(tiles)}`;
}
