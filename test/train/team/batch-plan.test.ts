/**
 * Protects the order of additions: plans for any number of threads and ranks, and any memory, add the sums of a batch in
 * one order, and use no more buffers than those of a whole batch.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type BatchPlan, planBatch, sumsOfOthers } from '#src/train/team/batch-plan.js';
import { PASS_SIZE } from '#src/train/team/team-protocol.js';
import { BUFFER_BYTES, usefulThreads } from '#src/train/team/units.js';

/** Numbers for expressions, so that equal ones have equal numbers. */
class Expressions {
  readonly #numbers = new Map<string, number>();

  #number(name: string): number {
    const number = this.#numbers.get(name) ?? this.#numbers.size;
    this.#numbers.set(name, number);
    return number;
  }
  sum = (a: number, b: number) => this.#number(`${a} + ${b}`);

  /** What a unit's buffer holds: the chain of its sums, of sequences in `sumSize`. */
  unit(unit: number, { size, sumSize }: BatchPlan['units'], count: number): number {
    const [first, end] = [(unit * size) / sumSize, Math.ceil(Math.min(count, (unit + 1) * size) / sumSize)];
    let chain = this.#number(`sum ${first}`);
    for (let sum = first + 1; sum < end; sum++) chain = this.sum(chain, this.#number(`sum ${sum}`));
    return chain;
  }
}

interface Job {
  count: number;
  batchSize: number;
  parameters: number;
}

/** Every thread has as many units in a wave, and memory bounds the buffers as far as each thread has one. */
function checkWaves({ waves, buffers }: BatchPlan, threads: number, parameters: number): void {
  const sizes = waves.map(({ first, end }) => end - first);
  for (const size of sizes.slice(0, -1)) assert.equal(size % threads, 0);
  if (sizes.length === 1) assert.equal(buffers, sizes[0]);
  else if (sizes[0] > threads) assert.ok(4 * parameters * buffers <= BUFFER_BYTES, `${buffers} buffers`);
}

/** Carries out the plans of all ranks. @returns the expression of the batch on each rank */
function run(
  expressions: Expressions,
  { count, batchSize, parameters }: Job,
  threads: number[],
  alone: boolean,
): number[] {
  const ranks = threads.length;
  const plans = threads.map((own, rank) => {
    const shape = { batchSize, threads: own, parameters };
    const plan = planBatch(count, shape, alone ? null : { rank, ranks });
    const whole = planBatch(batchSize, shape, alone ? null : { rank, ranks });
    assert.equal(plan.buffers, whole.buffers);
    if (plan.shared && whole.shared) {
      assert.ok(sumsOfOthers(plan.shared, rank) <= sumsOfOthers(whole.shared, rank));
      assert.ok(plan.shared.sums.length <= whole.shared.sums.length);
    }
    checkWaves(whole, usefulThreads(batchSize, own), parameters);
    return plan;
  });
  const buffers = plans.map(({ units, waves, buffers: most }) => {
    const held: number[] = [];
    for (const wave of waves) {
      assert.equal(new Set(wave.buffers).size, wave.end - wave.first, 'a buffer for each unit');
      for (const [n, buffer] of wave.buffers.entries()) {
        assert.ok(buffer < most);
        held[buffer] = expressions.unit(wave.first + n, units, count);
      }
      for (const [to, from] of wave.additions) held[to] = expressions.sum(held[to], held[from]);
    }
    return held;
  });
  // The n-th sum is in a buffer of its own on each rank.
  const sums = plans[0].shared?.sums ?? [];
  const sent = sums.map(({ rank }, n) => buffers[rank][plans[rank].shared?.sums[n].buffer ?? 0]);
  return plans.map(({ sum, shared }, rank) => {
    const held = [...buffers[rank]];
    for (const [n, { buffer }] of (shared?.sums ?? []).entries()) held[buffer] = sent[n];
    for (const [to, from] of shared?.additions ?? []) held[to] = expressions.sum(held[to], held[from]);
    return held[sum];
  });
}

const whole = (most: number) => fc.integer({ min: 1, max: most });

test('all plans add the sums of a batch in one order, within the buffers of a whole batch', () => {
  const property = fc.property(
    whole(1500),
    fc.nat(),
    fc.array(whole(20), { minLength: 1, maxLength: 20 }),
    fc.integer({ min: 1000, max: 2 ** 27 }),
    (batchSize, missing, threads, parameters) => {
      const job = { count: batchSize - (missing % batchSize), batchSize, parameters };
      const expressions = new Expressions();
      const [expected] = run(expressions, { ...job, parameters: 1 }, [1], true);
      assert.deepEqual(run(expressions, job, threads.slice(0, 1), true), [expected]);
      assert.deepEqual(run(expressions, job, threads, false), Array(threads.length).fill(expected));
    },
  );
  fc.assert(property, { numRuns: 1000 });
});

test('passes are a tree of pairs, the sums of a pass a chain', () => {
  const five = planBatch(5 * PASS_SIZE, { batchSize: 512, threads: 1, parameters: 1000 }, null);
  assert.deepEqual(
    five.waves.flatMap(({ additions }) => additions),
    [
      [0, 1],
      [2, 3],
      [0, 2],
      [0, 4],
    ],
  );
  const sums = planBatch(64, { batchSize: 64, threads: 16, parameters: 1000 }, null);
  const chain = (first: number) => Array.from({ length: 7 }, (_, n) => [first, first + n + 1]);
  assert.deepEqual(
    sums.waves.flatMap(({ additions }) => additions),
    [...chain(0), ...chain(8), [0, 8]],
  );
});

test('with a power of two of ranks, each has one sum', () => {
  for (const ranks of [2, 4, 8, 16]) {
    const shape = { batchSize: 1024, threads: 1, parameters: 4_000_000 };
    assert.equal(planBatch(1024, shape, { rank: 1, ranks }).shared?.sums.length, ranks);
  }
});
