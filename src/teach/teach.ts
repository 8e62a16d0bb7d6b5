/**
 * The course of a training on a lesson. In its first part the held-out drawings are not trained on; their answers at the
 * end of this part are the accuracy that is reported. The second part, a quarter as long, trains on all drawings.
 */
import type { Confusion, TeachSummary } from '../data/pens/project.js';
import type { Part } from '../data/sources.js';
import { firstIndices } from '../data/split.js';
import type { StrokePreprocessing } from '../data/strokes/stroke-preprocessing.js';
import type { ResolvedClassifierConfig } from '../model/classifier-config.js';
import { encodeCheckpoint } from '../runs/checkpoint/checkpoint.js';
import type { Engine } from '../train/engine.js';
import { type AnswerSheet, answerTo, evaluatePart } from '../train/evaluation.js';
import type { ProgressEvent } from '../train/events.js';
import { type EpochOptions, endEpoch, initialState, trainEpoch } from '../train/loop.js';
import { fitTemperature } from '../train/temperature.js';
import type { EngineWork } from '../train/trainer/trainer-engine.js';
import type { Lesson } from './lesson.js';
import type { TeachOptions, TeachProgress } from './teach-options.js';

export interface Course {
  engine: Engine;
  lesson: Lesson;
  model: ResolvedClassifierConfig;
  preprocessing: StrokePreprocessing;
  /** Of the first part. */
  epochs: number;
  training: EngineWork['training'];
  options: TeachOptions;
}

/** Length of the second part, and its learning rate, in shares of the first part's. */
const SECOND_PART = { epochs: 0.25, lr: 0.5 };
/** A better network is handed out at most this often. */
const BETTER_EVERY_MS = 1000;
/** A temperature that is fitted to few answers. */
const TEMPERATURES = { least: 0.5, most: 3 };

/** Answers to the held-out drawings, and to the negatives of the test. */
interface Answers {
  heldOut: AnswerSheet;
  others: AnswerSheet | null;
}

/** Trains, and calls back meanwhile. @throws the signal's reason */
export async function teach(
  course: Course,
): Promise<{ checkpoint: Uint8Array; summary: Omit<TeachSummary, 'seconds'> }> {
  const { lesson, training, engine, options } = course;
  const second = Math.max(1, Math.round(course.epochs * SECOND_PART.epochs));
  const epochs = course.epochs + second;
  const { lr } = training.optimizer;
  const clock = new Clock(epochs);
  const handOut = better(course);
  await handOut();
  await trainPart(course, { indices: lesson.taught, epochs: course.epochs, lr }, clock, handOut);
  const answers = await answer(course);
  const temperature = temperatureOf(answers, lesson);
  // The optimiser begins anew: its rate rises again.
  await engine.load({ parameters: (await engine.save()).parameters, optimizer: new Map() });
  const all = Int32Array.from([...lesson.taught, ...lesson.heldOut]);
  await trainPart(course, { indices: all, epochs: second, lr: lr * SECOND_PART.lr }, clock);
  const checkpoint = await checkpointOf(course, temperature);
  options.onBetter?.(checkpoint);
  return { checkpoint, summary: summaryOf(lesson, answers, epochs) };
}

/** Epochs done, and the time left. */
class Clock {
  /** Whole epochs. */
  done = 0;
  #since = performance.now();

  constructor(readonly epochs: number) {}

  /** Does not count the time of a pause. */
  async pause(waiting: Promise<void>): Promise<void> {
    const from = performance.now();
    await waiting;
    this.#since += performance.now() - from;
  }

