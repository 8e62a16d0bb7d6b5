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
    const subject = { workload: name, threads, batchSize, precision: 'float32' } as const;
    if (scope.backends.includes('cpu')) {
      const batches = name === LARGE.workload ? [batchSize, LARGE.batchSize] : [batchSize];
      for (const size of batches) memory.push(measureMemory({ ...subject, party: 'cpu', batchSize: size }));
      memory.push(measureMemory({ ...subject, party: 'cpu', precision: 'mixed' }));
    }
    if (scope.backends.includes('wasm')) {
      memory.push(measureMemory({ ...subject, party: 'wasm', batchSize: smallBatch?.wasm ?? batchSize }));
    }
    if (match.pytorch) {
      const { megabytes } = await match.pytorch.ask({ ask: 'memory' });
      memory.push({ ...subject, party: 'pytorch', megabytes: megabytes as number });
    }
    await match.close();
  }
  await yardsticks.close();
  return { measurements, memory };
}
