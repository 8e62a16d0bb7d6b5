/**
 * Protects the state of a pad for several symbols: undo visits every earlier state of ink and corrections, corrections
 * hold on to their strokes whatever is drawn and erased elsewhere, and short touches of a symbol are no ink.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ReadSymbol, SymbolReading } from '#src/recognize/symbols/read-symbols.js';
import { asked, type Correction, corrected, erased } from '../../../web/several/corrections.js';
import { PadSession, type SymbolReader } from '../../../web/several/pad-session.js';
import type { SymbolQuestion } from '../../../web/workers/protocol.js';

const CLASSES = ['0', '1', '2'];
/** A made-up network that obeys corrections, and reads every other stroke as a symbol of class 0. */
const reader: SymbolReader = { classes: CLASSES, read: async (question) => readingOf(question) };

function readingOf({ strokes, corrections, change }: SymbolQuestion): SymbolReading {
  const boxOf = (parts: ReadSymbol['parts']) => {
    const xs = parts.flatMap(({ index, from, to }) => strokes[index].xs.slice(from, to));
    const ys = parts.flatMap(({ index, from, to }) => strokes[index].ys.slice(from, to));
    return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
  };
  const symbol = (parts: ReadSymbol['parts'], answer = '0', corrected = false): ReadSymbol => ({
    answer,
    probability: 0.9,
    unsure: false,
    corrected,
    probabilities: Float32Array.of(0.9, 0.06, 0.04),
    alternatives: [],
    box: boxOf(parts),
    line: 0,
    parts,
  });
  if (change && 'split' in change.regrouping) {
    const { split } = change.regrouping;
    const [{ index, from, to }] = change.reading.symbols[split].parts;
    if (to - from < 2) throw new Error('regroup: symbol 0 is too small to be split');
    const halves = [
      { index, from, to: from + 1 },
      { index, from: from + 1, to },
    ].map((part) => symbol([part], '0', true));
    return { ...change.reading, symbols: change.reading.symbols.toSpliced(split, 1, ...halves) };
  }
  if (change) {
    const { merge } = change.regrouping as { merge: number };
    const parts = change.reading.symbols.slice(merge, merge + 2).flatMap((each) => each.parts);
    return { ...change.reading, symbols: change.reading.symbols.toSpliced(merge, 2, symbol(parts)) };
  }
  const claimed = new Set(corrections.flatMap(({ parts }) => parts.map(({ index }) => index)));
  const free = [...strokes.keys()].filter((index) => !claimed.has(index));
  const symbols = [
    ...corrections.flatMap(({ parts, answer }) => (answer === null ? [] : [symbol(parts, answer, true)])),
    ...free.map((index) => symbol([{ index, from: 0, to: strokes[index].xs.length }])),
  ].sort((a, b) => a.box.left - b.box.left);
  const leftOut = corrections
    .filter(({ answer }) => answer === null)
    .map(({ parts }) => ({ reason: 'corrected' as const, box: boxOf(parts), parts }));
  return { text: symbols.map(({ answer }) => answer).join(''), symbols, leftOut, of: 'strokes' };
}

async function settled(pad: PadSession): Promise<void> {
  for (let n = 0; n < 100 && !pad.isCurrent; n++) await Promise.resolve();
  assert.ok(pad.isCurrent);
}

let now = 0;
/** Draws a line downwards of three points. */
function line(pad: PadSession, x: number): void {
  now += 1000;
  pad.strokeBegins();
  pad.ink.begin('mouse', x, 100, 0.5, now);
  for (const y of [200, 300]) {
    now += 10;
    pad.ink.extend(x, y, 0.5, now);
  }
  pad.ink.extended();
  pad.ink.end();
}

function touch(pad: PadSession, x: number, y: number, after = 1000): void {
  now += after;
  pad.strokeBegins();
  pad.ink.begin('touch', x, y, 0.5, now);
  pad.ink.end();
}

function newPad(): PadSession {
  const pad = new PadSession();
  pad.fit(800, 300);
  pad.setReader(reader);
  return pad;
}

const textOf = (pad: PadSession) => pad.reading?.text ?? '';

