/** Protects what a classifier refuses: arguments that TypeScript would not let pass, from a program in JavaScript. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type Backend,
  type GradientOptions,
  type LabelledBatch,
  openBackend,
  SequenceClassifier,
  UserError,
} from 'scanstroke';

const CONFIG = { inputSize: 2, hiddenSize: 3, numClasses: 2 };
const BATCH = { inputs: new Float32Array(12), labels: Int32Array.of(0, 1), batchSize: 2, steps: 3 };

let backend: Backend;
let model: SequenceClassifier;
before(async () => {
  backend = await openBackend();
  model = new SequenceClassifier(CONFIG, backend);
});
after(() => {
  model.close();
  backend.close();
});

/** A UserError of one line with this text. */
const says = (text: string) => (error: unknown) => {
  assert.ok(error instanceof UserError, String(error));
  assert.ok(error.message.includes(text) && !error.message.includes('\n'), `${error.message} → ${text}`);
  return true;
};

test('gradients: options of another type are refused', async () => {
  const refused: [options: object, message: string][] = [
    [{ labelSmoothing: '0.2' }, 'gradients: labelSmoothing must be in [0, 1), got "0.2"'],
    [{ labelSmoothing: 1 }, 'gradients: labelSmoothing must be in [0, 1), got 1'],
  ];
  for (const [options, message] of refused) {
    await assert.rejects(model.gradients(BATCH, options as GradientOptions), says(message));
  }
});

test('batches with a size of another type are refused', async () => {
  const refused: [change: object, message: string][] = [
    [{ batchSize: '2' }, 'batch: batchSize must be a whole number from 1, found "2"'],
  ];
  for (const [change, message] of refused) {
    await assert.rejects(model.gradients({ ...BATCH, ...change } as LabelledBatch), says(message));
  }
});
