/**
 * `npm run bench:check`: fails if a training update has lost more than 15 % of its share of the yardstick's rate in the
 * same run. The yardstick is what the registers allow: the limit of fused multiply-adds on cpu, of 128-bit SIMD on wasm.
 * A share that seems lost is measured again, up to three times, to rule out noise.
 *
 *   npm run bench:check -- [--write-baseline] [--rounds N]
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseJson } from '#src/formats/json.js';
import { UserError } from '#src/user-error.js';
import { count, failForUsers } from './bench-flags.js';
import { BACKENDS, openUpdates, openYardsticks, type Scope } from './measure/contenders.js';
import { describeMachine } from './measure/machine.js';
import { alternate, type Measurement } from './measure/measurement.js';
import {
  type Baseline,
  baselineSchema,
  best,
  judge,
  type Shares,
  sharesOf,
  type Verdict,
} from './measure/regression.js';
import { WORKLOADS, type Workload } from './measure/workload.js';
import { Peers } from './peers/peers.js';
import { markdown, NOTHING } from './report/table.js';

const file = fileURLToPath(new URL('../../bench/baseline.json', import.meta.url));

async function measure(
  workloads: readonly Workload[],
  scope: Scope,
  rounds: number | null,
): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  const yardsticks = await openYardsticks(scope, ['limit']);
  for (const workload of workloads) {
    const opened = await openUpdates(workload, scope);
    const updates = opened.list.filter(({ activity }) => activity === 'update');
    const rates = yardsticks.list.map((contender) => ({ ...contender, workload: workload.name }));
    const progress = (line: string) => process.stderr.write(`${workload.name}: ${line}\n`);
    measurements.push(...(await alternate([...rates, ...updates], rounds ?? workload.rounds, progress)));
    await opened.close();
  }
  await yardsticks.close();
  return measurements;
}

/** Reads bench/baseline.json. @throws UserError if there is none, or if it is damaged */
function readBaseline(): Baseline {
  if (!existsSync(file)) {
    throw new UserError(
      'bench:check: there is no bench/baseline.json to compare with; ' +
        'run npm run bench:check -- --write-baseline on an idle machine',
    );
  }
  const { success, data } = baselineSchema.safeParse(
    parseJson(readFileSync(file, 'utf8'), 'bench/baseline.json'),
  );
  if (success) return data;
  throw new UserError(
    'bench:check: bench/baseline.json is not a baseline; run npm run bench:check -- --write-baseline',
  );
}

function writeBaseline(baseline: Baseline): void {
  writeFileSync(file, `${JSON.stringify(baseline, null, 2)}\n`);
  console.log(`bench/baseline.json: ${Object.keys(baseline.shares).length} shares`);
}

/** Measures up to three times, repeats only workloads that seem slower, and keeps the best shares. */
async function measureUntilSure(scope: Scope, rounds: number | null, baseline: Baseline): Promise<Verdict[]> {
  let workloads: readonly Workload[] = WORKLOADS;
  let shares: Shares = {};
  for (let attempt = 1; attempt <= 3 && workloads.length > 0; attempt++) {
    shares = best(shares, sharesOf(await measure(workloads, scope, rounds)));
    const lost = judge(shares, baseline.shares).filter(({ failed }) => failed);
    workloads = WORKLOADS.filter((workload) =>
      lost.some(({ name }) => name.startsWith(`${workload.name} on`)),
    );
  }
  return judge(shares, baseline.shares);
}

/** Prints measured and committed shares. @returns whether all shares have held; one without a committed one has not */
function compare(verdicts: readonly Verdict[]): boolean {
  const rows = verdicts.map(({ name, share, committed, failed }) => [
    name,
    share.toFixed(3),
    committed?.toFixed(3) ?? NOTHING,
    committed === null ? 'not in bench/baseline.json' : failed ? 'lost more than 15 %' : '',
  ]);
  console.log(markdown({ header: ['share', 'now', 'committed', ''], rows }));
  if (verdicts.some(({ committed }) => committed === null)) {
    console.log('\nbench/baseline.json lacks shares; npm run bench:check -- --write-baseline renews it.');
  }
  return verdicts.every(({ failed, committed }) => !failed && committed !== null);
}

async function main(): Promise<void> {
  const { values: options } = parseArgs({
    options: { 'write-baseline': { type: 'boolean', default: false }, rounds: { type: 'string' } },
  });
  const rounds = options.rounds === undefined ? null : count('bench:check --rounds', options.rounds);
  const baseline = options['write-baseline'] ? null : readBaseline();
  const threads = availableParallelism();
  const peers = new Peers([]);
  const scope: Scope = { backends: BACKENDS, threads: [threads], peers };
  const { processor } = await describeMachine(BACKENDS);
  try {
    if (baseline === null) {
      const shares = sharesOf(await measure(WORKLOADS, scope, rounds));
      writeBaseline({ processor, threads, date: new Date().toISOString().slice(0, 10), shares });
      return;
    }
    if (!compare(await measureUntilSure(scope, rounds, baseline))) process.exitCode = 1;
  } finally {
    peers.close();
  }
  if (processor !== baseline.processor || threads !== baseline.threads) {
    console.log(
      `\nThe committed shares were measured with ${baseline.threads} threads on ${baseline.processor}.`,
    );
  }
}

await failForUsers(main);
