/** Protects the fitted temperature and the measured calibration: known factors, a hand-made example, the edges. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '#src/random.js';
import { compareCalibration, measureCalibration } from '#src/train/calibration.js';
import { answersToOwn, type FittedAnswers, fitTemperature } from '#src/train/temperature.js';

/** Answers with these logits, a row each. */
function answersOf(rows: readonly (readonly number[])[]): FittedAnswers {
  return {
    indices: Int32Array.from(rows.keys()),
    classes: rows[0].length,
    logits: Float32Array.from(rows.flat()),
  };
}

/** Of four answers with probabilities 3/4 and 1/4, three are right: T is 1 exactly, with and without a prior. */
const FAIR = [0, 1, 2, 3].map(() => [Math.log(3), 0]);
const FAIR_LABELS = [0, 0, 0, 1];
/** As many that the prior moves T by less than 1 %. */
const MANY = Array.from({ length: 40_000 }, () => FAIR[0]);
const MANY_LABELS = MANY.map((_, n) => FAIR_LABELS[n % 4]);

function scaled(rows: readonly (readonly number[])[], factor: number): FittedAnswers {
  return answersOf(rows.map((row) => row.map((value) => value * factor)));
}

test('logits scaled by a factor have this factor as their temperature', () => {
  assert.equal(fitTemperature(scaled(FAIR, 1), FAIR_LABELS), 1);
  for (const factor of [0.05, 0.3, 1, 1.5, 2.5, 40]) {
    const found = fitTemperature(scaled(MANY, factor), MANY_LABELS);
    assert.ok(Math.abs(found / factor - 1) < 0.01, `${found}, expected ${factor}`);
  }
});

test('the prior holds the temperature of few answers near 1, and many answers outweigh it', () => {
  for (const factor of [0.2, 3]) {
    const counts = [4, 12, 40, 400, 4000];
    const found = counts.map((count) =>
      fitTemperature(scaled(MANY.slice(0, count), factor), MANY_LABELS.slice(0, count)),
    );
    const distances = found.map((temperature) => Math.abs(Math.log(temperature / factor)));
    assert.ok(
      distances.every((distance, n) => n === 0 || distance < distances[n - 1]),
      `${factor}: ${found}`,
    );
    found.forEach((temperature, n) => {
      // The minimum of the sum of the cross-entropy and 4 (β − 1 − ln β).
      const penalised = (beta: number) =>
        counts[n] *
          measureCalibration(scaled(MANY.slice(0, counts[n]), factor), MANY_LABELS, 1 / beta)
            .negativeLogLikelihood +
        4 * (beta - 1 - Math.log(beta));
      const beta = 1 / temperature;
      assert.ok(penalised(beta) < penalised(1.01 * beta) && penalised(beta) < penalised(0.99 * beta));
    });
  }
});

test('27 answers that are right more often than the network says do not make it very sure', () => {
  const rows = Array.from({ length: 27 }, () => [1, 0, 0]);
  const labels = rows.map((_, n) => (n === 0 ? 1 : 0));
  assert.equal(fitTemperature(answersOf(rows), labels, 0), 0.253085, 'without a prior');
  assert.equal(fitTemperature(answersOf(rows), labels), 0.383373);
});

test('labels drawn from the probabilities of ten classes give the factor within the noise', () => {
  const random = new Random(3);
  const rows = Array.from({ length: 4000 }, () => Array.from({ length: 10 }, () => 4 * random.uniform()));
  const labels = rows.map((row) => {
    const powers = row.map(Math.exp);
    const target = random.uniform() * powers.reduce((a, b) => a + b);
    let sum = 0;
    let label = 0;
    for (; label < 9; label++) {
      sum += powers[label];
      if (sum > target) break;
    }
    return label;
  });
  const fair = fitTemperature(answersOf(rows), labels);
  assert.ok(Math.abs(fair - 1) < 0.05, String(fair));
  const overconfident = scaled(rows, 3);
  const found = fitTemperature(overconfident, labels);
  // The prior counts as a dozen of the 4000 answers.
  assert.ok(Math.abs(found / (3 * fair) - 1) < 0.003, `${found}, expected three times ${fair}`);
  const loss = (temperature: number) =>
    measureCalibration(overconfident, labels, temperature).negativeLogLikelihood;
  assert.ok(loss(found) < loss(found * 1.02) && loss(found) < loss(found * 0.98), 'T is the minimum');
  const { before, after } = compareCalibration(overconfident, labels, found);
  assert.ok(before.expectedCalibrationError > 0.1 && after.expectedCalibrationError < 0.04);
  assert.equal(before.accuracy, after.accuracy);
});

