/** Protects teaching: what is learned, what can be done with the checkpoint, stops and pauses, and what is refused. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { openBackend } from '#src/backends/open-node.js';
import { exportModel, openFeatures, trainSymbols } from '#src/node.js';
import { openRecognizer } from '#src/recognize/recognizer.js';
import { symbolsOn, type TaughtSymbols, type TeachOptions } from '#src/teach/train-symbols.js';
import { startCallingThread } from '#src/train/team/threads/threads-page.js';
import { UserError } from '#src/user-error.js';
import { checkpointBytes, STROKES } from '../recognize/checkpoint-bytes.js';
import { letter, letterProject } from './hands.js';

const model = (name: string) =>
  readFileSync(new URL(`../../../models/${name}/best.safetensors`, import.meta.url));
const base = model('digit-strokes');
const NAMES = ['A', 'E', 'π'];
const project = letterProject(NAMES, 6);
const SHORT: TeachOptions = { base, epochs: 3, threads: 2 };
/** Without generated drawings, which take most of the time of so short a training. */
const QUICK: TeachOptions = { ...SHORT, epochs: 2, none: false };

/** Share of fresh drawings that a checkpoint answers rightly. */
async function accuracyOf(checkpoint: Uint8Array): Promise<number> {
  const backend = await openBackend('auto', () => {});
  const recognizer = openRecognizer(checkpoint, backend, { name: 'taught' });
  let right = 0;
  for (const name of NAMES) {
    const inputs = Array.from({ length: 10 }, (_, n) => ({
      kind: 'drawing' as const,
      ...letter(name, 100 + n),
    }));
    for (const answer of await recognizer.recognize(inputs)) if (answer?.top[0].class === name) right++;
  }
  recognizer.close();
  backend.close();
  return right / (10 * NAMES.length);
}

describe('a network taught from six drawings of three letters', () => {
  let taught: TaughtSymbols;
  const better: Uint8Array[] = [];
  const epochs: number[] = [];

  test('it knows fresh drawings, and the summary says what it was measured on', async () => {
    taught = await trainSymbols(project, {
      ...SHORT,
      onBetter: (checkpoint) => better.push(checkpoint),
      onProgress: ({ epoch, epochs: all, loss, accuracy, secondsLeft }) => {
        epochs.push(epoch);
        assert.equal(all, 4);
        assert.ok(loss >= 0 && accuracy >= 0 && accuracy <= 1 && secondsLeft >= 0);
      },
    });
    assert.ok((await accuracyOf(taught.checkpoint)) >= 0.8);
    const { summary } = taught;
    assert.deepEqual([summary.classes, summary.drawings, summary.epochs], [NAMES, 18, 4]);
    assert.equal(summary.heldOut.count, 3);
    assert.equal(
      summary.heldOut.correct + summary.confusions.reduce((sum, { drawings }) => sum + drawings.length, 0),
      3,
    );
    assert.equal(summary.none?.symbols, 3);
    assert.ok(
      (summary.none?.others ?? 0) >= 30 && (summary.none?.refused ?? 0) >= 0.5 * (summary.none?.others ?? 0),
    );
  });

  test('a first network comes before the training, and is no worse than guessing', async () => {
    assert.ok(better.length >= 2);
    assert.ok((await accuracyOf(better[0])) >= 0.7);
    assert.deepEqual(better.at(-1), taught.checkpoint);
    assert.deepEqual(
      [...epochs].sort((a, b) => a - b),
      epochs,
    );
    assert.equal(epochs.at(-1), 4);
  });

  test('it is a checkpoint like any other: classes, and an export', async () => {
    const files = await exportModel(taught.checkpoint, { format: 'onnx' });
    assert.ok(files[0].bytes.length > 100_000);
    const backend = await openBackend('auto', () => {});
    const recognizer = openRecognizer(taught.checkpoint, backend, { name: 'taught' });
    assert.deepEqual(recognizer.info.classes, [...NAMES, 'none']);
    recognizer.close();
    backend.close();
  });
});

describe('the result is a function of project, base, options and seed', () => {
  let taught: TaughtSymbols;
  before(async () => {
    taught = await trainSymbols(project, QUICK);
  });

  test('another number of threads, and a page without shared memory, give the same bits', async () => {
    const inOneThread = symbolsOn({
      openBackend: (choice) => openBackend(choice, () => {}),
      startThread: startCallingThread,
      threads: () => 1,
    });
    const start = performance.now();
    let [last, longest] = [start, 0];
    const turn = () => {
      const now = performance.now();
      [last, longest] = [now, Math.max(longest, now - last)];
    };
    const timer = setInterval(turn, 1);
    const again = await inOneThread(project, QUICK);
    clearInterval(timer);
    turn();
    assert.deepEqual(again.checkpoint, taught.checkpoint);
    assert.deepEqual({ ...again.summary, seconds: 0 }, { ...taught.summary, seconds: 0 });
    const whole = last - start;
    assert.ok(longest < whole / 2, `the thread receives no message for ${longest} of ${whole} ms`);
  });

  test('a pause changes nothing, and nothing is trained in it', async () => {
    let updates = 0;
    let inPause = 0;
    const paused = await trainSymbols(project, {
      ...QUICK,
      onProgress: () => {
        updates++;
      },
      pause: () => {
        if (updates !== 2) return null;
        return new Promise((resolve) => {
          setTimeout(() => {
            inPause = updates;
            updates++;
            resolve();
          }, 120);
        });
      },
    });
    assert.deepEqual(paused.checkpoint, taught.checkpoint);
    // The update that was under way may end.
    assert.ok(inPause >= 2 && inPause <= 4, `${inPause} updates`);
  });
});

