/** The verb `clear`: words of a buffer become 0. */
import { type Dispatch, dispatch, kernel, MAX_GROUPS, type Slice, write } from './kernel.js';

const GROUP = 256;
/** Elements of four words that a thread clears. */
const QUADS = 4;

const CLEAR = kernel(
  'clear',
  { words: write('vec4u') },
  `
@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var q = id.x; q < arrayLength(&words); q += groups.x * ${GROUP}u) { words[q] = vec4u(0u); }
}`,
);

/** @param words its size is a multiple of 16 bytes */
export function clear(words: Slice): Dispatch[] {
  const quads = words.size / 16;
  return [dispatch(CLEAR, { words }, [Math.min(MAX_GROUPS, Math.ceil(quads / (GROUP * QUADS)))])];
}