test('the labels belong to the indices of the answers, and their order does not matter', () => {
  const answers = { ...scaled(FAIR, 2), indices: Int32Array.of(7, 5, 3, 1) };
  const labels = [9, 1, 9, 0, 9, 0, 9, 0];
  assert.equal(fitTemperature(answers, labels), fitTemperature(scaled(FAIR, 2), FAIR_LABELS));
  assert.equal(measureCalibration(answers, labels, 2).accuracy, 0.75);
});

test('made examples, which follow the own ones of a data set, can be left out', () => {
  // Examples 4 to 7 are made, and three of their four answers are wrong.
  const answers = { ...scaled([...FAIR, ...FAIR], 2), indices: Int32Array.of(4, 0, 5, 1, 2, 6, 3, 7) };
  const labels = [...FAIR_LABELS, 1, 1, 1, 0];
  const own = answersToOwn(answers, 4);
  assert.deepEqual([...own.indices], [0, 1, 2, 3]);
  assert.equal(fitTemperature(own, labels), fitTemperature(scaled(FAIR, 2), FAIR_LABELS));
  assert.ok(fitTemperature(answers, labels) > 2);
  assert.equal(answersToOwn(answers), answers);
});

test('answers without a mistake leave the temperature at 1; answers worse than guessing give the largest', () => {
  assert.equal(fitTemperature(scaled(FAIR, 5), [0, 0, 0, 0]), 1);
  const worse = MANY_LABELS.map((label) => 1 - label);
  assert.equal(fitTemperature(scaled(MANY, 5), worse), 100);
  const hardlySure = [...Array.from({ length: 4000 }, () => [0.02, 0]), [0, 1e-9]];
  assert.equal(fitTemperature(answersOf(hardlySure), [...Array(4000).fill(0), 0]), 0.01);
});

test('a class that is impossible is left out', () => {
  const rows = FAIR.map((row) => [2 * row[0], 2 * row[1], Number.NEGATIVE_INFINITY]);
  assert.equal(fitTemperature(answersOf(rows), FAIR_LABELS), fitTemperature(scaled(FAIR, 2), FAIR_LABELS));
  assert.ok(Number.isFinite(measureCalibration(answersOf(rows), FAIR_LABELS, 2).negativeLogLikelihood));
});

test('the calibration of a hand-made example', () => {
  // Highest probabilities 0.9, 0.9, 0.8, 0.8, 0.6 in bins (13/15, 14/15], (11/15, 12/15], (8/15, 9/15].
  const odds = (probability: number) => [Math.log(probability / (1 - probability)), 0];
  const answers = answersOf([0.9, 0.9, 0.795, 0.795, 0.595].map(odds));
  const { bins, ...found } = measureCalibration(answers, [0, 0, 0, 1, 1], 1);
  const near = (value: number | null, expected: number) =>
    assert.ok(value !== null && Math.abs(value - expected) < 1e-6, `${value}, expected ${expected}`);
  const filled = bins.filter(({ count }) => count > 0);
  assert.deepEqual(
    filled.map(({ from, to, count, accuracy }) => [
      Math.round(15 * from),
      Math.round(15 * to),
      count,
      accuracy,
    ]),
    [
      [8, 9, 1, 0],
      [11, 12, 2, 0.5],
      [13, 14, 2, 1],
    ],
  );
  filled.forEach(({ confidence }, n) => {
    near(confidence, [0.595, 0.795, 0.9][n]);
  });
  near(found.expectedCalibrationError, (1 * 0.595 + 2 * 0.295 + 2 * 0.1) / 5);
  near(found.confidence, (1.8 + 1.59 + 0.595) / 5);
  near(found.accuracy, 0.6);
  near(found.negativeLogLikelihood, -Math.log(0.9 * 0.9 * 0.795 * 0.205 * 0.405) / 5);
  assert.deepEqual(bins[0], { from: 0, to: 1 / 15, count: 0, confidence: null, accuracy: null });
});

test('a probability of 1 is in the last bin, equal ones of many classes in the first', () => {
  const sure = measureCalibration(answersOf([[900, 0]]), [0], 1);
  assert.deepEqual([sure.bins[14].count, sure.expectedCalibrationError], [1, 0]);
  const unsure = measureCalibration(answersOf([Array(40).fill(0)]), [0], 1);
  assert.equal(unsure.bins[0].count, 1);
});
