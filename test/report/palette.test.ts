/**
 * Protects readers: every text has enough contrast with its background, in the light and the dark edition, and all
 * colours of a chart change with the edition.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  adaptive,
  type Colors,
  colorEntries,
  dark,
  light,
  rampShade,
  STRONG_SHADE,
  themed,
} from '#src/report/palette.js';
import { contrast, luminance } from './contrast.js';

const editions: [name: string, colors: Colors][] = [
  ['light', light],
  ['dark', dark],
];

for (const [name, colors] of editions) {
  test(`every text of the ${name} edition has enough contrast`, () => {
    for (const ground of [colors.surface, colors.page]) {
      for (const text of [colors.ink, colors.muted, colors.training]) {
        assert.ok(contrast(text, ground) >= 4.5, `${text} on ${ground}: ${contrast(text, ground)}`);
      }
    }
    // Labels of lines are on the surface only, zeros on empty cells.
    assert.ok(
      contrast(colors.validation, colors.surface) >= 4.5,
      `${contrast(colors.validation, colors.surface)}`,
    );
    assert.ok(contrast(colors.muted, colors.empty) >= 4.5, `${contrast(colors.muted, colors.empty)}`);
    for (const ramp of [colors.correct, colors.wrong]) {
      ramp.forEach((shade, index) => {
        const text = index >= STRONG_SHADE ? colors.onStrong : colors.onPale;
        assert.ok(
          contrast(text, shade) >= 4.5,
          `shade ${index}: ${text} on ${shade}: ${contrast(text, shade)}`,
        );
      });
    }
  });

  test(`ramps of the ${name} edition are monotonic in lightness, and all their shades differ`, () => {
    for (const ramp of [colors.correct, colors.wrong]) {
      const shades = ramp.map(luminance);
      const sign = Math.sign(shades[1] - shades[0]);
      for (let index = 1; index < shades.length; index++) {
        assert.ok((shades[index] - shades[index - 1]) * sign > 0, `shade ${index}`);
      }
    }
    assert.equal(new Set([...colors.correct, ...colors.wrong]).size, 14);
  });

  test(`the pen of the ${name} edition is visible on its paper, and every shade is lighter than the one before`, () => {
    colors.pen.forEach((shade, index) => {
      assert.ok(contrast(shade, colors.surface) >= 3, `shade ${index}: ${contrast(shade, colors.surface)}`);
      assert.ok(index === 0 || luminance(shade) > luminance(colors.pen[index - 1]), `shade ${index}`);
    });
    assert.ok(
      contrast(colors.pen[0], colors.pen[colors.pen.length - 1]) >= 2,
      'the first and the last shade differ clearly',
    );
  });
}

test('all light colours differ, and the dark edition has a colour for each', () => {
  const entries = colorEntries(light);
  assert.equal(new Set(entries.map(([, color]) => color)).size, entries.length);
  assert.ok(entries.every(([, color]) => /^#[0-9a-f]{6}$/.test(color)));
  assert.deepEqual(
    colorEntries(dark).map(([name]) => name),
    entries.map(([name]) => name),
  );
});

test('themed replaces colours of the palette by variables, and nothing else', () => {
  assert.equal(
    themed(`<path fill="${light.surface}" stroke="${light.wrong[6]}"/><a fill="#123456">${light.ink}</a>`),
    `<path fill="var(--surface)" stroke="var(--wrong-6)"/><a fill="#123456">${light.ink}</a>`,
  );
});

test('shares become shades of the ramp', () => {
  assert.deepEqual([-1, 0, 0.14, 0.15, 0.5, 1, 2].map(rampShade), [0, 0, 0, 1, 3, 6, 6]);
});

test('adaptive adds a dark colour for every colour of the file', () => {
  const svg = adaptive(`<svg width="1"><path fill="${light.surface}" stroke="${light.ink}"></path></svg>`);
  assert.ok(svg.startsWith('<svg width="1"><style>@media (prefers-color-scheme:dark){'));
  assert.ok(svg.includes(`[fill="${light.surface}"]{fill:${dark.surface}}`));
  assert.ok(svg.includes(`[stroke="${light.ink}"]{stroke:${dark.ink}}`));
  assert.ok(!svg.includes(light.validation));
});
