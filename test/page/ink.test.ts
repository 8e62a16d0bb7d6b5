/** Protects the drawing in the making: its history, and which pointers draw. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { firstPoints, Ink, SIDE } from '../../web/draw/ink.js';
import { PenReader, type PointerLike } from '../../web/draw/pointer.js';

const FRAME = { left: 10, top: 20, width: 500, height: 500 };

function pointer(id: number, pointerType: string, clientX = 10, clientY = 20): PointerLike {
  return { pointerId: id, pointerType, button: 0, clientX, clientY, pressure: 0.5, timeStamp: 0 };
}

/** All points, stroke by stroke. */
function points(ink: Ink): [number, number][][] {
  return ink.strokes.map(({ xs, ys }) => xs.map((x, n) => [x, ys[n]]));
}

test('undo and redo go back and forth through every drawing there was', () => {
  const step = fc.oneof(
    fc.record({ what: fc.constant('draw' as const), x: fc.integer({ min: 0, max: SIDE }) }),
    fc.constant({ what: 'clear' as const, x: 0 }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const ink = new Ink();
      const states = [JSON.stringify(points(ink))];
      for (const { what, x } of steps) {
        if (what === 'draw') {
          ink.begin('mouse', x, 0, 0.5, 0);
          ink.end();
        } else ink.clear();
        const now = JSON.stringify(points(ink));
        // Clearing what is empty is no step.
        if (now !== states[states.length - 1]) states.push(now);
      }
      for (let n = states.length - 2; n >= 0; n--) {
        ink.undo();
        assert.equal(JSON.stringify(points(ink)), states[n]);
      }
      assert.ok(!ink.canUndo);
      for (let n = 1; n < states.length; n++) {
        ink.redo();
        assert.equal(JSON.stringify(points(ink)), states[n]);
      }
      assert.ok(!ink.canRedo);
    }),
    { seed: 7 },
  );
});

test('what was undone is gone as soon as something else is drawn', () => {
  const ink = new Ink();
  const dot = (x: number) => {
    ink.begin('mouse', x, 0, 0.5, 0);
    ink.end();
  };
  dot(1);
  dot(2);
  ink.undo();
  dot(3);
  assert.ok(!ink.canRedo);
  ink.redo();
  assert.deepEqual(points(ink), [[[1, 0]], [[3, 0]]]);
});

test('the first points of strokes are cut where they end, and the strokes stay as they are', () => {
  const ink = new Ink();
  for (const y of [0, 1]) {
    ink.begin('mouse', 0, y, 0.5, 0);
    for (let x = 1; x < 5; x++) ink.extend(x, y, 0.5, x);
    ink.end();
  }
  const cut = firstPoints(ink.strokes, 7);
  assert.deepEqual(
    cut.map(({ xs }) => xs),
    [
      [0, 1, 2, 3, 4],
      [0, 1],
    ],
  );
  assert.equal(ink.count, 10);
  assert.deepEqual(firstPoints(ink.strokes, 0), []);
});

test('every point that the browser gathered between two frames is taken, none twice in one place', () => {
  const ink = new Ink();
  const reader = new PenReader(ink);
  reader.down(pointer(1, 'mouse', 10, 20), FRAME);
  const gathered = [
    pointer(1, 'mouse', 110, 20),
    pointer(1, 'mouse', 110, 20),
    pointer(1, 'mouse', 110, 120),
  ];
  reader.move({ ...pointer(1, 'mouse', 110, 120), getCoalescedEvents: () => gathered }, FRAME);
  reader.up(pointer(1, 'mouse'));
  assert.deepEqual(points(ink), [
    [
      [0, 0],
      [200, 0],
      [200, 200],
    ],
  ]);
});

test('one pointer draws at a time; a pen takes over from a palm, and touches do not draw after it', () => {
  const ink = new Ink();
  const reader = new PenReader(ink);
  assert.ok(reader.down(pointer(1, 'touch'), FRAME));
  assert.ok(!reader.down(pointer(2, 'touch'), FRAME), 'a second finger');
  assert.ok(!reader.move(pointer(2, 'touch', 99, 99), FRAME));
  assert.ok(reader.down(pointer(3, 'pen', 60, 70), FRAME));
  reader.up(pointer(1, 'touch'));
  assert.ok(ink.drawing, 'the palm that is lifted does not lift the pen');
  reader.up(pointer(3, 'pen'));
  assert.deepEqual(points(ink), [[[100, 100]]]);
  assert.ok(!reader.down(pointer(4, 'touch'), FRAME));
  assert.ok(reader.down(pointer(5, 'mouse'), FRAME), 'a mouse is no palm');
});

test('what a finger began is taken back when the browser takes the finger for something else', () => {
  const ink = new Ink();
  const reader = new PenReader(ink);
  reader.down(pointer(1, 'touch'), FRAME);
  reader.cancel(pointer(1, 'touch'));
  assert.equal(ink.count, 0);
  assert.ok(!ink.canUndo, 'and was never there');
  assert.ok(reader.down(pointer(2, 'touch'), FRAME));
});

test('only the main button draws, and the canvas is the limit', () => {
  const ink = new Ink();
  const reader = new PenReader(ink);
  assert.ok(!reader.down({ ...pointer(1, 'mouse'), button: 2 }, FRAME));
  reader.down(pointer(1, 'mouse', -1000, 5000), FRAME);
  assert.deepEqual(points(ink), [[[0, SIDE]]]);
});
