/**
 * Protects readers: every text can be read on its ground, in the light and in the dark edition, and a chart changes
 * from one to the other as a whole.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  adaptive,
  type Colors,
  colorEntries,
  dark,
  light,
  rampStep,
  strongStep,
  themed,
} from '#src/report/palette.js';
import { contrast, luminance } from './contrast.js';

const editions: [name: string, colors: Colors][] = [
  ['light', light],
  ['dark', dark],
];

for (const [name, colors] of editions) {
  test(`every text of the ${name} edition can be read`, () => {
    for (const ground of [colors.surface, colors.page]) {
      for (const text of [colors.ink, colors.muted, colors.training]) {
        assert.ok(contrast(text, ground) >= 4.5, `${text} on ${ground}: ${contrast(text, ground)}`);
      }
    }
    // Labels of lines stand on the surface only; zeros on empty cells.
    assert.ok(
      contrast(colors.validation, colors.surface) >= 4.5,
      `${contrast(colors.validation, colors.surface)}`,
    );
    assert.ok(contrast(colors.muted, colors.empty) >= 4.5, `${contrast(colors.muted, colors.empty)}`);
    for (const ramp of [colors.correct, colors.wrong]) {
      ramp.forEach((step, index) => {
        const text = index >= strongStep ? colors.onStrong : colors.onPale;
        assert.ok(contrast(text, step) >= 4.5, `step ${index}: ${text} on ${step}: ${contrast(text, step)}`);
      });
    }
  });

  test(`ramps of the ${name} edition go one way, and differ from each other in every step`, () => {
    for (const ramp of [colors.correct, colors.wrong]) {
      const steps = ramp.map(luminance);
      const sign = Math.sign(steps[1] - steps[0]);
      for (let index = 1; index < steps.length; index++) {
        assert.ok((steps[index] - steps[index - 1]) * sign > 0, `step ${index}`);
      }
    }
    assert.equal(new Set([...colors.correct, ...colors.wrong]).size, 14);
  });

  test(`the pen of the ${name} edition is seen on its paper, and gets lighter from step to step`, () => {
    colors.pen.forEach((step, index) => {
      assert.ok(contrast(step, colors.surface) >= 3, `step ${index}: ${contrast(step, colors.surface)}`);
      assert.ok(index === 0 || luminance(step) > luminance(colors.pen[index - 1]), `step ${index}`);
    });
    assert.ok(contrast(colors.pen[0], colors.pen[colors.pen.length - 1]) >= 2, 'its ends are far apart');
  });
}

test('the light colours are all different, and the dark edition has one for each', () => {
  const entries = colorEntries(light);
  assert.equal(new Set(entries.map(([, color]) => color)).size, entries.length);
  assert.ok(entries.every(([, color]) => /^#[0-9a-f]{6}$/.test(color)));
  assert.deepEqual(
    colorEntries(dark).map(([name]) => name),
    entries.map(([name]) => name),
  );
});

test('themed turns colours of the palette into variables and leaves others and texts alone', () => {
  assert.equal(
    themed(`<path fill="${light.surface}" stroke="${light.wrong[6]}"/><a fill="#123456">${light.ink}</a>`),
    `<path fill="var(--surface)" stroke="var(--wrong-6)"/><a fill="#123456">${light.ink}</a>`,
  );
});

test('shares fall on steps of the ramp', () => {
  assert.deepEqual([-1, 0, 0.14, 0.15, 0.5, 1, 2].map(rampStep), [0, 0, 0, 1, 3, 6, 6]);
});

test('a file follows the scheme of its reader: every colour in it has its counterpart', () => {
  const svg = adaptive(`<svg width="1"><path fill="${light.surface}" stroke="${light.ink}"></path></svg>`);
  assert.ok(svg.startsWith('<svg width="1"><style>@media (prefers-color-scheme:dark){'));
  assert.ok(svg.includes(`[fill="${light.surface}"]{fill:${dark.surface}}`));
  assert.ok(svg.includes(`[stroke="${light.ink}"]{stroke:${dark.ink}}`));
  assert.ok(!svg.includes(light.validation));
});
