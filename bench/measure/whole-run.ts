/** A whole benchmark run: measures all contenders of every workload, and the memory of a training update. */
import { openContenders, openYardsticks, type Scope } from './contenders.js';
import { alternate, type Measurement } from './measurement.js';
import { type Memory, measureMemory } from './memory-measurement.js';
import type { Workload } from './workload.js';

/** The memory of this workload is also measured with a large batch, which must not increase it. */
const LARGE = { workload: 'mnist-lstm', batchSize: 8192 };

/** @param rounds rounds of all workloads; null: the default of each workload */
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
    const opened = await openContenders(workload, scope);
    const contenders = [
      ...yardsticks.list.map((contender) => ({ ...contender, workload: name })),
      ...opened.list,
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
    if (opened.pytorch) {
      const megabytes = await opened.pytorch.askNumber({ ask: 'memory' }, 'megabytes');
      memory.push({ ...subject, party: 'pytorch', megabytes });
    }
    await opened.close();
  }
  await yardsticks.close();
  return { measurements, memory };
}
