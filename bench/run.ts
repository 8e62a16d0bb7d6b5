/** A whole run: every workload's match, and the memory of its steps. */
import { openMatch, openYardsticks, type Scope } from './match.js';
import { alternate, type Measurement } from './measurement.js';
import { type Memory, measureMemory } from './memory.js';
import type { Workload } from './workload.js';

/** Of this workload memory is also measured with a large batch, with which it must not have grown. */
const LARGE = { workload: 'mnist-lstm', batchSize: 8192 };

/** @param rounds of all workloads; their own number by default */
export async function run(
  workloads: readonly Workload[],
  scope: Scope,
  rounds: number | null,
  progress: (line: string) => void,
): Promise<{ measurements: Measurement[]; memory: Memory[] }> {
  const measurements: Measurement[] = [];
  const memory: Memory[] = [];
  const threads = Math.max(...scope.threads);
  const yardsticks = await openYardsticks(scope);
  for (const workload of workloads) {
    const { name, batchSize, smallBatch } = workload;
    progress(`${name}: opening`);
    const match = await openMatch(workload, scope);
    const contenders = [
      ...yardsticks.contenders.map((contender) => ({ ...contender, workload: name })),
      ...match.contenders,
    ];
    const report = (line: string) => progress(`${name}: ${line}`);
    measurements.push(...(await alternate(contenders, rounds ?? workload.rounds, report)));
    progress(`${name}: memory`);
    for (const party of scope.backends) {
      const own = party === 'wasm' ? (smallBatch?.wasm ?? batchSize) : batchSize;
      const subject = { workload: name, party, threads };
      memory.push(measureMemory({ ...subject, batchSize: own }));
      if (party === 'cpu' && name === LARGE.workload) memory.push(measureMemory({ ...subject, ...LARGE }));
    }
    if (match.pytorch) {
      const { megabytes } = await match.pytorch.ask({ ask: 'memory' });
      memory.push({ workload: name, party: 'pytorch', threads, batchSize, megabytes: megabytes as number });
    }
    await match.close();
  }
  await yardsticks.close();
  return { measurements, memory };
}
