/**
 * The table of all fuzzing targets. A new reader is one more entry here, and an opener in the file of its area. The
 * files are loaded when a target of theirs is opened.
 */
import type { Openers, OpenTarget, Target } from './target.js';

interface Entry extends Target {
  area: () => Promise<{ OPENERS: Openers }>;
}

const checkpoints = { area: () => import('./targets/checkpoint-targets.js') };
const pytorch = { area: () => import('./targets/pytorch-targets.js') };
const imports = { area: () => import('./targets/import-targets.js') };
const data = { area: () => import('./targets/data-targets.js') };
const drawn = { area: () => import('./targets/drawing-targets.js') };
const tables = { area: () => import('./targets/table-targets.js') };
const own = { area: () => import('./targets/own-targets.js') };
const inputs = { area: () => import('./targets/picture-targets.js') };
const runs = { area: () => import('./targets/run-targets.js') };
const training = { area: () => import('./targets/training-targets.js') };
const config = { area: () => import('./targets/config-targets.js') };
const command = { area: () => import('./targets/command-targets.js') };
const onnx = { area: () => import('./targets/onnx-targets.js') };
const http = { area: () => import('./targets/http-targets.js') };

const bytes = { shape: 'bytes' } as const;
const json = { shape: 'json' } as const;

/** A request takes part in batches, statistics of runs and worker threads of the server. */
const SERVER_LIMITS = { cpuMs: 10_000, memoryBytes: 512 * 2 ** 20 };

/** A command may train or serve for a moment. */
const COMMAND_LIMITS = { cpuMs: 20_000, memoryBytes: 512 * 2 ** 20 };

/**
 * Shares add up to 1,000. Inputs that take 10 ms have small shares, so that a million take less than 18 minutes on two
 * cores.
 */
