/** Protects the limit of the benchmarks: the multiply-adds in registers are computed, and counted by their sums. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { availableIsas, openCpu } from '#src/backends/cpu/cpu.js';
import { openBackend } from '#src/backends/open-node.js';
import { limitsOf } from '#src/backends/probe.js';
import { openReference } from '#src/backends/reference/reference.js';

/** Chains × lanes of each instruction set (kernels/limit.h). */
const LANES: Record<string, number> = {
  avx512bf16: 24 * 16,
  avx512: 24 * 16,
  avx2: 12 * 8,
  bf16: 24 * 4,
  baseline: process.arch === 'arm64' ? 24 * 4 : 12 * 4,
};

for (const isa of availableIsas()) {
  test(`multiplyAdds on ${isa}: every round of every lane`, () => {
    const limits = limitsOf(openCpu({ isa }));
    for (const rounds of [0, 1, 7, 100_003]) {
      assert.equal(limits.multiplyAdds(rounds, 'float32'), rounds * LANES[isa]);
      // Two products a lane, where the set has the instruction.
      const counted = limits.multiplyAdds(rounds, 'bfloat16');
      assert.equal(counted, isa.endsWith('bf16') ? 2 * rounds * LANES[isa] : 0);
    }
  });
}

test('multiplyAdds on wasm: exact up to the largest number of rounds; others are refused', async () => {
  const limits = limitsOf(await openBackend('wasm'));
  assert.equal(limits.multiplyAdds(2 ** 23, 'float32'), 2 ** 23 * 12 * 4);
  assert.equal(limits.multiplyAdds(7, 'bfloat16'), 0);
  assert.throws(() => limits.multiplyAdds(2 ** 23 + 1, 'float32'), /at most 8388608, got 8388609/);
  assert.throws(
    () => limits.multiplyAdds(-1, 'float32'),
    /rounds must be a whole number of at least 0, got -1/,
  );
});

test('limitsOf refuses a backend without compiled kernels', () => {
  assert.throws(() => limitsOf(openReference()), /backend reference has no compiled kernels/);
});
