/** Turns the table of options into commander's flags and their help texts. */
import { type Command, Option as Flag, InvalidArgumentError } from 'commander';
import { formatNumber } from '../../report/text.js';
import { flagName, type Option } from '../../train/config/option.js';
import { OPTION_GROUPS, OPTIONS, type OptionKey, optionNamed } from '../../train/config/options.js';

/** Groups of the help for flags that are not in the table: `--config`, `--json`, `--help`. */
export const RUN_GROUP = `${OPTION_GROUPS[0].title}:`;
export const OUTPUT_GROUP = `${OPTION_GROUPS[OPTION_GROUPS.length - 1].title}:`;

/** Adds a flag for every option of the table, in groups. A flag that is not given has no value. */
export function addOptionFlags(command: Command): void {
  for (const { title, keys } of OPTION_GROUPS) {
    for (const key of keys) {
      const option = OPTIONS[key];
      const group = `${title}:`;
      command.addOption(optionFlag(key).helpGroup(group));
      if (option.type === 'switch') {
        command.addOption(new Flag(`--no-${flagName(key)}`).hideHelp());
      }
    }
  }
}

/**
 * The flag of one option, with the same help text in every command.
 *
 * @param value the default that the help shows
 */
export function optionFlag(key: OptionKey, value = OPTIONS[key].default): Flag {
  return new Flag(term(key, OPTIONS[key]), describe(OPTIONS[key], value));
}

/** A flag that takes a whole number and refuses anything else. */
export function wholeNumber(
  flags: string,
  description: string,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): Flag {
  return new Flag(flags, description).argParser((text) => {
    const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`expected a whole number ${range}`);
  });
}

/** The spelling of a flag in the help: `--[no-]nesterov` for a switch. */
export function helpTerm(flag: Flag): string {
  return flag.flags.replace(/^--(\S+) \[true\]$/, '--[no-]$1');
}

function term(key: OptionKey, option: Option): string {
  const name = `--${flagName(key)}`;
  switch (option.type) {
    case 'integer':
      return `${name} <n>`;
    case 'number':
    case 'fraction':
      return `${name} <x>`;
    case 'switch':
      // Takes a value too: the mnist-lstm project writes --bidirectional=True.
      return `${name} [true]`;
    case 'choice':
      return `${name} <name>`;
    case 'list':
      return `${name} <names>`;
    case 'text':
      return option.alone === undefined ? `${name} <path>` : `${name} [path]`;
  }
}

function describe(option: Option, value: unknown): string {
  const choices = option.type === 'choice' ? `: ${option.choices.join(', ')}` : '';
  return `${option.description}${choices} (default ${defaultText(option, value)})`;
}

function defaultText({ type, none }: Option, value: unknown): string {
  if (value === null) return none ?? 'none';
  const shown = type === 'fraction' && typeof value === 'number' ? quotient(value) : valueText(value);
  return none === undefined ? shown : `${shown}; none: ${none}`;
}

function valueText(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value) && value.length === 0) return 'none';
  return typeof value === 'number' ? formatNumber(value) : String(value);
}

/** `5/6` for 0.8333…; the number itself if no denominator up to 12 fits. */
function quotient(value: number): string {
  for (let divisor = 2; divisor <= 12; divisor++) {
    if (Math.round(value * divisor) / divisor === value) return `${Math.round(value * divisor)}/${divisor}`;
  }
  return formatNumber(value);
}

/**
 * Translates flags in the spelling of the mnist-lstm project (`--dropout_rate=0.2`, `--freq_output__train 10`) into
 * ours. All other arguments stay as they are.
 */
export function normalizeSpelling(args: readonly string[]): string[] {
  return args.map((argument) => {
    const [, no = '', spelling, rest = ''] = /^--(no_)?(\w+)(=.*)?$/s.exec(argument) ?? [];
    const key = spelling ? optionNamed(spelling) : undefined;
    return key === undefined ? argument : `--${no && 'no-'}${flagName(key)}${rest}`;
  });
}
