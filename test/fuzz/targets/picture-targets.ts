/** Inputs to recognise: pictures, JSON, files of any content, and what becomes of them before a network reads them. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync, gzipSync, inflateSync } from 'node:zlib';
import { readPicture } from '#src/data/pictures/picture.js';
import { readPng } from '#src/data/pictures/png.js';
import { parseJson } from '#src/formats/json.js';
import type { Random } from '#src/random.js';
import { readInputs } from '#src/recognize/input-files.js';
import { parseInput } from '#src/recognize/json-input.js';
import { prepareInput, type RecognizerInput } from '#src/recognize/prepare-input.js';
import { countingImages } from '../../data/images/idx-bytes.js';
import { exif, type Grey, jpegFile, webpFile, withSegment } from '../../data/pictures/photo-file.js';
import { greyPng, pngFile, unfiltered } from '../../data/pictures/png-file.js';
import { ROWS, STROKES } from '../../recognize/checkpoint-bytes.js';
import { chance, hostileNumber, mutateBytes, pick, spliced } from '../mutations/byte-mutations.js';
import { type Json, jsonText, mutateJson } from '../mutations/json-mutations.js';
import type { Input, Openers, OpenTarget } from '../target.js';

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

/** A dark mark on light paper. */
const PHOTO: Grey = {
  width: 16,
  height: 12,
  pixels: Uint8Array.from({ length: 16 * 12 }, (_, i) => (i % 16 > 4 && i % 16 < 8 ? 20 : 240 - (i % 9))),
};

async function jpegFiles(): Promise<Input[]> {
  const [baseline, progressive] = [await jpegFile(PHOTO), await jpegFile(PHOTO, { progressive: true })];
  return [baseline, progressive, withSegment(baseline, 0xe1, exif(6))];
}

async function webpFiles(): Promise<Input[]> {
  const [lossy, lossless] = [await webpFile(PHOTO), await webpFile(PHOTO, { lossless: 1 })];
  return [lossy, lossless, withWebpChunk(lossless, 'EXIF', exif(8))];
}

/** The file with one more chunk, and the right size in its header. */
function withWebpChunk(file: Input, type: string, data: Uint8Array): Input {
  const padded = data.length % 2 === 0 ? data : spliced(data, data.length, 0, [0]);
  const chunk = Buffer.alloc(8 + padded.length);
  chunk.write(type, 'latin1');
  chunk.writeUInt32LE(data.length, 4);
  chunk.set(padded, 8);
  return withWebpSize(Buffer.concat([file, chunk]));
}

function withWebpSize(file: Input): Input {
  const copy = Buffer.from(file);
  if (copy.length >= 8) copy.writeUInt32LE(copy.length - 8, 4);
  return new Uint8Array(copy);
}

/** Markers of JPEG: frames of all kinds, tables, scans, restarts, comments, Exif. */
const MARKERS = [0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc9, 0xcc, 0xd0, 0xd9, 0xda, 0xdb, 0xdd, 0xe1, 0xee, 0xfe];

/** A JPEG with mutated bytes, a segment with mutated content, another size, or a part twice. */
function mutateJpeg(random: Random, file: Input): Input {
  switch (random.below(5)) {
    case 0:
      return mutateBytes(random, file);
    case 1:
      return new Uint8Array(
        withSegment(file, pick(random, MARKERS), mutateBytes(random, exif(random.below(10)))),
      );
    case 2: {
      // Height and width in the frame.
      const at = file.findIndex((byte, i) => byte === 0xff && file[i + 1] >= 0xc0 && file[i + 1] <= 0xc2);
      const size = hostileNumber(random) % 2 ** 16;
      return spliced(file, at + 5 + 2 * random.below(2), 2, [size >> 8, size & 255]);
    }
    case 3: {
      const at = file.indexOf(0xff, random.below(file.length));
      return at < 0 ? mutateBytes(random, file) : spliced(file, at + 1, 1, [pick(random, MARKERS)]);
    }
    default: {
      const [from, length] = [random.below(file.length), random.below(200)];
      return spliced(file, random.below(file.length), 0, file.subarray(from, from + length));
    }
  }
}

const WEBP_CHUNKS = ['VP8 ', 'VP8L', 'VP8X', 'ALPH', 'ANIM', 'ANMF', 'ICCP', 'EXIF', 'XMP ', 'abcd'];

/** A WebP with mutated bytes, the size in its header made right most of the time, or with one more chunk. */
function mutateWebp(random: Random, file: Input): Input {
  if (chance(random, 0.2)) return mutateBytes(random, file);
  if (chance(random, 0.6)) return withWebpSize(mutateBytes(random, file));
  const data = pick(random, [
    exif(random.below(10)),
    Uint8Array.of(0, 0, 0, 0, 15, 0, 0, 11, 0, 0),
    file.subarray(20),
  ]);
  return withWebpChunk(
    file,
    pick(random, WEBP_CHUNKS),
    chance(random, 0.5) ? data : mutateBytes(random, data),
  );
}

/** A target for photos. The first byte chooses grey or colours. */
function onPhoto(files: Input[], mutate: (random: Random, file: Input) => Input): OpenTarget {
  return {
    make: (random) => spliced(mutate(random, pick(random, files)), 0, 0, [random.below(2)]),
    run: async (input) => {
      const channels = input[0] === 1 ? 3 : 1;
      const picture = await readPicture(input.subarray(1), 'file', { channels });
      assert.equal(picture.channels, channels);
      assert.equal(picture.pixels.length, picture.width * picture.height * channels);
    },
  };
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
  jpeg: async () => onPhoto(await jpegFiles(), mutateJpeg),
  webp: async () => onPhoto(await webpFiles(), mutateWebp),
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
      ...(await jpegFiles()),
      ...(await webpFiles()),
      ...FOREIGN_PICTURES,
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

/** Beginnings of pictures that are refused by name: GIF, BMP, TIFF, PDF. */
const FOREIGN_PICTURES: Input[] = ['GIF89a\x01\0\x01\0', 'BM6\0\0\0', 'II*\0', '%PDF-1.4\n'].map(text);
