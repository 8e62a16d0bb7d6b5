/** A whole benchmark run: measures all contenders of every workload, and the memory of a training update. */
import { type OurBackend, openContenders, openYardsticks, type Scope } from './contenders.js';
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
    const addMemory = (party: OurBackend, precision: 'float32' | 'mixed', batchSize: number) =>
      memory.push(measureMemory({ workload: name, party, precision, threads, batchSize }));
    if (scope.backends.includes('cpu')) {
      addMemory('cpu', 'float32', batchSize);
      if (name === LARGE.workload) addMemory('cpu', 'float32', LARGE.batchSize);
      addMemory('cpu', 'mixed', batchSize);
    }
    if (scope.backends.includes('wasm')) addMemory('wasm', 'float32', smallBatch?.wasm ?? batchSize);
    if (opened.pytorch) {
      const megabytes = await opened.pytorch.askNumber({ ask: 'memory' }, 'megabytes');
      memory.push({ workload: name, party: 'pytorch', precision: 'float32', threads, batchSize, megabytes });
    }
    await opened.close();
  }
  await yardsticks.close();
  return { measurements, memory };
}
