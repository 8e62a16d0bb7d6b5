/**
 * `npm run bench:hands`: reads the digits and letters of about 200 fonts of handwriting.
 * Says how many digits are right, and how many letters are answered with “none of these”.
 *
 *   npm run bench:hands -- [NETWORK…] [--sheet FILE.png] [--list]
 *
 * NETWORK is a checkpoint or a network of the package; by default both of these are measured. `--sheet` draws the
 * misread digits, `--list` prints them. The first call fetches the fonts with npm.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { createCanvas } from '@napi-rs/canvas';
import { openBackend } from '#src/backends/open-node.js';
import type { RecognizerInput } from '#src/data/inputs/input.js';
import { openRecognizer, type Recognition, type Recognizer } from '#src/recognize/recognizer.js';
import { SHIPPED_MODELS, shippedModel } from '#src/runs/shipped-models.js';
import { UserError } from '#src/user-error.js';
import { failForUsers } from '../bench-flags.js';
import { markdown } from '../report/table.js';
import { handFonts } from './fonts.js';
import { type Glyph, glyphsOf, SIDE } from './glyphs.js';

const DIGITS = '0123456789';
/** Letters that nobody writes as a digit. */
const LETTERS = 'AEFHKMNPRVWXdefhkmnruvwx';
/** A letter that is answered with more than this is a confident mistake. */
const CONFIDENT = 0.9;
/** Pictures in a row of the sheet. */
const ROW = 16;

const inputOf = ({ pixels }: Glyph): RecognizerInput => ({
  kind: 'picture',
  width: SIDE,
  height: SIDE,
  pixels,
});
const percent = (part: number, all: number) => `${((100 * part) / all).toFixed(2)} %`;
const answerOf = (recognition: Recognition | null) => recognition?.top[0].class ?? 'none';

interface Misread extends Glyph {
  answer: string;
}

async function measure(recognizer: Recognizer, digits: readonly Glyph[], letters: readonly Glyph[]) {
  const answers = (await recognizer.recognize(digits.map(inputOf))).map(answerOf);
  const misread: Misread[] = [];
  digits.forEach((glyph, n) => {
    if (answers[n] !== glyph.character) misread.push({ ...glyph, answer: answers[n] });
  });
  const recalls = [...DIGITS].map((digit) => {
    const own = digits.filter(({ character }) => character === digit).length;
    return { digit, recall: 1 - misread.filter(({ character }) => character === digit).length / own };
  });
  const worst = recalls.reduce((least, each) => (each.recall < least.recall ? each : least));
  const others = await recognizer.recognize(letters.map(inputOf));
  const refused = others.filter((answer) => answerOf(answer) === 'none').length;
  const confident = others.filter(
    (answer) => answer !== null && answerOf(answer) !== 'none' && answer.top[0].probability > CONFIDENT,
  ).length;
  const row = [
    recognizer.info.name,
    `${digits.length - misread.length} of ${digits.length}`,
    percent(digits.length - misread.length, digits.length),
    String(misread.filter(({ answer }) => answer === 'none').length),
    `${worst.digit} ${percent(worst.recall, 1)}`,
    percent(refused, letters.length),
    percent(confident, letters.length),
  ];
  return { row, misread };
}

/** The misread digits as a picture, each with its answer below. */
function sheetOf(misread: readonly Misread[]): Buffer {
  const [width, height] = [SIDE, SIDE + 14];
  const sheet = createCanvas(ROW * width, Math.max(1, Math.ceil(misread.length / ROW)) * height);
  const context = sheet.getContext('2d');
  context.fillStyle = '#fff';
  context.fillRect(0, 0, sheet.width, sheet.height);
  misread.forEach(({ pixels, character, answer }, n) => {
    const [x, y] = [(n % ROW) * width, Math.floor(n / ROW) * height];
    const picture = context.createImageData(SIDE, SIDE);
    for (const [i, value] of pixels.entries()) picture.data.set([value, value, value, 255], 4 * i);
    context.putImageData(picture, x, y);
    context.fillStyle = '#000';
    context.font = '11px sans-serif';
    context.fillText(`${character}: ${answer}`, x + 4, y + SIDE + 10);
  });
  return sheet.toBuffer('image/png');
}

async function bytesOf(network: string): Promise<Uint8Array> {
  const shipped = SHIPPED_MODELS.find((name) => name === network);
  if (shipped) return shippedModel(shipped);
  return readFile(network).catch((error: Error) => {
    throw new UserError(
      `${network}: a checkpoint or one of ${SHIPPED_MODELS.join(', ')} is expected: ${error.message}`,
    );
  });
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { sheet: { type: 'string' }, list: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const networks = positionals.length > 0 ? positionals : [...SHIPPED_MODELS];
  const checkpoints = await Promise.all(networks.map(bytesOf));
  const fonts = await handFonts('build/hands', (done, all) =>
    process.stderr.write(`\rfonts: ${done} of ${all} `),
  );
  if (fonts.length === 0) throw new UserError('no fonts: npm cannot fetch the packages @fontsource/…');
  const [digits, letters] = [glyphsOf(fonts, DIGITS), glyphsOf(fonts, LETTERS)];
  process.stdout.write(`${fonts.length} fonts, ${digits.length} digits, ${letters.length} letters\n\n`);
  const backend = await openBackend();
  const all: Misread[] = [];
  const rows: string[][] = [];
  for (const [n, network] of networks.entries()) {
    using recognizer = openRecognizer(checkpoints[n], backend, { name: network });
    const { row, misread } = await measure(recognizer, digits, letters);
    rows.push(row);
    all.push(...misread);
    if (!values.list) continue;
    for (const { font, character, answer } of misread)
      process.stdout.write(`${network}: ${character} of ${font} read as ${answer}\n`);
  }
  backend.close();
  const header = ['network', 'digits', 'right', 'of them refused', 'worst', 'letters refused', 'above 90 %'];
  process.stdout.write(`${markdown({ header, rows })}\n`);
  if (values.sheet !== undefined) await writeFile(values.sheet, sheetOf(all));
}

await failForUsers(main);
