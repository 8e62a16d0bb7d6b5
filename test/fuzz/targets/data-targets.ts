/** Readers of training data: IDX files, strokes as text, archives and folders of strokes, drawings, names of classes. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parseClassNames } from '#src/data/class-names.js';
import { parseIdx } from '#src/data/images/idx.js';
import { readIdxFile } from '#src/data/images/idx-file.js';
import { loadImages } from '#src/data/images/image-datasets.js';
import { loadPenStrokes } from '#src/data/pens/drawing-dataset.js';
import { drawingsToNdjson, projectFromNdjson, readProject, writeProject } from '#src/data/pens/project.js';
import {
  findStrokeFolder,
  readStrokeArchive,
  readStrokeFolder,
} from '#src/data/strokes/files/stroke-archive.js';
import { parseLabels, parseStrokes } from '#src/data/strokes/files/stroke-text.js';
import type { Random } from '#src/random.js';
import { UserError } from '#src/user-error.js';
import { countingImages, idxBytes, labelBytes } from '../../data/images/idx-bytes.js';
import { strokeFiles, writeArchive } from '../../data/strokes/stroke-fixture.js';
import { decodeJson, encodeJson } from '../minimise.js';
import { chance, mutateBytes, pick, spliced } from '../mutations/byte-mutations.js';
import { type Json, jsonText, mutateJson } from '../mutations/json-mutations.js';
import type { Input, Openers } from '../target.js';

const text = (value: string): Input => new TextEncoder().encode(value);

const IDX_FILES = (): Input[] => [
  countingImages([2, 3, 4]),
  labelBytes([1, 2, 3, 1]),
  idxBytes(9, [4], [1, 2, 3, 255]),
  idxBytes(11, [2], [0, 1, 255, 255]),
  idxBytes(12, [1, 1], [0, 0, 0, 1]),
  idxBytes(13, [1], [0x7f, 0x80, 0, 0]),
  idxBytes(14, [1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 0, 1]),
];

/** A gzip file of a mutated file, or a mutated gzip file. */
function gzipOf(random: Random, file: Input): Input {
  if (chance(random, 0.5)) return gzipSync(mutateBytes(random, file), { level: 1 });
  return mutateBytes(random, gzipSync(file, { level: 1 }));
}

/** Drawings in all formats; the first byte of an input names the file's ending. */
const ENDINGS = ['ndjson', 'json', 'tra', 'jsonl', 'unipen', 'tes'];
const DRAWINGS: Json[] = [
  {
    strokes: [
      { x: [1, 2, 9], y: [3, 4, 9] },
      { x: [5], y: [5] },
    ],
    label: 'a',
  },
  {
    strokes: [
      [
        [1, 2],
        [3, 4],
      ],
      [{ x: 1, y: 2, t: 3 }],
    ],
    word: 'b',
  },
  {
    drawing: [
      [
        [1, 2, 30],
        [3, 4, 60],
      ],
      [[9], [9]],
    ],
    word: 'cat',
    recognized: true,
    key_id: '5',
  },
  {
    drawing: [
      [
        [1.5, 2.25],
        [3, 4],
        [0, 16.7],
      ],
    ],
    countrycode: 'NL',
    label: 7,
  },
];
const PEN_TEXT = `.COMMENT 7 digits
.SEGMENT DIGIT ? ? "7"
.PEN_DOWN
 10 20
 30 40
 50 60
.PEN_UP
.DT 100
.PEN_DOWN
 5 5
 6 7
.PEN_UP
.SEGMENT DIGIT ? ? "3"
.PEN_DOWN
 1 1
 2 9
.PEN_UP
`;
/** Pendigits without its frame: numbers, and a label at the end of a line. */
const PEN_LINES =
  '47 100 27 81 57 37 26 0 0 23 56 53 100 90 40 98 8\n0 89 27 100 42 75 29 45 15 15 37 0 69 2 100 6 2\n';

function makeDrawings(random: Random): Input {
  const ending = random.below(ENDINGS.length);
  let content: Input;
  if (ENDINGS[ending] === 'json') content = text(jsonText(random, mutateJson(random, DRAWINGS)));
  else if (ENDINGS[ending].includes('json')) {
    const lines = DRAWINGS.map((each) =>
      jsonText(random, chance(random, 0.4) ? mutateJson(random, each) : each),
    );
    content = text(lines.join('\n'));
  } else content = mutateBytes(random, text(chance(random, 0.7) ? PEN_TEXT : PEN_LINES));
  if (chance(random, 0.2)) content = mutateBytes(random, content);
  return spliced(content, 0, 0, [ending]);
}

