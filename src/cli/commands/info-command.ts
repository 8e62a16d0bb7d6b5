/** `scanstroke info PATH`: shows the contents of a run folder or a checkpoint. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { kindOf } from '../../data/kinds.js';
import { snakeCase, snakeCaseKeys } from '../../formats/key-case.js';
import { printable } from '../../report/recall.js';
import { formatCount, formatScore, formatShare, otherWays, plural } from '../../report/text.js';
import type { CheckpointHeader } from '../../runs/checkpoint/checkpoint.js';
import { type EpochMetrics, RUN_FILES, type RunSummary } from '../../runs/run-folder.js';
import type { RunHolder } from '../../runs/run-lock.js';
import { colorsFor, formatTable, indent, printJson, type Terminal } from '../terminal/terminal.js';

export function defineInfo(command: Command, terminal: Terminal): void {
  command
    .argument(
      '<path>',
      'run folder, checkpoint (.safetensors), project with a network, or a network of the package: digits, digit-strokes',
    )
    .option('--json', 'print only JSON')
    .addHelpText(
      'after',
      `
Examples:
  scanstroke info runs/my-run
  scanstroke info runs/my-run/last.safetensors
  scanstroke info runs/my-run --json`,
    )
    .action((path: string, { json = false }: { json?: boolean }) => info(path, json, terminal));
}

/** The contents of a run folder, finished or not. For a single checkpoint, metrics and summary are empty. */
interface Found {
  checkpointPath: string;
  checkpoint: CheckpointHeader;
  metrics: EpochMetrics[];
  summary: RunSummary | null;
  /** The process that trains into the folder now. */
  holder: RunHolder | null;
}

/** Prints the contents of `path`. @throws UserError if `path` is neither a run folder nor a checkpoint */
export async function info(path: string, json: boolean, terminal: Terminal): Promise<void> {
  const found = await find(path);
  const tensors = listTensors(found.checkpoint);
  const total = found.checkpoint.parameters;
  if (json) {
    const { checkpoint, checkpointPath, metrics, summary, holder } = found;
    const { model, classes, temperature = null, members = null, training } = checkpoint;
    const preprocessing = storedPreprocessing(checkpoint);
    const value = {
      path,
      checkpoint: checkpointPath,
      model,
      preprocessing,
      classes,
      temperature,
      members,
      tensors,
      parameters: total,
    };
    const run = { epochs: metrics.length, summary, process: holder };
    printJson(terminal, snakeCaseKeys({ ...value, training, ...run }, path));
    return;
  }
  terminal.out.write(describe(path, found, tensors, total, terminal));
}

async function find(path: string): Promise<Found> {
  const { readCheckpointHeader } = await import('../../runs/checkpoint/checkpoint-file.js');
  const { readMetrics, readSummary } = await import('../../runs/run-files.js');
  const { runHolder } = await import('../../runs/run-lock.js');
  const { findCheckpoint } = await import('../../runs/run-path.js');
  const { folder, checkpoint } = findCheckpoint('info', path, 'look');
  const has = (name: string) => path !== checkpoint && existsSync(join(folder, name));
  return {
    checkpointPath: checkpoint,
    checkpoint: await readCheckpointHeader(checkpoint),
    metrics: has(RUN_FILES.metrics) ? await readMetrics(folder) : [],
    summary: has(RUN_FILES.summary) ? await readSummary(folder) : null,
    holder: path === checkpoint ? null : await runHolder(folder),
  };
}

/** The preprocessing in the checkpoint's own form. */
function storedPreprocessing({ preprocessing }: CheckpointHeader): Record<string, unknown> {
  return kindOf(preprocessing).writePreprocessing(preprocessing);
}

interface TensorRow {
  layer: string;
  name: string;
  shape: number[];
  parameters: number;
}

/** The parameters in the order in which the network uses them. */
function listTensors({ tensors }: CheckpointHeader): TensorRow[] {
  const rows = tensors.map(({ name, shape, count }) => ({
    order: orderOf(name),
    row: { layer: layerOf(name), name, shape, parameters: count },
  }));
  return rows.sort((a, b) => (a.order < b.order ? -1 : 1)).map(({ row }) => row);
}

/** PyTorch's names: `lstm.weight_ih_l0_reverse`. */
const LSTM_NAME = /^lstm\.(weight|bias)_(ih|hh)_l(\d+)(_reverse)?$/;

