/** `scanstroke train`: resolves the configuration, trains with progress output, writes the report. */
import { join } from 'node:path';
import { type Command, Option as Flag } from 'commander';
import { snakeCaseKeys } from '../../../formats/key-case.js';
import { RUN_FILES, type RunSummary } from '../../../runs/run-folder.js';
import { lockRun, type RunLock, removeDeadLock } from '../../../runs/run-lock.js';
import { removeUnusedFolder } from '../../../runs/run-path.js';
import { findLauncher } from '../../../train/mpi/launcher.js';
import type { Lead } from '../../../train/mpi/lead.js';
import type { PlacedConfig } from '../../arguments/configure.js';
import { addOptionFlags, OUTPUT_GROUP, RUN_GROUP } from '../../arguments/flags.js';
import { stopOnSignal } from '../../signals.js';
import { formatSeeds, formatSummary, seedsValue } from '../../summary.js';
import { ProgressView } from '../../terminal/progress.js';
import { colorsFor, printJson, shellQuote, type Terminal } from '../../terminal/terminal.js';
import type { TrainParts } from './train-parts.js';

/** Exit code after Ctrl-C. */
const INTERRUPTED = 130;

const HELP = `
Flags override the file, the file overrides the preset (\`scanstroke presets\` lists them).
Options that may be unset accept none: --max-norm none. Underscores are accepted: --dropout_rate=0.2.

Examples:
  scanstroke train --hidden-size 64 --num-epochs 1
  scanstroke train --preset mnist-lstm --saving-path runs/published
  scanstroke train --load-cp runs/published          continue after an interruption`;

export function defineTrain(command: Command, terminal: Terminal): void {
  command.addOption(
    new Flag('--config <file>', 'YAML or JSON file that sets any of these options').helpGroup(RUN_GROUP),
  );
  addOptionFlags(command);
  command
    .addOption(new Flag('--json', 'print only the contents of summary.json').helpGroup(OUTPUT_GROUP))
    .addHelpOption(new Flag('-h, --help', 'show this help').helpGroup(OUTPUT_GROUP))
    .addHelpText('after', HELP)
    .action(async (flags: TrainFlags) => {
      const { trainParts } = await import('./train-parts.js');
      if (!findLauncher()) {
        process.exitCode = await train(flags, terminal, trainParts);
        return;
      }
      const { trainInJob } = await import('./train-ranks.js');
      process.exitCode = await trainInJob(flags, terminal, (ranks) =>
        train(flags, terminal, trainParts, ranks),
      );
    });
}

/** Flags as commander gives them: --config, --json, and the options of the table by name. */
export interface TrainFlags {
  config?: string;
  json?: boolean;
  [option: string]: unknown;
}

/** What a run does, and what the first Ctrl-C then says. */
const STOPPING = {
  beginning: 'stopping before the first update',
  training: 'stopping after this update, then writing the checkpoint',
  scoring: 'stopping; the accuracies are computed when the run is continued',
  report: 'writing the report to its end',
};
type Phase = keyof typeof STOPPING;

/** Trains, and returns the exit code. @param ranks in an MPI job: the other ranks */
export async function train<E>(
  flags: TrainFlags,
  terminal: Terminal,
  parts: TrainParts<E>,
  ranks: Lead | null = null,
): Promise<number> {
  const { config: configPath, json = false, ...options } = flags;
  const notice = (line: string) => terminal.err.write(`${line}\n`);
  const config = await parts.configure(configPath, options, notice);
  const batchSize = config.batchSize * config.accumulationSteps;
  const view = new ProgressView(terminal.err, { ...config, batchSize });
  let phase: Phase = 'beginning';
  const signals = stopOnSignal(() => view.line(`${STOPPING[phase]}; press Ctrl-C again to exit at once`));
  const summaries: RunSummary[] = [];
  let lock: RunLock | null = null;
  try {
    lock = await lockRun(config.savingPath, { notice, stop: signals.stop });
    for (const run of await parts.seedRuns(config)) {
      if ('summary' in run) {
        await removeDeadLock(run.folder, { notice, stop: signals.stop });
        summaries.push(run.summary);
        continue;
      }
      const control: RunControl = {
        stop: signals.stop,
        ranks,
        lock: config.seeds > 1 ? null : lock,
        begun: run.begun,
        onPhase: (now) => {
          phase = now;
        },
      };
      const summary = await trainOne(run.config, view, control, parts);
      if (summary === null) return interrupted(config.savingPath, run.config.savingPath, json, terminal);
      summaries.push(summary);
    }
  } catch (error) {
    if (!signals.stop.aborted || error !== signals.stop.reason) throw error;
    view.clear();
    // The folder of several seeds is written before the data are read.
    if (config.seeds > 1 && lock) return interrupted(config.savingPath, null, json, terminal);
    return interruptedAtBeginning(json, terminal);
  } finally {
    view.clear();
    await lock?.release();
    removeUnusedFolder(config.savingPath);
    signals.release();
  }
  printEnd(config, summaries, json, terminal);
  return 0;
}

