/**
 * Opens the engine of a run or an evaluation in Node.js, by the name of its backend. For a new training, `auto` takes
 * the GPU if there is one and it is faster for this model and batch (faster-engine.ts).
 */
import type { HostChoice } from '../../../backends/backend-names.js';
import { findGpu } from '../../../backends/webgpu/dawn/find-gpu.js';
import { UserError } from '../../../user-error.js';
import type { TrainConfig } from '../../config/options.js';
import { compareEngines, type MeasuredWork } from './faster-engine.js';
import { openHostEngine } from './host-engine.js';
import type { OpenedEngine, RunEngineOptions } from './opened-engine.js';

export interface RunEngine extends OpenedEngine {
  /** The value of `--backend` with which the run is resumed: not `auto`, if the backend was chosen by a measurement. */
  backend: TrainConfig['backend'];
}

/**
 * @param measured updates by which `auto` chooses between processor and GPU. Null: `auto` takes the processor, as for a
 * run that began there, and whose bits must not change.
 * @throws UserError when the backend cannot be opened
 */
export async function openRunEngine(
  options: RunEngineOptions,
  measured: MeasuredWork | null = null,
): Promise<RunEngine> {
  const { backend } = options;
  if (options.ranks) return { ...(await openHostEngine(options, hostBackend(backend))), backend };
  if (backend === 'webgpu') return { ...(await openGpuEngine(options)), backend };
  const host = await openHostEngine(options, backend);
  const onlyHost = backend !== 'auto' || !measured || options.precision === 'bfloat16';
  if (onlyHost || !(await findGpu())) return { ...host, backend };
  try {
    return await fasterOf(host, options, measured);
  } catch (error) {
    await host.close();
    throw error;
  }
}

/** The ranks of an MPI job compute on processors. @throws UserError for a GPU */
export function hostBackend(backend: TrainConfig['backend']): HostChoice {
  if (backend !== 'webgpu') return backend;
  throw new UserError(
    'train: the ranks of an MPI job compute on processors, not on a GPU; choose the backend cpu',
    {
      settings: ['backend'],
    },
  );
}

/** The GPU's engine is loaded where it is used. */
async function openGpuEngine(options: RunEngineOptions): Promise<OpenedEngine> {
  return (await import('./device-engine.js')).openDeviceEngine(options);
}

/** The faster engine; the other one is closed. */
async function fasterOf(
  host: OpenedEngine,
  options: RunEngineOptions,
  measured: MeasuredWork,
): Promise<RunEngine> {
  const { name } = host.engine.backend;
  const gpu = await openGpuEngine(options).catch((error: Error) => error);
  if (gpu instanceof Error) return withNotice(host, name, `backend: ${name}; ${inClause(gpu)}`);
  const device = `webgpu (${gpu.engine.backend.description})`;
  const comparison = await compareEngines(gpu, host, measured).catch((error: Error) => error);
  if (comparison instanceof Error) {
    await gpu.close();
    return withNotice(host, name, `backend: ${name}; ${device} failed: ${inClause(comparison)}`);
  }
  const { ratio, hostClosed } = comparison;
  if (hostClosed || ratio > 1) {
    await host.close();
    const speed = `${hostClosed ? 'more than ' : ''}${ratio.toFixed(1)} times as fast as ${name} here`;
    return withNotice(gpu, 'webgpu', `backend: ${device}, ${speed}`);
  }
  await gpu.close();
  return withNotice(host, name, `backend: ${name}; ${device} is ${ratio.toFixed(1)} times as fast here`);
}

function withNotice(opened: OpenedEngine, name: string, line: string): RunEngine {
  return { ...opened, notices: [...opened.notices, line], backend: name as TrainConfig['backend'] };
}

/** The first line of a message, to follow a semicolon. */
function inClause({ message }: Error): string {
  return message.split('\n')[0];
}
