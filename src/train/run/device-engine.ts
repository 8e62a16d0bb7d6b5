/** Opens the engine of a run or an evaluation on a GPU. */
import { openBackend } from '../../backends/open-node.js';
import { partsOf } from '../../data/sources.js';
import { openGpuEngine } from '../gpu/gpu-engine.js';
import type { OpenedEngine, RunEngineOptions } from './opened-engine.js';

/** @throws UserError when there is no GPU, npm `webgpu` is missing, or the GPU has too little memory */
export async function openDeviceEngine(options: RunEngineOptions): Promise<OpenedEngine> {
  const { dataset, preprocessing, model, precision, training } = options;
  const backend = await openBackend('webgpu');
  try {
    const parts = partsOf(dataset, preprocessing);
    const engine = await openGpuEngine({ backend, model, precision, parts, training });
    const close = async () => {
      await engine.close();
      backend.close();
    };
    return { engine, notices: [], close };
  } catch (error) {
    backend.close();
    throw error;
  }
}
