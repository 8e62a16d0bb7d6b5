/** Protects drawings as text, with and without colours: no wider than the terminal, whatever their points. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drawSamples } from '#src/cli/terminal/stroke-terminal.js';
import { colorsFor } from '#src/cli/terminal/terminal.js';
import { FakeOutput } from '../commands/fake-run.js';

describe('drawings as text', () => {
  const drawing = {
    width: 4,
    height: 4,
    image: Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    strokes: [{ xs: [0, 0], ys: [0, 1] }],
  };
  const colored = colorsFor(new FakeOutput(true), { FORCE_COLOR: '1' });

  it('use half blocks of two pixels, colours for the strokes, the text colour for the image', () => {
    const output = new FakeOutput(true, 80);
    const text = drawSamples([drawing], ['c'], output, colored, { COLORTERM: 'truecolor' });
    assert.equal(
      text,
      '█  \u001b[38;2;72;112;255m\u001b[48;2;226;168;40m▀\u001b[39;49m\n\u001b[2mc\u001b[22m\n',
    );
    const fewer = drawSamples([drawing], ['c'], output, colored, {});
    // The escape character is replaced, so that the pattern contains no control character.
    assert.match(fewer.replaceAll('\u001b', 'ESC'), /^█ {2}ESC\[38;5;\d+mESC\[48;5;\d+m▀ESC\[39;49m\n/);
  });

  it('are in bands no wider than the terminal, with captions below', () => {
    const plain = colorsFor(new FakeOutput());
    for (const columns of [1, 12, 30, 100]) {
      const captions = Array.from({ length: 5 }, (_, n) => `caption ${n}`);
      const text = drawSamples(Array(5).fill(drawing), captions, new FakeOutput(false, columns), plain);
      const lines = text.split('\n');
      assert.ok(Math.max(...lines.map(({ length }) => length)) <= Math.max(columns, 9));
      for (const caption of captions) assert.ok(text.includes(caption));
      assert.equal(text.match(/^0/gm)?.length, { 1: 5, 12: 5, 30: 3, 100: 1 }[columns]);
    }
  });

  it('round points to the nearest pixel', () => {
    const between = { ...drawing, image: null, strokes: [{ xs: [0.4, 0.6, 3.6], ys: [0.4, 0.4, 0] }] };
    assert.equal(drawSamples([between], ['c'], new FakeOutput(), colorsFor(new FakeOutput())), '05\nc\n');
  });

  it('may have points outside of the picture, or no strokes', () => {
    const plain = colorsFor(new FakeOutput());
    const out = { ...drawing, image: null, strokes: [{ xs: [-1, 9], ys: [0, 9] }] };
    for (const colors of [plain, colored]) {
      for (const sample of [out, { ...out, strokes: [] }]) {
        assert.match(drawSamples([sample], ['nothing'], new FakeOutput(), colors), /nothing/);
      }
    }
  });
});
