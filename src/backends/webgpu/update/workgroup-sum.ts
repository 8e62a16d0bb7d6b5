/**
 * A sum over the threads of a workgroup of 256, as a fixed tree: pairs 128 apart, then 64, … All threads get it, and all
 * threads must call it.
 */
export const SUM_OVER_WORKGROUP = `
var<workgroup> summands: array<vec4f, 256>;
fn sumOverWorkgroup(local: u32, value: vec4f) -> vec4f {
  summands[local] = value;
  for (var half = 128u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) { summands[local] += summands[local + half]; }
  }
  workgroupBarrier();
  return summands[0];
}
`;
