/** Inputs to recognise: pictures, JSON, files of any content, and what becomes of them before a network reads them. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync, gzipSync, inflateSync } from 'node:zlib';
import { parseJson } from '#src/formats/json.js';
import type { Random } from '#src/random.js';
import { readInputs } from '#src/recognize/input-files.js';
import { parseInput } from '#src/recognize/json-input.js';
import { readPng } from '#src/recognize/png.js';
import { prepareInput, type RecognizerInput } from '#src/recognize/prepare-input.js';
import { countingImages } from '../../data/images/idx-bytes.js';
import { ROWS, STROKES } from '../../recognize/checkpoint-bytes.js';
import { greyPng, pngFile, unfiltered } from '../../recognize/png-file.js';
import { chance, hostileNumber, mutateBytes, pick, spliced } from '../byte-mutations.js';
import { type Json, jsonText, mutateJson } from '../json-mutations.js';
import type { Input, Openers } from '../target.js';

const text = (value: string): Input => new TextEncoder().encode(value);
const SIGNATURE_BYTES = 8;

function pngFiles(): Input[] {
  const grey = Uint8Array.from({ length: 36 }, (_, i) => (i % 7 === 0 ? 250 : 3));
  const palette: [string, Uint8Array][] = [
    ['PLTE', Uint8Array.of(0, 0, 0, 255, 255, 255, 0, 255, 0)],
    ['tRNS', Uint8Array.of(0, 9)],
  ];
  const rgba = unfiltered(
    Array.from({ length: 36 }, (_, i) => (i * 37) % 256),
    12,
  );
  return [
    greyPng(grey, 6),
    pngFile({ width: 9, height: 2, depth: 1, raw: Uint8Array.of(0, 64, 0, 0, 1, 0) }),
    pngFile({ width: 4, height: 1, depth: 4, type: 3, before: palette, raw: Uint8Array.of(0, 1, 32) }),
    pngFile({ width: 3, height: 3, type: 6, raw: rgba }),
    pngFile({ width: 4, height: 3, type: 2, raw: rgba }),
    pngFile({ width: 2, height: 1, depth: 16, type: 4, raw: new Uint8Array(9).fill(7, 1) }),
  ];
}

interface Chunk {
  type: string;
  data: Uint8Array;
}

function chunksOf(file: Input): Chunk[] {
  const bytes = Buffer.from(file);
  const chunks: Chunk[] = [];
  for (let at = SIGNATURE_BYTES; at + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const data = new Uint8Array(bytes.subarray(at + 8, at + 8 + length));
    chunks.push({ type: bytes.toString('latin1', at + 4, at + 8), data });
    at += 12 + length;
  }
  return chunks;
}

/** The checksums are zero: the reader does not check them. */
function pngOf(chunks: Chunk[]): Input {
  const parts = chunks.flatMap(({ type, data }) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    return [length, Buffer.from(type, 'latin1'), data, Buffer.alloc(4)];
  });
  return new Uint8Array(Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...parts]));
}

const CHUNK_TYPES = [
  'IHDR',
  'IDAT',
  'IEND',
  'PLTE',
  'tRNS',
  'acTL',
  'fcTL',
  'fdAT',
  'iCCP',
  'tEXt',
  'zTXt',
  'abcd',
  'ABCD',
];

/** A picture with a changed chunk: fields of the header, chunks removed, doubled or renamed, pixels packed again. */
function mutatePng(random: Random, file: Input): Input {
  if (chance(random, 0.3)) return mutateBytes(random, file);
  const chunks = chunksOf(file);
  const at = random.below(chunks.length);
  const chunk = chunks[at];
  switch (random.below(7)) {
    case 0:
      chunks.splice(at, 1);
      break;
    case 1:
      chunks.splice(random.below(chunks.length + 1), 0, chunk);
      break;
    case 2:
      chunk.type = pick(random, CHUNK_TYPES);
      break;
    case 3:
      chunks.splice(at, 0, { type: pick(random, CHUNK_TYPES), data: mutateBytes(random, chunk.data) });
      break;
    case 4:
      chunk.data = mutateBytes(random, chunk.data);
      break;
    case 5:
      if (chunk.type === 'IDAT') chunk.data = packedAgain(random, chunk.data);
      else chunks.reverse();
      break;
    default:
      chunks[0].data = withHeaderField(random, chunks[0].data);
  }
  return pngOf(chunks);
}

function withHeaderField(random: Random, header: Uint8Array): Uint8Array {
  const copy = Buffer.from(header);
  if (copy.length < 13) return copy;
  const field = random.below(7);
  if (field < 2) copy.writeUInt32BE(hostileNumber(random) % 2 ** 32, 4 * field);
  else copy[6 + field] = pick(random, [0, 1, 2, 3, 4, 6, 8, 16, 255]);
  return new Uint8Array(copy);
}

function packedAgain(random: Random, data: Uint8Array): Uint8Array {
  try {
    return deflateSync(mutateBytes(random, inflateSync(data)), { level: 1 });
  } catch {
    return mutateBytes(random, data);
  }
}

