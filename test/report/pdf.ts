/** Reads a PDF's text and images. Text is decoded by the fonts' maps from glyphs to Unicode, as a PDF viewer copies it. */

import { inflateSync } from 'node:zlib';

/** The objects of a PDF without encryption and object streams, by number: their dictionary, and their stream or ''. */
function pdfObjects(pdf: Uint8Array): Map<number, { head: string; stream: string }> {
  const text = Buffer.from(pdf).toString('latin1');
  const objects = new Map<number, { head: string; stream: string }>();
  for (const match of text.matchAll(/^(\d+) 0 obj\n([\s\S]*?)endobj$/gm)) {
    const [head, body] = match[2].split(/stream\n([\s\S]*?)\nendstream/);
    const isCompressed = /\/FlateDecode/.test(head) && body !== undefined;
    const stream = isCompressed ? inflateSync(Buffer.from(body, 'latin1')).toString('latin1') : (body ?? '');
    objects.set(Number(match[1]), { head, stream });
  }
  return objects;
}

/** Parses a ToUnicode map: from glyph to text. */
function glyphMap(map: string): Map<number, string> {
  const glyphs = new Map<number, string>();
  const hex = (digits: string) => Number.parseInt(digits, 16);
  const unicode = (digits: string) =>
    String.fromCharCode(...(digits.match(/.{4}/g) ?? []).map((unit) => hex(unit)));
  for (const [, block] of map.matchAll(/beginbfchar\n([\s\S]*?)endbfchar/g)) {
    for (const [, glyph, text] of block.matchAll(/<(\w+)> <(\w+)>/g)) glyphs.set(hex(glyph), unicode(text));
  }
  for (const [, block] of map.matchAll(/beginbfrange\n([\s\S]*?)endbfrange/g)) {
    for (const [, first, last, text] of block.matchAll(/<(\w+)> <(\w+)> <(\w+)>/g)) {
      for (let glyph = hex(first); glyph <= hex(last); glyph++) {
        glyphs.set(glyph, String.fromCharCode(hex(text) + glyph - hex(first)));
      }
    }
  }
  return glyphs;
}

/** All text of a PDF, in drawing order. */
export function pdfText(pdf: Uint8Array): string {
  const objects = pdfObjects(pdf);
  const fonts = new Map<string, Map<number, string>>();
  for (const { head } of objects.values()) {
    for (const [, name, number] of head.matchAll(/\/(F\d+) (\d+) 0 R/g)) {
      const unicode = objects.get(Number(number))?.head.match(/\/ToUnicode (\d+) 0 R/)?.[1];
      fonts.set(name, glyphMap(objects.get(Number(unicode))?.stream ?? ''));
    }
  }
  let text = '';
  for (const { stream } of objects.values()) {
    if (!/ Tf\n/.test(stream)) continue;
    let font: Map<number, string> | undefined;
    for (const [, name, glyphs, end] of stream.matchAll(/\/(F\d+) [\d.]+ Tf|<(\w+)> Tj|^(Q)$/gm)) {
      if (name !== undefined) font = fonts.get(name);
      else if (end !== undefined) text += '\n';
      else
        for (const glyph of glyphs.match(/.{4}/g) ?? []) text += font?.get(Number.parseInt(glyph, 16)) ?? '?';
    }
  }
  return text.replace(/\n+/g, '\n');
}

/** The number of images in a PDF, and whether anything in it is behind a mask. */
export function pdfImages(pdf: Uint8Array): { images: number; masked: boolean } {
  const heads = [...pdfObjects(pdf).values()].map(({ head }) => head);
  return {
    images: heads.filter((head) => /\/Subtype \/Image/.test(head)).length,
    masked: heads.some((head) => /\/SMask <</.test(head)),
  };
}