/** A small project with a network's summary. */
const PROJECT: Json = {
  format: 'scanstroke-project',
  version: 1,
  name: 'signs',
  classes: [
    { id: 'a', name: 'tick', colour: '#0072b2' },
    { id: 'b', name: 'none', colour: '#d55e00' },
  ],
  drawings: [
    {
      id: '1',
      class: 'a',
      made: '2026-11-28T12:00:00Z',
      drawing: [
        [
          [0, 3, 9],
          [5, 10, 0],
        ],
      ],
    },
    { id: '2', class: 'b', drawing: [] },
  ],
  network: {
    checkpoint: 'AAECAwQ=',
    taught: '2026-11-28T12:00:00Z',
    summary: {
      classes: ['tick'],
      drawings: 2,
      epochs: 3,
      seconds: 1.5,
      held_out: { correct: 1, count: 2 },
      confusions: [{ drawn: 'tick', answered: 'none', drawings: ['1'] }],
      none: { false_alarms: 1, symbols: 2, refused: 3, others: 4 },
    },
  },
};

/** The first byte says whether the rest is a project or lines. */
function makeProject(random: Random): Input {
  const isLines = chance(random, 0.3);
  const values = isLines ? [DRAWINGS[2], DRAWINGS[3], DRAWINGS[2]] : [PROJECT];
  const texts = values.map((each) => jsonText(random, chance(random, 0.8) ? mutateJson(random, each) : each));
  const content = text(texts.join('\n'));
  return spliced(chance(random, 0.2) ? mutateBytes(random, content) : content, 0, 0, [isLines ? 1 : 0]);
}

const FOLDER_NAMES = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
];

