/** Protects the WebAssembly backend: it passes the table of cases on shared and on unshared memory. */

import { openWasm } from '#src/backends/wasm/load.js';
import { runCases } from '../cases/run.js';

await runCases(() => openWasm({ relaxed: false }));
await runCases(() => openWasm({ relaxed: false, shared: false }), { shared: false });
