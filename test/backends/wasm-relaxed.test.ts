/** Protects the WebAssembly backend with relaxed SIMD, which needs a flag in Node.js 20: it passes the table of cases. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { openWasm } from '#src/backends/wasm/load.js';
import { runCases } from '../cases/run.js';

setFlagsFromString('--experimental-wasm-relaxed-simd');
await runCases(() => openWasm({ relaxed: true }));

test('relaxed SIMD is used if the runtime supports it', async () => {
  assert.match((await openWasm()).description, /relaxed/);
  assert.doesNotMatch((await openWasm({ relaxed: false })).description, /relaxed/);
});
