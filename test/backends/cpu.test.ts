/** The native backend passes the table of cases with every instruction set that this processor has. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCompiler } from '#src/backends/cpu/compile-addon.js';
import { availableIsas, openCpu } from '#src/backends/cpu/cpu.js';
import { runCases } from '../cases/run.js';

/** Why there need not be native kernels, in one line; undefined where they must be built. */
function noCompiler(): string | undefined {
  if (process.env.SCANSTROKE_NO_SKIPS) return undefined;
  try {
    findCompiler();
    return undefined;
  } catch (error) {
    return `the native kernels are not tested: ${(error as Error).message}`;
  }
}

const missing = availableIsas().length > 0 ? undefined : noCompiler();
test('the native kernels are built', { skip: missing }, () => assert.notEqual(availableIsas().length, 0));
for (const isa of availableIsas()) await runCases(() => openCpu({ isa }));
