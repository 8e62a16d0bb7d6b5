/**
 * Protects the report: all files are written, the page is one file without network access or scripts, and no text from
 * outside becomes markup.
 */

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { renderSvg } from '#src/report/charts/chart-files.js';
import { mistakeTiles } from '#src/report/charts/mistakes.js';
import { reproductionCommands } from '#src/report/commands.js';
import { type ReportInput, reportHtml } from '#src/report/html.js';
import { writeReport } from '#src/report/report.js';
import { writeRobustnessChart } from '#src/report/robustness-chart-files.js';
import { writeRobustness } from '#src/runs/robustness.js';
import { removeResults } from '#src/runs/run-files.js';
import { UserError } from '#src/user-error.js';
import { sampleInput, sampleRobustness, sampleStrokeMistake } from './sample.js';
import { assertWellFormed } from './svg.js';

const names = [
  'accuracy',
  'confusion-matrix',
  'confusion-rates',
  'learning-rate',
  'loss',
  'mistakes',
  'reliability-test',
];

function page(input: ReportInput): string {
  return reportHtml(input, mistakeTiles(input.mistakes, input.summary.classes), 'runs/a run', renderSvg);
}

/** Every element is closed, as in XML. */
function assertHtml(html: string): void {
  const body = html
    .replace(/^<!doctype html>\n/, '')
    .replace(/<style>[\s\S]*?<\/style>/, '')
    .replace(/<(meta|img|wbr)\b([^>]*)>/g, '<$1$2/>');
  assertWellFormed(body);
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'scanstroke-report-'));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('writes all charts in all formats, and the page', async () => {
  await inFolder(async (folder) => {
    const run = join(folder, 'runs', 'new');
    const { files } = await writeReport(run, sampleInput(), { formats: ['svg', 'png', 'pdf'] });
    const charts = names.flatMap((name) => ['pdf', 'png', 'svg'].map((format) => `${name}.${format}`));
    assert.deepEqual((await readdir(join(run, 'charts'))).sort(), charts.sort());
    assert.deepEqual((await readdir(run)).sort(), ['charts', 'report.html']);
    assert.deepEqual(
      [...files].sort(),
      [...charts.map((name) => join(run, 'charts', name)), join(run, 'report.html')].sort(),
    );
    assertHtml(await readFile(join(run, 'report.html'), 'utf8'));
    await writeRobustness(run, sampleRobustness());
    assert.deepEqual(await writeRobustnessChart(run, sampleRobustness(), ['svg', 'png']), [
      join(run, 'charts', 'robustness.svg'),
      join(run, 'charts', 'robustness.png'),
    ]);
    await removeResults(run);
    assert.deepEqual(await readdir(run), [], 'a run that trains on removes all of it');
  });
});

test('formats: SVG and PNG by default; the page alone for an empty list', async () => {
  await inFolder(async (folder) => {
    await writeReport(join(folder, 'a'), sampleInput({ epochs: 1, points: 2 }));
    assert.deepEqual(
      (await readdir(join(folder, 'a', 'charts'))).sort(),
      names.flatMap((name) => [`${name}.png`, `${name}.svg`]),
    );
    const { files } = await writeReport(join(folder, 'b'), sampleInput({ epochs: 1, points: 2 }), {
      formats: [],
    });
    assert.deepEqual(files, [join(folder, 'b', 'report.html')]);
    assert.deepEqual(await readdir(join(folder, 'b')), ['report.html']);
  });
});

test('a folder that cannot be written is a UserError', async () => {
  await inFolder(async (folder) => {
    await writeFile(join(folder, 'file'), '');
    await assert.rejects(writeReport(join(folder, 'file'), sampleInput()), (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, /^cannot write .*charts/);
      return true;
    });
  });
});

