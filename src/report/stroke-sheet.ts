/**
 * A contact sheet of drawings. Each drawing is a column of panels: the image, the thinned image, the strokes, and the
 * strokes as augmentation varies them in several epochs. Columns are arranged in bands.
 */

import type { Stroke } from '../ink/drawing.js';
import type { Picture } from '../runs/run-folder.js';
import { FONT_FAMILY, fitText } from './charts/chart.js';
import { light } from './palette.js';
import { pictureImage } from './picture.js';
import { className } from './recall.js';
import { penWidth, strokeShapes } from './stroke-drawing.js';
import { maskSvg, shapesSvg } from './stroke-shapes.js';
import { plural } from './text.js';

/** A drawing on the sheet. */
export interface SheetEntry {
  /** Index of its class. */
  label: number;
  /** Index of the sample, from 0. */
  index: number;
  /** Length of its sequence. */
  steps: number;
  /** Size of the picture that contains the strokes. */
  width: number;
  height: number;
  /** The image from which the strokes were made; null if there is none. */
  picture: Picture | null;
  /** [height, width] the thinned image; pixels other than 0 are ink. */
  thinned: Uint8Array;
  strokes: Stroke[];
  /** The varied strokes of several epochs; every drawing has the same epochs in the same order. */
  variations?: { epoch: number; strokes: Stroke[] }[];
}

export interface Sheet {
  title: string;
  note: string;
  /** A second note, below the first one. */
  details?: string;
  entries: SheetEntry[];
  classes: readonly string[];
  /** Only the pictures, for data that become no strokes. Default false. */
  onlyPictures?: boolean;
}

const MARGIN = 32;
const TOP = 104;
/** Height of the second note. */
const DETAILS = 22;
const PANEL = 96;
const GAP = 12;
/** Width of the row titles at the left. */
const ROW_TITLES = 76;
const CAPTION = 46;
const BAND_GAP = 28;
const MAX_COLUMNS = 10;

/** Content of a row of panels: a stage of the drawing, or an epoch of training. */
type Row = 'image' | 'thinned' | 'strokes' | number;

/** The sheet as a self-contained SVG document, and its size in pixels. */
export function sheetSvg({ title, note, details, entries, classes, onlyPictures = false }: Sheet): {
  svg: string;
  width: number;
  height: number;
} {
  const columns = Math.max(5, Math.min(MAX_COLUMNS, entries.length));
  const withPictures = entries.some(({ picture }) => picture !== null);
  const epochs = entries.length > 0 ? (entries[0].variations ?? []) : [];
  const rows: Row[] = ['thinned', 'strokes', ...epochs.map(({ epoch }) => epoch)];
  if (onlyPictures) rows.splice(0, rows.length, 'image');
  else if (withPictures) rows.unshift('image');
  const top = TOP + (details === undefined ? 0 : DETAILS);
  const bands = Math.ceil(entries.length / columns);
  const bandHeight = CAPTION + rows.length * (PANEL + GAP) - GAP;
  const width = 2 * MARGIN + ROW_TITLES + columns * (PANEL + GAP) - GAP;
  const height = top + bands * (bandHeight + BAND_GAP) - BAND_GAP + MARGIN;
  const inner = width - 2 * MARGIN;

  const parts = [
    `<rect width="${width}" height="${height}" fill="${light.surface}"/>`,
    text(MARGIN, 44, fitText(title, inner, 22), { size: 22, weight: 600 }),
    text(MARGIN, 70, fitText(note, onlyPictures ? inner : inner - 210, 14), { color: light.muted }),
    ...(onlyPictures ? [] : [legend(width - MARGIN, 65)]),
  ];
  if (details !== undefined) {
    parts.push(text(MARGIN, 70 + DETAILS, fitText(details, inner, 12), { size: 12, color: light.muted }));
  }
  for (let band = 0; band < bands; band++) {
    const y = top + band * (bandHeight + BAND_GAP);
    rows.forEach((row, index) => {
      const middle = y + CAPTION + index * (PANEL + GAP) + PANEL / 2 + 5;
      const name = typeof row === 'number' ? `epoch ${row}` : row;
      parts.push(text(MARGIN, middle, name, { color: light.muted }));
    });
    entries.slice(band * columns, (band + 1) * columns).forEach((entry, column) => {
      const x = MARGIN + ROW_TITLES + column * (PANEL + GAP);
      parts.push(...caption(entry, classes, x, y));
      rows.forEach((row, index) => {
        parts.push(panel(entry, row, x, y + CAPTION + index * (PANEL + GAP)));
      });
    });
  }
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `role="img" aria-label="${escapeXml(title)}" font-family="'${FONT_FAMILY}', system-ui, sans-serif" ` +
    `font-size="14">\n${parts.join('\n')}\n</svg>\n`;
  return { svg, width, height };
}

