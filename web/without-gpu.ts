/**
 * Plugin: leaves out of the page in one file what it does not need: the classes and kernels for GPUs, since it recognises
 * with WebAssembly, and drawings as points, whose networks `export --format html` refuses.
 */
import type { Plugin } from 'vite';

/** Modules, and what stands for them. */
const LEFT_OUT: readonly [module: RegExp, code: string][] = [
  [/\/device-model\.js$/, 'export const DeviceModel = undefined;'],
  [/\/ink\/simplify\.js$/, 'export const pointMoves = undefined;'],
];
const NOTHING = '\0left-out-';

export function withoutGpu(): Plugin {
  return {
    name: 'without-gpu',
    enforce: 'pre',
    resolveId: (source) => {
      const n = LEFT_OUT.findIndex(([module]) => module.test(source));
      return n < 0 ? null : `${NOTHING}${n}`;
    },
    load: (id) => (id.startsWith(NOTHING) ? LEFT_OUT[Number(id.slice(NOTHING.length))][1] : null),
  };
}
