/**
 * The recognition worker, so that the pen never waits. Fetches the WASM kernels that lie beside it, and uses the GPU
 * where the browser offers one.
 */
import { openBackend } from 'scanstroke';
import { answerRequests } from './answer-requests.js';
import { GpuRecognition } from './gpu-recognition.js';

answerRequests({
  backend: openBackend('wasm'),
  gpu: new GpuRecognition(() => openBackend('webgpu')),
  async read(request, recognizer) {
    try {
      const { readDrawing } = await import('./read-drawing.js');
      return { type: 'read', reading: await readDrawing(recognizer(), request), error: null };
    } catch (error) {
      return { type: 'read', reading: null, error: error instanceof Error ? error.message : String(error) };
    }
  },
});
