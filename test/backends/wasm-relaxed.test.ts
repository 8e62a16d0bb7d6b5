/** The WebAssembly backend with relaxed SIMD, which Node.js 20 has behind a flag, passes the table of cases. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { openWasm } from '#src/backends/wasm/load.js';
import { runCases } from '../cases/run.js';

setFlagsFromString('--experimental-wasm-relaxed-simd');
await runCases(() => openWasm({ relaxed: true }));

test('what the runtime offers is taken', async () => {
  assert.match((await openWasm()).description, /relaxed/);
  assert.doesNotMatch((await openWasm({ relaxed: false })).description, /relaxed/);
});
