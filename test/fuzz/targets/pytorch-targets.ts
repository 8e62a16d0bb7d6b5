/** Readers of PyTorch's files and of safetensors of any origin, on their way into scanstroke. */
import assert from 'node:assert/strict';
import type { ForeignModel } from '#src/exchange/foreign-model.js';
import { readPytorch } from '#src/exchange/pytorch/read-pytorch.js';
import { readForeignSafetensors } from '#src/exchange/safetensors/read-foreign-safetensors.js';
import { writeSafetensors } from '#src/formats/safetensors/safetensors.js';
import type { Random } from '#src/random.js';
import { interopFile } from '../../exchange/interop-files.js';
import { itemsOf, type ZipItem, zipOf } from '../../exchange/pytorch/zip-bytes.js';
import { chance, hostileNumber, mutateBytes, pick } from '../mutations/byte-mutations.js';
import { type Json, jsonText, mutateJson } from '../mutations/json-mutations.js';
import { mutatePickle } from '../mutations/pickle-mutations.js';
import type { Input, Openers } from '../target.js';
import { checkpointFiles, mutateTensorFile, tensorFiles } from './checkpoint-targets.js';

const ARCHIVES = [
  'variants/buffers.pt',
  'variants/views.pt',
  'variants/tied.pt',
  'variants/nested_modules.pt',
  'variants/nested_script.pt',
  'variants/several.pt',
  'variants/lightning.pt',
  'variants/optimizer_adam.pt',
  'variants/optimizer_momentum.pt',
  'variants/optimizer_object.pt',
  'variants/earlier.pt2',
  'torch211/last_uni.pt2',
  'torch211/last_uni.bfloat16.pt',
];
const LEGACY = ['variants/views_legacy.pt', 'torch211/last_uni.legacy.pt'];
/** Where the pickles of the older form end, behind the keys of the storages: before this byte, all is pickle. */
const LEGACY_PICKLE_BYTES = 950;
/** Where the directory of an archive lies: at its end. */
const DIRECTORY_BYTES = 1500;

/** Mutates the archive, its directory or list of entries; mostly one entry, within an archive that stays good. */
function mutateArchive(random: Random, file: Input): Input {
  const how = random.uniform();
  if (how < 0.1) return mutateBytes(random, file);
  if (how < 0.2) return withMutatedEnd(random, file);
  const items = itemsOf(file);
  if (how < 0.3) return zipOf(mutateItems(random, items));
  const chosen = chance(random, 0.7)
    ? items.findIndex(({ name }) => TELLING.test(name))
    : random.below(items.length);
  return zipOf(
    items.map((item, i) => (i === chosen ? { name: item.name, bytes: mutateEntry(random, item) } : item)),
  );
}

/** Entries that describe the tensors. */
const TELLING = /data\.pkl$|_config\.json$|serialized_state_dict\.pt$/;

function mutateEntry(random: Random, { name, bytes }: ZipItem): Uint8Array {
  if (name.endsWith('.pkl')) return mutatePickle(random, bytes);
  if (name.endsWith('.pt')) return mutateArchive(random, bytes);
  if (name.endsWith('_config.json')) {
    const value = JSON.parse(new TextDecoder().decode(bytes)) as Json;
    return new TextEncoder().encode(jsonText(random, mutateJson(random, value)));
  }
  return mutateBytes(random, bytes);
}

function withMutatedEnd(random: Random, file: Input): Input {
  const start = Math.max(0, file.length - DIRECTORY_BYTES);
  return new Uint8Array(Buffer.concat([file.subarray(0, start), mutateBytes(random, file.subarray(start))]));
}

/** Entries that are missing, doubled, in another order, renamed, or whose directory lies. */
function mutateItems(random: Random, items: ZipItem[]): ZipItem[] {
  const at = random.below(items.length);
  const other = pick(random, items);
  const changed = [...items];
  switch (random.below(6)) {
    case 0:
      changed.splice(at, 1);
      break;
    case 1:
      changed.splice(at, 0, other);
      break;
    case 2:
      changed.reverse();
      break;
    case 3:
      changed[at] = {
        ...items[at],
        name: pick(random, ['../x', '/etc/passwd', '__proto__', '', other.name]),
      };
      break;
    case 4:
      changed[at] = { ...items[at], method: random.below(10), flags: random.below(4), checksum: 0 };
      break;
    default: {
      const field = pick(random, ['size', 'packedSize', 'header'] as const);
      changed[at] = { ...items[at], [field]: hostileNumber(random) };
    }
  }
  return changed;
}

function mutateLegacy(random: Random, file: Input): Input {
  const end = Math.min(LEGACY_PICKLE_BYTES, file.length);
  if (chance(random, 0.3)) return mutateBytes(random, file, end);
  return new Uint8Array(Buffer.concat([mutatePickle(random, file.subarray(0, end)), file.subarray(end)]));
}

/** What every reader promises of a model that it accepts. */
function check({ tensors, optimizer, notices, format }: ForeignModel, file: Input): void {
  const vectors = (optimizer?.states ?? []).flatMap((state) => [...state.vectors.values()]);
  let floats = 0;
  for (const { shape, data } of [...tensors.values(), ...vectors]) {
    assert.equal(
      data.length,
      shape.reduce((product, size) => product * size, 1),
    );
    assert.ok(data instanceof Float32Array);
    floats += data.length;
  }
  assert.ok(tensors.size > 0);
  assert.ok(floats <= Math.max(file.length, 4096), `${floats} floats from ${file.length} bytes`);
  for (const value of Object.values(optimizer?.settings ?? {})) {
    assert.ok(value === null || ['number', 'boolean'].includes(typeof value) || Array.isArray(value));
  }
  for (const line of [format, ...notices]) assert.match(line, /^\P{Cc}{1,1500}$/u);
}

export const OPENERS: Openers = {
  'pytorch-zip': async () => {
    const files = ARCHIVES.map(interopFile);
    return {
      make: (random) => mutateArchive(random, pick(random, files)),
      run: (file) => check(readPytorch(file, 'model.pt'), file),
    };
  },
  'pytorch-legacy': async () => {
    const files = LEGACY.map(interopFile);
    return {
      make: (random) => mutateLegacy(random, pick(random, files)),
      run: (file) => check(readPytorch(file, 'model.pt'), file),
    };
  },
  'foreign-safetensors': async () => {
    const floats = new Map([
      ['half', { shape: [2, 2], dtype: 'F16', data: Uint16Array.of(0x3c00, 0x7c00, 1, 0xfc01) }],
      ['double', { shape: [3], data: Float64Array.of(1, Number.NaN, 1e300) }],
      ['brain', { shape: [1], dtype: 'BF16', data: Uint16Array.of(0x3f80) }],
      ['count', { shape: [], data: BigInt64Array.of(5n) }],
    ]);
    const files = [...tensorFiles(), ...checkpointFiles(), writeSafetensors(floats, { format: 'pt' })];
    return {
      make: (random) => mutateTensorFile(random, pick(random, files)),
      run: (file) => check(readForeignSafetensors(file, 'model.safetensors'), file),
    };
  },
};
