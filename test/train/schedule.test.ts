/** Protects learning-rate schedules: PyTorch's values, warm-up, errors. */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { createSchedule, type ScheduleConfig, UserError } from 'scanstroke';
import { warmUpFactor } from '#src/train/schedule.js';
import { type GoldenCase, goldenCases, goldenTensor, goldenTensors } from '../cases/golden-file.js';

/** Converts settings from cases.json to the API's names. */
function scheduleConfig(golden: GoldenCase): ScheduleConfig {
  const { schedule: name, lr, T_max, T_0, T_mult, eta_min, step_size, gamma } = golden;
  const { max_lr, total_steps, pct_start, div_factor, final_div_factor } = golden;
  return {
    name,
    lr,
    tMax: T_max,
    t0: T_0,
    tMult: T_mult,
    etaMin: eta_min,
    stepSize: step_size,
    gamma,
    maxLr: max_lr,
    totalSteps: total_steps,
    pctStart: pct_start,
    divFactor: div_factor,
    finalDivFactor: final_div_factor,
  } as ScheduleConfig;
}

/** One schedule of each name. */
const everyKind: ScheduleConfig[] = [
  { name: 'constant', lr: 0.1 },
  { name: 'step', lr: 0.1, stepSize: 3 },
  { name: 'cosine', lr: 0.1, tMax: 10 },
  { name: 'cosine-warm-restarts', lr: 0.1, t0: 3, tMult: 2 },
  { name: 'one-cycle', maxLr: 0.1, totalSteps: 20 },
];

