/**
 * Protects the networks in models/: they are small, in float16, know “none of these”, answer as their model cards say,
 * and the cards have the figures of the files beside them. They are runs that every command and the library take.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openBackend, openRecognizer, shippedModel } from 'scanstroke';
import { robustnessTable } from '#src/cli/robustness.js';
import { formatRefused, formatScore } from '#src/report/text.js';
import { readMetrics, readSummary } from '#src/runs/run-files.js';
import { SHIPPED_MODELS, type ShippedModel, shippedFolder } from '#src/runs/shipped-models.js';
import { evaluateRun } from '#src/train/run/evaluate/evaluate-run.js';
import { digits } from '../ink/images.js';

const MAX_BYTES = 1_000_000;
/** Figures of another processor round otherwise: at most this many of the 10,000 test samples get another answer. */
const MAX_CHANGED = 5;

const textOf = (name: string, file: string) =>
  readFileSync(join(shippedFolder(name as ShippedModel), file), 'utf8');

test('there is a folder for each name, and no other', () => {
  const folder = join(shippedFolder('digits'), '..');
  assert.deepEqual(readdirSync(folder).sort(), [...SHIPPED_MODELS].sort());
});

for (const name of SHIPPED_MODELS) {
  const folder = shippedFolder(name);

  test(`${name}: less than 1 MB, parameters in float16, a whole run but for the last checkpoint`, async () => {
    const files = readdirSync(folder).sort();
    assert.deepEqual(files, [
      'README.md',
      'best.safetensors',
      'config.json',
      'metrics.jsonl',
      'robustness.json',
      'summary.json',
    ]);
    const bytes = files.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
    assert.ok(bytes < MAX_BYTES, `${bytes} bytes`);
    const { parameters, epochs } = await readSummary(folder);
    const checkpoint = await shippedModel(name);
    assert.ok(checkpoint.length < 2 * parameters + 10_000, 'two bytes a parameter, and a header');
    assert.equal((await readMetrics(folder)).length, epochs);
  });

  test(`${name}: the card has the figures of the files`, async () => {
    const card = textOf(name, 'README.md');
    assert.ok(!card.includes('not for shipping'), 'it is not of --quick');
    const { testScore, refusals, seed } = await readSummary(folder);
    assert.ok(card.includes(formatScore(testScore)));
    assert.ok(refusals, 'it was trained with the class none');
    for (const refused of [refusals.test, refusals.negatives, ...refusals.kinds]) {
      assert.ok(card.includes(formatRefused(refused)));
    }
    assert.match(card, new RegExp(`^npx scanstroke train .*--seed-number ${seed}\\b`, 'm'));
    const { rows, samples } = JSON.parse(textOf(name, 'robustness.json'));
    assert.equal(samples, testScore.count);
    const table = robustnessTable(
      rows.map(({ worst_class: worstClass, ...row }: Record<string, unknown>) => ({ ...row, worstClass })),
    );
    for (const line of table.split('\n')) assert.ok(card.includes(line.trimEnd()), line);
  });

  test(`${name}: the library opens it; it recognises digits, and answers none to what is no digit`, async () => {
    const backend = await openBackend('wasm');
    const recognizer = openRecognizer(await shippedModel(name), backend, { name });
    assert.equal(recognizer.info.classes.at(-1), 'none');
    const pictures = (await digits(40)).map((image) => ({ kind: 'picture' as const, ...image }));
    const answers = await recognizer.recognize(pictures);
    assert.ok(answers.filter((answer) => answer && answer.top[0].class !== 'none').length >= 30);
    // Lines across one another everywhere.
    const lines = Array.from({ length: 9 }, (_, n) => [
      { xs: [10 * n, 90 - 10 * n], ys: [0, 90] },
      { xs: [0, 90], ys: [10 * n, 10 * n] },
    ]).flat();
    const [answer] = await recognizer.recognize([{ kind: 'drawing', strokes: lines }]);
    assert.equal(answer?.top[0].class, 'none');
    recognizer.close();
    backend.close();
  });
}

test('digits: its accuracy on the test samples is that of the summary', async () => {
  const { testScore } = await readSummary(shippedFolder('digits'));
  const { score, notices } = await evaluateRun('digits', {
    data: null,
    part: 'test',
    backend: 'auto',
    threads: 1,
  });
  assert.equal(score.count, testScore.count, `${notices}`);
  assert.ok(Math.abs(score.correct - testScore.correct) <= MAX_CHANGED, `${score.correct}`);
});

test('another name is refused', async () => {
  await assert.rejects(
    shippedModel('letters' as ShippedModel),
    /expected one of digits, digit-strokes, found "letters"/,
  );
});
