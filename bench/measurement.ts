/** What is measured, and how contenders take turns at it. */
import { setTimeout } from 'node:timers/promises';

/**
 * `product` and `limit` are the rates that the others are held against; `mixed` is a training step in mixed precision;
 * `point` advances a sequence by one step.
 */
export type Activity = 'product' | 'limit' | 'step' | 'mixed' | 'forward' | 'sample' | 'point';
export type Party = 'cpu' | 'wasm' | 'openblas' | 'pytorch' | 'onnxruntime' | 'tfjs';

/** One contender at one activity of a workload. */
export interface Subject {
  workload: string;
  activity: Activity;
  party: Party;
  threads: number;
  /** Sequences at a time. */
  batchSize: number;
  /** Of the matrix products in one operation, all threads together; 0 where it is time alone that counts. */
  flops: number;
}

export interface Measurement extends Subject {
  /** Of one operation, by round. */
  seconds: number[];
}

export interface Contender extends Subject {
  /** Performs the operation `times` times. @returns mean seconds of one */
  run(times: number): Promise<number>;
  /** Too slow for more than one round. */
  once?: boolean;
}

/** A turn lasts about so long, or one operation. */
const TURN_SECONDS = 0.15;
/** Between two turns: threads of the one before may go on waiting busily for a while. */
const PAUSE_MILLISECONDS = 20;
/** From here on the first try is the first round, and no warming up. */
const SLOW_SECONDS = 1;

/**
 * Lets all contenders run round by round, so that a processor that is slower for a while is so for all of them.
 * Each warms up first, once and then for a turn, which shows how often it fits into one.
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
  progress('first try');
  for (const turn of turns) {
    let seconds = await turn.run(1);
    turn.times = timesInATurn(seconds);
    // The first run is slow where code is compiled as it runs; a turn's worth shows how fast the others will be.
    if (turn.times > 1) seconds = await turn.run(turn.times);
    turn.times = timesInATurn(seconds);
    if (seconds > SLOW_SECONDS) turn.measurement.seconds.push(seconds);
  }
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}`);
    for (const { run, times, measurement, rounds } of turns) {
      if (measurement.seconds.length >= Math.min(round, rounds)) continue;
      await setTimeout(PAUSE_MILLISECONDS);
      measurement.seconds.push(await run(times));
    }
  }
  return turns.map(({ measurement }) => measurement);
}

function timesInATurn(seconds: number): number {
  return Math.max(1, Math.round(TURN_SECONDS / seconds));
}
