/** Plugin: leaves the classes and kernels for GPUs out of the page in one file, which recognises with WebAssembly. */
import type { Plugin } from 'vite';

/** The module that classifiers on a GPU need. */
const GPU_MODEL = /\/device-model\.js$/;
const NOTHING = '\0without-gpu';

export function withoutGpu(): Plugin {
  return {
    name: 'without-gpu',
    enforce: 'pre',
    resolveId: (source) => (GPU_MODEL.test(source) ? NOTHING : null),
    load: (id) => (id === NOTHING ? 'export const DeviceModel = undefined;' : null),
  };
}
