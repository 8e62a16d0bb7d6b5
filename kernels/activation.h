// Sigmoid and tanh on vectors, from one exponential.
//
// exp(x) = 2^n · e^r with n = round(x / ln 2) and |r| ≤ ln 2 / 2 (Cody & Waite's two-part ln 2), e^r - 1 by a
// polynomial of degree 7. Error bounds, held by test/cases over all magnitudes: sigmoid 4 ulp (results below the
// smallest normal number: 1.2e-38 absolute), tanh 4 ulp. ±infinity saturates exactly, NaN passes through.
#pragma once
#include "vector.h"

// e^x = scale · (1 + m) with |m| < 0.42, for x in [-87.3, 88.37].
struct Exponential {
  vf scale, m;
};

INLINE Exponential exponential(vf x) {
  const float magic = 12582912.0f;  // 1.5 · 2^23: adding it leaves round(n) in the low bits
  vf shifted = x * 1.44269504088896341f + magic;
  vf n = shifted - magic;
  vf r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  vf p = broadcast(1.9841270e-4f);
  p = p * r + 1.3888889e-3f;
  p = p * r + 8.3333338e-3f;
  p = p * r + 4.1666668e-2f;
  p = p * r + 1.6666667e-1f;
  p = p * r + 0.5f;
  return {from_bits((bits(shifted) + 127) << 23), p * (r * r) + r};
}

INLINE vf sigmoid(vf x) {
  vf y = -x;
  Exponential ex = exponential(at_most(at_least(y, -87.3f), 88.37f));
  vf d = ex.scale * ex.m + ex.scale;
  d = y > 88.37f ? vf{} + __builtin_inff() : d;
  return 1.0f / (d + 1.0f);
}

// tanh |x| = (e^2|x| - 1) / (e^2|x| + 1), with e^… - 1 formed without cancellation; the sign is put back.
INLINE vf tanh(vf x) {
  const vi sign = vi{} + (int32_t)0x80000000;
  Exponential ex = exponential(at_most(from_bits(bits(x) & ~sign) * 2.0f, 18.5f));
  vf less_one = ex.scale * ex.m + (ex.scale - 1.0f);
  vf y = less_one / (less_one + 2.0f);
  return from_bits(bits(y) | (bits(x) & sign));
}
