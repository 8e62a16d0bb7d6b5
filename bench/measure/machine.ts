/** The machine of a measurement. */
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { openBackend } from '#src/backends/open-node.js';
import type { OurBackend } from './contenders.js';

export interface Machine {
  processor: string;
  cores: number;
  memoryGib: number;
  system: string;
  node: string;
  /** Instruction set of each backend. */
  backends: Partial<Record<OurBackend, string>>;
}

export async function describeMachine(backends: readonly OurBackend[]): Promise<Machine> {
  const described = await Promise.all(
    backends.map(async (name) => [name, (await openBackend(name)).description] as const),
  );
  return {
    processor: cpus()[0].model.trim(),
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release().split(/[-+]/)[0]}`,
    node: process.version,
    backends: Object.fromEntries(described),
  };
}

/** The machine in one line. */
export function machineWords({ processor, cores, memoryGib, system, node, backends }: Machine): string {
  const kernels = Object.entries(backends).map(([name, description]) => `${name}: ${description}`);
  return `${processor}, ${cores} cores, ${memoryGib} GiB, ${system}, Node.js ${node.slice(1)} (${kernels.join('; ')})`;
}