export const OPENERS: Openers = {
  idx: async () => {
    const files = IDX_FILES();
    return {
      make: (random) => mutateBytes(random, pick(random, files), chance(random, 0.7) ? 20 : undefined),
      run: (input) => {
        const { shape, data } = parseIdx(input, 'file');
        assert.equal(
          data.length,
          shape.reduce((product, size) => product * size, 1),
        );
      },
    };
  },
  'idx-file': async (folder) => {
    const files = IDX_FILES();
    const path = join(folder, 'file');
    return {
      make: (random) => {
        const file = pick(random, files);
        return chance(random, 0.8) ? gzipOf(random, file) : mutateBytes(random, file);
      },
      run: async (input) => {
        writeFileSync(path, input);
        await readIdxFile(path, 'the images');
      },
    };
  },
  'image-folder': async (folder) => {
    const files = [
      countingImages([3, 4, 4]),
      labelBytes([1, 0, 1]),
      countingImages([2, 4, 4]),
      labelBytes([0, 1]),
    ];
    return {
      make: (random) => {
        const which = random.below(files.length);
        return spliced(mutateBytes(random, files[which], 40), 0, 0, [which]);
      },
      run: async (input) => {
        FOLDER_NAMES.forEach((name, n) => {
          const isHostile = n === (input[0] ?? 0) % files.length;
          writeFileSync(join(folder, name), isHostile ? input.subarray(1) : files[n]);
        });
        const { train, test } = await loadImages(folder, { channelsImg: 1 });
        assert.ok(train.count > 0 && test.count > 0);
      },
    };
  },
  'class-names': async () => ({
    make: (random) => mutateBytes(random, text('cat\ndog\r\nbird\n')),
    run: (input) => {
      assert.equal(new Set(parseClassNames(input, 'file', 3)).size, 3);
    },
  }),
  project: async () => ({
    make: makeProject,
    run: (input) => {
      const content = input.subarray(1);
      const read =
        input[0] === 1
          ? projectFromNdjson(new TextDecoder().decode(content), 'lines', 'file')
          : readProject(content, 'file');
      // What was read is written, and read again.
      assert.deepEqual(readProject(writeProject(read), 'again'), read);
      for (const line of drawingsToNdjson(read).split('\n').slice(0, -1)) JSON.parse(line);
    },
  }),
  'stroke-text': async () => {
    const files = Object.entries(strokeFiles());
    const moves = files.filter(([name]) => name.includes('inputdata')).map(([, content]) => text(content));
    return {
      make: (random) =>
        chance(random, 0.2)
          ? spliced(mutateBytes(random, text('7\n3\n12\n0\n')), 0, 0, [1])
          : spliced(mutateBytes(random, pick(random, moves)), 0, 0, [0]),
      run: (input) => {
        const content = input.subarray(1);
        if (input[0] === 1) assert.ok(parseLabels(content, 'file').every((label) => label >= 0));
        else assert.equal(parseStrokes(content, 'file').length % 4, 0);
      },
    };
  },
  'stroke-archive': async (folder) => {
    const made = join(folder, 'seed.tar');
    await writeArchive(made, strokeFiles(), { gzip: false });
    const archive = new Uint8Array(readFileSync(made));
    const path = join(folder, 'a.tar');
    return {
      make: (random) => {
        const changed = chance(random, 0.7) ? withTarField(random, archive) : mutateBytes(random, archive);
        if (chance(random, 0.5)) return changed;
        const gzip = gzipSync(changed, { level: 1 });
        return chance(random, 0.5) ? gzip : mutateBytes(random, gzip);
      },
      run: async (input) => {
        writeFileSync(path, input);
        await readStrokeArchive(path);
      },
    };
  },
  'stroke-folder': async (folder) => {
    const seed: Json = strokeFiles();
    const root = join(folder, 'root');
    return {
      make: (random) => encodeJson(mutateJson(random, seed)),
      run: async (input) => {
        rmSync(root, { recursive: true, force: true });
        mkdirSync(join(root, 'sequences'), { recursive: true });
        for (const [name, content] of Object.entries(decodeJson(input) ?? {})) {
          writeIfPossible(join(root, 'sequences', name.replaceAll('/', '_')), content);
        }
        const found = await findStrokeFolder(root);
        if (found === undefined) throw new UserError('no strokes');
        await readStrokeFolder(found, 'root');
      },
    };
  },
  drawings: async (folder) => {
    const root = join(folder, 'root');
    return {
      make: makeDrawings,
      run: async (input) => {
        const name = `train.${ENDINGS[(input[0] ?? 0) % ENDINGS.length]}`;
        rmSync(root, { recursive: true, force: true });
        mkdirSync(root);
        writeFileSync(
          join(root, 'test.ndjson'),
          `${JSON.stringify({
            strokes: [
              [
                [0, 0],
                [9, 9],
              ],
            ],
            label: 'a',
          })}\n`,
        );
        writeFileSync(join(root, name), input.subarray(1));
        await loadPenStrokes(root, 'drawings');
      },
    };
  },
};

/** Writes a file under a name that the file system may refuse. */
export function writeIfPossible(path: string, content: Json): void {
  try {
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  } catch (error) {
    if (!(error instanceof Error && ('code' in error || error.name === 'TypeError'))) throw error;
  }
}

const TAR_BLOCK = 512;
/** Offsets and lengths of the fields in a header. */
const TAR_FIELDS = [
  [0, 100],
  [100, 8],
  [124, 12],
  [136, 12],
  [148, 8],
  [156, 1],
  [157, 100],
  [257, 8],
  [345, 155],
] as const;
const TAR_VALUES = [
  '00000000000',
  '77777777777',
  '-1',
  '\x80\xff\xff\xff\xff',
  '',
  '../../x',
  '/etc/passwd',
  'x'.repeat(100),
];

/** An archive with one field of a header replaced, the checksum made right again most of the time. */
function withTarField(random: Random, archive: Input): Input {
  const copy = Buffer.from(archive);
  const blocks = Math.floor(copy.length / TAR_BLOCK);
  const at = TAR_BLOCK * random.below(blocks);
  const [offset, length] = pick(random, TAR_FIELDS);
  const field = copy.subarray(at + offset, at + offset + length);
  field.fill(0);
  if (chance(random, 0.5)) field.write(pick(random, TAR_VALUES), 'latin1');
  else if (offset === 156)
    field[0] = pick(
      random,
      [...'01234567LKxgSDN'].map((letter) => letter.charCodeAt(0)),
    );
  else field.set(Uint8Array.from(field, () => random.below(256)));
  if (chance(random, 0.2)) return new Uint8Array(copy);
  copy.fill(' ', at + 148, at + 156);
  const sum = copy.subarray(at, at + TAR_BLOCK).reduce((total, byte) => total + byte, 0);
  copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
  return new Uint8Array(copy);
}
