/** `scanstroke presets`: lists the presets, or prints one as a configuration file. */
import type { Command } from 'commander';
import { snakeCase } from '../../formats/key-case.js';
import { nearest } from '../../formats/nearest.js';
import { quote } from '../../formats/quotation.js';
import { adviceFor } from '../../train/config/foreign-names.js';
import { OPTION_GROUPS, OPTIONS, type TrainConfig } from '../../train/config/options.js';
import { PRESETS } from '../../train/config/presets.js';
import { UserError } from '../../user-error.js';
import { colorsFor, printJson, type Terminal } from '../terminal/terminal.js';

export function definePresets(command: Command, terminal: Terminal): void {
  command
    .argument('[name]', 'preset to print as a configuration file (default list all presets)')
    .option('--json', 'print only JSON')
    .addHelpText(
      'after',
      `
Examples:
  scanstroke presets
  scanstroke presets mnist-lstm > mine.yaml
  scanstroke train --config mine.yaml`,
    )
    .action(async (name: string | undefined, { json = false }: { json?: boolean }) => {
      if (name === undefined) listPresets(json, terminal);
      else await showPreset(name, json, terminal);
    });
}

function listPresets(json: boolean, terminal: Terminal): void {
  const presets = Object.entries(PRESETS);
  if (json) {
    printJson(
      terminal,
      presets.map(([name, { description, result }]) => ({ name, description, result })),
    );
    return;
  }
  const { bold, dim } = colorsFor(terminal.out);
  for (const [name, { description, result }] of presets) {
    terminal.out.write(`${bold(name)}\n  ${description}\n  ${dim(result)}\n\n`);
  }
  terminal.out.write(
    '`scanstroke presets NAME` prints all settings of a preset; `scanstroke train --preset NAME` trains it.\n',
  );
}

function isPreset(name: string): name is TrainConfig['preset'] {
  return Object.hasOwn(PRESETS, name);
}

async function showPreset(name: string, json: boolean, terminal: Terminal): Promise<void> {
  if (!isPreset(name)) {
    const names = Object.keys(PRESETS);
    const meant = nearest(name, names);
    const advice = adviceFor('preset', name) ?? (meant && `did you mean ${meant}?`);
    throw new UserError(
      `presets: there is no preset ${quote(name, 60)}; ${advice ?? `use one of ${names.join(', ')}`}`,
    );
  }
  const { configToDisk, resolveConfig } = await import('../../train/config/run-config.js');
  const settings = configToDisk(resolveConfig({ preset: name }));
  if (json) {
    printJson(terminal, settings);
    return;
  }
  const { stringify } = await import('yaml');
  const { description, result } = PRESETS[name];
  const lines = [`# ${description}`, `# ${result}`];
  for (const { title, keys } of OPTION_GROUPS) {
    lines.push('', `# ${title}`);
    for (const key of keys) {
      if (!(snakeCase(key) in settings)) continue;
      const value = stringify(settings[snakeCase(key)], { collectionStyle: 'flow' }).trim();
      lines.push(`${`${snakeCase(key)}: ${value}`.padEnd(34)}  # ${OPTIONS[key].description}`);
    }
  }
  terminal.out.write(`${lines.join('\n')}\n`);
}
