/** Protects the energy of a run: the right counters, beginning anew at their largest value, added up over interruptions. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSummary } from '#src/runs/run-files.js';
import { EnergyMeter } from '#src/train/run/energy-meter.js';
import { trainRun } from '#src/train/run/run.js';
import { smallConfig, temporaryFolder, writeSmallMnist } from '../small-mnist.js';

/** A folder of counters as the kernel's. */
function fakeCounters(...zones: [zone: string, name: string, range: number][]) {
  const folder = temporaryFolder();
  const at = (zone: string, file: string) => join(folder, zone, file);
  for (const [zone, name, range] of zones) {
    mkdirSync(join(folder, zone));
    writeFileSync(at(zone, 'name'), `${name}\n`);
    writeFileSync(at(zone, 'max_energy_range_uj'), `${range}\n`);
    writeFileSync(at(zone, 'energy_uj'), '0\n');
  }
  const set = (zone: string, microjoules: number) => writeFileSync(at(zone, 'energy_uj'), `${microjoules}\n`);
  return { folder, set, remove: (zone: string) => rmSync(at(zone, 'energy_uj')) };
}

const TWO_PACKAGES = [
  ['intel-rapl:0', 'package-0', 262_143_328_850],
  ['intel-rapl:0:0', 'core', 262_143_328_850],
  ['intel-rapl:0:1', 'dram', 65_712_999_613],
  ['intel-rapl:1', 'package-1', 262_143_328_850],
  ['intel-rapl:2', 'psys', 262_143_328_850],
  ['intel-rapl-mmio:0', 'package-0', 262_143_328_850],
] as [string, string, number][];

test('packages and memory count once; their parts, the whole machine and copies do not', () => {
  const { folder, set } = fakeCounters(...TWO_PACKAGES);
  for (const [n, [zone]] of TWO_PACKAGES.entries()) set(zone, 1_000_000 * n);
  const meter = new EnergyMeter(0, folder);
  assert.equal(meter.joules, 0);
  for (const [n, [zone]] of TWO_PACKAGES.entries()) set(zone, 1_000_000 * (n + 10 ** n));
  // package-0: 1, dram: 100, package-1: 1000
  assert.equal(meter.joules, 1101);
  meter.close();
});

test('a counter begins anew after its largest value, any number of times', () => {
  const { folder, set } = fakeCounters(['intel-rapl:0', 'package-0', 9_999_999]);
  set('intel-rapl:0', 9_000_000);
  const meter = new EnergyMeter(100, folder);
  set('intel-rapl:0', 500_000);
  assert.equal(meter.joules, 101.5);
  set('intel-rapl:0', 400_000);
  assert.equal(meter.joules, 111.4);
  meter.close();
});

test('nothing is known without counters, without the right to read them, and after they are gone', () => {
  const unknown = (before: number | null, folder: string) => {
    const meter = new EnergyMeter(before, folder);
    const { joules } = meter;
    meter.close();
    return joules;
  };
  assert.equal(unknown(0, join(temporaryFolder(), 'nothing')), null);
  assert.equal(unknown(0, fakeCounters(['intel-rapl:0', 'psys', 10]).folder), null);
  const { folder, remove } = fakeCounters(...TWO_PACKAGES);
  assert.equal(unknown(null, folder), null, 'an earlier part of the run was not measured');
  const meter = new EnergyMeter(0, folder);
  assert.equal(meter.joules, 0);
  remove('intel-rapl:1');
  assert.equal(meter.joules, null);
  meter.close();
  assert.equal(unknown(0, folder), null, 'one of two packages cannot be read');
});

test('a run adds up its energy over an interruption, and says nothing where a part is unknown', async () => {
  const data = writeSmallMnist(temporaryFolder(), 80, 10);
  const { folder, set } = fakeCounters(['intel-rapl:0', 'package-0', 262_143_328_850]);
  const run = join(temporaryFolder(), 'run');
  const config = smallConfig(data, run, { numEpochs: 2, hiddenSize: 3 });
  let microjoules = 0;
  /** Each update takes 2 J. */
  const train = async (settings: typeof config, powercap: string, updates = Number.POSITIVE_INFINITY) => {
    const stop = new AbortController();
    let done = 0;
    for await (const event of trainRun(settings, { stop: stop.signal, powercap })) {
      if (event.type !== 'progress' || event.phase !== 'train') continue;
      microjoules += 2_000_000;
      set('intel-rapl:0', microjoules);
      if (++done >= updates) stop.abort();
    }
    return done;
  };
  const last = join(run, 'last.safetensors');
  const before = await train(config, folder, 3);
  microjoules += 500_000_000; // used by others between the two processes
  set('intel-rapl:0', microjoules);
  const after = await train({ ...config, loadCp: last }, folder);
  const { energyJoules } = await readSummary(run);
  assert.equal(energyJoules, 2 * (before + after));

  await train({ ...config, numEpochs: 3, loadCp: last }, join(folder, 'nothing'));
  assert.equal((await readSummary(run)).energyJoules, null);
  await train({ ...config, numEpochs: 4, loadCp: last }, folder);
  assert.equal((await readSummary(run)).energyJoules, null);
});
