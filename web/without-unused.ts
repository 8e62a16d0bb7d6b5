/**
 * Plugin: leaves out of the page in one file what it does not need: the classes and kernels for GPUs, since it recognises
 * with WebAssembly, what varies training samples, the checks of what a program gives to the library, since the page is
 * the only one, and what loads other files.
 */
import type { Plugin } from 'vite';

/** The checks that the page's modules call: each returns the value. */
const CHECKS = [
  ...['requireAtLeastZero', 'requireBackend', 'requireBytes', 'requireNumber', 'requireNumbers'],
  ...['requireOptions', 'requireSeed', 'requireSmoothing', 'requireTensors', 'requireWhole'],
];
const ARGUMENTS = `
  const unchecked = (_, value) => value;
  export { ${CHECKS.map((name) => `unchecked as ${name}`).join(', ')} };
  export const optionNames = () => [];`;

/** Modules, and what stands for them. */
const LEFT_OUT: readonly [module: RegExp, code: string][] = [
  [/\/device-model\.js$/, 'export const DeviceModel = undefined;'],
  [/\/image-augment\.js$/, 'export const AugmentedImages = undefined;'],
  [/\/stroke-augment\.js$/, 'export const AugmentedStrokes = undefined;'],
  [/\/argument\.js$/, ARGUMENTS],
  // Of Vite: what is imported late is in the same file.
  [/\/preload-helper\.js$/, 'export const __vitePreload = (load) => load();'],
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
