/**
 * Measures how the prior of the temperature (train/temperature.ts) should weigh: draws logits whose temperature is known,
 * fits to few of them, and prints the cross-entropy of fresh samples above that of the true temperature.
 * node build/bench/temperature.js
 */
import { normalPair, Random } from '#src/random.js';
import { type FittedAnswers, fitTemperature } from '#src/train/temperature.js';

/** Classes, and standard deviation of the logits, which sets the accuracy: 65, 86, 74 and 93 %. */
const NETWORKS = [
  { classes: 5, spread: 2 },
  { classes: 5, spread: 6 },
  { classes: 10, spread: 4 },
  { classes: 10, spread: 15 },
];
const TEMPERATURES = [0.5, 0.8, 1, 1.5, 3];
const COUNTS = [10, 30, 100, 1000];
/** 0: no prior; Infinity: nothing is fitted. */
const WEIGHTS = [0, 1, 2, 4, 8, 16, 32, Number.POSITIVE_INFINITY];
const REPEATS = 200;
const FRESH = 2000;
/** As the best of so many epochs is chosen by the samples to which T is fitted. */
const EPOCHS = [1, 10];

interface Drawn {
  answers: FittedAnswers;
  labels: Uint8Array;
  accuracy: number;
}

/** Samples whose labels are drawn from softmax(logits / T). */
function draw(
  random: Random,
  count: number,
  { classes: K, spread }: (typeof NETWORKS)[number],
  T: number,
): Drawn {
  const logits = new Float32Array(count * K);
  const labels = new Uint8Array(count);
  let right = 0;
  for (let n = 0; n < count; n++) {
    const fair = Array.from({ length: K }, () => spread * normalPair(random)[0]);
    const largest = Math.max(...fair);
    const powers = fair.map((z) => Math.exp(z - largest));
    let target = random.uniform() * powers.reduce((a, b) => a + b);
    let label = 0;
    while (label < K - 1 && target > powers[label]) target -= powers[label++];
    labels[n] = label;
    if (fair[label] === largest) right++;
    logits.set(
      fair.map((z) => T * z),
      n * K,
    );
  }
  const indices = Int32Array.from({ length: count }, (_, n) => n);
  return { answers: { indices, classes: K, logits }, labels, accuracy: right / count };
}

function meanLoss({ answers: { classes: K, logits }, labels }: Drawn, T: number): number {
  let sum = 0;
  labels.forEach((label, n) => {
    const z = logits.subarray(n * K, (n + 1) * K);
    const largest = z.reduce((a, b) => Math.max(a, b));
    sum +=
      Math.log(z.reduce((total, each) => total + Math.exp((each - largest) / T), 0)) -
      (z[label] - largest) / T;
  });
  return sum / labels.length;
}

for (const epochs of EPOCHS) {
  console.log(
    `\nthe most accurate of ${epochs}: loss above that of the true temperature, by weight of the prior`,
  );
  console.log(
    [
      'samples',
      ...WEIGHTS.map((weight) =>
        weight === 0 ? 'none' : weight === Number.POSITIVE_INFINITY ? 'T = 1' : weight,
      ),
    ].join('\t'),
  );
  for (const count of COUNTS) {
    const random = new Random(count);
    const sums = WEIGHTS.map(() => 0);
    let cases = 0;
    for (const network of NETWORKS) {
      for (const T of TEMPERATURES) {
        const fresh = draw(random, FRESH, network, T);
        const least = meanLoss(fresh, T);
        for (let repeat = 0; repeat < Math.ceil(REPEATS / Math.sqrt(count)); repeat++, cases++) {
          const tries = Array.from({ length: epochs }, () => draw(random, count, network, T));
          const best = tries.reduce((a, b) => (b.accuracy > a.accuracy ? b : a));
          WEIGHTS.forEach((weight, n) => {
            const fitted =
              weight === Number.POSITIVE_INFINITY ? 1 : fitTemperature(best.answers, best.labels, weight);
            sums[n] += meanLoss(fresh, fitted) - least;
          });
        }
      }
    }
    console.log([count, ...sums.map((sum) => (sum / cases).toFixed(4))].join('\t'));
  }
}