suite('schedules', () => {
  for (const golden of goldenCases('schedule')) {
    test(`${golden.file}: PyTorch's values`, () => {
      const schedule = createSchedule(scheduleConfig(golden));
      const want = goldenTensor(goldenTensors(golden.file), 'lr').values;
      // PyTorch computes each rate of CosineAnnealingLR from the previous one, so its rounding errors add up. The other
      // schedules, and the cosines of C and JavaScript, differ by at most two units in the last place.
      const allowed = 4 * Number.EPSILON;
      want.forEach((rate, index) => {
        const found = schedule.at(index);
        assert.ok(Math.abs(found - rate) <= allowed * rate, `at ${index}: ${found}, PyTorch has ${rate}`);
      });
    });
  }

  // python3: CosineAnnealingLR(SGD([p], lr=0.1), T_max=5, eta_min=0.001), stepped past T_max (torch 1.13.1).
  test('cosine rises again after tMax, as in PyTorch', () => {
    const schedule = createSchedule({ name: 'cosine', lr: 0.1, tMax: 5, etaMin: 0.001 });
    const want = [0.010453658778440102, 0.03520365877844012, 0.06579634122155993, 0.09054634122155995];
    [...want, 0.10000000000000005, 0.09054634122155998].forEach((rate, n) => {
      assert.ok(Math.abs(schedule.at(6 + n) - rate) <= 1e-15, `at ${6 + n}`);
    });
  });

  // python3: OneCycleLR(SGD([p], lr=0.1), max_lr=0.1, total_steps=…, pct_start=…) (torch 1.13.1).
  test('one-cycle with no rise, only a rise, and a single update', () => {
    const rates = (totalSteps: number, pctStart: number) => {
      const schedule = createSchedule({ name: 'one-cycle', maxLr: 0.1, totalSteps, pctStart });
      return Array.from({ length: totalSteps }, (_, index) => schedule.at(index));
    };
    const close = (got: number[], want: number[]) =>
      got.forEach((rate, n) => {
        assert.ok(Math.abs(rate - want[n]) <= 1e-16 + 1e-15 * want[n], `at ${n}: ${rate}, not ${want[n]}`);
      });
    close(rates(1, 0.3), [4e-7]);
    const fall = [0.09755283560345443, 0.0904508879153485, 0.0793893450575732, 0.0654509879153485];
    close(rates(10, 0).slice(0, 4), fall);
    const rise = [0.0040000000000000036, 0.006894754202276393, 0.01522986673028906, 0.027999999999999997];
    close(rates(10, 1).slice(0, 4), rise);
    assert.equal(rates(10, 1)[9], 0.1);
    // Here PyTorch divides by zero: the rise is a single update.
    assert.equal(rates(10, 0.1)[0], 0.1);
  });

  test('one-cycle ends after totalSteps', () => {
    const schedule = createSchedule({ name: 'one-cycle', maxLr: 0.1, totalSteps: 20 });
    assert.ok(schedule.at(19) > 0);
    assert.throws(() => schedule.at(20), {
      name: 'UserError',
      message:
        'schedule one-cycle: index 20 asked for, but it ends after totalSteps = 20, at index 19; raise totalSteps',
    });
  });

  test('restarts begin where periods of any length end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), fc.integer({ min: 1, max: 4 }), (t0, tMult) => {
        const schedule = createSchedule({ name: 'cosine-warm-restarts', lr: 1, t0, tMult, etaMin: 0.1 });
        let start = 0;
        for (let period = t0; start < 5000; start += period, period *= tMult) {
          assert.equal(schedule.at(start), 1);
          assert.ok(start === 0 || schedule.at(start - 1) < 1);
        }
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  test('warm-up is a linear rise from zero to the rate of any schedule', () => {
    for (const config of everyKind) {
      const [plain, warm] = [createSchedule(config), createSchedule({ ...config, warmupSteps: 4 })];
      for (let index = 0; index < 20; index++) {
        const factor = Math.min(1, (index + 1) / 4);
        assert.equal(warm.at(index), plain.at(index) * factor, `${config.name} at ${index}`);
        assert.equal(warmUpFactor(index, 4), factor);
      }
    }
  });

  test('rates are never negative and never above the highest', () => {
    for (const config of everyKind) {
      for (let index = 0; index < 20; index++) {
        const rate = createSchedule(config).at(index);
        assert.ok(rate >= 0 && rate <= 0.1 + 1e-15, `${config.name} at ${index}: ${rate}`);
      }
    }
  });

  test('values out of range are refused with the expected and the found value', () => {
    const refused: [config: unknown, message: RegExp][] = [
      [{ name: 'linear', lr: 1 }, /unknown name "linear"; use constant, step, cosine, /],
      [{ name: 'constant', lr: -1 }, /schedule constant: lr must be a number of at least 0, got -1/],
      [{ name: 'constant', lr: '1' }, /lr must be a number of at least 0, got "1"/],
      [{ name: 'constant' }, /lr must be a number of at least 0, got nothing/],
      [{ name: 'constant', lr: 1, warmupSteps: 0.5 }, /warmupSteps must be a whole number of at least 0/],
      [
        { name: 'constant', lr: 1, warmupStep: 2 },
        /schedule constant: there is no option "warmupStep"; did you mean warmupSteps\?/,
      ],
      [{ name: 'step', lr: 1, stepSize: 0 }, /stepSize must be a whole number of at least 1, got 0/],
      [
        { name: 'step', lr: 1, stepSize: 1, gamma: Number.NaN },
        /gamma must be a number of at least 0, got NaN/,
      ],
      [{ name: 'cosine', lr: 1, tMax: 0 }, /tMax must be a whole number of at least 1, got 0/],
      [{ name: 'cosine', lr: 1, tMax: 1, etaMin: -1 }, /etaMin must be a number of at least 0, got -1/],
      [{ name: 'cosine-warm-restarts', lr: 1, t0: 2.5 }, /t0 must be a whole number of at least 1, got 2.5/],
      [
        { name: 'cosine-warm-restarts', lr: 1, t0: 2, tMult: 0 },
        /tMult must be a whole number of at least 1/,
      ],
      [{ name: 'one-cycle', maxLr: 1, totalSteps: 0 }, /totalSteps must be a whole number of at least 1/],
      [
        { name: 'one-cycle', maxLr: 1, totalSteps: 9, pctStart: 1.5 },
        /pctStart must be between 0 and 1, got 1.5/,
      ],
      [{ name: 'one-cycle', maxLr: 1, totalSteps: 9, divFactor: 0 }, /divFactor must be a number above 0/],
    ];
    for (const [config, message] of refused) {
      assert.throws(
        () => createSchedule(config as ScheduleConfig),
        (error) => error instanceof UserError && message.test(error.message),
        `${JSON.stringify(config)} → ${message}`,
      );
    }
    for (const index of [-1, 0.5, Number.NaN]) {
      assert.throws(() => createSchedule(everyKind[0]).at(index), /the index must be a whole number/);
    }
  });
});
