/** The reference backend passes the table of cases like any other. */

import { openReference } from '#src/backends/reference/reference.js';
import { runCases } from '../cases/run.js';

await runCases(openReference);
