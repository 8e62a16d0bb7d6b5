/** Protects words in the Teach view, in Node.js: they are read with the newest network. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as edits from '../../../web/teach/project/edits.js';
import { LiveAnswers } from '../../../web/teach/project/live-answers.js';
import { TeachWorker } from '../../../web/teach/project/teach-worker.js';
import { WordWriting } from '../../../web/teach/writing/word-writing.js';
import { FakeWorker, settled } from './fake-worker.js';

test('each better network of a training reads the word anew', async () => {
  const worker = new TeachWorker();
  const fake = FakeWorker.made.at(-1) as FakeWorker;
  const words = new WordWriting(worker);
  const answers = new LiveAnswers(worker, () => words.update(lesson, answers));
  const lesson = edits.addClass(edits.EMPTY_LESSON, { id: 'c1', name: 'ring', colour: '#000000' });
  await answers.setLesson(lesson);
  const { ink } = words.pad;
  ink.begin('mouse', 100, 100, 0.5, 0);
  ink.extend(100, 300, 0.5, 10);
  ink.extended();
  ink.end();
  // Of one training.
  const ids = new Map([['ring', 'c1']]);
  for (const reads of [1, 2]) {
    void answers.setNetwork(new Uint8Array(reads), ids);
    await fake.answer('network', ['ring']);
    await settled();
    assert.equal(fake.names.filter((name) => name === 'read').length, reads);
    await fake.answer('read', { text: '', symbols: [], leftOut: [], of: 'strokes' });
  }
});
