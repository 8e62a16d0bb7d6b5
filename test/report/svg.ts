/**
 * Helps tests to read the charts' SVGs: a check that XML is well-formed, the texts with their bounding boxes, and a form
 * for goldens without irrelevant differences.
 */

import assert from 'node:assert/strict';
import { textWidth } from '#src/report/charts/chart.js';

/** A text of a chart and its approximate bounding box in pixels. */
export interface TextBox {
  text: string;
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Asserts that every element is closed in order and that no element has two attributes of one name. */
export function assertWellFormed(xml: string): void {
  const open: string[] = [];
  const rest = xml.replace(
    /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
    (tag, close, name, attributes, empty) => {
      if (close === '/') assert.equal(open.pop(), name, `unexpected ${tag}`);
      else if (empty !== '/') open.push(name);
      const names = [...String(attributes).matchAll(/([\w:-]+)="/g)].map((match) => match[1]);
      assert.equal(new Set(names).size, names.length, tag);
      return '';
    },
  );
  assert.deepEqual(open, [], 'elements left open');
  assert.ok(!/[<>]/.test(rest), `markup in text: ${rest.match(/.{0,40}[<>].{0,40}/)?.[0]}`);
  assert.ok(!/&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[\da-f]+);)/i.test(xml), 'a bare ampersand');
}

/** The texts of a chart. */
export function textBoxes(svg: string): TextBox[] {
  return [...svg.matchAll(/<text([^>]*)>([^<]*)<\/text>/g)].map(([, attributes, escaped]) => {
    const text = unescapeXml(escaped);
    const attribute = (name: string) => attributes.match(new RegExp(` ${name}="([^"]*)"`))?.[1];
    const size = Number(attribute('style')?.match(/font-size:([\d.]+)px/)?.[1] ?? 12);
    // textWidth is an overestimate; in the charts' own font a text is narrower.
    const width = textWidth(text, size) * 0.88;
    const anchor = attribute('text-anchor') ?? 'start';
    const shift = anchor === 'middle' ? width / 2 : anchor === 'end' ? width : 0;
    const local = { x: Number(attribute('x') ?? 0) - shift, y: Number(attribute('y') ?? 0) - size * 0.4 };
    const corners = [
      [local.x, local.y],
      [local.x + width, local.y + size * 0.8],
    ].map(([x, y]) => transformed(attribute('transform') ?? '', x, y));
    return {
      text,
      left: Math.min(corners[0][0], corners[1][0]),
      right: Math.max(corners[0][0], corners[1][0]),
      top: Math.min(corners[0][1], corners[1][1]),
      bottom: Math.max(corners[0][1], corners[1][1]),
    };
  });
}

function transformed(transform: string, x: number, y: number): [number, number] {
  const numbers = (transform.match(/\(([^)]*)\)/)?.[1] ?? '').split(/[ ,]+/).map(Number);
  if (transform.startsWith('matrix')) {
    const [a, b, c, d, e, f] = numbers;
    return [a * x + c * y + e, b * x + d * y + f];
  }
  if (transform.startsWith('translate')) return [x + numbers[0], y + (numbers[1] ?? 0)];
  assert.equal(transform, '');
  return [x, y];
}

/** Asserts that no two texts of a chart overlap and that all of them are inside it. */
export function assertTextsApart(svg: string): void {
  const [, width, height] = svg.match(/ width="([\d.]+)" height="([\d.]+)"/)?.map(Number) ?? [];
  const boxes = textBoxes(svg).filter(({ text }) => text !== '');
  for (const box of boxes) {
    const label = `"${box.text}" at ${[box.left, box.top, box.right, box.bottom].map(Math.round)}`;
    assert.ok(
      box.left >= -1 && box.top >= -1 && box.right <= width + 1 && box.bottom <= height + 1,
      `${label} is cut`,
    );
  }
  boxes.sort((a, b) => a.top - b.top);
  boxes.forEach((box, index) => {
    for (let other = index + 1; other < boxes.length && boxes[other].top < box.bottom; other++) {
      const second = boxes[other];
      const apart = second.left >= box.right || second.right <= box.left;
      assert.ok(apart, `"${box.text}" and "${second.text}" overlap`);
    }
  });
}

/** The SVG with coordinates of one decimal, without the bytes of pictures, one element per line. */
export function stableSvg(svg: string): string {
  return `${svg
    .replace(/data:image\/png;base64,[^"]*/g, 'data:image/png;base64,…')
    .replace(/ (?:d|x|y|width|height|transform)="[^"]*"/g, (attribute) =>
      attribute.replace(/-?\d+\.\d{2,}/g, (number) => String(Number(Number(number).toFixed(1)))),
    )
    .replace(/>\s*</g, '>\n<')
    .trim()}\n`;
}

function unescapeXml(text: string): string {
  const names: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(/&(?:#(\d+)|(\w+));/g, (entity, code, name) =>
    code === undefined ? (names[name] ?? entity) : String.fromCodePoint(Number(code)),
  );
}
