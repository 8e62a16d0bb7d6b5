/**
 * A folder of made-up runs for the tests of the page's look, one for each thing that may break a view: a long name, one
 * epoch, 300 epochs, 62 classes, hostile class names, a run in training, a stopped one, one with damaged files, one whose
 * data are gone, the trials of a sweep. Networks are untrained, so that they make mistakes; nothing is trained, so that the tests start at once.
 */
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { snakeCaseKeys } from '#src/formats/key-case.js';
import type { RunSummary } from '#src/runs/run-folder.js';
import { lockRun, type RunLock } from '#src/runs/run-lock.js';
import { configToDisk } from '#src/train/config/run-config.js';
import { checkpointBytes, ROWS, STROKES } from '../recognize/checkpoint-bytes.js';
import { sampleInput } from '../report/sample.js';
import { metricsText } from '../serve/served-runs.js';
import { smallConfig, temporaryFolder, writeSmallMnist } from '../train/small-mnist.js';

const DIGITS = [...'0123456789'];
/** A name of 120 letters without a place to break it. */
export const LONG_NAME = 'unbreakable'.repeat(11).slice(0, 120);
/** Class names that break layouts and naive HTML. */
export const HOSTILE_CLASSES = [
  '<script>document.title = "broken"</script>',
  'שלום עולם',
  '👩‍👩‍👧‍👦',
  'W'.repeat(60),
  'a class name of several words that is longer than any card is wide',
  '&lt;b&gt;',
  '\u202egnp.exe',
  '  ',
  '汉字汉字汉字汉字',
  '9',
];
const CLASSES_62 = [...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'];
/** Of the run `sweep`: what is tried, and the validation accuracy. */
export const TRIALS = [
  { hiddenSize: 8, learningRate: 1e-3, validationAccuracy: 0.91 },
  { hiddenSize: 16, learningRate: 1e-3, validationAccuracy: 0.97 },
  { hiddenSize: 16, learningRate: 1e-2, validationAccuracy: 0.94 },
];
const TRAIN_SAMPLES = 120;
const TEST_SAMPLES = 90;

export interface Gallery {
  /** The folder of runs; a folder without runs; a folder of very many. */
  runs: string;
  none: string;
  many: string;
  /** The folders of data that the runs name. */
  data: string[];
  /** The lock of the run in training, which stays live until the lock is released. */
  lock: RunLock;
}

interface MadeRun {
  classes?: string[];
  kind?: 'images' | 'strokes';
  data?: string;
  epochs?: number;
  /** Configured epochs, for a run that has not ended. */
  wanted?: number;
  ended?: boolean;
  flags?: Record<string, unknown>;
  /** Of all epochs; default: as the sample's. */
  validationAccuracy?: number;
  summary?: Partial<RunSummary>;
}

/** @param manyRuns number of runs in the folder `many` */
export async function makeGallery(manyRuns = 1000): Promise<Gallery> {
  const folder = temporaryFolder();
  const [runs, none, many, digits, letters] = ['runs', 'none', 'many', 'digits', 'letters'].map((name) => {
    const path = join(folder, name);
    mkdirSync(path);
    return path;
  });
  writeSmallMnist(digits, TRAIN_SAMPLES, TEST_SAMPLES);
  writeSmallMnist(letters, 2 * CLASSES_62.length, CLASSES_62.length);
  labelEvenly(join(letters, 'train-labels-idx1-ubyte'), 2 * CLASSES_62.length);
  labelEvenly(join(letters, 't10k-labels-idx1-ubyte'), CLASSES_62.length);
  const write = (run: string, name: string, content: string | Uint8Array) => {
    mkdirSync(join(runs, run), { recursive: true });
    writeFileSync(join(runs, run, name), content);
  };
  const make = (name: string, made: MadeRun = {}) => {
    const { classes = DIGITS, kind = 'images', epochs = 3, wanted = epochs, ended = true, flags = {} } = made;
    const data = made.data ?? (kind === 'strokes' ? `strokes:${digits}` : digits);
    const preset = kind === 'strokes' ? 'strokes' : 'quick';
    const numClasses = classes.length;
    const config = smallConfig(data, join(runs, name), { preset, numEpochs: wanted, numLayers: 2, ...flags });
    write(name, 'config.json', JSON.stringify(configToDisk(config)));
    write(
      name,
      'best.safetensors',
      checkpointBytes(kind === 'strokes' ? STROKES : ROWS, { numClasses }, classes),
    );
    const { metrics, summary } = sampleInput({ epochs, classes, points: 20, samplesPerClass: 40 });
    const { validationAccuracy } = made;
    const measured =
      validationAccuracy === undefined ? metrics : metrics.map((epoch) => ({ ...epoch, validationAccuracy }));
    write(name, 'metrics.jsonl', metricsText(measured));
    if (!ended) return;
    const reversedScore = kind === 'strokes' ? { correct: 300, count: 400 } : null;
    write(
      name,
      'summary.json',
      JSON.stringify(snakeCaseKeys({ ...summary, reversedScore, preset, ...made.summary }, 'summary')),
    );
  };
  make('rows');
  make('strokes', { kind: 'strokes' });
  make(LONG_NAME, { flags: { learningRate: 1 / 3, dropoutRate: 0 } });
  make('one-epoch', { epochs: 1 });
  make('300-epochs', { epochs: 300 });
  make('letters', { classes: CLASSES_62, data: letters });
  make('hostile-classes', { classes: HOSTILE_CLASSES });
  make('training', { epochs: 4, wanted: 12, ended: false });
  make('data-gone', { data: join(folder, 'gone') });
  make('stopped', { epochs: 2, wanted: 9, ended: false });
  TRIALS.forEach(({ validationAccuracy, ...flags }, n) => {
    make(`sweep/trial-00${n + 1}`, { flags, validationAccuracy });
  });
  const lock = await lockRun(join(runs, 'training'));
  make('damaged', { epochs: 2 });
  write('damaged', 'metrics.jsonl', '{"epoch": 1}\nno JSON\n');
  write('damaged', 'summary.json', '{"test_accuracy": ');
  write(
    'not-begun',
    'config.json',
    JSON.stringify(configToDisk(smallConfig(digits, join(runs, 'not-begun')))),
  );
  for (let n = 0; n < manyRuns; n++) {
    const path = join(many, `run-${String(n).padStart(4, '0')}`);
    mkdirSync(path);
    const config = smallConfig(digits, path, { seedNumber: n });
    writeFileSync(join(path, 'config.json'), JSON.stringify(configToDisk(config)));
    utimesSync(join(path, 'config.json'), 1.7e9 + n, 1.7e9 + n);
  }
  return { runs, none, many, data: [digits, letters], lock };
}

/** Writes an IDX file of `count` labels, all 62 classes in turn. */
function labelEvenly(path: string, count: number): void {
  const bytes = Buffer.alloc(8 + count);
  bytes.writeUInt32BE(0x801, 0);
  bytes.writeUInt32BE(count, 4);
  for (let i = 0; i < count; i++) bytes[8 + i] = i % CLASSES_62.length;
  writeFileSync(path, bytes);
}
