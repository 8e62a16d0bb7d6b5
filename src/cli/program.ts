/**
 * The program `scanstroke`: finds the command that the arguments name, runs it, and explains errors. To start fast, it
 * imports only the named command, and a command imports its computing modules only when it runs.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { flagFor } from '../train/config/foreign-names.js';
import { UserError } from '../user-error.js';
import { helpTerm, normalizeSpelling } from './arguments/flags.js';
import { explain } from './explain.js';
import type { Terminal } from './terminal/terminal.js';

interface CommandEntry {
  summary: string;
  /** Adds the flags and the action. The action sets process.exitCode if it is not 0. */
  define: (command: Command, terminal: Terminal) => Promise<void>;
}

const COMMANDS: Record<string, CommandEntry> = {
  train: {
    summary: 'train a network; writes checkpoints, charts and a report to a run folder',
    define: async (...args) => (await import('./commands/train/train-command.js')).defineTrain(...args),
  },
  sweep: {
    summary: 'train with several settings, and find the best',
    define: async (...args) => (await import('./commands/sweep-command.js')).defineSweep(...args),
  },
  evaluate: {
    summary: 'compute the accuracy and loss of a trained network',
    define: async (...args) =>
      (await import('./commands/evaluate/evaluate-command.js')).defineEvaluate(...args),
  },
  predict: {
    summary: 'classify pictures, strokes or drawings',
    define: async (...args) => (await import('./commands/predict-command.js')).definePredict(...args),
  },
  serve: {
    summary: 'start a web server: a page for drawing and for viewing runs, and an HTTP API',
    define: async (...args) => (await import('./commands/serve-command.js')).defineServe(...args),
  },
  info: {
    summary: 'show the contents of a run folder or a checkpoint',
    define: async (...args) => (await import('./commands/info-command.js')).defineInfo(...args),
  },
  import: {
    summary: 'make a run of a model that was trained with PyTorch, Keras or another tool',
    define: async (...args) => (await import('./commands/import-command.js')).defineImport(...args),
  },
  merge: {
    summary: 'make one network of several, whose logits are the mean of theirs',
    define: async (...args) => (await import('./commands/merge-command.js')).defineMerge(...args),
  },
  page: {
    summary: 'write the web page with trained networks as static files',
    define: async (...args) => (await import('./commands/page-command.js')).definePage(...args),
  },
  export: {
    summary: 'write a trained network for ONNX, PyTorch, a web page or C',
    define: async (...args) => (await import('./commands/export-command.js')).defineExport(...args),
  },
  data: {
    summary: 'make and preview pen strokes',
    define: async (...args) => (await import('./commands/data/data-command.js')).defineData(...args),
  },
  build: {
    summary: 'compile the native kernels for a machine that the package brings none for',
    define: async (...args) => (await import('./commands/build-command.js')).defineBuild(...args),
  },
  presets: {
    summary: 'list the presets, or print one as a configuration file',
    define: async (...args) => (await import('./commands/presets-command.js')).definePresets(...args),
  },
};

const EXAMPLES = `
Examples:
  scanstroke train                       train the preset quick: MNIST in under a minute
  scanstroke train --preset mnist-lstm   train the published model
  scanstroke evaluate runs/my-run        compute accuracy and confusion matrix on the test set`;

/**
 * Runs the program. The command sets process.exitCode if it ends with another code than 0 without an error.
 *
 * @param args the arguments after `scanstroke`
 * @returns 0, or the exit code of an error, which has been explained on `terminal.err`: 1 a bug in scanstroke, 2 a
 * user's mistake
 */
export async function run(args: readonly string[], terminal: Terminal): Promise<0 | 1 | 2> {
  try {
    await parse(args, terminal);
    return 0;
  } catch (error) {
    return explain(error, terminal);
  }
}

async function parse(args: readonly string[], terminal: Terminal): Promise<void> {
  const program = new Command('scanstroke')
    .description('Trains LSTM sequence classifiers on images read as sequences and on pen strokes.')
    .version(version(), '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .addHelpText('after', `${EXAMPLES}\n\n\`scanstroke COMMAND --help\` lists the options of a command.`)
    .configureHelp({
      optionTerm: helpTerm,
      // Our descriptions contain choices and defaults.
      optionDescription: ({ description }) => description,
      // Commander removes the escape codes where colours are off.
      styleTitle: (title) => `\x1b[1m${title}\x1b[22m`,
    })
    .configureOutput({ writeOut: (text) => terminal.out.write(text), writeErr: () => {} })
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
  refuseEmpty(args, named);
  try {
    await program.parseAsync(normalizeSpelling(args), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw usageError(error, program, args);
  }
}

/** No argument may be empty: a variable of the shell is not set, and a path would mean the working folder. */
function refuseEmpty(args: readonly string[], named: string | undefined): void {
  const index = args.findIndex((argument) => argument === '' || /^--[\w-]+=$/.test(argument));
  if (index < 0) return;
  const before = args[index] === '' ? (args[index - 1] ?? '') : args[index].slice(0, -1);
  const what = /^--./.test(before) ? before : 'an argument';
  throw new UserError(
    `${named && named in COMMANDS ? `${named}: ` : ''}${what} is empty; give a value, or leave it out (is a variable of the shell not set?)`,
  );
}

/** The command that the arguments name, with its parents: `data preview`. */
function commandIn(program: Command, args: readonly string[]): { command: Command; words: string[] } {
  const words: string[] = [];
  let command = program;
  for (const word of args.filter((argument) => !argument.startsWith('-'))) {
    const next = command.commands.find((each) => each.name() === word);
    if (!next) break;
    command = next;
    words.push(word);
  }
  return { command, words };
}

/** Commander's message in one line, with a suggestion. */
function usageError(error: CommanderError, program: Command, args: readonly string[]): UserError {
  const { command, words } = commandIn(program, args);
  const shownOptions = command.options.filter(({ hidden }) => !hidden);
  const flags = shownOptions.map(({ long }) => (long ?? '').replace(/^--/, ''));
  let [what, guess] = error.message.replace(/^error: /, '').split(/\n(?=\(Did)/);
  let flag = flagLike(/^unknown option '([^'=]+)/.exec(what)?.[1], flags);
  if (error.code === 'commander.missingMandatoryOptionValue') {
    // The required flag may be there under another library's name.
    const given = args.find((argument) => flagLike(argument, flags) !== undefined);
    flag = flagLike(given, flags);
    if (given !== undefined) what = `unknown option '${given}'`;
  }
  const meant = flag === undefined ? /^\(Did you mean (.*)\?\)$/.exec(guess ?? '')?.[1] : `--${flag}`;
  const help = ['scanstroke', ...words, '--help'].join(' ');
  const way = meant ? `did you mean ${meant}?` : `\`${help}\` lists what there is`;
  const shown = what.length > MAX_SHOWN ? `${what.slice(0, MAX_SHOWN)}…` : what.replace(/\.$/, '');
  return new UserError(`${words.length > 0 ? `${words.join(' ')}: ` : ''}${shown}; ${way}`);
}

/** The flag for an argument such as `--lr=1` or `-o` that is a flag of another library. */
function flagLike(argument: string | undefined, flags: readonly string[]): string | undefined {
  const name = /^--?([^=]+)/.exec(argument ?? '')?.[1].replaceAll('_', '-');
  return name === undefined || flags.includes(name) ? undefined : flagFor(name, flags);
}

/** Characters shown of commander's message, which contains the argument. */
const MAX_SHOWN = 300;

function version(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}
