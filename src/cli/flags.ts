/** The options of a run as flags: what commander has to know of them, and what the help says. */
import { type Command, Option as Flag } from 'commander';
import { formatNumber } from '../report/text.js';
import {
  flagName,
  OPTION_GROUPS,
  OPTIONS,
  type Option,
  type OptionKey,
  optionNamed,
} from '../train/config/options.js';

/** The help's groups for what is no option of the run itself. */
export const RUN_GROUP = `${OPTION_GROUPS[0].title}:`;
export const OUTPUT_GROUP = `${OPTION_GROUPS[OPTION_GROUPS.length - 1].title}:`;

/** Adds a flag for every option of the table, in its groups. Flags that are not given have no value. */
export function addOptionFlags(command: Command): void {
  for (const { title, keys } of OPTION_GROUPS) {
    for (const key of keys) {
      const option = OPTIONS[key];
      const group = `${title}:`;
      command.addOption(optionFlag(key).helpGroup(group));
      if (option.kind === 'switch') {
        command.addOption(new Flag(`--no-${flagName(key)}`).hideHelp());
      }
    }
  }
}

/** The flag of one option, as every command that has it shows it; `value` is what it is in this command if not given. */
export function optionFlag(key: OptionKey, value = OPTIONS[key].default): Flag {
  return new Flag(term(key, OPTIONS[key]), describe({ ...OPTIONS[key], default: value }));
}

/** A flag as the help shows it. */
export function helpTerm(flag: Flag): string {
  return flag.flags.replace(/^--(\S+) \[true\]$/, '--[no-]$1');
}

function term(key: OptionKey, option: Option): string {
  const name = `--${flagName(key)}`;
  switch (option.kind) {
    case 'integer':
      return `${name} <n>`;
    case 'number':
    case 'fraction':
      return `${name} <x>`;
    case 'switch':
      // The mnist-lstm project writes --bidirectional=True.
      return `${name} [true]`;
    case 'choice':
      return `${name} <name>`;
    case 'list':
      return `${name} <names>`;
    case 'text':
      return option.alone === undefined ? `${name} <path>` : `${name} [path]`;
  }
}

function describe(option: Option): string {
  const choices = option.kind === 'choice' ? `: ${option.choices.join(', ')}` : '';
  return `${option.description}${choices} (default ${defaultText(option)})`;
}

function defaultText({ kind, default: value, none }: Option): string {
  if (value === null) return none ?? 'none';
  const shown = kind === 'fraction' ? quotient(value as number) : valueText(value);
  return none === undefined ? shown : `${shown}; none: ${none}`;
}

function valueText(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'number' ? formatNumber(value) : String(value);
}

/** `5/6`, or the number if it is no such quotient of small numbers. */
function quotient(value: number): string {
  for (let divisor = 2; divisor <= 12; divisor++) {
    if (Math.round(value * divisor) / divisor === value) return `${Math.round(value * divisor)}/${divisor}`;
  }
  return formatNumber(value);
}

/**
 * The arguments with flags in the spelling of the mnist-lstm project (`--dropout_rate=0.2`,
 * `--freq_output__train 10`) turned into ours. What is no option of a run stays as it is.
 */
export function normalizeSpelling(args: readonly string[]): string[] {
  return args.map((argument) => {
    const [, no = '', spelling, rest = ''] = /^--(no_)?(\w+)(=.*)?$/s.exec(argument) ?? [];
    const key = spelling ? optionNamed(spelling) : undefined;
    return key === undefined ? argument : `--${no && 'no-'}${flagName(key)}${rest}`;
  });
}
