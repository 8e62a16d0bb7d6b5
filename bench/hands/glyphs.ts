/** Draws the characters of a font as pictures of one character each. */
import { createCanvas, GlobalFonts } from '@napi-rs/canvas';
import type { HandFont } from './fonts.js';

/** Side of a picture in pixels. */
export const SIDE = 64;
/** The larger of width and height of a character in it. */
const FIGURE = 40;
/** Size in pixels at which a character is measured. */
const MEASURED = 160;

const canvas = createCanvas(SIDE, SIDE);
const context = canvas.getContext('2d');

export interface Glyph {
  font: string;
  character: string;
  /** [64, 64] 0 is ink, 255 is paper. */
  pixels: Uint8Array;
}

/** The characters of each font, in the middle of their pictures; without those that the font does not have. */
export function glyphsOf(fonts: readonly HandFont[], characters: string): Glyph[] {
  return fonts.flatMap(({ name, bytes }) => {
    const family = `hand ${name}`;
    GlobalFonts.register(bytes, family);
    return [...characters]
      .map((character) => glyphOf(family, name, character))
      .filter((glyph) => glyph !== null);
  });
}

/** A character; null if there is no ink in it. */
function glyphOf(family: string, font: string, character: string): Glyph | null {
  context.fillStyle = '#fff';
  context.fillRect(0, 0, SIDE, SIDE);
  context.fillStyle = '#000';
  context.font = `${MEASURED}px "${family}"`;
  const box = context.measureText(character);
  const [width, height] = [
    box.actualBoundingBoxRight + box.actualBoundingBoxLeft,
    box.actualBoundingBoxDescent + box.actualBoundingBoxAscent,
  ];
  if (!(width > 0 && height > 0)) return null;
  const scale = FIGURE / Math.max(width, height);
  context.font = `${MEASURED * scale}px "${family}"`;
  const x = SIDE / 2 - (scale * (box.actualBoundingBoxRight - box.actualBoundingBoxLeft)) / 2;
  const y = SIDE / 2 - (scale * (box.actualBoundingBoxDescent - box.actualBoundingBoxAscent)) / 2;
  context.fillText(character, x, y);
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  return { font, character, pixels: Uint8Array.from({ length: SIDE * SIDE }, (_, i) => data[4 * i]) };
}
