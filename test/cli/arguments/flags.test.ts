/** Protects the flags and the help of train: every option of the table, in groups, with its default. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Command } from 'commander';
import { helpTerm, normalizeSpelling } from '#src/cli/arguments/flags.js';
import { defineTrain } from '#src/cli/commands/train/train-command.js';
import { flagName } from '#src/train/config/option.js';
import { OPTION_GROUPS, OPTION_KEYS, OPTIONS } from '#src/train/config/options.js';
import { fakeTerminal } from '../commands/fake-run.js';

function trainCommand(): Command {
  const command = new Command('train').configureHelp({ optionTerm: helpTerm, helpWidth: 600 });
  defineTrain(command, fakeTerminal());
  return command;
}

describe('the help of train', () => {
  const help = trainCommand().helpInformation();
  it('has the groups of the table, in its order, and no other', () => {
    const titles = [...help.matchAll(/^(\S.*):$/gm)].map(([, title]) => title);
    assert.deepEqual(
      titles,
      OPTION_GROUPS.map(({ title }) => title),
    );
  });
  it('lists every option once, with its description and its default', () => {
    for (const key of OPTION_KEYS) {
      const name = flagName(key);
      const lines = help
        .split('\n')
        .filter((line) => new RegExp(`^  --(\\[no-\\])?${name}\\b(?!-)`).test(line));
      assert.equal(lines.length, 1, name);
      assert.ok(lines[0].includes(OPTIONS[key].description), name);
      assert.match(lines[0], /\(default .+\)$/, name);
    }
  });
  const lines = [
    '--hidden-size <n>         hidden units per layer and direction (default 128)',
    '--[no-]bidirectional      read each sequence forwards and backwards (default yes)',
    '--max-norm <x>            clip the norm of the gradient to x (default 1; none: no clipping)',
    '--optimizer <name>        update rule: adam, adamw, sgd (default adam)',
    '--threads <n>             number of worker threads; the result does not depend on it (default one per core)',
    '--json                    print only the contents of summary.json',
  ];
  for (const line of lines) {
    it(line, () => assert.ok(help.split('\n').includes(`  ${line}`), help));
  }
  it('shows the default share as a quotient', () => {
    assert.match(help, /--train-split .*\(default 5\/6\)/);
  });
});

describe('parsing', () => {
  const parse = (...args: string[]) => {
    const command = trainCommand().action(() => {});
    command.parse(normalizeSpelling(args), { from: 'user' });
    return command.opts();
  };
  it('returns only the given flags', () => {
    assert.deepEqual(parse(), {});
    assert.deepEqual(parse('--no-bidirectional', '--nesterov', '--load-cp', '--seeds', '3'), {
      bidirectional: false,
      nesterov: true,
      loadCp: true,
      seeds: '3',
    });
    assert.deepEqual(parse('--bidirectional=False', '--load-cp', 'runs/a'), {
      bidirectional: 'False',
      loadCp: 'runs/a',
    });
  });
  it('accepts underscores', () => {
    assert.deepEqual(
      parse('--dropout_rate=0.1', '--freq_output__train', '10', '--load_cp', '--no_bidirectional'),
      {
        dropoutRate: '0.1',
        freqOutputTrain: '10',
        loadCp: true,
        bidirectional: false,
      },
    );
  });
  it('does not change values and unknown flags', () => {
    const args = ['--tensorboard', 'a_b', '--data=x_y', '--saving_path=my_run\nx', '-x', '--'];
    assert.deepEqual(normalizeSpelling(args), [
      '--tensorboard',
      'a_b',
      '--data=x_y',
      '--saving-path=my_run\nx',
      '-x',
      '--',
    ]);
  });
});
