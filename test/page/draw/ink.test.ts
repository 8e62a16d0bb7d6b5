/** Protects the ink: its undo history, and which pointers draw. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { firstPoints, Ink, SIDE } from '../../../web/draw/ink.js';
import { type PointerLike, PointerReader } from '../../../web/draw/pointer.js';

const BOX = { left: 10, top: 20, width: 500, height: 500 };

function pointer(id: number, pointerType: string, clientX = 10, clientY = 20): PointerLike {
  return { pointerId: id, pointerType, button: 0, clientX, clientY, pressure: 0.5, timeStamp: 0 };
}

/** All points, stroke by stroke. */
function points(ink: Ink): [number, number][][] {
  return ink.strokes.map(({ xs, ys }) => xs.map((x, n) => [x, ys[n]]));
}

test('undo and redo visit every earlier state of the drawing', () => {
  const action = fc.oneof(
    fc.record({ what: fc.constant('draw' as const), x: fc.integer({ min: 0, max: SIDE }) }),
    fc.constant({ what: 'clear' as const, x: 0 }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 30 }), (actions) => {
      const ink = new Ink();
      const states = [JSON.stringify(points(ink))];
      for (const { what, x } of actions) {
        if (what === 'draw') {
          ink.begin('mouse', x, 0, 0.5, 0);
          ink.end();
        } else ink.clear();
        const now = JSON.stringify(points(ink));
        // Clearing an empty canvas adds no state.
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

test('a new stroke discards the undone strokes', () => {
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

test('firstPoints cuts the last stroke and leaves the original strokes unchanged', () => {
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
  assert.equal(ink.pointCount, 10);
  assert.deepEqual(firstPoints(ink.strokes, 0), []);
});

test('all points that the browser collected between two frames are added; repeated positions are not', () => {
  const ink = new Ink();
  const reader = new PointerReader(ink);
  reader.down(pointer(1, 'mouse', 10, 20), BOX);
  const gathered = [
    pointer(1, 'mouse', 110, 20),
    pointer(1, 'mouse', 110, 20),
    pointer(1, 'mouse', 110, 120),
  ];
  reader.move({ ...pointer(1, 'mouse', 110, 120), getCoalescedEvents: () => gathered }, BOX);
  reader.up(pointer(1, 'mouse'));
  assert.deepEqual(points(ink), [
    [
      [0, 0],
      [200, 0],
      [200, 200],
    ],
  ]);
});

test('one pointer draws at a time; a pen takes over from a palm; after a pen, touches do not draw', () => {
  const ink = new Ink();
  const reader = new PointerReader(ink);
  assert.ok(reader.down(pointer(1, 'touch'), BOX));
  assert.ok(!reader.down(pointer(2, 'touch'), BOX), 'a second finger');
  assert.ok(!reader.move(pointer(2, 'touch', 99, 99), BOX));
  assert.ok(reader.down(pointer(3, 'pen', 60, 70), BOX));
  reader.up(pointer(1, 'touch'));
  assert.ok(ink.isPenDown, 'lifting the palm does not lift the pen');
  reader.up(pointer(3, 'pen'));
  assert.deepEqual(points(ink), [[[100, 100]]]);
  assert.ok(!reader.down(pointer(4, 'touch'), BOX));
  assert.ok(reader.down(pointer(5, 'mouse'), BOX), 'a mouse still draws');
});

test('a pointer that is refused begins nothing: what is on the canvas is not made way for', () => {
  const reader = new PointerReader(new Ink());
  let begun = 0;
  const down = (type: string, id: number, button = 0) =>
    reader.down({ ...pointer(id, type), button }, BOX, () => begun++);
  assert.ok(down('pen', 1));
  reader.up(pointer(1, 'pen'));
  assert.ok(!down('touch', 2));
  assert.ok(!down('mouse', 3, 2));
  assert.equal(begun, 1);
});

test('a cancelled touch removes its stroke', () => {
  const ink = new Ink();
  const reader = new PointerReader(ink);
  reader.down(pointer(1, 'touch'), BOX);
  reader.cancel(pointer(1, 'touch'));
  assert.equal(ink.pointCount, 0);
  assert.ok(!ink.canUndo, 'the stroke leaves no undo state');
  assert.ok(reader.down(pointer(2, 'touch'), BOX));
});

test('only the main button draws; points are clamped to the canvas', () => {
  const ink = new Ink();
  const reader = new PointerReader(ink);
  assert.ok(!reader.down({ ...pointer(1, 'mouse'), button: 2 }, BOX));
  reader.down(pointer(1, 'mouse', -1000, 5000), BOX);
  assert.deepEqual(points(ink), [[[0, SIDE]]]);
});
