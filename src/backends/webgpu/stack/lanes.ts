/**
 * How the threads of a workgroup exchange partial sums and gates: by shuffles within a subgroup, or through workgroup
 * memory where the subgroups of the device are smaller than the group of threads, or their size varies.
 *
 * A group is 4 or 16 neighbouring threads. All functions must be called by all threads of the workgroup.
 */

/** The least subgroup sizes with which a group of 4 or 16 threads needs no workgroup memory. */
const QUAD = 4;
const SIXTEEN = 16;

/**
 * WGSL functions:
 * - `sumOf4(partial, thread) -> f32`: the sum over 4 threads of component thread % 4;
 * - `sumOf16(partial, thread) -> f32`: the same over 16 threads;
 * - `stateGates(gate, thread) -> vec3f`: i · g, f and o of a unit from the gates of its 4 threads; valid in odd threads;
 * - `total16(value, thread) -> f32`: the sum of 16 threads' values, in each of them.
 *
 * Through memory, each function has one barrier, before it reads. Between two calls of one function, and between calls
 * of `sumOf4` and `sumOf16`, callers need a barrier of their own.
 *
 * @param subgroupSize of the device; 1 if it has no subgroups or their size varies
 */
export function laneFunctions(threads: number, subgroupSize: number): string {
  const quads = subgroupSize >= QUAD ? SHUFFLES_OF_4 : MEMORY_OF_4;
  const sixteens = subgroupSize >= SIXTEEN ? SHUFFLES_OF_16 : MEMORY_OF_16;
  const partials =
    subgroupSize >= SIXTEEN ? '' : `var<workgroup> exchangedPartials: array<vec4f, ${threads}>;\n`;
  const values = subgroupSize >= SIXTEEN ? '' : `var<workgroup> exchangedValues: array<f32, ${threads}>;\n`;
  return partials + values + (subgroupSize >= QUAD ? KEEP_ONE_OF_4 : '') + quads + sixteens;
}

/** Bytes of workgroup memory of `laneFunctions`. */
export function laneBytes(threads: number, subgroupSize: number): number {
  return subgroupSize >= SIXTEEN ? 0 : 20 * threads;
}

export function usesShuffles(subgroupSize: number): boolean {
  return subgroupSize >= QUAD;
}

/** Two rounds: pairs of threads exchange the half that they do not keep, first two components, then one. */
const KEEP_ONE_OF_4 = `
fn shuffledSumOf4(partial: vec4f, thread: u32) -> f32 {
  let keepsHigh = (thread & 2u) != 0u;
  let two = select(partial.xy, partial.zw, keepsHigh)
    + subgroupShuffleXor(select(partial.zw, partial.xy, keepsHigh), 2u);
  let keepsOdd = (thread & 1u) != 0u;
  return select(two.x, two.y, keepsOdd) + subgroupShuffleXor(select(two.y, two.x, keepsOdd), 1u);
}
`;

const SHUFFLES_OF_4 = `
fn sumOf4(partial: vec4f, thread: u32) -> f32 { return shuffledSumOf4(partial, thread); }
fn stateGates(gate: f32, thread: u32) -> vec3f {
  // Threads 0 and 2 have i and g, threads 1 and 3 have f and o.
  let other = subgroupShuffleXor(gate, 2u);
  let input = subgroupShuffleXor(gate * other, 1u);
  let isForget = (thread & 2u) == 0u;
  return vec3f(input, select(other, gate, isForget), select(gate, other, isForget));
}
`;

const MEMORY_OF_4 = `
fn sumOf4(partial: vec4f, thread: u32) -> f32 {
  exchangedPartials[thread] = partial;
  workgroupBarrier();
  let first = thread & ~3u;
  let component = thread & 3u;
  return (exchangedPartials[first][component] + exchangedPartials[first + 1u][component])
    + (exchangedPartials[first + 2u][component] + exchangedPartials[first + 3u][component]);
}
fn stateGates(gate: f32, thread: u32) -> vec3f {
  exchangedValues[thread] = gate;
  workgroupBarrier();
  let first = thread & ~3u;
  return vec3f(exchangedValues[first] * exchangedValues[first + 2u], exchangedValues[first + 1u], exchangedValues[first + 3u]);
}
`;

const SHUFFLES_OF_16 = `
fn sumOf16(partial: vec4f, thread: u32) -> f32 {
  let four = shuffledSumOf4(partial, thread);
  let eight = four + subgroupShuffleXor(four, 4u);
  return eight + subgroupShuffleXor(eight, 8u);
}
fn total16(value: f32, thread: u32) -> f32 {
  let two = value + subgroupShuffleXor(value, 1u);
  let four = two + subgroupShuffleXor(two, 2u);
  let eight = four + subgroupShuffleXor(four, 4u);
  return eight + subgroupShuffleXor(eight, 8u);
}
`;

const MEMORY_OF_16 = `
fn sumOf16(partial: vec4f, thread: u32) -> f32 {
  exchangedPartials[thread] = partial;
  workgroupBarrier();
  let first = thread & ~15u;
  let component = thread & 3u;
  var sum = 0.0;
  for (var n = 0u; n < 16u; n++) { sum += exchangedPartials[first + n][component]; }
  return sum;
}
fn total16(value: f32, thread: u32) -> f32 {
  exchangedValues[thread] = value;
  workgroupBarrier();
  let first = thread & ~15u;
  var sum = 0.0;
  for (var n = 0u; n < 16u; n++) { sum += exchangedValues[first + n]; }
  return sum;
}
`;
