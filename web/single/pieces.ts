/** What the unpacked file holds. unpack.ts puts it into the global variable `pieces`, and main.tsx takes it from there. */
export interface Pieces {
  /** Code of the recognition worker. */
  worker: Uint8Array<ArrayBuffer>;
  /** kernels.wasm */
  kernels: Uint8Array<ArrayBuffer>;
  /** JSON: name, kind, classes and number of parameters. */
  about: Uint8Array<ArrayBuffer>;
  checkpoint: Uint8Array<ArrayBuffer>;
}

declare global {
  var pieces: Pieces;
}