  progress({ batch, batches, loss, accuracy }: ProgressEvent): TeachProgress {
    const epoch = this.done + batch / batches;
    const perEpoch = (performance.now() - this.#since) / 1000 / epoch;
    return { epoch, epochs: this.epochs, loss, accuracy, secondsLeft: perEpoch * (this.epochs - epoch) };
  }
}

async function trainPart(
  { engine, training, options, lesson }: Course,
  { indices, epochs, lr }: { indices: Int32Array; epochs: number; lr: number },
  clock: Clock,
  afterEpoch?: () => Promise<void>,
): Promise<void> {
  const { batchSize, seed } = training;
  const none = {
    firstPlain: Number.POSITIVE_INFINITY,
    monitor: 'accuracy' as const,
    patience: null,
    targetAccuracy: null,
    maxMs: null,
    checkpointMs: null,
    checkpointUpdates: null,
  };
  const { negatives, negativesPerEpoch } = lesson;
  const part: Omit<EpochOptions, 'stop'> = {
    engine,
    settings: { epochs, batchSize, seed, rate: { name: 'one-cycle', lr, pctStart: 0.2 }, ...none },
    train: [indices],
    lengthOf: null,
    state: initialState('float32'),
    saveMidEpoch: async () => {},
    lastGood: 'the one before the training',
  };
  const batches = Math.ceil((indices.length + negativesPerEpoch) / batchSize);
  for (; part.state.epoch <= epochs; endEpoch(part.state), clock.done++, await afterEpoch?.()) {
    const first = clock.done * negativesPerEpoch;
    const others = Array.from(
      { length: negativesPerEpoch },
      (_, n) => negatives[(first + n) % negatives.length],
    );
    part.train = [Int32Array.from([...indices, ...others])];
    while (part.state.losses.length < batches) await untilPause(part, options, clock);
  }
}

/** Trains to the end of the epoch or to a pause, and waits until the pause ends. @throws the signal's reason */
async function untilPause(
  part: Omit<EpochOptions, 'stop'>,
  { signal, pause, onProgress }: TeachOptions,
  clock: Clock,
): Promise<void> {
  const stop = new AbortController();
  const abort = () => stop.abort();
  let waiting: Promise<void> | null = null;
  signal?.addEventListener('abort', abort);
  try {
    signal?.throwIfAborted();
    for await (const event of trainEpoch({ ...part, stop: stop.signal })) {
      onProgress?.(clock.progress(event));
      waiting ??= pause?.() ?? null;
      if (waiting) stop.abort();
    }
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  if (waiting) await clock.pause(waiting);
  signal?.throwIfAborted();
}

/** Answers by the current parameters. */
async function answer({ engine, lesson }: Course): Promise<Answers> {
  const { examples, heldOut, others, classes } = lesson;
  const of = async (part: Part, indices: Int32Array, labels: ArrayLike<number>): Promise<AnswerSheet> => {
    const events = evaluatePart({
      engine,
      part,
      indices,
      labels,
      classes: classes.length,
      stop: new AbortController().signal,
      event: { phase: 'evaluate', part, epoch: 0, learningRate: 0 },
      secondsAfter: 0,
    });
    let next = await events.next();
    while (!next.done) next = await events.next();
    if (!next.value) throw new Error('teach: an evaluation stopped without being asked to');
    return next.value;
  };
  return {
    heldOut: await of('validation', heldOut, examples.labels),
    others: others && (await of('negatives', firstIndices(others.count), others.labels)),
  };
}

/** Hands out a network that answers the held-out drawings better than all before. */
function better(course: Course): () => Promise<void> {
  const { onBetter, signal } = course.options;
  let least = Number.POSITIVE_INFINITY;
  let next = 0;
  return async () => {
    if (!onBetter || performance.now() < next) return;
    const { heldOut, others } = await answer(course);
    // A class counts as much as all that is none of the classes.
    const loss = heldOut.scores.loss + (others?.scores.loss ?? 0) / course.lesson.classes.length;
    signal?.throwIfAborted();
    if (loss < least) onBetter(await checkpointOf(course, null));
    least = Math.min(least, loss);
    next = performance.now() + BETTER_EVERY_MS;
  };
}

async function checkpointOf(
  { engine, lesson, model, preprocessing }: Course,
  temperature: number | null,
): Promise<Uint8Array> {
  const { parameters } = await engine.save();
  const { classes } = lesson;
  const about = { model, preprocessing, classes, ...(temperature !== null && { temperature }) };
  return encodeCheckpoint({ parameters, ...about }, { half: true });
}

/** Fitted to the answers of both kinds, within limits, because they are few. */
function temperatureOf({ heldOut, others }: Answers, { examples, others: negatives }: Lesson): number {
  const sheets = others && negatives ? [heldOut, others] : [heldOut];
  const logits = Float32Array.from(sheets.flatMap((sheet) => Array.from(sheet.logits)));
  const labels = [
    ...Array.from(heldOut.indices, (index) => examples.labels[index]),
    ...(others && negatives ? negatives.labels : []),
  ];
  const fitted = fitTemperature(
    { indices: firstIndices(labels.length), classes: heldOut.classes, logits },
    labels,
  );
  return Math.min(TEMPERATURES.most, Math.max(TEMPERATURES.least, fitted));
}

function summaryOf(
  lesson: Lesson,
  { heldOut, others }: Answers,
  epochs: number,
): Omit<TeachSummary, 'seconds'> {
  const { classes, none, ids, examples } = lesson;
  const pairs = new Map<string, Confusion>();
  let falseAlarms = 0;
  heldOut.indices.forEach((index, n) => {
    const [drawn, answered] = [examples.labels[index], answerTo(heldOut, n)];
    if (drawn === answered) return;
    if (answered === none) falseAlarms++;
    const key = `${drawn} ${answered}`;
    const pair = pairs.get(key) ?? { drawn: classes[drawn], answered: classes[answered], drawings: [] };
    pair.drawings.push(ids[index]);
    pairs.set(key, pair);
  });
  return {
    classes: classes.filter((_, k) => k !== none || others === null),
    drawings: ids.length,
    epochs,
    heldOut: { ...heldOut.scores.score },
    confusions: [...pairs.values()].sort((a, b) => b.drawings.length - a.drawings.length),
    none: others && {
      falseAlarms,
      symbols: heldOut.indices.length,
      refused: others.scores.score.correct,
      others: others.scores.score.count,
    },
  };
}
