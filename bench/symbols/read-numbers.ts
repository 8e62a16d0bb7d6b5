/**
 * `npm run bench:symbols`: sets MNIST's test digits side by side and reads the numbers with the networks of the package:
 * how many come out whole and right, and which failures are of grouping and which of recognition.
 *
 *   npm run bench:symbols -- [--numbers N] [--digits N] [--gaps LEAST,MOST] [--offset N] [--seed N] [--part test|train] [--list]
 *
 * `--list` prints the failures. The penalties of grouping were tuned on digits of the part `train`.
 */
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { openBackend } from '#src/backends/open-node.js';
import { loadImages } from '#src/data/images/image-datasets.js';
import { Random } from '#src/random.js';
import { openRecognizer, type Recognizer } from '#src/recognize/recognizer.js';
import { readSymbols, type SymbolReading } from '#src/recognize/symbols/read-symbols.js';
import { SHIPPED_MODELS, shippedModel } from '#src/runs/shipped-models.js';
import { UserError } from '#src/user-error.js';
import { count, failForUsers, oneOf } from '../bench-flags.js';
import { duration, markdown, NOTHING } from '../report/table.js';
import { type NumberSample, numberSample, type Spacing } from './numbers.js';

/** Separates these random numbers from all others of the same seed. */
const STREAM = 0x6e756d73; // 'nums'

interface Tally {
  numbers: number;
  right: number;
  /** Failures in which the symbols are not the digits. */
  badlyGrouped: number;
  /** Failures that are grouped well: a digit is wrong. */
  misread: number;
  /** Numbers of which all digits are right if they are given one by one. */
  rightAlone: number;
  /** Digits in numbers that are grouped well, and the right ones. */
  digits: number;
  rightDigits: number;
  milliseconds: number[];
}

/** Whether the symbols are the digits: each covers its digit's columns and few others. */
function isGroupedWell({ symbols }: SymbolReading, { places }: NumberSample): boolean {
  return (
    symbols.length === places.length &&
    places.every(({ left, right }, n) => {
      const { box } = symbols[n];
      const shared = Math.min(right, box.right) - Math.max(left, box.left);
      const all = Math.max(right, box.right) - Math.min(left, box.left);
      // A speck may be left out.
      return shared >= all - 2 || shared >= 0.8 * all;
    })
  );
}

async function measure(recognizer: Recognizer, samples: NumberSample[], isListed: boolean): Promise<Tally> {
  const tally: Tally = {
    numbers: samples.length,
    right: 0,
    badlyGrouped: 0,
    misread: 0,
    rightAlone: 0,
    digits: 0,
    rightDigits: 0,
    milliseconds: [],
  };
  for (const [n, sample] of samples.entries()) {
    const begin = performance.now();
    const reading = await readSymbols(recognizer, sample.input);
    tally.milliseconds.push(performance.now() - begin);
    const isGrouped = isGroupedWell(reading, sample);
    const answers = await recognizer.recognize(sample.alone);
    // As in readSymbols, the likeliest class but none.
    const alone = answers.map(
      (answer) => answer?.top.find(({ class: name }) => name !== 'none')?.class ?? '?',
    );
    if (alone.join('') === sample.text) tally.rightAlone++;
    if (isGrouped) {
      tally.digits += sample.text.length;
      tally.rightDigits += [...sample.text].filter((digit, k) => reading.symbols[k].answer === digit).length;
    }
    if (reading.text === sample.text) tally.right++;
    else if (isGrouped) tally.misread++;
    else tally.badlyGrouped++;
    if (isListed && reading.text !== sample.text) {
      const why = isGrouped ? 'recognition' : 'grouping';
      process.stdout.write(
        `${n}: ${sample.text} read as ${reading.text}, ${reading.leftOut.length} left out: ${why}\n`,
      );
    }
  }
  return tally;
}

const percent = (share: number) => (Number.isNaN(share) ? NOTHING : `${(100 * share).toFixed(1)} %`);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      numbers: { type: 'string', default: '300' },
      digits: { type: 'string', default: '10' },
      gaps: { type: 'string', default: '2,10' },
      offset: { type: 'string', default: '6' },
      seed: { type: 'string', default: '1' },
      part: { type: 'string', default: 'test' },
      list: { type: 'boolean', default: false },
    },
  });
  const gaps = values.gaps.split(',').map(Number);
  if (gaps.length !== 2 || !gaps.every(Number.isInteger) || gaps[0] > gaps[1]) {
    throw new UserError(
      `--gaps takes two whole numbers, the smaller first, such as 2,10, not ${values.gaps}`,
    );
  }
  const spacing: Spacing = { gaps: [gaps[0], gaps[1]], offset: Number(values.offset) };
  const [numbers, digits] = [count('--numbers', values.numbers), count('--digits', values.digits)];
  const part = oneOf('--part', values.part, ['test', 'train']);
  const examples = (await loadImages('mnist', { channelsImg: 1 }))[part];
  const backend = await openBackend();
  const rows: string[][] = [];
  for (const form of ['picture', 'drawing'] as const) {
    const samples = Array.from({ length: numbers }, (_, n) =>
      numberSample(examples, form, digits, spacing, new Random(Number(values.seed), STREAM, n)),
    );
    for (const model of SHIPPED_MODELS) {
      const recognizer = openRecognizer(await shippedModel(model), backend, { name: model });
      const tally = await measure(recognizer, samples, values.list);
      recognizer.close();
      const times = tally.milliseconds.sort((a, b) => a - b);
      rows.push([
        `${form}s`,
        model,
        percent(tally.right / tally.numbers),
        percent(tally.rightAlone / tally.numbers),
        String(tally.badlyGrouped),
        String(tally.misread),
        percent(tally.rightDigits / tally.digits),
        duration(times[Math.floor(times.length / 2)] / 1000),
      ]);
    }
  }
  const header = [
    'input',
    'network',
    'right',
    'digits given alone',
    'bad groups',
    'misread',
    'digits right',
    'median time',
  ];
  process.stdout.write(`${markdown({ header, rows })}\n`);
  backend.close();
}

await failForUsers(main);
