// A program that uses the package. package.test.ts type-checks, runs and bundles it.
import { createOptimizer, openBackend, openTrainer, SequenceClassifier, type StateDict } from 'scanstroke';

const config = { inputSize: 2, hiddenSize: 16, numClasses: 2, head: 'last' } as const;
const backend = await openBackend('auto');
const model = new SequenceClassifier(config, backend, { seed: 1 });
const optimizer = createOptimizer({ name: 'adam', lr: 0.01 });
const batch = {
  inputs: Float32Array.of(1, 0, 0, 1, 1, 1, 0, 1, 1, 0, 0, 0),
  batchSize: 2,
  steps: 3,
  lengths: Int32Array.of(3, 2),
  labels: Int32Array.of(0, 1),
};
const losses: number[] = [];
for (let step = 0; step < 20; step++) {
  const { loss, gradients } = await model.gradients(batch);
  const parameters: StateDict = await model.stateDict();
  await optimizer.step(parameters, gradients);
  await model.loadStateDict(parameters);
  losses.push(loss);
}
const trainer = await openTrainer(config, batch, { optimizer: { name: 'sgd', lr: 0.1 }, batchSize: 2 });
const { loss } = await trainer.epoch();
await trainer.close();
console.log(JSON.stringify({ backend: backend.name, losses, loss }));
