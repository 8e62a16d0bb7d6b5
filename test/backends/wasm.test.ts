/** The WebAssembly backend passes the table of cases. */

import { openWasm } from '#src/backends/wasm/load.js';
import { runCases } from '../cases/run.js';

await runCases(openWasm);