test('the page is one file without network access or scripts', () => {
  const html = page(sampleInput());
  const addresses = [...html.matchAll(/\b(?:src|href|xlink:href|action|data|poster)="([^"]*)"/g)].map(
    (match) => match[1],
  );
  assert.ok(
    addresses.length > 0 && addresses.every((address) => address.startsWith('data:image/png;base64,')),
  );
  const rest = html.replace(/ xmlns(?::xlink)?="http:\/\/www\.w3\.org\/[\w/]+"/g, '');
  assert.ok(!/https?:|\/\/[a-z]/.test(rest), rest.match(/.{40}(?:https?:|\/\/[a-z]).{40}/)?.[0]);
  assert.ok(!/<script|<link|<iframe|@import|url\((?!#)|\son\w+=/i.test(rest));
  assert.match(
    html,
    /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">/,
  );
});

test('ids in the page are unique, and every reference has its id', () => {
  const html = page(sampleInput());
  const ids = [...html.matchAll(/ id="([^"]*)"/g)].map((match) => match[1]);
  assert.equal(new Set(ids).size, ids.length);
  for (const [, id] of html.matchAll(/url\(#([^)]*)\)/g)) assert.ok(ids.includes(id), id);
});

test('the page shows scores, speed, machine, settings and commands', () => {
  const input = sampleInput();
  input.summary.testScore = { correct: 9897, count: 10_000 };
  input.summary.testAccuracy = 0.9897;
  const text = page(input)
    .replace(/<style>[\s\S]*?<\/style>|<[^>]+>/g, ' ')
    .replaceAll('\u00a0', ' ')
    .replace(/\s+/g, ' ');
  for (const part of [
    'quick on MNIST, seed 0',
    '9897/10000 = 98.97 %',
    '49320/50000 = 98.64 %',
    '9876/10000 = 98.76 %',
    'Training time 36.4 s',
    'Samples a second 4,121',
    'GFLOP/s 96.3',
    'Peak memory 413 MB',
    'Threads 2',
    'Recall of each class',
    'learning_rate 0.006',
    'betas [0.9,0.999]',
    'npx scanstroke train --preset quick --seed-number 0',
  ]) {
    assert.ok(text.includes(part), part);
  }
  assert.ok(!/NaN|undefined|\[object/.test(text));
});

test('the page shows the calibration, if it is known', () => {
  const text = (input: ReportInput) => page(input).replaceAll('\u00a0', ' ');
  const scaled = text(sampleInput());
  assert.match(scaled, /<h2>Probabilities<\/h2>/);
  assert.match(scaled, /Test calibration error 1\.00 %; 6\.67 % without temperature scaling/);
  assert.match(scaled, /Temperature 1\.4/);
  assert.match(
    scaled,
    /expected calibration error<\/th><td class="number">6\.67 %<\/td><td class="number">1\.00 %/,
  );
  const unscaled = text(sampleInput({ temperature: 1 }));
  assert.match(unscaled, /<h3>Test calibration error 6\.67 %<\/h3>/);
  assert.ok(!text(sampleInput({ temperature: 0 })).includes('alibration'));
});

test('for strokes, the page shows the scores of test samples drawn in another way', () => {
  const input = sampleInput();
  input.summary.testScore = { correct: 9764, count: 10_000 };
  const text = () =>
    page(input)
      .replace(/<[^>]+>/g, ' ')
      .replaceAll('\u00a0', ' ')
      .replace(/\s+/g, ' ');
  assert.ok(!text().includes('another way'), 'images have no such scores');
  input.summary.reversedScore = { correct: 9752, count: 10_000 };
  input.summary.reorderedScore = { correct: 9764, count: 10_000 };
  const told = text();
  for (const part of [
    'drawn in reverse 9752/10000 = 97.52 % −0.12 points',
    'strokes in reverse order 9764/10000 = 97.64 % 0.00 points',
    'the less the network depends on how a sample was drawn',
  ]) {
    assert.ok(told.includes(part), part);
  }
  assertHtml(page(input));
});

test('the page says how often “none of these” was answered, where the network can', () => {
  const input = sampleInput();
  assert.ok(!page(input).includes('none of these'));
  input.summary.refusals = {
    test: { refused: 92, count: 10_000 },
    negatives: { refused: 19, count: 20 },
    kinds: [{ kind: 'letters', refused: 19, count: 20 }],
  };
  const told = page(input)
    .replace(/<[^>]+>/g, ' ')
    .replaceAll('\u00a0', ' ')
    .replace(/\s+/g, ' ');
  for (const part of [
    'test samples 92/10000 = 0.92 %',
    'negatives 19/20 = 95.00 %',
    'letters 19/20 = 95.00 %',
  ]) {
    assert.ok(told.includes(part), part);
  }
  assertHtml(page(input));
});

test('mistakes of strokes are drawings with the colours of the edition and a description', () => {
  const input = sampleInput({ classes: ['<a>', 'b'] });
  input.mistakes = [0, 1, 2].map((index) => sampleStrokeMistake(index, 2));
  const html = page(input);
  assertHtml(html);
  assert.ok(!html.includes('<img'));
  const drawings = html.match(/<svg role="img" aria-label="Test sample[\s\S]*?<\/svg>/g) ?? [];
  assert.equal(drawings.length, 3);
  for (const svg of drawings) {
    assert.match(svg, /aria-label="[^"]*true class &#60;a&#62;|aria-label="[^"]*true class b/);
    const colors = [...svg.matchAll(/(?:fill|stroke)="([^"]*)"/g)].map((match) => match[1]);
    assert.deepEqual(
      colors.filter((color) => color !== 'none' && !/^var\(--(?:pen-\d+|surface|muted)\)$/.test(color)),
      [],
    );
    assert.ok(colors.includes('var(--pen-0)') && colors.includes('var(--pen-11)'));
  }
  const defined = html.match(/--pen-11:/g);
  assert.equal(defined?.length, 3, 'in the light edition, the dark one, and on paper');
});

test('long fractions in settings are rounded', () => {
  const input = sampleInput();
  input.config = {
    train_split: 5 / 6,
    betas: [0.9, 1 / 3],
    learning_rate: 1e-4,
    scale: { x: 2 / 3 },
    seed: 123456789,
  };
  const text = page(input)
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');
  for (const part of [
    'train_split 0.8333 ',
    'betas [0.9,0.3333]',
    'learning_rate 0.0001 ',
    'x 0.6667 ',
    'seed 123456789 ',
  ]) {
    assert.ok(text.includes(part), part);
  }
});

test('text from outside stays text', () => {
  const hostile = `</style></svg><script>alert(1)</script>"onload='x'&amp;\u0000\ud800`;
  const input = sampleInput({ classes: [hostile, '<img src=x onerror=alert(1)>', ' '] });
  input.title = hostile;
  input.config = { [hostile]: hostile, nested: { [hostile]: [hostile] } };
  input.summary.backend = hostile;
  input.summary.preset = hostile;
  input.summary.version = hostile;
  input.summary.node = hostile;
  const html = page(input);
  assertHtml(html);
  assert.ok(!/<script|<img src=x/.test(html) && !html.includes('\u0000'));
  assert.ok(html.includes('&#60;script&#62;alert(1)'));
});

test('the page can be made of any run: no epoch, no mistake, many classes, no samples', () => {
  for (const options of [
    { epochs: 0, mistakes: 0 },
    { epochs: 1, points: 1 },
    { points: 0, mistakes: 0, errorRate: 0 },
    { classes: Array.from({ length: 20 }, (_, index) => `class ${index}`), samplesPerClass: 3 },
    { samplesPerClass: 0 },
  ]) {
    const input = sampleInput(options);
    input.summary.reversedScore = { correct: 0, count: 0 };
    const html = page(input);
    assertHtml(html);
    assert.ok(
      !/NaN|Infinity|undefined|\[object/.test(html.replace(/base64,[^"]*/g, '')),
      JSON.stringify(options),
    );
  }
});

test('every colour of a chart in the page is a variable of the edition', () => {
  const drawings = page(sampleInput()).match(/<svg[\s\S]*?<\/svg>/g) ?? [];
  assert.equal(drawings.length, 6);
  for (const svg of drawings) {
    const fixed = [...svg.matchAll(/(?:fill|stroke)="([^"]*)"/g)]
      .map((match) => match[1])
      .filter((color) => color !== 'none' && !color.startsWith('var(--'));
    // Only the invisible shapes of clip paths have a fixed colour.
    assert.deepEqual(
      [...new Set(fixed)].filter((color) => color !== '#000'),
      [],
    );
  }
});

test('commands are quoted for a shell, and depend on the schedule', () => {
  const { summary } = sampleInput();
  const lines = (config: Record<string, unknown>) =>
    reproductionCommands("runs/it's mine/", summary, config).map(({ line }) => line);
  assert.deepEqual(lines({ schedule: 'one-cycle' }), [
    'npx scanstroke train --preset quick --seed-number 0',
    "npx scanstroke train --config 'runs/it'\\''s mine/config.json'",
    "npx scanstroke train --config 'runs/it'\\''s mine/config.json' --num-epochs 6",
    "npx scanstroke evaluate 'runs/it'\\''s mine/'",
    "npx scanstroke info 'runs/it'\\''s mine/'",
  ]);
  assert.ok(
    lines({ schedule: 'constant' }).includes(
      "npx scanstroke train --load-cp 'runs/it'\\''s mine/' --num-epochs 6",
    ),
  );
  const [, , after] = reproductionCommands(
    'r',
    { ...summary, stoppedBy: 'patience' },
    { schedule: 'one-cycle' },
  );
  assert.equal(after.purpose, 'Continue this run without --patience, which ended it after 3 epochs:');
  assert.equal(after.line, 'npx scanstroke train --load-cp r --patience none');
  assert.equal(reproductionCommands('r', { ...summary, preset: null }, {}).length, 4);
  // The preset alone would train on MNIST.
  assert.equal(reproductionCommands('r', summary, { data: 'my-pictures' }).length, 4);
});

test('the energy is on the page where it was measured', () => {
  const input = sampleInput();
  assert.ok(!page(input).includes('Energy'));
  const measured = page({ ...input, summary: { ...input.summary, energyJoules: 1234.5, totalSeconds: 50 } });
  assert.match(measured, /<dt>Energy<\/dt><dd>1,235 J, 24\.7 W on average<\/dd>/);
});
