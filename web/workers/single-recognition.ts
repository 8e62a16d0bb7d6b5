/**
 * The recognition worker of a page in one file, which cannot fetch: the first message holds the WASM kernels. Takes the
 * build without relaxed SIMD, which gives the same bits on every machine.
 */
import { compileKernels } from '#src/backends/wasm/module.js';
import { createWasmBackend } from '#src/backends/wasm/wasm.js';
import { answerRequests } from './answer-requests.js';

const scope = self as unknown as DedicatedWorkerGlobalScope;

scope.onmessage = ({ data }: MessageEvent<Uint8Array<ArrayBuffer>>) =>
  answerRequests({ backend: openKernels(data), gpu: null });

async function openKernels(bytes: Uint8Array<ArrayBuffer>) {
  return createWasmBackend(await compileKernels(async () => bytes, { relaxed: false }));
}
