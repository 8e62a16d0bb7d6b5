/**
 * The limits of a GPU, measured: float32 arithmetic, bandwidth of its memory, and what a dispatch costs. No kernel of a
 * training can be faster than the first two allow.
 */
import type { GpuDevice, Prepared } from '#src/backends/webgpu/device.js';
import { type Dispatch, dispatch, kernel, read, type Slice, write } from '#src/backends/webgpu/kernel.js';
import { median } from '../measure/statistics.js';

export interface DeviceLimits {
  /** Floating-point operations a second, a fused multiply-add counted as two. */
  flops: number;
  /** Bytes a second that are read and written in turns, far more than caches hold. */
  bandwidth: number;
  /** Seconds from the start of one dispatch to the start of the next one, which waits for it. */
  dispatch: number;
  /** Seconds of the shortest command, from submitting it to knowing that it has ended. */
  roundTrip: number;
}

/** Sizes of the work. */
export interface LimitSizes {
  /** Workgroups of the arithmetic. */ groups: number;
  /** Multiply-adds of each of a thread's chains. */ chain: number;
  /** Bytes that are copied. */ bytes: number;
  /** Dispatches in a row. */ dispatches: number;
}

export const LIMIT_SIZES: LimitSizes = { groups: 4096, chain: 1024, bytes: 2 ** 28, dispatches: 1000 };
export const SMALL_LIMIT_SIZES: LimitSizes = { groups: 16, chain: 256, bytes: 2 ** 22, dispatches: 50 };

/** Target length of a turn. */
const TURN_SECONDS = 0.1;
const ROUNDS = 5;
const THREADS = 256;
/** Independent chains of a thread: enough to hide the time of a multiply-add. */
const CHAINS = 8;

/** Chains of multiply-adds in registers. The factors come from memory, so nothing can be computed in advance. */
function arithmetic(groups: number, chain: number, factors: Slice, sums: Slice): Dispatch {
  const each = (line: (n: number) => string) =>
    Array.from({ length: CHAINS }, (_, n) => line(n)).join('\n  ');
  const multiplyAdds = kernel(
    'multiply-adds',
    { factors: read('vec4f'), sums: write('vec4f') },
    `
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let factor = factors[0];
  let addend = factors[1] + vec4f(f32(id.x));
  ${each((n) => `var sum${n} = addend + ${n}.0f;`)}
  for (var step = 0u; step < ${chain}u; step++) {
    ${each((n) => `sum${n} = fma(sum${n}, factor, addend);`)}
  }
  sums[id.x] = ${Array.from({ length: CHAINS }, (_, n) => `sum${n}`).join(' + ')};
}`,
  );
  return dispatch(multiplyAdds, { factors, sums }, [groups]);
}

const COPY = kernel(
  'copy',
  { source: read('vec4f'), copy: write('vec4f') },
  `
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var n = id.x; n < arrayLength(&copy); n += groups.x * ${THREADS}u) { copy[n] = source[n]; }
}`,
);

const INCREMENT = kernel(
  'increment',
  { words: write('u32') },
  `
@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) thread: u32) { words[thread] += 1u; }`,
);

export async function measureLimits(device: GpuDevice, sizes: LimitSizes): Promise<DeviceLimits> {
  const allocated: Slice[] = [];
  const allocate = (words: number) => {
    const slice = device.allocate(words);
    allocated.push(slice);
    return slice;
  };
  try {
    const { groups, chain, dispatches } = sizes;
    const words = sizes.bytes / 4;
    const adds = await device.prepare([
      arithmetic(groups, chain, allocate(8), allocate(4 * groups * THREADS)),
    ]);
    const [source, copied] = [allocate(words), allocate(words)];
    const copy = await device.prepare([
      dispatch(COPY, { source, copy: copied }, [Math.min(65535, words / 4 / THREADS / 4)]),
    ]);
    const one = dispatch(INCREMENT, { words: allocate(THREADS) }, [1]);
    const many = await device.prepare(Array.from({ length: dispatches }, () => one));
    const single = await device.prepare([one]);
    return {
      flops: (groups * THREADS * CHAINS * 4 * 2 * chain) / (await secondsOf(device, adds)),
      bandwidth: (2 * sizes.bytes) / (await secondsOf(device, copy)),
      dispatch: (await secondsOf(device, many)) / dispatches,
      roundTrip: await secondsOfSubmit(device, [single]),
    };
  } finally {
    for (const slice of allocated) device.release(slice);
  }
}

/** Seconds of commands that are submitted many times in a row: the median of a few turns. */
export async function secondsOf(device: GpuDevice, prepared: Prepared): Promise<number> {
  await secondsOfSubmit(device, [prepared], 1); // fills caches
  const once = await secondsOfSubmit(device, [prepared], 1);
  const times = Math.max(1, Math.round(TURN_SECONDS / once));
  return (
    (await secondsOfSubmit(
      device,
      Array.from({ length: times }, () => prepared),
    )) / times
  );
}

/** Seconds from submitting to the end. @returns the median of `rounds` */
async function secondsOfSubmit(device: GpuDevice, prepared: Prepared[], rounds = ROUNDS): Promise<number> {
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    device.submit(...prepared);
    await device.idle();
    seconds.push((performance.now() - began) / 1000);
  }
  return median(seconds);
}
