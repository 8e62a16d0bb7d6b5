/** Protects the reference backend: it passes the table of cases. */

import { openReference } from '#src/backends/reference/reference.js';
import { runCases } from '../cases/run.js';

await runCases(openReference);
