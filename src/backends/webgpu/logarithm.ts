/**
 * The logarithm in WGSL, `log1pOf`: ln(1 + x) for x ≥ 0. WGSL's own log may be off by 2^-21 near 1, where the losses of sure answers are.
 *
 * 1 + x = 2^n (1 + f) with 1 + f in [√½, √2); f = x if n = 0, so a small x loses nothing. ln(1 + f) = 2 artanh(s) with
 * s = f / (2 + f), |s| ≤ 0.172: the series to s⁹ (truncation error below 2^-28). Error: 4 ulp, with a division of 2.5 ulp
 * (test/backends/webgpu/head/cross-entropy.test.ts). Results below 2^-125 may be
 * flushed to zero. Infinity and NaN pass through.
 */
export const LOGARITHM = `
fn log1pOf(x: f32) -> f32 {
  let word = bitcast<u32>(1.0f + x);
  // The bits of √½ are subtracted before the exponent is taken: so n is that of the nearest power of two.
  let n = (i32(word) - 0x3f3504f3) >> 23u;
  let f = select(bitcast<f32>(word - (u32(n) << 23u)) - 1.0f, x, n == 0);
  let s = f / (2.0f + f);
  let s2 = s * s;
  var series = fma(s2, 1.0f / 9.0f, 1.0f / 7.0f);
  series = fma(series, s2, 0.2f);
  series = fma(series, s2, 1.0f / 3.0f);
  let log_f = 2.0f * fma(series * s2, s, s);
  // ln 2 in two parts; the product with the first is exact.
  let result = fma(f32(n), 0.693359375f, fma(f32(n), -2.12194440e-4f, log_f));
  return select(result, x, word >= 0x7f800000u);
}
`;
