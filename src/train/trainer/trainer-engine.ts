/** Opens the engine of a trainer: a team of threads, a GPU, or the one of them that trains faster. */
import type { Backend, DeviceBackend } from '../../backends/backend.js';
import { firstIndices } from '../../data/split.js';
import type { Engine } from '../engine.js';
import { compareEngines } from '../run/engines/faster-engine.js';
import { openTeam, type TeamOptions } from '../team/team.js';
import type { StartThread } from '../team/threads/threads.js';

/** What computes. */
export interface EnginePlatform {
  /** Closed if it is not chosen, or if no engine opens. */
  backend: Backend | DeviceBackend;
  threads: number;
  startThread: StartThread;
  /** A GPU that is taken if it trains faster than `backend`; null: there is none. */
  openGpu?(): Promise<DeviceBackend | null>;
}

/** What the engine trains. */
export type EngineWork = Pick<TeamOptions, 'model' | 'parts'> & {
  training: NonNullable<TeamOptions['training']>;
};

export interface OpenedTrainerEngine {
  engine: Engine;
  /** To be closed after the engine. */
  backend: Backend | DeviceBackend;
}

/** @param trainCount sequences of part `train` */
export async function openTrainerEngine(
  platform: EnginePlatform,
  work: EngineWork,
  trainCount: number,
): Promise<OpenedTrainerEngine> {
  const { backend } = platform;
  const host = { backend, engine: await openEngine(platform, backend, work) };
  const device = backend.name === 'webgpu' ? null : await platform.openGpu?.();
  if (!device) return host;
  try {
    const engine = await openEngine(platform, device, work).catch(() => null);
    if (!engine) {
      device.close();
      return host;
    }
    return await fasterOf({ engine, backend: device }, host, {
      order: firstIndices(trainCount),
      batchSize: work.training.batchSize,
    });
  } catch (error) {
    await host.engine.close();
    throw error;
  }
}

/** The faster engine; the other one and its backend are closed. */
async function fasterOf(
  gpu: OpenedTrainerEngine,
  host: OpenedTrainerEngine,
  work: Parameters<typeof compareEngines>[2],
): Promise<OpenedTrainerEngine> {
  const comparison = await compareEngines(gpu, host, work).catch(() => null);
  // A GPU that fails here is as one that is missing.
  const gpuIsFaster = comparison !== null && (comparison.hostClosed || comparison.ratio > 1);
  const other = gpuIsFaster ? host : gpu;
  if (!comparison?.hostClosed) await other.engine.close();
  other.backend.close();
  return gpuIsFaster ? gpu : host;
}

/** A GPU's engine is loaded where it is used. */
async function openEngine(
  { threads, startThread }: EnginePlatform,
  backend: Backend | DeviceBackend,
  work: EngineWork,
): Promise<Engine> {
  if (backend.name !== 'webgpu') return openTeam({ backend, threads, startThread, ...work });
  return (await import('../gpu/gpu-engine.js')).openGpuEngine({ backend, ...work });
}