test('a stop ends the training with its reason', async () => {
  const stop = new AbortController();
  const reason = new Error('enough');
  let after = 0;
  const training = trainSymbols(project, {
    ...QUICK,
    epochs: 50,
    signal: stop.signal,
    onProgress: () => {
      if (stop.signal.aborted) after++;
      stop.abort(reason);
    },
  });
  await assert.rejects(training, (error) => error === reason);
  assert.ok(after < 50);
  await assert.rejects(
    trainSymbols(project, { signal: AbortSignal.abort(reason) }),
    (error) => error === reason,
  );
});

test('a stop while the examples are prepared is heard before the first update', async () => {
  const stop = new AbortController();
  const reason = new Error('enough');
  let updates = 0;
  const count = () => {
    updates++;
  };
  setTimeout(() => stop.abort(reason), 1);
  const training = trainSymbols(project, { ...SHORT, signal: stop.signal, onProgress: count });
  await assert.rejects(training, (error) => error === reason);
  assert.equal(updates, 0);
});

test('from a network with context: features, training, and answers after each step', async () => {
  const mapped = checkpointBytes({ ...STROKES, position: true, context: true, sorted: true });
  const { checkpoint } = await trainSymbols(project, { ...QUICK, base: mapped });
  const backend = await openBackend('auto', () => {});
  const features = openFeatures(mapped, backend);
  assert.equal((await features.of(letter('A', 1)))?.length, features.size);
  features.close();
  const recognizer = openRecognizer(checkpoint, backend, { name: 'taught' });
  const { preprocessing, model: sizes } = recognizer.info;
  assert.deepEqual([sizes.inputSize, 'context' in preprocessing && preprocessing.context], [31, true]);
  const input = { kind: 'drawing', ...letter('A', 1) } as const;
  const [answer] = await recognizer.recognize([input]);
  const trace = await recognizer.trace(input, { over: 'steps' });
  assert.deepEqual(trace!.probabilities.slice(-NAMES.length), answer!.probabilities);
  recognizer.close();
  backend.close();
});

test('without a base and without the class none', async () => {
  const { checkpoint, summary } = await trainSymbols(project, { epochs: 40, none: false, threads: 1 });
  assert.equal(summary.none, null);
  // Half of the answers by chance would be a third.
  assert.ok((await accuracyOf(checkpoint)) >= 0.5);
});

test('drawings of a class named none take the place of generated ones', async () => {
  const own = structuredClone(project);
  own.classes[2].name = 'none';
  const { summary } = await trainSymbols(own, { ...SHORT, epochs: 1 });
  assert.deepEqual([summary.classes, summary.none], [['A', 'E', 'none'], null]);
});

describe('what cannot be taught is refused with the way out', () => {
  const cases: [name: string, run: () => Promise<unknown>, message: RegExp][] = [
    [
      'one class',
      () => trainSymbols(letterProject(['A'], 5)),
      /1 class; draw at least 2 classes, with 5 to 10/,
    ],
    [
      'more classes than labels',
      () => {
        const [line] = letterProject(['A'], 1).drawings;
        const classes = Array.from({ length: 256 }, (_, k) => ({
          id: `${k}`,
          name: `${k}`,
          colour: '#000000',
        }));
        const drawings = classes.map(({ id }) => ({ ...line, id, class: id }));
        return trainSymbols({ ...project, classes, drawings });
      },
      /256 classes; at most 255 can be taught\. Merge or remove/,
    ],
    [
      'one drawing',
      () => trainSymbols(letterProject(['A', 'E'], 1)),
      /"A" has 1 drawing.*at least 2, better 5 to 10/,
    ],
    [
      'dots only',
      () => {
        const dots = letterProject(['A', 'E'], 3);
        for (const each of dots.drawings) if (each.class === 'E') each.drawing = [[[1], [1]]];
        return trainSymbols(dots);
      },
      /"E" has 0 drawings with lines/,
    ],
    [
      'a network for images',
      () => trainSymbols(project, { base: model('digits') }),
      /base network reads images/,
    ],
    ['no checkpoint', () => trainSymbols(project, { base: Uint8Array.of(1, 2) }), /base network/],
    ['no epochs', () => trainSymbols(project, { epochs: 0 }), /epochs must be a whole number/],
    ['no seed', () => trainSymbols(project, { seed: -1 }), /seed must be a whole number from 0/],
    ['no bytes', () => trainSymbols(project, { base: Object(new ArrayBuffer(9)) }), /expected a Uint8Array/],
    ['many threads', () => trainSymbols(project, { threads: 1000 }), /from 1 to 256, got 1000/],
    ['no threads', () => trainSymbols(project, { threads: 0 }), /threads must be a whole number/],
  ];
  for (const [name, run, message] of cases) {
    test(name, async () => {
      await assert.rejects(run(), (error) => error instanceof UserError && message.test(error.message));
    });
  }
});
