/** Protects the native backend: it passes the table of cases on every instruction set that this processor supports. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCompiler } from '#src/backends/cpu/compile-addon.js';
import { availableIsas, openCpu } from '#src/backends/cpu/cpu.js';
import { runCases } from '../cases/run.js';

/** The reason to skip these tests, in one line; undefined if a compiler runs, so that the kernels must be built. */
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
