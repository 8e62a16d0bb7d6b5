/** Protects the progress output: a redrawn bar on a terminal, otherwise plain lines at the requested frequency. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { DataProgressView } from '#src/cli/terminal/data-progress.js';
import { clock, type ProgressSettings, ProgressView } from '#src/cli/terminal/progress.js';
import { colorsFor } from '#src/cli/terminal/terminal.js';
import { sampleInput } from '../../report/sample.js';
import { FakeOutput, progress, START } from '../commands/fake-run.js';

const colors = colorsFor(new FakeOutput(false), {});
const settings: ProgressSettings = { preset: 'quick', freqOutputTrain: 2, freqOutputVal: null, colors };
const [epoch1] = sampleInput().metrics;

describe('on a terminal', () => {
  function terminal(columns: number) {
    const output = new FakeOutput(true, columns);
    const time = { now: 0 };
    return { output, time, view: new ProgressView(output, { ...settings, now: () => time.now }) };
  }

  it('redraws the bar in place, and removes it before a permanent line', () => {
    const { output, time, view } = terminal(100);
    view.show(START);
    for (const batch of [1, 2, 3, 4]) {
      time.now += 1000;
      view.show(progress({ batch }));
    }
    assert.match(
      output.screen[3],
      /^epoch 1\/2 {2}━+ {2}100 % {2}loss 0\.5123 {2}87\.65 % {2}0:41 left {2}4,123 samples\/s$/,
    );
    view.show({ type: 'epoch', metrics: epoch1, best: true, epochs: 2 });
    assert.equal(output.screen.length, 5, 'three lines of the start, one of the epoch, and the cursor below');
    assert.match(
      output.screen[3],
      /^epoch 1\/2 {2}loss \d\.\d{4}, accuracy .* % {2}validation .* 12\.0 s {2}best$/,
    );
    assert.equal(output.screen[4], '');
  });

  it('is never wider than the terminal, and always shows the epoch', () => {
    for (let columns = 10; columns <= 200; columns++) {
      const { output, view } = terminal(columns);
      view.show(START);
      view.show(progress({ batch: 4, secondsLeft: 360_000, samplesPerSecond: 1e6 }));
      const [line] = output.screen.slice(-1);
      assert.ok(line.length < columns, `${line.length} of ${columns}: ${line}`);
      assert.ok(line.startsWith('epoch'), line);
    }
  });

  it('drops the speed before the loss, and the bar last', () => {
    for (const [columns, shown] of [
      [72, /━ .*0:41 left$/],
      [60, /━ .*87\.65 %$/],
      [30, /━ {3}25 %$/],
      [20, /^epoch 1\/2 {3}25 %$/],
    ] as const) {
      const { output, view } = terminal(columns);
      view.show(START);
      view.show(progress());
      assert.match(output.screen.at(-1) ?? '', shown, `${columns} columns`);
    }
  });

  it('redraws every 80 ms at most, and always after the last update', () => {
    const { output, time, view } = terminal(100);
    view.show(START);
    const before = output.text.length;
    view.show(progress({ batch: 1 }));
    const drawn = output.text.length;
    assert.ok(drawn > before);
    time.now += 10;
    view.show(progress({ batch: 2 }));
    assert.equal(output.text.length, drawn);
    view.show(progress({ batch: 4 }));
    assert.ok(output.text.length > drawn);
  });

  it('the bar grows with the updates', () => {
    const green = (batch: number) => {
      const output = new FakeOutput(true, 100);
      const marked = { ...colors, cyan: (text: unknown) => `<${text}>` };
      new ProgressView(output, { ...settings, colors: marked }).show(progress({ batch, batches: 10 }));
      return /<(━*)>/.exec(output.text)?.[1].length ?? -1;
    };
    assert.equal(green(0), 0);
    assert.ok(green(5) > green(2));
    assert.ok(green(10) > green(9));
  });

  it('names the part of the data that validation and evaluation use', () => {
    const { output, view } = terminal(100);
    view.show(START);
    view.show(progress({ phase: 'validation', batch: 4 }));
    assert.match(output.screen.at(-1) ?? '', /^epoch 1\/2 validation/);
    view.show(progress({ phase: 'evaluate', part: 'test', batch: 4 }));
    assert.match(output.screen.at(-1) ?? '', /^accuracy on the test samples /);
    view.show(progress({ phase: 'evaluate', part: 'train', batch: 4 }));
    assert.match(output.screen.at(-1) ?? '', /^accuracy on the training samples /);
    view.show(progress({ phase: 'evaluate', part: 'reversed', batch: 4 }));
    assert.match(output.screen.at(-1) ?? '', /^accuracy when drawn in reverse /);
    view.show(progress({ phase: 'evaluate', part: 'reordered', batch: 4 }));
    assert.match(output.screen.at(-1) ?? '', /^accuracy with strokes in reverse order /);
  });
});

describe('without a terminal', () => {
  it('prints a line every 30 seconds, however few updates there are', () => {
    const output = new FakeOutput();
    const time = { now: 0 };
    const view = new ProgressView(output, { ...settings, freqOutputTrain: 100, now: () => time.now });
    for (let batch = 1; batch <= 8; batch++) {
      time.now += 20_000;
      view.show(progress({ batch, batches: 8 }));
    }
    assert.deepEqual(
      output.lines.map((line) => /update (\d)/.exec(line)?.[1]),
      ['2', '4', '6', '8'],
    );
  });

  it('says at the beginning that the training loss is weighted, and the others are not', () => {
    const output = new FakeOutput();
    new ProgressView(output, { ...settings, classWeights: 'balanced' }).show(START);
    assert.match(
      output.lines[3],
      /^the training loss has the weights of the classes .*, validation and test losses/,
    );
    const plain = new FakeOutput();
    new ProgressView(plain, { ...settings, classWeights: 'none' }).show(START);
    assert.equal(plain.lines.length, output.lines.length - 1);
  });

  it('advises smaller batches and more epochs at the beginning, where few samples leave few updates', () => {
    const few = { ...START, trainCount: 60, validationCount: 12, batchesPerEpoch: 1 };
    const linesOf = (event: typeof START) => {
      const output = new FakeOutput();
      new ProgressView(output, { ...settings, batchSize: 128 }).show(event);
      return output.lines.slice(3);
    };
    assert.deepEqual(linesOf(few), [
      '1 update an epoch, 2 in all, are few to learn from; for 60 training samples try --batch-size 4 --num-epochs 30',
    ]);
    assert.deepEqual(linesOf({ ...few, trainCount: 50_000 }), []);
    assert.deepEqual(linesOf({ ...few, resumedFrom: { epoch: 2, batch: 0 } }), ['continues with epoch 2']);
  });

  it('writes plain lines, one per n updates or batches, without escape sequences', () => {
    const output = new FakeOutput();
    const view = new ProgressView(output, { ...settings, freqOutputVal: 3 });
    view.show({ ...START, notices: ['no addon; WASM computes instead'] });
    for (const batch of [1, 2, 3, 4]) view.show(progress({ batch }));
    for (const batch of [1, 2, 3, 4]) view.show(progress({ batch, phase: 'validation' }));
    view.show(progress({ phase: 'evaluate', part: 'test', batch: 4 }));
    view.passing('not seen');
    view.show({ type: 'epoch', metrics: epoch1, best: false, epochs: 2 });
    assert.deepEqual(output.lines.slice(0, -1), [
      'no addon; WASM computes instead',
      'quick, seed 0, on cpu (AVX2), 2 threads',
      '238,858 parameters; samples: 50,000 for training, 10,000 for validation, 10,000 for the test',
      '2 epochs of 4 updates, saved in runs/a',
      'epoch 1/2 update 2/4: loss 0.5123, accuracy 87.65 %, learning rate 0.0012, 4,123 samples/s, 0:41 left',
      'epoch 1/2 update 4/4: loss 0.5123, accuracy 87.65 %, learning rate 0.0012, 4,123 samples/s, 0:41 left',
      'epoch 1/2 validation batch 3/4: loss 0.5123, accuracy 87.65 %, 4,123 samples/s, 0:41 left',
    ]);
    assert.ok(!output.text.includes('\r') && !output.text.includes('\x1b'));
    assert.ok(!output.lines.at(-1)?.endsWith('best'));
  });

  it('prints a line for answers that end many batches at once, with the last of them', () => {
    const output = new FakeOutput();
    const view = new ProgressView(output, { ...settings, freqOutputVal: 10 });
    view.show(START);
    for (const epoch of [1, 2])
      for (const batch of [8, 32, 38, 40])
        view.show(progress({ epoch, batch, batches: 40, phase: 'validation' }));
    assert.deepEqual(
      output.lines.slice(3).map((line) => /^epoch (.*):/.exec(line)?.[1].split(':')[0]),
      [
        '1/2 validation batch 32/40',
        '1/2 validation batch 40/40',
        '2/2 validation batch 32/40',
        '2/2 validation batch 40/40',
      ],
    );
  });

  it('prints where a resumed run continues, and why a run stopped', () => {
    const output = new FakeOutput();
    const view = new ProgressView(output, settings);
    view.show({ ...START, resumedFrom: { epoch: 2, batch: 3 } });
    view.show({ ...START, resumedFrom: { epoch: 2, batch: 0 } });
    view.show({ ...START, resumedFrom: { epoch: 3, batch: 0 } });
    for (const reason of ['epochs', 'patience', 'target-accuracy', 'interrupted'] as const) {
      view.show({ type: 'stopped', reason, epoch: 2, batch: 3 });
    }
    view.show({ type: 'stopped', reason: 'interrupted', epoch: 2, batch: 0 });
    view.show({ type: 'stopped', reason: 'interrupted', epoch: 0, batch: 0 });
    assert.deepEqual(
      output.lines.filter((line) => /continues|all epochs|stopped|interrupted/.test(line)),
      [
        'continues in epoch 2, after update 3',
        'continues with epoch 2',
        'all epochs are done (--num-epochs trains on); computing the accuracies',
        'stopped after epoch 2: validation accuracy did not improve (--patience)',
        'stopped after epoch 2: validation reached the target (--target-accuracy)',
        'interrupted in epoch 2, after update 3',
        'interrupted after epoch 2',
        'interrupted before the first update',
      ],
    );
  });
});

describe('colours', () => {
  const text = (isTTY: boolean, env: NodeJS.ProcessEnv) => colorsFor(new FakeOutput(isTTY), env).bold('x');
  it('are used on a terminal only, never with NO_COLOR, always with FORCE_COLOR', () => {
    assert.notEqual(text(true, {}), 'x');
    assert.equal(text(false, {}), 'x');
    assert.equal(text(true, { NO_COLOR: '1' }), 'x');
    assert.equal(text(true, { TERM: 'dumb' }), 'x');
    assert.notEqual(text(false, { FORCE_COLOR: '1' }), 'x');
  });
});

describe('clock', () => {
  for (const [seconds, expected] of [
    [0, '0:00'],
    [0.2, '0:01'],
    [59.5, '1:00'],
    [3599.5, '1:00:00'],
    [3723, '1:02:03'],
    [Number.NaN, '–'],
    [Number.POSITIVE_INFINITY, '–'],
    [-1, '–'],
  ] as const) {
    it(`${seconds} s is ${expected}`, () => assert.equal(clock(seconds), expected));
  }
});

describe('a narrow terminal', () => {
  for (const columns of [1, 5, 20, 60]) {
    it(`of ${columns} columns is never too narrow for a line that is redrawn in place`, () => {
      const output = new FakeOutput(true, columns);
      const view = new ProgressView(output, settings);
      view.show({ type: 'loading', what: 'reading a data set with a long name', done: 1, total: 3 });
      view.show(progress({ batch: 4 }));
      const data = new DataProgressView(output);
      data.show({ what: 'strokes from a data set with a long name', done: 1000, total: 3000 });
      data.show({ what: 'short', done: 3000, total: 3000 });
      for (const line of output.screen) assert.ok(stripVTControlCharacters(line).length <= columns, line);
    });
  }
});

it('control characters of names reach no terminal', () => {
  const output = new FakeOutput(true, 200);
  const [view, data] = [new ProgressView(output, settings), new DataProgressView(output)];
  const name = 'a\u001b[31m\u009b2J';
  view.show({ type: 'loading', what: name, done: 1, total: 3 });
  view.show({ ...START, folder: name, notices: [name] });
  data.show({ what: name, done: 1, total: 3 });
  data.line(name);
  for (const sequence of ['\u001b[31m', '\u009b']) {
    assert.ok(!output.text.includes(sequence), JSON.stringify(output.text));
  }
});
