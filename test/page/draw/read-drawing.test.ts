/** Protects the live reading in the worker: the same answers as a reading anew, for the work of what has changed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBackend } from '#src/backends/open-node.js';
import { openRecognizer } from '#src/recognize/recognizer.js';
import { readSymbols, type SymbolRecognizer } from '#src/recognize/symbols/read-symbols.js';
import { shippedModel } from '#src/runs/shipped-models.js';
import { readDrawing } from '../../../web/workers/read-drawing.js';

test('a stroke that grows costs the candidates that it belongs to, and the answers are those of a reading anew', async () => {
  const backend = await openBackend('auto', () => {});
  const digits = openRecognizer(await shippedModel('digits'), backend, { name: 'digits' });
  const counts: number[] = [];
  const counting: SymbolRecognizer = {
    info: digits.info,
    prepare: (input) => digits.prepare(input),
    recognizePrepared(prepared) {
      counts.push(prepared.length);
      return digits.recognizePrepared(prepared);
    },
  };
  const all = Array.from({ length: 10 }, (_, n) =>
    n % 3 === 0
      ? { xs: [30 * n, 30 * n + 20, 30 * n + 8], ys: [0, 0, 40] }
      : { xs: [30 * n, 30 * n - 1, 30 * n], ys: [0, 20, 40] },
  );
  const read = async (strokes: typeof all) => {
    const reading = await readDrawing(counting, { strokes, corrections: [], change: null });
    assert.deepEqual(reading, await readSymbols(digits, { kind: 'drawing', strokes }));
    return counts[counts.length - 1];
  };
  const whole = await read(all.slice(0, 9));
  const { xs, ys } = all[9];
  const last = await read([...all.slice(0, 9), { xs: xs.slice(0, 2), ys: ys.slice(0, 2) }]);
  assert.ok(whole >= 9 && last <= 4, `${whole} candidates of nine strokes, ${last} of the next`);
  assert.ok((await read(all)) <= 4);
  assert.equal(await read(all), 0);
  digits.close();
  backend.close();
});
