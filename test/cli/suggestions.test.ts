/** Protects what the command line suggests to people who know PyTorch, Keras, Lightning or Hugging Face. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { run } from '#src/cli/program.js';
import { fakeTerminal } from './commands/fake-run.js';

async function said(line: string): Promise<string> {
  const terminal = fakeTerminal();
  assert.equal(await run(line.split(' '), terminal), 2, line);
  assert.equal(terminal.out.text, '');
  assert.match(terminal.err.text, /^scanstroke: \P{C}+\n$/u);
  return terminal.err.text;
}

suite('a flag of another library', () => {
  for (const [line, flag] of [
    ['train --epochs 5', 'num-epochs'],
    ['train --epochs=5', 'num-epochs'],
    ['train --lr 1e-3', 'learning-rate'],
    ['train -lr 1e-3', 'learning-rate'],
    ['train --device cuda', 'backend'],
    ['train --gpu', 'backend'],
    ['train --resume runs/a', 'load-cp'],
    ['train --seed 3', 'seed-number'],
    ['train --out a', 'saving-path'],
    ['train --output_dir a', 'saving-path'],
    ['train --num_workers 2', 'threads'],
    ['train --clip 1', 'max-norm'],
    ['train --wd 1', 'weight-decay'],
    ['page runs/a --output site', 'out'],
    ['data preview --output a.svg', 'out'],
    ['data strokes --seed-number 1', 'seed'],
    ['serve --address 0.0.0.0', 'host'],
    ['serve --logdir runs', 'runs'],
    ['evaluate runs/a --split test', 'part'],
  ]) {
    test(line, async () => assert.match(await said(line), new RegExp(`did you mean --${flag}\\?\\n$`)));
  }
  test('is suggested only if the command has it', async () => {
    assert.match(await said('info runs/a --lr 1'), /`scanstroke info --help` lists what there is/);
    assert.match(await said('data preview --lr 1'), /`scanstroke data preview --help` lists what there is/);
  });
});

suite('a value of another library', () => {
  for (const [line, advice] of [
    ['train --head flat', /did you mean flatten\?/],
    ['train --schedule cosine-annealing', /did you mean cosine\?/],
    ['train --schedule none', /did you mean constant\?/],
    ['train --optimizer Adam', /did you mean adam\?/],
    ['train --backend gpu', /found "gpu"; did you mean webgpu\?/],
    ['train --backend CUDA', /did you mean webgpu\?/],
    ['train --backend tpu', /scanstroke computes on the processor and, with webgpu, on a GPU/],
    ['train --data stroke --saving-path build/test/none', /does not exist; did you mean strokes\?/],
    ['evaluate runs/a --backend gpu', /did you mean webgpu\?/],
    ['presets mnist', /did you mean mnist-lstm\?/],
  ] as const) {
    test(line, async () => assert.match(await said(line), advice));
  }
});

suite('an empty argument', () => {
  for (const [args, start] of [
    [['train', '--data', ''], 'train: --data is empty'],
    [['page', 'a', '--out='], 'page: --out is empty'],
    [['info', ''], 'info: an argument is empty'],
    [[''], 'an argument is empty'],
  ] as const) {
    test(JSON.stringify(args), async () => {
      const terminal = fakeTerminal();
      assert.equal(await run(args, terminal), 2);
      assert.ok(terminal.err.text.startsWith(`scanstroke: ${start}; give a value`), terminal.err.text);
    });
  }
});
