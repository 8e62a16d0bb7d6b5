#!/usr/bin/env node
/**
 * The command line. It loads only the command that was named, and a command loads what it computes with only when
 * it runs, so that help comes at once. Exit codes: 0 done, 1 a defect of scanstroke, 2 a mistake that the user can
 * mend, 130 interrupted.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { UserError } from '../user-error.js';
import { helpTerm, normalizeSpelling } from './flags.js';
import type { Terminal } from './terminal.js';

interface CommandEntry {
  summary: string;
  /** Adds the command's flags and its action, which sets process.exitCode if it is not 0. */
  define: (command: Command, terminal: Terminal) => Promise<void>;
}

const COMMANDS: Record<string, CommandEntry> = {
  train: {
    summary: 'train a network and leave a run folder: checkpoints, charts, a report',
    define: async (...args) => (await import('./commands/train-command.js')).defineTrain(...args),
  },
  evaluate: {
    summary: 'measure a trained network on samples',
    define: async (...args) => (await import('./commands/evaluate-command.js')).defineEvaluate(...args),
  },
  predict: {
    summary: 'say what pictures, strokes or drawings show',
    define: async (...args) => (await import('./commands/predict-command.js')).definePredict(...args),
  },
  serve: {
    summary: 'open the page to draw on and to look at runs, and an interface for programs',
    define: async (...args) => (await import('./commands/serve-command.js')).defineServe(...args),
  },
  info: {
    summary: 'show what is in a run folder or a checkpoint',
    define: async (...args) => (await import('./commands/info-command.js')).defineInfo(...args),
  },
  page: {
    summary: 'write the page with trained networks as static files',
    define: async (...args) => (await import('./commands/page-command.js')).definePage(...args),
  },
  data: {
    summary: 'make pen strokes from images, and look at them',
    define: async (...args) => (await import('./commands/data-command.js')).defineData(...args),
  },
  build: {
    summary: 'compile the native kernels for a machine that the package brings none for',
    define: async (...args) => (await import('./commands/build-command.js')).defineBuild(...args),
  },
  presets: {
    summary: 'list the presets, or show one as a configuration file',
    define: async (...args) => (await import('./commands/presets-command.js')).definePresets(...args),
  },
};

const EXAMPLES = `
Examples:
  scanstroke train                       the quick preset: MNIST in under a minute
  scanstroke train --preset mnist-lstm   the published model
  scanstroke evaluate runs/my-run        its accuracy and confusions on the test set`;

async function main(args: readonly string[], terminal: Terminal): Promise<void> {
  const program = new Command('scanstroke')
    .description('Trains LSTM sequence classifiers on images read as sequences and on pen strokes.')
    .version(version(), '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .addHelpText('after', `${EXAMPLES}\n\n\`scanstroke COMMAND --help\` lists the options of a command.`)
    .configureHelp({
      optionTerm: helpTerm,
      // Descriptions say choices and defaults themselves.
      optionDescription: ({ description }) => description,
      // Commander takes this out again where there are no colours.
      styleTitle: (title) => `\x1b[1m${title}\x1b[22m`,
    })
    .configureOutput({ writeErr: () => {} })
    .exitOverride();

  const named = args.find((argument) => !argument.startsWith('-'));
  for (const [name, { summary, define }] of Object.entries(COMMANDS)) {
    const command = program.command(name).description(summary).helpOption('-h, --help', 'show this help');
    if (name === named) await define(command, terminal);
  }

  if (args.length === 0) {
    program.outputHelp();
    return;
  }
  try {
    await program.parseAsync(normalizeSpelling(args), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw usageError(error, named);
  }
}

/** Commander's message in one line, with a way out. */
function usageError(error: CommanderError, named: string | undefined): UserError {
  const command = named !== undefined && named in COMMANDS ? named : undefined;
  const [what, meant] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = /^\(Did you mean (.*)\?\)$/.exec(meant ?? '')?.[1];
  const help = ['scanstroke', command, '--help'].filter(Boolean).join(' ');
  const way = suggestion ? `did you mean ${suggestion}?` : `\`${help}\` says what there is`;
  return new UserError(`${command ? `${command}: ` : ''}${what.replace(/\.$/, '')}; ${way}`);
}

function version(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}

/** Says what went wrong and answers with the exit code. */
function explain(error: unknown, terminal: Terminal): number {
  if (error instanceof UserError) {
    terminal.err.write(`scanstroke: ${error.message.replace(/\s*\n\s*/g, ' ')}\n`);
    return 2;
  }
  const stack = error instanceof Error ? error.stack : String(error);
  terminal.err.write(`scanstroke: this is a defect of scanstroke, please report it\n${stack}\n`);
  return 1;
}

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever read our output has gone (`scanstroke … | head`); what we do does not depend on it.
    if (error.code !== 'EPIPE') throw error;
  });
}

const terminal: Terminal = { out: process.stdout, err: process.stderr };
main(process.argv.slice(2), terminal).catch((error: unknown) => {
  process.exitCode = explain(error, terminal);
});
