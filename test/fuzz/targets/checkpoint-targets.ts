/** Readers of safetensors files and checkpoints, recognition with hostile networks, and a training's saved state. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBackend } from '#src/backends/open-node.js';
import { readSafetensors, writeSafetensors } from '#src/formats/safetensors/safetensors.js';
import type { Random } from '#src/random.js';
import { openRecognizer } from '#src/recognize/recognizer.js';
import { decodeCheckpoint, encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import { readCheckpoint, readCheckpointHeader } from '#src/runs/checkpoint/checkpoint-file.js';
import { resume, type UpdateConditions } from '#src/train/run/begin/resume.js';
import { checkpointBytes, ROWS, STROKES } from '../../recognize/checkpoint-bytes.js';
import { FakeEngine } from '../../train/fake-engine.js';
import { chance, mutateBytes, pick, spliced } from '../mutations/byte-mutations.js';
import { hostileText, isObject, type Json, jsonText, mutateJson } from '../mutations/json-mutations.js';
import type { Input, Openers, OpenTarget } from '../target.js';

const LENGTH_BYTES = 8;

const golden = () =>
  new Uint8Array(
    readFileSync(new URL('../../../../test/fixtures/golden/uni_1layer.safetensors', import.meta.url)),
  );

/** Small safetensors files. */
export function tensorFiles(): Input[] {
  const tensors = new Map([
    ['a', { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
    ['b', { shape: [3], dtype: 'BF16', data: Uint16Array.of(1, 2, 3) }],
    ['c', { shape: [], data: BigInt64Array.of(5n) }],
    ['d', { shape: [0, 7], data: new Uint8Array() }],
  ]);
  return [golden(), writeSafetensors(tensors, { key: 'text', '': '' }), writeSafetensors(new Map())];
}

/** Small networks of both kinds and of several heads; one with a training state. */
export function checkpointFiles(): Input[] {
  const small = { hiddenSize: 3, numLayers: 1 };
  const trained = decodeCheckpoint(checkpointBytes(STROKES, { ...small, bidirectional: false }), 'seed');
  const optimizer = new Map([...trained.parameters].map(([name, tensor]) => [`mean.${name}`, tensor]));
  return [
    checkpointBytes(ROWS, small),
    checkpointBytes(STROKES, { hiddenSize: 2 }),
    checkpointBytes(STROKES, { ...small, head: 'final', bidirectional: false }),
    encodeCheckpoint({ ...trained, training: { optimizer, state: { ...TRAINING } } }),
  ];
}

/** What a training saves: resume.ts. */
const TRAINING = {
  epoch: 2,
  losses: [0.5, 0.25],
  correct: [10, 12],
  updates: 4,
  epochSeconds: 1.5,
  trainSeconds: 3.5,
  best: { accuracy: 0.5, loss: 0.7, epoch: 1 },
  lossScale: null,
  batchSize: 20,
  trainCount: 40,
  seed: 0,
  optimizer: 'adam',
  useAmp: false,
  data: null,
};

/** A safetensors file in its parts; null if a mutation has destroyed them. */
function partsOf(file: Input): { header: { [key: string]: Json }; data: Uint8Array } | null {
  try {
    const end = LENGTH_BYTES + Number(Buffer.from(file).readBigUInt64LE(0));
    const header = JSON.parse(Buffer.from(file.subarray(LENGTH_BYTES, end)).toString()) as Json;
    return isObject(header) ? { header, data: file.subarray(end) } : null;
  } catch {
    return null;
  }
}

function fileOf(header: string, data: Uint8Array): Input {
  const text = new TextEncoder().encode(header);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(text.length));
  return new Uint8Array(Buffer.concat([length, text, data]));
}

/** Mutates the header as JSON, or the metadata within it, or values, or bytes anywhere. */
export function mutateTensorFile(random: Random, file: Input): Input {
  const parts = partsOf(file);
  if (parts === null || chance(random, 0.25)) {
    const headerEnd = parts === null ? file.length : file.length - parts.data.length;
    return mutateBytes(random, file, chance(random, 0.8) ? headerEnd : file.length);
  }
  const { header, data } = parts;
  const metadata = header.__metadata__;
  // Other values in tensors of the same length: most of them are accepted, and reach the network.
  if (chance(random, 0.15)) return fileOf(JSON.stringify(header), withOtherByte(random, data));
  if (chance(random, 0.1)) return fileOf(JSON.stringify(header), mutateBytes(random, data));
  if (metadata !== undefined && isObject(metadata) && chance(random, 0.75)) {
    return fileOf(jsonText(random, { ...header, __metadata__: mutateMetadata(random, metadata) }), data);
  }
  return fileOf(jsonText(random, mutateJson(random, header)), data);
}

function withOtherByte(random: Random, data: Uint8Array): Uint8Array {
  const at = random.below(Math.max(1, data.length));
  return data.length === 0 ? data : spliced(data, at, 1, [random.below(256)]);
}

/** The texts of the metadata are JSON themselves. */
function mutateMetadata(random: Random, metadata: { [key: string]: Json }): Json {
  const keys = Object.keys(metadata);
  if (keys.length === 0 || chance(random, 0.1)) return mutateJson(random, metadata);
  const key = pick(random, keys);
  let changed = hostileText(random);
  try {
    changed = jsonText(random, mutateJson(random, JSON.parse(String(metadata[key])) as Json));
  } catch {
    // This text is not JSON: it is replaced.
  }
  return { ...metadata, [key]: changed };
}

/** A target whose inputs are mutations of these files. */
function onFiles(files: Input[], run: OpenTarget['run']): OpenTarget {
  return { make: (random) => mutateTensorFile(random, pick(random, files)), run };
}

function checkTensors(input: Input): void {
  const { tensors } = readSafetensors(input, 'file');
  let bytes = 0;
  for (const { shape, data } of tensors.values()) {
    assert.equal(
      data.length,
      shape.reduce((product, size) => product * size, 1),
    );
    bytes += data.byteLength;
  }
  assert.ok(bytes <= input.length, 'tensors take more memory than the file');
}

const CONDITIONS: UpdateConditions = {
  batchSize: 20,
  trainCount: 40,
  seed: 0,
  optimizer: 'adam',
  precision: 'float32',
  data: 'none',
  validation: 'none',
};

export const OPENERS: Openers = {
  safetensors: async () => onFiles(tensorFiles(), checkTensors),
  checkpoint: async () =>
    onFiles(checkpointFiles(), (input) => {
      const { parameters } = decodeCheckpoint(input, 'file');
      assert.ok(parameters.size > 0);
    }),
  'checkpoint-file': async (folder) => {
    const path = join(folder, 'best.safetensors');
    return onFiles(checkpointFiles(), async (input) => {
      writeFileSync(path, input);
      const { parameters } = await readCheckpointHeader(path);
      assert.ok(parameters * 4 <= input.length, 'more parameters than the file holds');
      await readCheckpoint(path);
    });
  },
  recognizer: async () => {
    const backend = await openBackend('auto');
    const drawing = { kind: 'drawing' as const, strokes: [{ xs: [2, 9, 25], ys: [3, 20, 25] }] };
    return {
      ...onFiles(checkpointFiles(), async (input) => {
        const recognizer = openRecognizer(input, backend, { name: 'file' });
        try {
          const [found] = await recognizer.recognize([drawing]);
          const sum = found?.probabilities.reduce((total, each) => total + each, 0) ?? 1;
          assert.ok(Math.abs(sum - 1) < 1e-3, 'probabilities that do not add up to 1');
        } finally {
          recognizer.close();
        }
      }),
      close: async () => backend.close(),
    };
  },
  'training-state': async () => {
    const files = checkpointFiles();
    const { model, preprocessing } = decodeCheckpoint(files[3], 'seed');
    return onFiles(files.slice(3), async (input) => {
      const { state } = await resume(
        new FakeEngine(),
        decodeCheckpoint(input, 'file'),
        'file',
        model,
        preprocessing,
        CONDITIONS,
      );
      assert.equal(state.losses.length, state.correct.length);
      assert.ok(state.losses.every(Number.isFinite), 'a loss that is no number');
    });
  },
};
