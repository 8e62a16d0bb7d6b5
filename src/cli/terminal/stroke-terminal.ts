/**
 * Prints drawings as text. With colours: the image and its strokes side by side, in half-block characters of two pixels
 * each; the colour runs from blue (first point) to yellow (last point). Without colours: the strokes as digits, 0 for
 * the first tenth of the points to 9 for the last tenth.
 */
import type { Colors, Output } from './terminal.js';

export interface TerminalDrawing {
  width: number;
  height: number;
  /** [height, width]; null without an image. */
  image: Uint8Array | null;
  /** The strokes: x and y of their points, in pixels. */
  strokes: readonly { xs: ArrayLike<number>; ys: ArrayLike<number> }[];
}

type Rgb = readonly [number, number, number];
/** A pixel of a panel: empty, the terminal's text colour, or a colour. */
type Pixel = null | 'text' | Rgb;

/** Colours that stand out on dark and on light terminals. */
const RAMP: readonly Rgb[] = [
  [72, 112, 255],
  [164, 84, 235],
  [235, 78, 140],
  [245, 124, 62],
  [226, 168, 40],
];
/** Columns between two drawings, and between the two panels of a drawing. */
const GAP = 4;
const PANEL_GAP = 2;

/** Arranges the drawings in bands as wide as the terminal, each with its caption below. */
export function drawSamples(
  samples: readonly TerminalDrawing[],
  captions: readonly string[],
  stream: Output,
  colors: Colors,
  env: NodeJS.ProcessEnv = process.env,
): string {
  const color = colors.isColorSupported;
  const truecolor = /^(truecolor|24bit)$/.test(env.COLORTERM ?? '');
  const blocks = samples.map((sample, index): Block => {
    const caption = captions[index];
    if (!color) {
      const width = Math.max(sample.width, caption.length);
      return { lines: digitLines(sample).map((line) => line.padEnd(width)), caption, width };
    }
    const panels = cropped([...(sample.image ? [imagePanel(sample)] : []), strokePanel(sample)]);
    const lines = beside(panels.map((panel) => halfBlocks(panel, truecolor)));
    const drawn = panels.reduce((sum, panel) => sum + panel.width + PANEL_GAP, -PANEL_GAP);
    const width = Math.max(drawn, caption.length);
    return { lines: lines.map((line) => line + ' '.repeat(width - drawn)), caption, width };
  });
  return inBands(blocks, stream, colors);
}

/** A picture: one or three channels. */
export interface TerminalPicture {
  width: number;
  height: number;
  channels: number;
  /** [height, channels, width] 0 is black, or paper */
  pixels: Uint8Array;
}

/** Characters for shades without colours, from 0 to 255. */
const SHADES = ' .:-=+*#%@';

/** Arranges pictures as drawSamples arranges drawings. Without colours, characters stand for shades. */
export function drawPictures(
  pictures: readonly TerminalPicture[],
  captions: readonly string[],
  stream: Output,
  colors: Colors,
  env: NodeJS.ProcessEnv = process.env,
): string {
  const truecolor = /^(truecolor|24bit)$/.test(env.COLORTERM ?? '');
  const blocks = pictures.map((picture, index): Block => {
    const { width: drawn, height } = picture;
    const pixels = Array.from({ length: drawn * height }, (_, i) => rgbAt(picture, i));
    const shades = Array.from({ length: height }, (_, y) =>
      pixels
        .slice(y * drawn, (y + 1) * drawn)
        .map((rgb) => SHADES[Math.min(9, Math.floor(((rgb[0] + rgb[1] + rgb[2]) / 765) * SHADES.length))])
        .join(''),
    );
    const lines = colors.isColorSupported ? halfBlocks({ width: drawn, height, pixels }, truecolor) : shades;
    const caption = captions[index];
    const width = Math.max(drawn, caption.length);
    return { lines: lines.map((line) => line + ' '.repeat(width - drawn)), caption, width };
  });
  return inBands(blocks, stream, colors);
}

function rgbAt({ width, channels, pixels }: TerminalPicture, i: number): Rgb {
  const at = Math.floor(i / width) * width * channels + (i % width);
  return channels === 3
    ? [pixels[at], pixels[at + width], pixels[at + 2 * width]]
    : [pixels[at], pixels[at], pixels[at]];
}

function inBands(blocks: readonly Block[], stream: Output, colors: Colors): string {
  const width = stream.columns || 80;
  const bands: string[] = [];
  let at = 0;
  while (at < blocks.length) {
    const band = [blocks[at++]];
    let taken = band[0].width;
    while (at < blocks.length && taken + GAP + blocks[at].width <= width) {
      taken += GAP + blocks[at].width;
      band.push(blocks[at++]);
    }
    const height = Math.max(...band.map(({ lines }) => lines.length));
    const between = ' '.repeat(GAP);
    // The drawings of a band are aligned at the bottom.
    const rows = Array.from({ length: height }, (_, row) =>
      band
        .map((block) => block.lines[row - (height - block.lines.length)] ?? ' '.repeat(block.width))
        .join(between),
    );
    const names = band.map(({ caption, width: room }) => caption.padEnd(room)).join(between);
    bands.push([...rows, colors.dim(names.trimEnd())].map((line) => line.trimEnd()).join('\n'));
  }
  return `${bands.join('\n\n')}\n`;
}

