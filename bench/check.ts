/**
 * `npm run bench:check`: fails where a training step has lost more than 15 % of its share of the matrix product's rate
 * of the same run. On cpu the product is OpenBLAS's, where it is installed, and our own; on WASM it is what 128-bit
 * SIMD allows, and our own. A product of ours is itself held against what is not ours.
 *
 *   npm run bench:check -- [--write-baseline] [--rounds N]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine } from './machine.js';
import { BACKENDS, openSteps, openYardsticks, type Scope } from './match.js';
import { alternate, type Measurement } from './measurement.js';
import { Peers } from './peers.js';
import { type Baseline, judge, type Shares } from './regression.js';
import { shareOf } from './results.js';
import { markdown, NOTHING } from './table.js';
import { WORKLOADS } from './workload.js';

const { values: options } = parseArgs({
  options: { 'write-baseline': { type: 'boolean', default: false }, rounds: { type: 'string' } },
});
const file = fileURLToPath(new URL('../../bench/baseline.json', import.meta.url));

const YARDSTICKS = {
  cpu: [
    ['OpenBLAS', { activity: 'product', party: 'openblas' }],
    ['our product', { activity: 'product', party: 'cpu' }],
  ],
  wasm: [
    ['128-bit SIMD', { activity: 'limit', party: 'wasm' }],
    ['our product', { activity: 'product', party: 'wasm' }],
  ],
} as const;

async function measure(scope: Scope): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  const yardsticks = await openYardsticks(scope);
  for (const workload of WORKLOADS) {
    const match = await openSteps(workload, scope);
    const steps = match.contenders.filter(({ activity }) => activity === 'step');
    const rates = yardsticks.contenders.map((contender) => ({ ...contender, workload: workload.name }));
    const rounds = options.rounds === undefined ? workload.rounds : Number(options.rounds);
    const progress = (line: string) => process.stderr.write(`${workload.name}: ${line}\n`);
    measurements.push(...(await alternate([...rates, ...steps], rounds, progress)));
    await match.close();
  }
  await yardsticks.close();
  return measurements;
}

/** Every step's and product's share of each of its yardsticks. */
function sharesOf(measurements: Measurement[]): Shares {
  const shares: Shares = {};
  for (const party of BACKENDS) {
    for (const [name, yardstick] of YARDSTICKS[party]) {
      for (const measurement of measurements.filter((entry) => entry.party === party)) {
        const { workload, activity } = measurement;
        if (activity === 'limit' || (activity === 'product' && name === 'our product')) continue;
        const share = shareOf(measurements, measurement, yardstick);
        if (share === null) continue;
        const what = activity === 'product' ? `our product beside ${workload}` : workload;
        shares[`${what} on ${party}, of ${name}`] = Number(share.toFixed(3));
      }
    }
  }
  return shares;
}

const threads = availableParallelism();
const peers = new Peers(['openblas']);
const measurements = await measure({ backends: BACKENDS, threads: [threads], peers });
peers.close();
for (const line of peers.missing.values()) console.error(line);
const shares = sharesOf(measurements);
const { processor } = await describeMachine(BACKENDS);
if (options['write-baseline']) {
  const date = new Date().toISOString().slice(0, 10);
  writeFileSync(
    file,
    `${JSON.stringify({ processor, threads, date, shares } satisfies Baseline, null, 2)}\n`,
  );
  console.log(`bench/baseline.json: ${Object.keys(shares).length} shares`);
} else {
  const baseline = JSON.parse(readFileSync(file, 'utf8')) as Baseline;
  const verdicts = judge(shares, baseline.shares);
  const rows = verdicts.map(({ name, share, committed, failed }) => [
    name,
    share.toFixed(3),
    committed?.toFixed(3) ?? NOTHING,
    failed ? 'lost more than 15 %' : '',
  ]);
  console.log(markdown({ header: ['share', 'now', 'committed', ''], rows }));
  if (processor !== baseline.processor || threads !== baseline.threads) {
    console.log(`\nThe committed shares are of ${baseline.threads} threads of ${baseline.processor}.`);
  }
  if (verdicts.some(({ failed }) => failed)) process.exitCode = 1;
}
