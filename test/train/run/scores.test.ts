/** Protects the scores of a run: its summary, its evaluation and its temperature agree, and nothing is scored twice. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openRecognizer } from 'scanstroke';
import { openBackend } from '#src/backends/open-node.js';
import { decodeCheckpoint, encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import type { Picture } from '#src/runs/run-folder.js';
import { evaluateRun } from '#src/train/run/evaluate/evaluate-run.js';
import { FASTEST, smallConfig, writeSmallMnist } from '../small-mnist.js';
import { lastOf, train, trainedRuns } from './trained-runs.js';

const { at, data } = trainedRuns();

test('the summary, an evaluation of the run and its mistakes agree', async () => {
  const { events, end } = await train(smallConfig(data, at('agree'), { numEpochs: 1 }));
  const done = events.at(-1);
  assert.ok(done?.type === 'done');
  assert.equal(done.summary.backend, FASTEST);
  for (const backend of [...new Set([FASTEST, 'wasm', 'reference'] as const)]) {
    const options = { data: null, part: 'test', backend, threads: 2 } as const;
    const { score, loss, confusionMatrix } = await evaluateRun(at('agree'), options);
    assert.deepEqual(score, done.summary.testScore);
    assert.deepEqual(confusionMatrix, done.summary.confusionMatrix);
    assert.ok(Math.abs(loss - done.summary.testLoss) < 1e-6);
  }
  const validation = { data: null, part: 'validation', backend: FASTEST, threads: null } as const;
  assert.deepEqual((await evaluateRun(at('agree'), validation)).score, done.summary.validationScore);
  assert.equal(end.mistakes.length, Math.min(30, 40 - done.summary.testScore.correct));
  assert.equal(end.calibration?.after.accuracy, done.summary.testAccuracy);
  const options = { data: null, part: 'test', backend: FASTEST, threads: 1, calibration: true } as const;
  const { before, after, temperature } = (await evaluateRun(at('agree'), options)).calibration ?? {};
  assert.deepEqual({ before, after, temperature }, end.calibration);

  const best = readFileSync(join(at('agree'), 'best.safetensors'));
  const computing = await openBackend('reference');
  using recognizer = openRecognizer(best, computing, { name: 'agree' });
  assert.equal(recognizer.info.temperature, temperature);
  for (const { picture, predicted, confidence } of end.mistakes.slice(0, 5)) {
    const [answer] = await recognizer.recognize([{ kind: 'picture', ...(picture as Picture) }]);
    const probability = answer?.probabilities[predicted] ?? Number.NaN;
    assert.ok(Math.abs(probability - confidence) < 1e-5, 'a mistake has the probability of a recognition');
  }
});

test('the temperature is the same for any number of threads, and an evaluation fits the same', async () => {
  for (const threads of [1, 2]) {
    await train(smallConfig(data, at(`${threads} threads`), { numEpochs: 2, threads }));
  }
  const temperatureOf = (run: string, file: string) =>
    decodeCheckpoint(readFileSync(join(at(run), file)), file).temperature;
  const temperature = temperatureOf('1 threads', 'best.safetensors');
  assert.ok(temperature !== undefined && temperature !== 1);
  assert.equal(temperatureOf('2 threads', 'best.safetensors'), temperature);
  assert.equal(
    temperatureOf('2 threads', 'last.safetensors'),
    temperatureOf('1 threads', 'last.safetensors'),
  );

  const options = { data: null, part: 'test', backend: FASTEST, threads: 2, calibration: true } as const;
  const kept = await evaluateRun(at('1 threads'), options);
  assert.deepEqual([kept.calibration?.temperature, kept.calibration?.source], [temperature, 'checkpoint']);
  const path = join(at('1 threads'), 'best.safetensors');
  const { temperature: _, ...older } = decodeCheckpoint(readFileSync(path), 'best');
  writeFileSync(path, encodeCheckpoint(older));
  for (const part of ['test', 'validation'] as const) {
    const { calibration } = await evaluateRun(at('1 threads'), { ...options, part });
    assert.deepEqual([calibration?.temperature, calibration?.source], [temperature, 'validation'], part);
    assert.equal(calibration?.folder, at('1 threads'));
  }
  const again = await evaluateRun(at('1 threads'), options);
  assert.deepEqual(again.calibration?.after, kept.calibration?.after);
  assert.equal(again.loss, kept.loss, 'the loss is that of the logits');
  const likelihood = kept.calibration?.before.negativeLogLikelihood ?? Number.NaN;
  assert.ok(Math.abs(likelihood - kept.loss) < 1e-6, `${likelihood}, not ${kept.loss}`);

  const other = join(at('other-data'));
  mkdirSync(other);
  writeSmallMnist(other, 300, 60);
  const elsewhere = await evaluateRun(at('1 threads'), { ...options, data: other });
  assert.equal(elsewhere.score.count, 60);
  assert.equal(elsewhere.calibration?.temperature, temperature, 'fitted to the validation part of the run');
  copyFileSync(path, at('alone.safetensors'));
  const alone = await evaluateRun(at('alone.safetensors'), { ...options, data });
  const { source, folder: none, temperature: one } = alone.calibration ?? {};
  assert.deepEqual([source, none, one], ['none', null, 1]);
});

/** The parts on which the best state was scored at the end. */
function scoredParts({ events }: Awaited<ReturnType<typeof train>>): Set<string | undefined> {
  return new Set(
    events.flatMap((event) => (event.type === 'progress' && event.phase === 'evaluate' ? [event.part] : [])),
  );
}

test('the validation that chose the best epoch is not repeated, except after a resumption', async () => {
  const config = smallConfig(data, at('chosen'), { numEpochs: 2 });
  const whole = await train(config);
  assert.deepEqual([...scoredParts(whole)], ['train', 'test']);
  const again = await train({ ...config, loadCp: join(config.savingPath, 'last.safetensors') });
  assert.deepEqual([...scoredParts(again)], ['train', 'validation', 'test']);
  assert.deepEqual(lastOf(again).summary.validationScore, lastOf(whole).summary.validationScore);
});
