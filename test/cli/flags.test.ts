/** Flags and help come from the table of options: complete, in groups, with defaults. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Command } from 'commander';
import { defineTrain } from '#src/cli/commands/train-command.js';
import { helpTerm, normalizeSpelling } from '#src/cli/flags.js';
import { flagName, OPTION_GROUPS, OPTION_KEYS, OPTIONS } from '#src/train/config/options.js';
import { fakeTerminal } from './fake-run.js';

function trainCommand(): Command {
  const command = new Command('train').configureHelp({ optionTerm: helpTerm, helpWidth: 200 });
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
  it('names every option once, with what it does and its default', () => {
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
    '--hidden-size <n>         hidden units of a layer and direction (default 128)',
    '--[no-]bidirectional      read every sequence backwards too (default yes)',
    "--max-norm <x>            clip the gradient's norm to this (default 1; none: no clipping)",
    '--optimizer <name>        rule of the update: adam, adamw, sgd (default adam)',
    '--threads <n>             worker threads; the result is the same with any (default one a core)',
    '--json                    print what summary.json holds, and nothing else',
  ];
  for (const line of lines) {
    it(line, () => assert.ok(help.split('\n').includes(`  ${line}`), help));
  }
  it('shows the share as the quotient that it is', () => {
    assert.match(help, /--train-split .*\(default 5\/6\)/);
  });
});

describe('parsing', () => {
  const parse = (...args: string[]) => {
    const command = trainCommand().action(() => {});
    command.parse(normalizeSpelling(args), { from: 'user' });
    return command.opts();
  };
  it('gives only what was given', () => {
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
  it('understands underscores', () => {
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
  it('leaves values and unknown flags as they are', () => {
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
