/**
 * Sigmoid and tanh in WGSL, from one exponential: the formulas of kernels/activation.h. WGSL's own exp and tanh may be
 * off by hundreds of units in the last place.
 *
 * e^x = 2^n · e^r with n = round(x / ln 2); e^r = 1 + r + r² p(r), p the minimax polynomial of degree 4.
 * Error: 4 ulp, with a division of 2.5 ulp (test/cases/oracle/activations.ts). NaN passes through.
 */

/** The functions `sigmoid`, `tanhOf` and `expOf` for one WGSL type. */
function functionsFor(real: string, signed: string, unsigned: string, name: string): string {
  return `
struct Exponential${name} { scale: ${real}, r: ${real}, p: ${real} }
// e^x = scale · (1 + r + r² p), for x from -87.3 to 89.
fn exponential${name}(x: ${real}) -> Exponential${name} {
  let n = round(x * 1.44269504088896341f);
  let r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  var p = ${real}(1.3821451e-3f);
  p = fma(p, r, ${real}(8.3686617e-3f));
  p = fma(p, r, ${real}(4.1668255e-2f));
  p = fma(p, r, ${real}(1.6666521e-1f));
  p = fma(p, r, ${real}(0.49999994f));
  return Exponential${name}(bitcast<${real}>((${signed}(n) + 127) << ${unsigned}(23)), r, p);
}
fn sigmoid${name}(x: ${real}) -> ${real} {
  let e = exponential${name}(clamp(-x, ${real}(-87.3f), ${real}(88.0f)));
  let e_r = fma(fma(e.p, e.r, ${real}(1.0f)), e.r, ${real}(1.0f));
  return keepNan${name}(x, 1.0f / fma(e_r, e.scale, ${real}(1.0f)));
}
// tanh |x| = (e^2|x| - 1) / (e^2|x| + 1). e^2|x| - 1 is computed without cancellation. The sign of x is restored last.
fn tanh${name}Of(x: ${real}) -> ${real} {
  let e = exponential${name}(min(abs(x) * 2.0f, ${real}(18.5f)));
  let m = fma(e.p, e.r * e.r, e.r);
  let less_one = fma(e.scale, m, e.scale - 1.0f);
  let y = less_one / (less_one + 2.0f);
  return keepNan${name}(x, select(y, -y, x < ${real}(0.0f)));
}
// e^x for x up to 88; 0 below -87.3.
fn exp${name}Of(x: ${real}) -> ${real} {
  let e = exponential${name}(max(x, ${real}(-87.3f)));
  let e_r = fma(fma(e.p, e.r, ${real}(1.0f)), e.r, ${real}(1.0f));
  return keepNan${name}(x, select(e_r * e.scale, ${real}(0.0f), x < ${real}(-87.3f)));
}
// y, or x if x is NaN. By its bits: a compiler may assume that there are no NaNs.
fn keepNan${name}(x: ${real}, y: ${real}) -> ${real} {
  return select(y, x, (bitcast<${unsigned}>(x) & ${unsigned}(0x7fffffffu)) > ${unsigned}(0x7f800000u));
}
`;
}

/** For f32: `sigmoid`, `tanhOf`, `expOf`. For vec4f: `sigmoid4`, `tanh4Of`, `exp4Of`. */
export const ACTIVATIONS =
  functionsFor('f32', 'i32', 'u32', '') + functionsFor('vec4f', 'vec4i', 'vec4u', '4');

/**
 * `sigmoidOrTanh(x, is_tanh)`, for threads side by side that compute different gates: both from e^a - 1 with one
 * exponential and one division. Needs ACTIVATIONS.
 */
export const SIGMOID_OR_TANH = `
// With m = e^a - 1: sigmoid x = 1 / (m + 2) for a = -x; tanh |x| = m / (m + 2) for a = 2 |x|.
fn sigmoidOrTanh(x: f32, is_tanh: bool) -> f32 {
  let e = exponential(select(clamp(-x, -87.3f, 88.0f), min(abs(x) * 2.0f, 18.5f), is_tanh));
  let m = fma(e.scale, fma(e.p, e.r * e.r, e.r), e.scale - 1.0f);
  let y = select(1.0f, m, is_tanh) / (m + 2.0f);
  return keepNan(x, select(y, -y, is_tanh && x < 0.0f));
}
`;
