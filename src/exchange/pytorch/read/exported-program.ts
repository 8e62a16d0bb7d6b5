/**
 * The weights of a program of torch.export (`.pt2`). Two layouts: from PyTorch 2.9, raw values in `data/weights/weight_N`
 * and their names, shapes and types in `data/weights/model_weights_config.json`; before, a file of torch.save within the
 * archive. The graph is not read.
 */
import { isPlainObject, parseJson } from '../../../formats/json.js';
import { PickleDict, TorchStorage, TorchTensor } from '../../../formats/pickle/pickle-values.js';
import { MAX_TENSOR_DIMENSIONS } from '../../../formats/pickle/torch-functions.js';
import { quote } from '../../../formats/quotation.js';
import {
  checked,
  flag,
  list,
  nullable,
  optional,
  readAs,
  record,
  text,
  whole,
} from '../../../formats/shape.js';
import { UserError } from '../../../user-error.js';
import { MAX_TENSORS } from './module-tensors.js';
import { readTorchArchive, refuseBigEndian, type TorchArchive, torchRoot } from './torch-archive.js';
import { ZipArchive } from './zip-archive.js';

const CONFIG = /^(.*\/)?data\/weights\/[^/]+_weights_config\.json$/;
/** State dicts of the earlier layouts. */
const STATE_DICT = /^(.*\/)?(serialized_state_dict\.(pt|json)|data\/weights\/[^/]+\.pt)$/;
const MAX_CONFIG_BYTES = 64 * 2 ** 20;

/** torch._export.serde.schema.ScalarType. */
const DTYPES: Readonly<Record<number, string>> = {
  1: 'torch.uint8',
  2: 'torch.int8',
  3: 'torch.int16',
  4: 'torch.int32',
  5: 'torch.int64',
  6: 'torch.float16',
  7: 'torch.float32',
  8: 'torch.float64',
  12: 'torch.bool',
  13: 'torch.bfloat16',
};
/** torch._export.serde.schema.Layout: dense. */
const STRIDED = 7;

const integer = record({ as_int: whole(0) });
const readWeight = record({
  path_name: text,
  use_pickle: optional(flag, false),
  tensor_meta: nullable(
    record({
      dtype: whole(0, 1000),
      sizes: list(integer, MAX_TENSOR_DIMENSIONS),
      strides: list(integer, MAX_TENSOR_DIMENSIONS),
      storage_offset: integer,
      layout: whole(0, 100),
    }),
  ),
});
type Weight = ReturnType<typeof readWeight>;
const readConfig = record({ config: checked('an object', isPlainObject) });

/**
 * @param name of the file, for messages
 * @returns a state dict; null if the archive is no program of torch.export
 * @throws UserError if the archive is damaged, or holds several programs
 */
export function readExportedProgram(archive: ZipArchive, name: string): TorchArchive | null {
  const { names } = archive;
  const configs = names.filter((entry) => CONFIG.test(entry));
  const stateDicts = names.filter((entry) => STATE_DICT.test(entry));
  const [entry] = configs.length > 0 ? configs : stateDicts;
  if (entry === undefined) return null;
  if (configs.length > 1 || (configs.length === 0 && stateDicts.length > 1)) {
    throw new UserError(`${name}: the archive holds several programs; export one model to a file`);
  }
  return configs.length > 0 ? readWeights(archive, entry, name) : readNested(archive, entry, name);
}

/** A file of torch.save within the archive. It holds no further one. */
function readNested(archive: ZipArchive, entry: string, name: string): TorchArchive {
  const where = `${name}: ${entry.slice(entry.lastIndexOf('/') + 1)}`;
  const inner = new ZipArchive(archive.read(entry), where);
  const root = torchRoot(inner);
  if (root === null) throw new UserError(`${where}: expected a file of torch.save`);
  return readTorchArchive(inner, root, where);
}

function readWeights(archive: ZipArchive, entry: string, name: string): TorchArchive {
  const folder = entry.slice(0, entry.lastIndexOf('/') + 1);
  refuseBigEndian(archive, folder.slice(0, -'data/weights/'.length), name);
  const value = new PickleDict();
  const read = new Set<string>();
  for (const [tensor, weight] of weightsIn(archive, entry, name)) {
    value.entries.set(tensor, tensorOf(weight, archive, folder, `${name}: tensor ${quote(tensor)}`));
  }
  return {
    value,
    bytesOf: ({ key }) => {
      read.add(key);
      return archive.read(key);
    },
    damaged: () => [...read].filter((path) => !archive.isIntact(path)).length,
  };
}

function weightsIn(archive: ZipArchive, entry: string, name: string): [string, Weight][] {
  const where = `${name}: ${entry.slice(entry.lastIndexOf('/') + 1)}`;
  const bytes = archive.read(entry);
  if (bytes.length > MAX_CONFIG_BYTES) {
    throw new UserError(`${where}: ${bytes.length} bytes; at most ${MAX_CONFIG_BYTES} are read`);
  }
  const { config } = readAs(readConfig, parseJson(new TextDecoder().decode(bytes), where), where);
  const weights = Object.entries(config);
  if (weights.length > MAX_TENSORS) {
    throw new UserError(`${where}: ${weights.length} tensors; at most ${MAX_TENSORS} are read`);
  }
  return weights.map(([tensor, weight]) => [
    tensor,
    readAs(readWeight, weight, `${where}: ${quote(tensor)}`),
  ]);
}

function tensorOf(
  { path_name: path, use_pickle: isPickled, tensor_meta: about }: Weight,
  archive: ZipArchive,
  folder: string,
  what: string,
): TorchTensor {
  if (isPickled || about === null || about.layout !== STRIDED) {
    throw new UserError(
      `${what} is no plain dense tensor; export the model with plain float tensors on the CPU`,
    );
  }
  if (about.sizes.length !== about.strides.length) {
    throw new UserError(`${what} has ${about.sizes.length} sizes, but ${about.strides.length} strides`);
  }
  const key = folder + path;
  const storage = new TorchStorage('torch.storage.UntypedStorage', key, archive.read(key).length, 0);
  const numbers = (values: { as_int: number }[]) => values.map(({ as_int: value }) => value);
  return new TorchTensor(
    storage,
    about.storage_offset.as_int,
    numbers(about.sizes),
    numbers(about.strides),
    DTYPES[about.dtype] ?? `type ${about.dtype}`,
  );
}
