/** The native backend passes the table of cases with every instruction set that this processor has. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { availableIsas, openCpu } from '#src/backends/cpu/cpu.js';
import { runCases } from '../cases/run.js';

test('the native kernels are built', () => assert.notEqual(availableIsas().length, 0));
for (const isa of availableIsas()) await runCases(() => openCpu({ isa }));