/** A drawing with its caption, `width` columns wide. */
interface Block {
  lines: string[];
  caption: string;
  width: number;
}

interface Panel {
  width: number;
  height: number;
  pixels: Pixel[];
}

function imagePanel({ width, height, image }: TerminalDrawing): Panel {
  return { width, height, pixels: Array.from(image ?? [], (value) => (value >= 96 ? 'text' : null)) };
}

function strokePanel(drawing: TerminalDrawing): Panel {
  const { width, height } = drawing;
  const pixels: Pixel[] = new Array(width * height).fill(null);
  eachPoint(drawing, (place, share) => {
    pixels[place] = rampColor(share);
  });
  return { width, height, pixels };
}

function eachPoint(
  { width, height, strokes }: TerminalDrawing,
  visit: (place: number, share: number) => void,
): void {
  const total = strokes.reduce((sum, { xs }) => sum + xs.length, 0);
  let seen = 0;
  for (const { xs, ys } of strokes) {
    for (let n = 0; n < xs.length; n++) {
      const x = Math.round(xs[n]);
      const y = Math.round(ys[n]);
      const inside = x >= 0 && y >= 0 && x < width && y < height;
      if (inside) visit(y * width + x, total > 1 ? seen / (total - 1) : 0);
      seen++;
    }
  }
}

function rampColor(share: number): Rgb {
  const at = share * (RAMP.length - 1);
  const low = Math.min(RAMP.length - 2, Math.floor(at));
  const [from, to] = [RAMP[low], RAMP[low + 1]];
  const mix = (channel: 0 | 1 | 2) => Math.round(from[channel] + (to[channel] - from[channel]) * (at - low));
  return [mix(0), mix(1), mix(2)];
}

/** Renders a panel with two pixel rows per line of text. */
function halfBlocks({ width, height, pixels }: Panel, truecolor: boolean): string[] {
  const lines: string[] = [];
  for (let y = 0; y < height; y += 2) {
    let line = '';
    for (let x = 0; x < width; x++) {
      const upper = pixels[y * width + x] ?? null;
      const lower = (y + 1 < height ? pixels[(y + 1) * width + x] : null) ?? null;
      line += cell(upper, lower, truecolor);
    }
    lines.push(line);
  }
  return lines;
}

function cell(upper: Pixel, lower: Pixel, truecolor: boolean): string {
  if (upper === 'text' || lower === 'text') return upper === null ? '▄' : lower === null ? '▀' : '█';
  if (upper !== null && lower !== null) {
    return `${code(38, upper, truecolor)}${code(48, lower, truecolor)}▀\x1b[39;49m`;
  }
  if (upper !== null) return `${code(38, upper, truecolor)}▀\x1b[39m`;
  if (lower !== null) return `${code(38, lower, truecolor)}▄\x1b[39m`;
  return ' ';
}

/** The escape sequence of a colour: 38 sets the foreground, 48 the background. */
function code(place: 38 | 48, [r, g, b]: Rgb, truecolor: boolean): string {
  if (truecolor) return `\x1b[${place};2;${r};${g};${b}m`;
  const level = (value: number) => Math.round((value / 255) * 5);
  return `\x1b[${place};5;${16 + 36 * level(r) + 6 * level(g) + level(b)}m`;
}

/** One line per pixel row, without the empty lines above and below. */
function digitLines(drawing: TerminalDrawing): string[] {
  const { width, height } = drawing;
  const cells: string[] = new Array(width * height).fill(' ');
  eachPoint(drawing, (place, share) => {
    cells[place] = String(Math.min(9, Math.floor(share * 10)));
  });
  const lines = Array.from({ length: height }, (_, y) => cells.slice(y * width, (y + 1) * width).join(''));
  while (lines.length > 1 && lines[0].trim() === '') lines.shift();
  while (lines.length > 1 && lines[lines.length - 1].trim() === '') lines.pop();
  return lines;
}

/** Joins panels of equal height side by side. */
function beside(panels: readonly string[][]): string[] {
  return panels[0].map((_, row) => panels.map((lines) => lines[row]).join(' '.repeat(PANEL_GAP)));
}

/** Crops all panels to the smallest rectangle that holds the pixels of each. */
function cropped(panels: Panel[]): Panel[] {
  const { width, height } = panels[0];
  const used = (x: number, y: number) => panels.some(({ pixels }) => pixels[y * width + x] !== null);
  const columns = Array.from({ length: width }, (_, x) => x);
  const rows = Array.from({ length: height }, (_, y) => y);
  const usedColumns = columns.filter((x) => rows.some((y) => used(x, y)));
  const usedRows = rows.filter((y) => columns.some((x) => used(x, y)));
  const [left, right] = [usedColumns[0] ?? 0, usedColumns[usedColumns.length - 1] ?? 0];
  const [top, bottom] = [usedRows[0] ?? 0, usedRows[usedRows.length - 1] ?? 0];
  return panels.map(({ pixels }) => ({
    width: right - left + 1,
    height: bottom - top + 1,
    pixels: rows.slice(top, bottom + 1).flatMap((y) => pixels.slice(y * width + left, y * width + right + 1)),
  }));
}
