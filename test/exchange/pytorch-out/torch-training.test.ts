/** Protects trainings that go on in PyTorch: the next update there is the one that scanstroke would have made. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writePytorch } from '#src/exchange/pytorch/write-pytorch.js';
import { OPTIMIZERS, STEPS, TRAINING_BATCH, trainedExample, updateOnce } from './exported-models.js';
import { NO_TORCH, runInTorch, type TorchJob, values } from './torch.js';

const UPDATES = 3;

/**
 * Gradients are sums in another order: relative errors of about 1e-6, which Adam passes on as errors of a step of length
 * lr. A step number that is off by one would change Adam's step by a tenth of lr.
 */
const ofStep = (lr: number) => 1e-4 * lr + 1e-7;

test('the optimiser’s state goes into torch.optim, and its next update is ours', {
  skip: NO_TORCH,
}, async () => {
  const jobs: TorchJob[] = [];
  const ours: {
    name: string;
    lr: number;
    parameters: Map<string, Float32Array>;
    before: Map<string, Float32Array>;
  }[] = [];
  for (const [name, config] of Object.entries(OPTIMIZERS)) {
    const { classifier, model, optimizer, settings } = await trainedExample(config, UPDATES, name);
    const before = new Map([...model.parameters].map(([key, { data }]) => [key, data]));
    await updateOnce(classifier, optimizer);
    const parameters = new Map([...(await classifier.stateDict())].map(([key, { data }]) => [key, data]));
    for (const format of ['pytorch', 'safetensors'] as const) {
      ours.push({ name: `${name}, ${format}`, lr: settings.lr, parameters, before });
      jobs.push({
        files: writePytorch(model, format, { withOptimizer: true, optimizer: settings }),
        run: 'update',
        inputs: values([TRAINING_BATCH.batchSize, STEPS, 4], TRAINING_BATCH.inputs),
        lengths: Array.from(TRAINING_BATCH.lengths ?? []),
        labels: Array.from(TRAINING_BATCH.labels),
      });
    }
  }
  for (const [n, result] of runInTorch(jobs).entries()) {
    const { name, lr, parameters, before } = ours[n];
    const theirs = result.parameters as Record<string, number[]>;
    assert.deepEqual(Object.keys(theirs).toSorted(), [...parameters.keys()].toSorted());
    let furthest = 0;
    let moved = 0;
    for (const [key, data] of parameters) {
      assert.equal(theirs[key].length, data.length);
      for (const [i, value] of data.entries()) {
        furthest = Math.max(furthest, Math.abs(value - theirs[key][i]));
        moved = Math.max(moved, Math.abs(value - (before.get(key)?.[i] ?? Number.NaN)));
      }
    }
    assert.ok(moved > 1000 * ofStep(lr), `${name}: the update moves parameters by ${moved} only`);
    assert.ok(furthest <= ofStep(lr), `${name}: parameters differ by ${furthest}`);
    assert.deepEqual(result.steps, name.startsWith('adam') ? [UPDATES + 1] : [], name);
  }
});

test('torch.optim has the settings of the run, and the checkpoint has the members of the sequential-MNIST project', {
  skip: NO_TORCH,
}, async () => {
  const jobs: TorchJob[] = [];
  for (const [name, config] of Object.entries(OPTIMIZERS)) {
    const { model, settings } = await trainedExample(config, UPDATES, name);
    const options = { withOptimizer: true, optimizer: settings, losses: [0.5, 0.25, 0.125] };
    const files = writePytorch(model, 'pytorch', options);
    const job = { files, inputs: values([1, 1, 4], [1, 2, 3, 4]), lengths: [1], labels: [0] };
    jobs.push({ ...job, run: 'update' }, { files, run: 'checkpoint' });
  }
  const results = runInTorch(jobs);
  const groups = results.filter((_, n) => n % 2 === 0).map(({ group }) => group as Record<string, unknown>);
  const [adam, adamw, momentum, nesterov, sgd] = groups;
  const pick = (group: Record<string, unknown>, ...keys: string[]) => keys.map((key) => group[key]);
  assert.deepEqual(pick(adam, 'lr', 'betas', 'eps', 'weight_decay', 'amsgrad'), [
    0.01,
    [0.8, 0.99],
    1e-6,
    0.001,
    false,
  ]);
  assert.deepEqual(pick(adamw, 'lr', 'betas', 'eps', 'weight_decay'), [0.003, [0.9, 0.999], 1e-8, 0.1]);
  const keys = ['lr', 'momentum', 'nesterov', 'weight_decay', 'dampening'];
  assert.deepEqual(pick(momentum, ...keys), [0.1, 0.9, false, 0, 0]);
  assert.deepEqual(pick(nesterov, ...keys), [0.05, 0.7, true, 0.01, 0]);
  assert.deepEqual(pick(sgd, ...keys), [0.2, 0, false, 0.02, 0]);
  const { keys: members, rest, type } = results[1];
  assert.deepEqual(members, ['epoch', 'model_state_dict', 'optimizer_state_dict', 'loss']);
  assert.deepEqual(rest, { epoch: 3, loss: [0.5, 0.25, 0.125] });
  assert.equal(type, 'OrderedDict');
});
