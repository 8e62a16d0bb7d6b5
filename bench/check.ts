/**
 * `npm run bench:check`: fails if a training update has lost more than 15 % of its share of the yardstick's rate in the
 * same run. The yardstick is the limit of 128-bit SIMD on wasm, and on cpu the matrix product of OpenBLAS, or ours if
 * OpenBLAS is not installed. A share that seems lost is measured again, up to three times, to rule out noise.
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
  type Verdict,
} from './measure/regression.js';
import { shareOf } from './measure/results.js';
import { WORKLOADS, type Workload } from './measure/workload.js';
import { Peers } from './peers/peers.js';
import { markdown, NOTHING } from './report/table.js';

const file = fileURLToPath(new URL('../../bench/baseline.json', import.meta.url));

/** The yardsticks of each backend, the preferred one first. */
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

/** The share of every update. @param ofEach of each measured yardstick, not only of the preferred one */
function sharesOf(measurements: Measurement[], ofEach: boolean): Shares {
  const shares = BACKENDS.flatMap((party) =>
    measurements
      .filter((entry) => entry.party === party && entry.activity === 'update')
      .flatMap((update) => {
        const found = YARDSTICKS[party].flatMap(([name, yardstick]): [string, number][] => {
          const share = shareOf(measurements, update, yardstick);
          return share === null
            ? []
            : [[`${update.workload} on ${party}, of ${name}`, Number(share.toFixed(3))]];
        });
        return ofEach ? found : found.slice(0, 1);
      }),
  );
  return Object.fromEntries(shares);
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
    const measured = sharesOf(await measure(workloads, scope, rounds), false);
    shares = best(shares, measured);
    const lost = judge(shares, baseline.shares).filter(({ failed }) => failed);
    workloads = WORKLOADS.filter((workload) =>
      lost.some(({ name }) => name.startsWith(`${workload.name} on`)),
    );
  }
  return judge(shares, baseline.shares);
}

/** Prints measured and committed shares. @returns whether all shares have held */
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
    console.log(
      `\nThe committed shares were measured with ${baseline.threads} threads on ${baseline.processor}.`,
    );
  }
}

await failForUsers(main);
