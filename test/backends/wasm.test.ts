/** The WebAssembly backend passes the table of cases, on shared memory and on memory that is not. */

import { openWasm } from '#src/backends/wasm/load.js';
import { runCases } from '../cases/run.js';

await runCases(() => openWasm({ relaxed: false }));
await runCases(() => openWasm({ relaxed: false, shared: false }), { shared: false });
