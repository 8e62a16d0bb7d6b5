/**
 * Protects that recognition sees a picture exactly as the training saw it: grey and coloured PNGs, transparent ones, small
 * and large JPEG and WebP photos, in every form that a data set of one's own pictures takes.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { encode } from 'fast-png';
import { kindOf } from '#src/data/kinds.js';
import { type LoadOptions, loadDataset } from '#src/data/open-dataset.js';
import { sequenceIn } from '#src/data/sequences/sequence.js';
import { openSequences, sequencesOf } from '#src/data/sources.js';
import { readInputs } from '#src/recognize/input-files.js';
import { type PreparedInput, prepareInput } from '#src/recognize/prepare-input.js';
import { preprocessingOf, withFittingSteps } from '#src/train/config/plan.js';
import { resolveConfig } from '#src/train/config/run-config.js';
import { temporaryFolder } from '../../train/small-mnist.js';
import { exif, jpegFile, webpFile, withSegment } from '../pictures/photo-file.js';

const folder = temporaryFolder();

/** Dark lines on paper that gets darker to the right. */
function paper(width: number, height: number, n: number): Uint8Array {
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    const isInk = x > width / 5 && x < width / 2 && Math.abs(y - height / 2 - n) < height / 12;
    return isInk ? 30 : 250 - Math.floor((60 * x) / width);
  });
}

const greyPng = (width: number, height: number, n: number) =>
  encode({ width, height, data: paper(width, height, n), channels: 1 });

function colourPng(width: number, height: number, n: number, channels: 3 | 4): Uint8Array {
  const grey = paper(width, height, n);
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => {
    const value = grey[Math.floor(i / channels)];
    return i % channels === 3 ? 255 - value : i % channels === 0 ? value : value >> 1;
  });
  return encode({ width, height, data, channels });
}

/** Files of the classes a and b: each kind seven times, sorted by name. */
async function write(
  name: string,
  kinds: ((n: number) => Promise<Uint8Array> | Uint8Array)[],
): Promise<string> {
  const place = join(folder, name);
  for (const label of ['a', 'b']) {
    mkdirSync(join(place, label), { recursive: true });
    for (const [k, make] of kinds.entries()) {
      for (let n = 0; n < 7; n++) {
        writeFileSync(join(place, label, `${k}-${n}.png`), await make(n));
      }
    }
  }
  return place;
}

const size = (n: number) => [40 + 3 * n, 30 + 5 * n] as const;
const greys = [
  (n: number) => greyPng(...size(n), n),
  (n: number) => jpegFile({ width: 60, height: 40 + n, pixels: paper(60, 40 + n, n) }),
  (n: number) => webpFile({ width: 50, height: 40, pixels: paper(50, 40, n) }),
  async (n: number) =>
    withSegment(await jpegFile({ width: 300, height: 200, pixels: paper(300, 200, n) }), 0xe1, exif(1 + n)),
];
const colours = [(n: number) => colourPng(...size(n), n, 3), (n: number) => colourPng(...size(n), n, 4)];

const EDGES = { edges: true, sequenceLength: 14, inputSize: 168 };

const CASES: [name: string, files: typeof greys, options: Partial<LoadOptions>, flags?: object][] = [
  ['grey', greys, {}],
  ['grey, with edges', greys, {}, EDGES],
  ['one size, kept, with edges', [(n) => greyPng(40, 24, n)], {}, EDGES],
  ['grey, another size', greys, { pictureSize: 33 }],
  ['one size, kept', [(n) => greyPng(40, 24, n)], {}],
  ['in colours', [...colours, ...greys], {}],
  ['colours made grey', colours, { channelsImg: 1 }],
];

for (const [name, kinds, options, flags] of CASES) {
  test(`recognition sees what the training saw: ${name}`, async () => {
    const place = await write(name, kinds);
    const dataset = await loadDataset(place, { channelsImg: null, order: 'tour', ...options });
    assert.equal(dataset.kind, 'images');
    const config = withFittingSteps(resolveConfig({ flags: { data: place, ...flags } }), dataset);
    const preprocessing = preprocessingOf(config, dataset);
    assert.ok('padded' in preprocessing && preprocessing.padded);
    const sources = {
      train: openSequences(sequencesOf(dataset, 'train', preprocessing)),
      test: openSequences(sequencesOf(dataset, 'test', preprocessing)),
    };
    const seen = { train: 0, test: 0 };
    let compared = 0;
    for (const label of ['a', 'b']) {
      for (let i = 0; i < 7 * kinds.length; i++) {
        // Every seventh picture of a class is for the test.
        const part = i % 7 === 6 ? 'test' : 'train';
        const example = kindOf(dataset).exampleAt(dataset[part], seen[part]++);
        const file = join(place, label, `${Math.floor(i / 7)}-${i % 7}.png`);
        const { channels } = dataset.train;
        const [{ input }] = await readInputs(file, channels);
        const prepared: PreparedInput | null = prepareInput(input, preprocessing);
        assert.ok('pixels' in example);
        assert.deepEqual(prepared?.saw.picture?.pixels, example.pixels, file);
        assert.deepEqual(prepared?.sequence, sequenceIn(sources[part], seen[part] - 1).sequence, file);
        compared++;
      }
    }
    assert.equal(compared, dataset.train.count + dataset.test.count);
  });
}

test('steps of edges fit people’s own pictures: as many pixel rows as for MNIST, or two', async () => {
  const place = await write('steps', [(n) => greyPng(44, 30, n)]);
  const dataset = await loadDataset(place, { channelsImg: null, order: 'tour' });
  const stepsOf = (sequenceLength: number, inputSize: number, scan: 'rows' | 'columns') => {
    const flags = { data: place, edges: true, sequenceLength, inputSize, scan };
    const fitting = withFittingSteps(resolveConfig({ flags }), dataset);
    preprocessingOf(fitting, dataset);
    return [fitting.sequenceLength, fitting.inputSize];
  };
  assert.deepEqual(stepsOf(14, 168, 'rows'), [15, 264]);
  assert.deepEqual(stepsOf(7, 336, 'rows'), [15, 264]);
  assert.deepEqual(stepsOf(7, 336, 'columns'), [11, 360]);
});