test('undo visits every earlier state of ink and corrections, and redo every later one', async () => {
  const actions = fc.array(fc.tuple(fc.nat(6), fc.nat(20)), { maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(actions, async (chosen) => {
      const pad = newPad();
      const stateOf = () => JSON.stringify([pad.ink.strokes, pad.reading?.symbols, pad.reading?.leftOut]);
      const states = [stateOf()];
      for (const [kind, n] of chosen) {
        const before = stateOf();
        const { symbols = [], leftOut = [] } = pad.reading ?? {};
        const all = [...symbols, ...leftOut];
        const one = all[n % Math.max(1, all.length)];
        const index = n % Math.max(1, symbols.length);
        if (kind <= 1 || !one) line(pad, 100 + 60 * pad.ink.strokes.length);
        else if (kind === 2) pad.correct(one, [...CLASSES, null, undefined][n % 5]);
        else if (kind === 3) pad.erase(one);
        else if (kind === 4 && symbols[index + 1]) await pad.regroup({ merge: index });
        else if (kind === 5 && symbols[index]) await pad.regroup({ split: index });
        else if (kind === 6) pad.uncorrect(one);
        await settled(pad);
        if (stateOf() !== before || pad.canUndo) states.push(stateOf());
      }
      const steps: string[] = [];
      while (pad.canUndo) {
        steps.push(stateOf());
        pad.undo();
        await settled(pad);
      }
      assert.equal(pad.ink.pointCount, 0, 'everything was undone');
      for (const state of steps.reverse()) {
        assert.ok(states.includes(state));
        pad.redo();
        await settled(pad);
        assert.equal(stateOf(), state);
      }
      assert.ok(!pad.canRedo);
    }),
    { numRuns: 60 },
  );
});

test('a correction stays while strokes are added and other symbols are erased; clearing takes it away', async () => {
  const pad = newPad();
  for (const x of [300, 500]) line(pad, x);
  await settled(pad);
  pad.correct(pad.reading!.symbols[1], '2');
  await settled(pad);
  assert.equal(textOf(pad), '02');
  line(pad, 100);
  line(pad, 700);
  await settled(pad);
  assert.equal(textOf(pad), '0020');
  pad.erase(pad.reading!.symbols[1]);
  await settled(pad);
  assert.equal(textOf(pad), '020');
  pad.clear();
  line(pad, 500);
  await settled(pad);
  assert.equal(textOf(pad), '0', 'new ink is not the corrected one');
  pad.undo();
  pad.undo();
  await settled(pad);
  assert.equal(textOf(pad), '020');
});

test('a symbol of a stroke that was cut is still corrected when the other half is erased', async () => {
  const pad = newPad();
  line(pad, 300);
  await settled(pad);
  await pad.regroup({ split: 0 });
  await settled(pad);
  assert.equal(pad.reading!.symbols.length, 2);
  const [, second] = pad.reading!.symbols;
  pad.correct(second, '1');
  await settled(pad);
  const first = pad.reading!.symbols.find(({ answer }) => answer === '0')!;
  pad.erase(first);
  await settled(pad);
  assert.equal(textOf(pad), '1');
  assert.deepEqual(
    pad.ink.strokes.map(({ ys }) => ys),
    [[200, 300]],
  );
});

test('what cannot be split is said, and nothing changes', async () => {
  const pad = newPad();
  touch(pad, 300, 100);
  await settled(pad);
  await pad.regroup({ split: 0 });
  assert.equal(pad.problem, 'symbol 0 is too small to be split');
  assert.equal(pad.reading!.symbols.length, 1);
});

test('a touch of a symbol selects it, beside symbols it closes; a dot soon after a stroke is ink', async () => {
  const pad = newPad();
  line(pad, 300);
  line(pad, 600);
  await settled(pad);
  touch(pad, 605, 250);
  assert.equal(pad.selection, pad.reading!.symbols[1]);
  assert.equal(pad.ink.strokes.length, 2);
  pad.select(null);
  // A slow tap: its dot has been read, as a symbol, before the finger is lifted.
  now += 1000;
  pad.strokeBegins();
  pad.ink.begin('touch', 605, 250, 0.5, now);
  pad.ink.extend(606, 252, 0.5, now + 80);
  pad.ink.extended();
  await settled(pad);
  assert.equal(pad.reading!.symbols.length, 3);
  pad.ink.end();
  await settled(pad);
  assert.equal(pad.reading!.symbols.length, 2);
  assert.equal(pad.selection, pad.reading!.symbols[1]);
  touch(pad, 1500, 100);
  assert.equal(pad.selection, null);
  assert.equal(pad.ink.strokes.length, 2);
  touch(pad, 1500, 100);
  await settled(pad);
  assert.equal(pad.ink.strokes.length, 3, 'a dot beside symbols is ink');
  touch(pad, 300, 200, 200);
  assert.equal(pad.ink.strokes.length, 4, 'a dot soon after a stroke is ink');
});

test('what the corrections say is asked for the strokes that there are, in classes that there are', () => {
  const pad = newPad();
  for (const x of [100, 200, 300]) line(pad, x);
  const [a, b, c] = pad.ink.strokes;
  const whole = (stroke: typeof a) => ({ stroke, from: 0, to: 3 });
  const all: Correction[] = corrected(
    [{ parts: [whole(a)], answer: '1' }],
    { parts: [whole(b)], answer: 'x' },
    { parts: [whole(c)], answer: null },
  );
  const part = (index: number) => [{ index, from: 0, to: 3 }];
  assert.deepEqual(asked(all, [a, b, c], CLASSES), [
    { parts: part(0), answer: '1' },
    { parts: part(1) },
    { parts: part(2), answer: null },
  ]);
  assert.deepEqual(asked(all, [c], CLASSES), [{ parts: part(0), answer: null }]);
  const newer = corrected(all, { parts: [{ stroke: a, from: 2, to: 3 }], answer: '2' });
  assert.equal(newer.length, 3, 'of the same ink the newer correction counts');
  const cut = erased([a, b, c], all, [{ stroke: b, from: 1, to: 2 }]);
  assert.deepEqual(
    cut.strokes.map(({ ys }) => ys),
    [[100, 200, 300], [100], [300], [100, 200, 300]],
  );
  assert.equal(cut.corrections.length, 2);
});

test('a pad that becomes smaller shows all ink', () => {
  const pad = newPad();
  const before = pad.ink.width;
  line(pad, before - 10);
  pad.fit(300, 200);
  assert.ok(pad.ink.width >= before - 10);
  assert.ok(Math.abs(pad.ink.width / pad.ink.height - 300 / 200) < 1e-9, 'nothing is distorted');
});
