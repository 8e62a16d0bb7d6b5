/** Opens the engine of a run or an evaluation on a GPU. */
import { availableParallelism } from 'node:os';
import { openBackend } from '../../../backends/open-node.js';
import { BackendUnavailable } from '../../../backends/registry.js';
import { partsOf } from '../../../data/sources.js';
import { UserError } from '../../../user-error.js';
import { readInThreads } from '../../gpu/data/reading-threads.js';
import { openGpuEngine } from '../../gpu/gpu-engine.js';
import type { OpenedEngine, RunEngineOptions } from './opened-engine.js';

/** @throws UserError when there is no GPU, npm `webgpu` is missing, or the GPU has too little memory */
export async function openDeviceEngine(options: RunEngineOptions): Promise<OpenedEngine> {
  const { dataset, preprocessing, model, precision: wanted = 'float32', training } = options;
  const precision = wanted === 'mixed' ? 'float16' : wanted;
  if (precision === 'bfloat16' || (precision === 'float16' && !training)) {
    const can = training ? 'float16 and float32' : 'float32';
    throw new UserError(
      `backend webgpu: computes in ${can}, not in ${precision}; choose another precision, or the backend cpu`,
      { settings: ['precision', 'backend'] },
    );
  }
  const backend = await openBackend('webgpu').catch((error: Error) => {
    throw error instanceof BackendUnavailable ? orOnHost(error) : error;
  });
  try {
    const parts = partsOf(dataset, preprocessing);
    const startReader = readInThreads(options.threads ?? availableParallelism());
    const engine = await openGpuEngine({ backend, model, precision, parts, training, startReader });
    const close = async () => {
      await engine.close();
      backend.close();
    };
    return { engine, precision, notices: [], close };
  } catch (error) {
    backend.close();
    throw error;
  }
}

function orOnHost({ message }: BackendUnavailable): UserError {
  return new UserError(`${message}; or compute on the processor, with the backend auto`, {
    settings: ['backend'],
  });
}
