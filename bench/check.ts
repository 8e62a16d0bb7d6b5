/**
 * `npm run bench:check`: fails where a training step has lost more than 15 % of its share of the rate of the same run's
 * yardstick. On WASM that is what 128-bit SIMD allows, on cpu OpenBLAS's matrix product or, where it is not installed,
 * ours. What seems lost is measured again before it counts: noise passes, a slower kernel stays.
 *
 *   npm run bench:check -- [--write-baseline] [--rounds N]
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { UserError } from '#src/user-error.js';
import { count, failForUsers } from './bench-flags.js';
import { describeMachine } from './machine.js';
import { BACKENDS, openSteps, openYardsticks, type Scope } from './match.js';
import { alternate, type Measurement } from './measurement.js';
import { Peers } from './peers.js';
import { type Baseline, best, judge, type Shares, type Verdict } from './regression.js';
import { shareOf } from './results.js';
import { markdown, NOTHING } from './table.js';
import { WORKLOADS, type Workload } from './workload.js';

const file = fileURLToPath(new URL('../../bench/baseline.json', import.meta.url));

/** In the order in which they are preferred. */
const YARDSTICKS = {
  cpu: [
    ['OpenBLAS', { activity: 'product', party: 'openblas' }],
    ['our product', { activity: 'product', party: 'cpu' }],
  ],
  wasm: [['128-bit SIMD', { activity: 'limit', party: 'wasm' }]],
} as const;

async function measure(
  workloads: readonly Workload[],
  scope: Scope,
  rounds: number | null,
): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  const yardsticks = await openYardsticks(scope);
  for (const workload of workloads) {
    const match = await openSteps(workload, scope);
    const steps = match.contenders.filter(({ activity }) => activity === 'step');
    const rates = yardsticks.contenders.map((contender) => ({ ...contender, workload: workload.name }));
    const progress = (line: string) => process.stderr.write(`${workload.name}: ${line}\n`);
    measurements.push(...(await alternate([...rates, ...steps], rounds ?? workload.rounds, progress)));
    await match.close();
  }
  await yardsticks.close();
  return measurements;
}

/** Every step's share of its yardstick; to be committed, of each that there is. */
function sharesOf(measurements: Measurement[], ofEach: boolean): Shares {
  const shares = BACKENDS.flatMap((party) =>
    measurements
      .filter((entry) => entry.party === party && entry.activity === 'step')
      .flatMap((step) => {
        const found = YARDSTICKS[party].flatMap(([name, yardstick]) => {
          const share = shareOf(measurements, step, yardstick);
          return share === null
            ? []
            : [[`${step.workload} on ${party}, of ${name}`, Number(share.toFixed(3))]];
        });
        return ofEach ? found : found.slice(0, 1);
      }),
  );
  return Object.fromEntries(shares) as Shares;
}

/** @throws UserError where none was committed */
function readBaseline(): Baseline {
  if (!existsSync(file)) {
    throw new UserError(
      'bench:check: there is no bench/baseline.json to compare with; ' +
        'npm run bench:check -- --write-baseline makes one, on a machine that does nothing else',
    );
  }
  return JSON.parse(readFileSync(file, 'utf8')) as Baseline;
}

function writeBaseline(baseline: Baseline): void {
  writeFileSync(file, `${JSON.stringify(baseline, null, 2)}\n`);
  console.log(`bench/baseline.json: ${Object.keys(baseline.shares).length} shares`);
}

/** The best shares of up to three measurements; only what seems lost is measured again. */
async function measureUntilSure(scope: Scope, rounds: number | null, baseline: Baseline): Promise<Verdict[]> {
  let workloads: readonly Workload[] = WORKLOADS;
  let shares: Shares = {};
  for (let attempt = 1; attempt <= 3 && workloads.length > 0; attempt++) {
    const measured = sharesOf(await measure(workloads, scope, rounds), false);
    shares = best(shares, measured);
    const lost = judge(shares, baseline.shares).filter(({ failed }) => failed);
    workloads = WORKLOADS.filter((workload) =>
      lost.some(({ name }) => name.startsWith(`${workload.name} on`)),
    );
  }
  return judge(shares, baseline.shares);
}

/** Prints both shares of everything. @returns whether none has fallen too far */
function compare(verdicts: readonly Verdict[]): boolean {
  const rows = verdicts.map(({ name, share, committed, failed }) => [
    name,
    share.toFixed(3),
    committed?.toFixed(3) ?? NOTHING,
    failed ? 'lost more than 15 %' : '',
  ]);
  console.log(markdown({ header: ['share', 'now', 'committed', ''], rows }));
  return verdicts.every(({ failed }) => !failed);
}

async function main(): Promise<void> {
  const { values: options } = parseArgs({
    options: { 'write-baseline': { type: 'boolean', default: false }, rounds: { type: 'string' } },
  });
  const rounds = options.rounds === undefined ? null : count('bench:check --rounds', options.rounds);
  const baseline = options['write-baseline'] ? null : readBaseline();
  const threads = availableParallelism();
  const peers = new Peers(['openblas']);
  const scope: Scope = { backends: BACKENDS, threads: [threads], peers };
  const { processor } = await describeMachine(BACKENDS);
  try {
    if (baseline === null) {
      const shares = sharesOf(await measure(WORKLOADS, scope, rounds), true);
      writeBaseline({ processor, threads, date: new Date().toISOString().slice(0, 10), shares });
      return;
    }
    if (!compare(await measureUntilSure(scope, rounds, baseline))) process.exitCode = 1;
  } finally {
    peers.close();
    for (const line of peers.missing.values()) console.error(line);
  }
  if (processor !== baseline.processor || threads !== baseline.threads) {
    console.log(`\nThe committed shares are of ${baseline.threads} threads of ${baseline.processor}.`);
  }
}

await failForUsers(main);
