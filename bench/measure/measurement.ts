/** Subjects and results of measurements, and the loop in which contenders take turns. */
import { setTimeout } from 'node:timers/promises';

/**
 * What is measured: the yardsticks `limit` (multiply-adds of float32 in registers alone), `bf16-limit` (the same of
 * bfloat16) and `product` (largest matrix product); a training `update`, also `mixed` (in mixed precision) and, by
 * PyTorch, in `tf32`; the `forward` pass of a batch; the forward pass of one `sample`; one `point`, which advances a
 * sequence by one step.
 */
export type Activity =
  | 'limit'
  | 'bf16-limit'
  | 'product'
  | 'update'
  | 'mixed'
  | 'tf32'
  | 'forward'
  | 'sample'
  | 'point';
/** Who is measured: our backends and the peers. */
export type Party = 'cpu' | 'wasm' | 'webgpu' | 'openblas' | 'pytorch' | 'onnxruntime' | 'tfjs';

/** A party, an activity and the size of the work. */
export interface Subject {
  workload: string;
  activity: Activity;
  party: Party;
  threads: number;
  /** Sequences per operation. */
  batchSize: number;
  /** Floating-point operations of the matrix products of all threads; 0 if only the time matters. */
  flops: number;
}

export interface Measurement extends Subject {
  /** Seconds per operation, one value per round. */
  seconds: number[];
}

export interface Contender extends Subject {
  /** Runs the operation `times` times. @returns mean seconds per operation */
  run(times: number): Promise<number>;
  /** Measured in one round only, because it is slow. */
  once?: boolean;
}

/** Target length of a turn. A turn has at least one operation. */
const TURN_SECONDS = 0.15;
/** Pause between two turns, because threads of the previous contender may still spin. */
const PAUSE_MS = 20;
/** For slower operations the first call is the first round, without warm-up. */
const SLOW_SECONDS = 1;

/**
 * Measures all contenders round by round, so that a temporarily slow processor affects all of them. Each contender warms
 * up first: one operation, then one turn, which determines the number of operations per turn.
 */
export async function alternate(
  contenders: readonly Contender[],
  rounds: number,
  progress: (line: string) => void = () => {},
): Promise<Measurement[]> {
  const turns = contenders.map(({ run, once, ...subject }) => ({
    run,
    times: 1,
    rounds: once ? 1 : rounds,
    measurement: { ...subject, seconds: [] as number[] },
  }));
  progress('warm-up');
  for (const turn of turns) {
    let seconds = await turn.run(1);
    turn.times = timesInATurn(seconds);
    // The first operation is slow if code is compiled just in time. A whole turn gives the real speed.
    if (turn.times > 1) seconds = await turn.run(turn.times);
    turn.times = timesInATurn(seconds);
    if (seconds > SLOW_SECONDS) turn.measurement.seconds.push(seconds);
  }
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}`);
    for (const { run, times, measurement, rounds } of turns) {
      if (measurement.seconds.length >= Math.min(round, rounds)) continue;
      await setTimeout(PAUSE_MS);
      measurement.seconds.push(await run(times));
    }
  }
  return turns.map(({ measurement }) => measurement);
}

function timesInATurn(seconds: number): number {
  return Math.max(1, Math.round(TURN_SECONDS / seconds));
}