export const TARGETS: readonly Entry[] = [
  { ...checkpoints, ...bytes, name: 'safetensors', share: 68, what: 'any safetensors file' },
  { ...checkpoints, ...bytes, name: 'checkpoint', share: 90, what: 'a checkpoint: tensors, metadata, model' },
  {
    ...checkpoints,
    ...bytes,
    name: 'checkpoint-file',
    share: 12,
    what: 'a checkpoint on the disk, header first',
  },
  { ...checkpoints, ...bytes, name: 'recognizer', share: 25, what: "recognition with a stranger's network" },
  {
    ...checkpoints,
    ...bytes,
    name: 'training-state',
    share: 25,
    what: 'last.safetensors, to resume a training',
  },
  { ...pytorch, ...bytes, name: 'pytorch-zip', share: 30, what: "a model file of PyTorch's, ZIP form" },
  { ...pytorch, ...bytes, name: 'pytorch-legacy', share: 15, what: "a model file of PyTorch's, older form" },
  { ...pytorch, ...bytes, name: 'foreign-safetensors', share: 15, what: 'a safetensors file to import' },
  { ...imports, ...bytes, name: 'foreign-network', share: 10, what: 'tensors that become a network' },
  { ...data, ...bytes, name: 'idx', share: 75, what: 'an IDX file' },
  { ...data, ...bytes, name: 'idx-file', share: 25, what: 'an IDX file on the disk, plain or gzip' },
  { ...data, ...bytes, name: 'image-folder', share: 10, what: 'four IDX files, one of them hostile' },
  { ...data, ...bytes, name: 'class-names', share: 65, what: 'classes.txt' },
  { ...data, ...bytes, name: 'stroke-text', share: 65, what: 'strokes and labels as text' },
  { ...data, ...bytes, name: 'stroke-archive', share: 12, what: 'an archive of strokes, tar or tar.gz' },
  { ...data, ...json, name: 'stroke-folder', share: 6, what: 'a folder of strokes with hostile names' },
  { ...data, ...bytes, name: 'drawings', share: 12, what: 'drawings: ndjson, JSON, UNIPEN, Pendigits' },
  { ...drawn, ...bytes, name: 'binary-drawings', share: 10, what: "drawings in Quick, Draw!'s binary form" },
  { ...drawn, ...bytes, name: 'sketch-arrays', share: 8, what: "pickled arrays of sketch-rnn's files" },
  { ...drawn, ...json, name: 'points', share: 6, what: 'drawings as points, stored and read again' },
  { ...tables, ...bytes, name: 'csv-pictures', share: 10, what: 'pictures in a CSV file' },
  { ...tables, ...bytes, name: 'npy-arrays', share: 10, what: "pictures and labels in NumPy's arrays" },
  { ...tables, ...bytes, name: 'npz-arrays', share: 5, what: "an archive of NumPy's arrays" },
  { ...tables, ...bytes, name: 'parquet-pictures', share: 5, what: 'pictures in a Parquet file' },
  { ...own, ...bytes, name: 'own-archive', share: 6, what: 'a ZIP archive of pictures' },
  { ...own, ...bytes, name: 'label-table', share: 12, what: 'labels of pictures: metadata.csv and .jsonl' },
  { ...data, ...bytes, name: 'project', share: 25, what: 'a project file, and lines of Quick, Draw!' },
  { ...inputs, ...bytes, name: 'png', share: 60, what: 'a PNG picture' },
  { ...inputs, ...bytes, name: 'jpeg', share: 4, what: 'a JPEG picture' },
  { ...inputs, ...bytes, name: 'webp', share: 4, what: 'a WebP picture' },
  { ...inputs, ...bytes, name: 'json-input', share: 60, what: 'an input as JSON' },
  {
    ...inputs,
    ...bytes,
    name: 'prepare-input',
    share: 4,
    what: 'pictures and drawings on their way to a network',
  },
  { ...inputs, ...bytes, name: 'input-file', share: 10, what: 'a file of any content to recognise' },
  { ...runs, ...bytes, name: 'metrics', share: 35, what: 'metrics.jsonl of a run' },
  { ...runs, ...bytes, name: 'summary', share: 18, what: 'summary.json of a run' },
  { ...runs, ...bytes, name: 'run-config', share: 18, what: 'config.json of a run, as the server shows it' },
  { ...runs, ...bytes, name: 'sweep', share: 8, what: 'sweep.json, and the trials that it says' },
  { ...runs, ...json, name: 'run-folder', share: 4, what: 'runs with hostile names, links, pipes' },
  { ...training, ...bytes, name: 'metrics-repair', share: 6, what: 'metrics.jsonl that a resume repairs' },
  { ...training, ...json, name: 'lock', share: 5, what: 'the lock and the origin of a run' },
  { ...config, ...bytes, name: 'config-file', share: 12, what: 'a configuration file, YAML or JSON' },
  { ...config, ...json, name: 'flags', share: 20, what: 'values of flags' },
  { ...onnx, ...bytes, name: 'onnx', share: 30, what: 'an ONNX file to import' },
  { ...http, ...json, name: 'http', share: 40, what: 'requests to the server', limits: SERVER_LIMITS },
  { ...command, ...json, name: 'command', share: 5, what: 'the command line', limits: COMMAND_LIMITS },
];

/** For the tests of the watchdog. */
const MISBEHAVING: Entry = {
  name: 'misbehaving',
  what: 'what no reader may do',
  shape: 'bytes',
  share: 0,
  limits: { cpuMs: 1000, wallMs: 4000, memoryBytes: 100 * 2 ** 20 },
  area: () => import('./targets/misbehaving-target.js'),
};

/** @throws Error if there is none */
export function targetNamed(name: string): Target {
  return entryNamed(name);
}

/** @param folder an empty folder for this target's files */
export async function openTarget(name: string, folder: string): Promise<OpenTarget> {
  const { OPENERS } = await entryNamed(name).area();
  return OPENERS[name](folder);
}

function entryNamed(name: string): Entry {
  const entry = [...TARGETS, MISBEHAVING].find((each) => each.name === name);
  if (entry === undefined) throw new Error(`there is no fuzzing target ${name}`);
  return entry;
}