function caption(entry: SheetEntry, classes: readonly string[], x: number, y: number): string[] {
  const name = fitText(className(classes, entry.label), PANEL, 18);
  return [
    text(x, y + 16, name, { size: 18, weight: 600 }),
    text(x, y + 34, fitText(`${plural(entry.steps, 'step')}, #${entry.index}`, PANEL + GAP - 4, 12), {
      size: 12,
      color: light.muted,
    }),
  ];
}

/** One panel of a drawing, in a frame. */
function panel(entry: SheetEntry, row: Row, x: number, y: number): string {
  const { width, height, picture, thinned, strokes } = entry;
  const cell = PANEL / Math.max(width, height);
  const left = x + (PANEL - width * cell) / 2;
  const top = y + (PANEL - height * cell) / 2;
  const placement = { x: left + cell / 2, y: top + cell / 2, cell, pen: penWidth(cell, PANEL) };
  const mask = { width, height, pixels: thinned };
  const content: string[] = [];
  if (row === 'image' && picture !== null) {
    content.push(
      `<image x="${left}" y="${top}" width="${width * cell}" height="${height * cell}" ` +
        `image-rendering="optimizeSpeed" style="image-rendering:pixelated" href="${pictureImage(picture).uri}"/>`,
    );
  }
  if (row === 'thinned') content.push(maskSvg(mask, placement, light.ink));
  if (row === 'strokes') {
    content.push(maskSvg(mask, placement, light.grid), shapesSvg(strokeShapes(strokes, placement)));
  }
  if (typeof row === 'number') {
    const varied = entry.variations?.find(({ epoch }) => epoch === row)?.strokes ?? [];
    const shapes = shapesSvg(strokeShapes(varied, placement));
    // The nested <svg> clips a drawing at the panel's frame.
    content.push(
      maskSvg(mask, placement, light.grid),
      `<svg x="${x}" y="${y}" width="${PANEL}" height="${PANEL}" viewBox="${x} ${y} ${PANEL} ${PANEL}">${shapes}</svg>`,
    );
  }
  content.push(
    `<rect x="${x + 0.5}" y="${y + 0.5}" width="${PANEL - 1}" height="${PANEL - 1}" rx="4" fill="none" ` +
      `stroke="${light.grid}"/>`,
  );
  return content.join('');
}

/** Explains the colours, the ring and the dot. `right` is the right edge. */
function legend(right: number, y: number): string {
  const [from, to] = [right - 146, right - 50];
  const shades = light.pen.length;
  const bars = light.pen.map((color, n) => {
    const x = from + ((to - from) * n) / shades;
    return `<rect x="${x.toFixed(2)}" y="${y - 2}" width="${((to - from) / shades + 0.5).toFixed(2)}" height="4" fill="${color}"/>`;
  });
  const [first, last] = [light.pen[0], light.pen[shades - 1]];
  return [
    text(from - 14, y + 5, 'begin', { color: light.muted, anchor: 'end' }),
    ...bars,
    `<circle cx="${from}" cy="${y}" r="4.5" fill="${light.surface}" stroke="${first}" stroke-width="3"/>`,
    `<circle cx="${to}" cy="${y}" r="5" fill="${last}"/>`,
    text(to + 14, y + 5, 'end', { color: light.muted }),
  ].join('');
}

function text(
  x: number,
  y: number,
  content: string,
  { size = 14, weight = 400, color = light.ink, anchor = 'start' } = {},
): string {
  return (
    `<text x="${x}" y="${y}" font-size="${size}"${weight === 400 ? '' : ` font-weight="${weight}"`} ` +
    `fill="${color}"${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}>${escapeXml(content)}</text>`
  );
}

function escapeXml(content: string): string {
  return content.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
