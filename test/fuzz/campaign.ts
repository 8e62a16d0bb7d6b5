/**
 * A campaign: so many inputs, spread over the targets by their shares, run by several children in batches. Kills,
 * crashes and findings of memory are confirmed alone in a new process; the first finding of each signature is minimised.
 */
import { minimise } from './minimise.js';
import { type Counts, emptyCounts, type Finding, signature, Tally } from './tally.js';
import { type FindingKind, type Input, isFinding, messageClass, type Outcome } from './target.js';
import { TARGETS, targetNamed } from './targets.js';
import { Watchdog } from './watchdog.js';

/** Inputs of a batch. */
const BATCH = 250;
/** Inputs of a target, also in a short campaign: fewer would be accepted or refused all. */
const LEAST = 30;
/** Killed children of one target, after which the target is given up: each costs seconds. */
const MAX_KILLS = 12;
const MINIMISE_TRIES = 1500;
const MINIMISE_MS = 60_000;
/** A finding that is killed takes seconds a try. */
const MINIMISE_KILLED_MS = 120_000;
const KILLED: readonly FindingKind[] = ['hang', 'crash', 'memory'];

export interface CampaignOptions {
  inputs: number;
  seed: number;
  /** Names of targets. */
  targets: readonly string[];
  /** Child processes. */
  children: number;
  /** Folder for temporary files. */
  folder: string;
  /** Ends after this time. */
  maxMs: number;
  /** Whether findings are made smaller. */
  minimises: boolean;
  onProgress?: (done: number, tallies: ReadonlyMap<string, Tally>) => void;
  /** Called with the first finding of each signature, minimised. */
  onFinding?: (finding: Finding, input: Input) => void;
  /** Called when a child has ended at an input that does no harm in a new process: an earlier input may be the cause. */
  onUnconfirmed?: (finding: Finding) => void;
}

interface Batch {
  target: string;
  from: number;
  end: number;
}

/** @returns the counts by target */
export async function runCampaign(options: CampaignOptions): Promise<ReadonlyMap<string, Tally>> {
  const tallies = new Map(options.targets.map((name) => [name, new Tally()]));
  const batches = batchesOf(options);
  const until = performance.now() + options.maxMs;
  let done = 0;
  const work = async () => {
    const watchdog = new Watchdog(options.folder);
    try {
      for (let batch = batches.shift(); batch && performance.now() < until; batch = batches.shift()) {
        const tally = tallies.get(batch.target);
        if (tally === undefined || kills(tally) >= MAX_KILLS) continue;
        const { seed } = options;
        await watchdog.batch({ seed, ...batch }, (counts, cpuMs) => {
          tally.cpuMs += cpuMs;
          done += add(tally, counts);
          options.onProgress?.(done, tallies);
        });
        await settle(watchdog, tally, options);
      }
    } finally {
      watchdog.close();
    }
  };
  await Promise.all(Array.from({ length: options.children }, work));
  return tallies;
}

/** Findings that a tally has not yet settled: confirmed, or minimised. */
const unsettled = new WeakMap<Tally, Finding[]>();
const settled = new WeakMap<Tally, Set<string>>();

function kills(tally: Tally): number {
  return KILLED.reduce((sum, kind) => sum + (tally.findings.get(kind)?.count ?? 0), 0);
}

/** Counts, and lays findings aside that need a second look. @returns the number of inputs */
function add(tally: Tally, counts: Counts): number {
  const before = tally.inputs;
  const waiting = unsettled.get(tally) ?? [];
  unsettled.set(tally, waiting);
  const [killed, others] = [true, false].map((wanted) =>
    counts.findings.filter(({ kind }) => KILLED.includes(kind) === wanted),
  );
  waiting.push(...killed);
  tally.add({ ...counts, findings: others });
  const known = settled.get(tally) ?? new Set();
  settled.set(tally, known);
  for (const finding of others) {
    if (known.has(signature(finding))) continue;
    known.add(signature(finding));
    waiting.push(finding);
  }
  return tally.inputs - before + killed.length;
}

async function settle(watchdog: Watchdog, tally: Tally, options: CampaignOptions): Promise<void> {
  const waiting = unsettled.get(tally) ?? [];
  for (let finding = waiting.shift(); finding; finding = waiting.shift()) {
    const { target, seed, index, kind } = finding;
    const input = await watchdog.make(target, seed, index);
    let confirmed = finding;
    if (KILLED.includes(kind)) {
      watchdog.restart();
      const outcome = await watchdog.try(target, input);
      const isAlone = isFinding(outcome);
      tally.add(isAlone ? emptyCounts() : countsOf(outcome));
      if (!isAlone) {
        options.onUnconfirmed?.(finding);
        continue;
      }
      confirmed = { ...finding, ...outcome };
      tally.addFinding(confirmed);
      const known = settled.get(tally);
      if (known?.has(signature(confirmed))) continue;
      known?.add(signature(confirmed));
    }
    options.onFinding?.(confirmed, options.minimises ? await smaller(watchdog, confirmed, input) : input);
  }
}

function countsOf(outcome: Outcome): Counts {
  const counts = emptyCounts();
  if (outcome.kind === 'accepted') counts.accepted++;
  else counts.refused[messageClass('message' in outcome ? outcome.message : '')] = 1;
  return counts;
}

/** The smallest input found that has the same signature. */
export async function smaller(watchdog: Watchdog, finding: Finding, input: Input): Promise<Input> {
  const { shape } = targetNamed(finding.target);
  const wanted = signature(finding);
  const stillFails = async (candidate: Input) => {
    const outcome = await watchdog.try(finding.target, candidate, finding.kind === 'files');
    return isFinding(outcome) && signature(outcome) === wanted;
  };
  const ms = KILLED.includes(finding.kind) ? MINIMISE_KILLED_MS : MINIMISE_MS;
  const budget = { tries: MINIMISE_TRIES, until: performance.now() + ms };
  return minimise(input, shape, stillFails, budget);
}

/** All batches, those of the targets mixed evenly. */
function batchesOf({ inputs, targets }: CampaignOptions): Batch[] {
  const chosen = TARGETS.filter(({ name }) => targets.includes(name));
  const shares = chosen.reduce((sum, { share }) => sum + share, 0);
  const batches = chosen.flatMap(({ name, share }) => {
    const count = Math.max(LEAST, Math.round((inputs * share) / shares));
    const size = Math.min(BATCH, Math.max(LEAST, Math.ceil(count / 4)));
    return Array.from({ length: Math.ceil(count / size) }, (_, n) => ({
      target: name,
      from: n * size,
      end: Math.min(count, (n + 1) * size),
      // When it is due, from 0 to 1.
      due: (n * size) / count,
    }));
  });
  return batches.sort((a, b) => a.due - b.due).map(({ target, from, end }) => ({ target, from, end }));
}