interface RunControl {
  stop: AbortSignal;
  ranks: Lead | null;
  /** The lock of the run folder; null: taken by trainOne, until the report is written. */
  lock: RunLock | null;
  /** Called when the run has begun: its options fit its data and its checkpoint. */
  begun?: () => Promise<void>;
  onPhase: (phase: Phase) => void;
}

/** Trains one run and writes its report. Returns null after an interruption. */
async function trainOne<E>(
  config: PlacedConfig,
  view: ProgressView,
  { stop, lock, ranks, begun, onPhase }: RunControl,
  { trainRun, report }: TrainParts<E>,
): Promise<RunSummary | null> {
  onPhase('beginning');
  const held = lock ?? (await lockRun(config.savingPath, { notice: (line) => view.line(line), stop }));
  try {
    const events = trainRun(config, { stop, lock: held, ranks });
    let summary: RunSummary | null = null;
    let loss = 0;
    let next = await events.next();
    for (; !next.done; next = await events.next()) {
      view.show(next.value);
      if (next.value.type === 'start') {
        onPhase('training');
        await begun?.();
      }
      if (next.value.type === 'stopped') onPhase('scoring');
      if (next.value.type === 'epoch') loss = next.value.metrics.trainLoss;
      if (next.value.type === 'done') summary = next.value.summary;
    }
    if (summary === null) return null;
    const guessing = Math.log(summary.classes.length);
    if (loss > guessing) view.line(noBetterThanGuessing(loss, guessing));
    onPhase('report');
    view.passing('drawing the charts and writing the report …');
    await held.check();
    await report(config, summary, next.value);
    view.clear();
    return summary;
  } finally {
    if (lock === null) await held.release();
  }
}

/** A training can diverge without an infinite loss. @param guessing loss of equal probabilities for all classes */
function noBetterThanGuessing(loss: number, guessing: number): string {
  return (
    `the training loss of the last epoch, ${loss.toFixed(2)}, is above that of guessing, ${guessing.toFixed(2)}; ` +
    'use a lower --learning-rate, clip gradients with --max-norm 1, or train longer'
  );
}

/** @param run the folder with the checkpoint: one of several seeds; null if none was written */
function interrupted(folder: string, run: string | null, json: boolean, { out, err }: Terminal): number {
  err.write(`continue with: npx scanstroke train --load-cp ${shellQuote(folder)}\n`);
  const checkpoint = run && join(run, RUN_FILES.last);
  if (json) printJson({ out, err }, { stopped_by: 'interrupted', folder, checkpoint });
  return INTERRUPTED;
}

function interruptedAtBeginning(json: boolean, { out, err }: Terminal): number {
  err.write('stopped before the first update; nothing was written\n');
  if (json) printJson({ out, err }, { stopped_by: 'interrupted', folder: null, checkpoint: null });
  return INTERRUPTED;
}

function printEnd(config: PlacedConfig, summaries: RunSummary[], json: boolean, terminal: Terminal): void {
  const [summary] = summaries;
  if (json) {
    const value = config.seeds > 1 ? seedsValue(summaries) : summary;
    printJson(terminal, snakeCaseKeys(value, RUN_FILES.summary));
    return;
  }
  const colors = colorsFor(terminal.out);
  const text =
    config.seeds > 1
      ? formatSeeds(summaries, config.savingPath, colors)
      : formatSummary(summary, config.savingPath, config, colors);
  terminal.out.write(text);
}