function layerOf(name: string): string {
  const match = LSTM_NAME.exec(name);
  if (!match) return name.startsWith('fc.') ? 'linear' : name.split('.')[0];
  return `LSTM ${Number(match[3]) + 1} ${match[4] ? 'backward' : 'forward'}`;
}

function orderOf(name: string): string {
  const match = LSTM_NAME.exec(name);
  if (!match) return `2 ${name.replace('weight', '0').replace('bias', '1')}`;
  const [, role, side, layer, reverse] = match;
  return `1 ${layer.padStart(4, '0')} ${reverse ? 1 : 0} ${role === 'weight' ? 0 : 1} ${side === 'ih' ? 0 : 1}`;
}

function describe(
  path: string,
  found: Found,
  tensors: TensorRow[],
  total: number,
  terminal: Terminal,
): string {
  const { bold, dim } = colorsFor(terminal.out);
  const { checkpoint, checkpointPath } = found;
  const { temperature } = checkpoint;
  const table = [
    ['layer', 'tensor', 'shape', 'parameters'],
    ...tensors.map(({ layer, name, shape, parameters }, index) => [
      layer === tensors[index - 1]?.layer ? '' : printable(layer),
      printable(name),
      shape.join(' × ') || 'scalar',
      formatCount(parameters),
    ]),
    ['total', '', '', formatCount(total)],
  ];
  const [header, ...rows] = formatTable(table, [false, false, false, true]).split('\n');
  const sections = [
    checkpointPath === path
      ? bold(printable(path))
      : `${bold(printable(path))} ${dim(printable(basename(checkpointPath)))}`,
    ...progress(found).map((line) => `  ${line}`),
    '',
    bold('Parameters'),
    indent([dim(header), ...rows.slice(0, -1), bold(rows[rows.length - 1])].join('\n')),
  ];
  for (const [title, values] of [
    ['Model', { ...checkpoint.model, ...(temperature !== undefined && { temperature }) }],
    ['Input', storedPreprocessing(checkpoint)],
    ['Training', checkpoint.training ?? {}],
  ] as const) {
    const lines = Object.entries(values).map(([key, value]) => [printable(snakeCase(key)), valueText(value)]);
    if (lines.length > 0) sections.push('', bold(title), indent(formatTable(lines)));
  }
  if (checkpoint.members !== undefined) {
    const members = checkpoint.members.map(({ name, sha256 }) => [printable(name), printable(sha256 ?? '')]);
    sections.push('', bold('Merged from'), indent(formatTable(members)));
  }
  sections.push('', bold('Classes'), `  ${checkpoint.classes.map(printable).join(', ')}`);
  return `${sections.join('\n')}\n`;
}

function progress({ metrics, summary, holder }: Found): string[] {
  const inUse = holder ? [`process ${holder.pid} trains it (on host ${holder.host})`] : [];
  if (summary) {
    const { bestEpoch, epochs } = summary;
    const validation = formatShare(summary.bestValAccuracy);
    return [
      ...inUse,
      `test accuracy ${formatScore(summary.testScore)}, ` +
        (bestEpoch > 0
          ? `best validation ${validation} in epoch ${bestEpoch} of ${epochs}`
          : `validation ${validation} after epoch ${epochs}`),
      ...otherWays(summary).map(
        ({ name, score, points }) => `${name} ${formatScore(score)}, ${points} points`,
      ),
    ];
  }
  if (metrics.length === 0) return inUse;
  const best = metrics.reduce((most, { validationAccuracy }) => Math.max(most, validationAccuracy), 0);
  const state = holder ? 'so far' : 'not finished';
  return [
    ...inUse,
    `${state}: ${plural(metrics.length, 'epoch')} done, best validation ${formatShare(best)}`,
  ];
}

/** Longer lists are shown as their number of values. */
const MAX_LISTED_VALUES = 8;

/** `accuracy 0.917, epoch 3` for an object, `none` for null. Control characters are removed: the values come from a file. */
function valueText(value: unknown): string {
  if (Array.isArray(value)) {
    if (value.length > MAX_LISTED_VALUES) return plural(value.length, 'value');
    return value.map(valueText).join(', ') || 'none';
  }
  if (value === null) return 'none';
  if (typeof value === 'object') {
    return Object.entries(value)
      .map(([key, member]) => `${printable(snakeCase(key))} ${valueText(member)}`)
      .join(', ');
  }
  return typeof value === 'number' ? String(value) : printable(String(value));
}
