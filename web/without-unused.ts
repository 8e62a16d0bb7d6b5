/**
 * Plugin: leaves out of the page in one file what it does not need: the classes and kernels for GPUs, since it recognises
 * with WebAssembly, and what varies training samples.
 */
import type { Plugin } from 'vite';

/** Modules, and what stands for them. */
const LEFT_OUT: readonly [module: RegExp, code: string][] = [
  [/\/device-model\.js$/, 'export const DeviceModel = undefined;'],
  [/\/image-augment\.js$/, 'export const AugmentedImages = undefined;'],
  [/\/stroke-augment\.js$/, 'export const AugmentedStrokes = undefined;'],
];
const NOTHING = '\0left-out-';

export function withoutUnused(): Plugin {
  return {
    name: 'without-unused',
    enforce: 'pre',
    resolveId: (source) => {
      const n = LEFT_OUT.findIndex(([module]) => module.test(source));
      return n < 0 ? null : `${NOTHING}${n}`;
    },
    load: (id) => (id.startsWith(NOTHING) ? LEFT_OUT[Number(id.slice(NOTHING.length))][1] : null),
  };
}