const JSON_INPUTS: Json[] = [
  { pixels: [0, 255, 0, 9, 0, 255, 0, 255, 9, 0, 0, 1], width: 4, height: 3 },
  { pixels: 'AAD/AAD/AAD/AAAA', width: 3, height: 4 },
  { pixels: 'AAD/AAD/AAD/AAAA', width: 2, height: 2, channels: 3 },
  {
    strokes: [
      [5, 6, 0, 0],
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
      [-3, 2, 0, 0],
      [0, 4, 0, 0],
      [0, 0, 1, 1],
    ],
  },
  {
    drawing: {
      strokes: [
        { x: [10, 52, 30], y: [8, 9, 71] },
        { x: [1], y: [1] },
      ],
    },
  },
  {
    strokes: [
      [
        [1, 2],
        [30, 40],
        [30, 4],
      ],
      [
        { x: 1, y: 2 },
        { x: 9, y: 9 },
      ],
    ],
  },
  {
    drawing: [
      [
        [1, 2, 30],
        [3, 4, 60],
      ],
    ],
  },
];

/** What both kinds of networks make of an input. */
function prepareForBoth(input: RecognizerInput): void {
  for (const preprocessing of [ROWS, STROKES, { ...STROKES, order: 'pen' as const }]) {
    const prepared = prepareInput(input, preprocessing);
    if (prepared === null) continue;
    assert.ok(prepared.steps > 0);
    assert.ok(prepared.sequence.every(Number.isFinite), 'a sequence with values that are no numbers');
  }
}

/** Pictures and moves straight from bytes: kind, width, height, channels, then values. */
function inputOf(bytes: Input): RecognizerInput {
  const [kind = 0, width = 0, height = 0, channels = 0, ...values] = bytes;
  if (kind % 3 === 0) {
    const pixels = Uint8Array.from(
      { length: width * height * channels },
      (_, i) => values[i % values.length] ?? 0,
    );
    return { kind: 'picture', width, height, channels, pixels };
  }
  const signed = Int8Array.from(values);
  if (kind % 3 === 1) {
    const stretch = 1 + width * height;
    const moves = Int16Array.from(signed, (value, i) => (i % 4 < 2 ? value * stretch : value & 1));
    return { kind: 'strokes', moves: moves.subarray(0, moves.length - (channels % 4)) };
  }
  const count = 1 + (channels % 5);
  const scale = 10 ** ((width % 40) - 20);
  const strokes = Array.from({ length: count }, (_, s) => {
    const own = signed.subarray(
      Math.floor((s * signed.length) / count),
      Math.floor(((s + 1) * signed.length) / count),
    );
    return {
      xs: Float64Array.from(own, (v) => v * scale),
      ys: Float64Array.from(own, (v, i) => (v ^ (i * height)) * scale),
    };
  });
  return { kind: 'drawing', strokes };
}

/** A grammar for prepare-input: sizes at their edges, moves that go back and forth. */
function makeRawInput(random: Random): Input {
  const side = () => pick(random, [0, 1, 1, 2, 3, 4, 28, 28, 29, 100, 255]);
  const sizes = [side(), side(), pick(random, [0, 1, 1, 1, 2, 3, 4])];
  const values = Array.from({ length: random.below(300) }, () =>
    pick(random, [0, 0, 0, 1, 255, 128, 127, random.below(256)]),
  );
  return Uint8Array.from([random.below(3), ...sizes, ...values]);
}

export const OPENERS: Openers = {
  png: async () => {
    const files = pngFiles();
    return {
      make: (random) => spliced(mutatePng(random, pick(random, files)), 0, 0, [random.below(2)]),
      run: (input) => {
        const { width, height, channels, pixels } = readPng(
          input.subarray(1),
          'file',
          input[0] === 1 ? 3 : 1,
        );
        assert.equal(pixels.length, width * height * channels);
      },
    };
  },
  'json-input': async () => ({
    make: (random) => {
      const made = text(jsonText(random, mutateJson(random, pick(random, JSON_INPUTS))));
      return chance(random, 0.15) ? mutateBytes(random, made) : made;
    },
    run: (input) => prepareForBoth(parseInput(parseJson(new TextDecoder().decode(input), 'file'), 'file')),
  }),
  'prepare-input': async () => ({ make: makeRawInput, run: (input) => prepareForBoth(inputOf(input)) }),
  'input-file': async (folder) => {
    const json = JSON_INPUTS.map((each) => JSON.stringify(each));
    const idx = countingImages([2, 3, 4]);
    const files = [
      ...pngFiles(),
      ...[idx, new Uint8Array(gzipSync(idx))],
      ...[json[0], json.join('\n'), `[${json.join(',')}]`].map(text),
      ...PICTURES_TO_COME,
    ];
    const names = ['a', 'a.png', 'a.json', 'a.tra', 'a.ndjson', 'photo.jpg'];
    return {
      make: (random) => spliced(mutateBytes(random, pick(random, files)), 0, 0, [random.below(names.length)]),
      run: async (input) => {
        const path = join(folder, names[(input[0] ?? 0) % names.length]);
        writeFileSync(path, input.subarray(1));
        for (const each of await readInputs(path)) assert.ok(each.input.kind.length > 0);
      },
    };
  },
};

/** Beginnings of pictures that the readers know, or refuse by name: JPEG, WebP, GIF, BMP, TIFF, PDF. */
const PICTURES_TO_COME: Input[] = [
  Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70, 73, 70, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0),
  text('RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0'),
  text('GIF89a\x01\0\x01\0'),
  text('BM6\0\0\0'),
  text('II*\0'),
  text('%PDF-1.4\n'),
];
