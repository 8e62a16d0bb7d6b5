// Sigmoid and tanh on vectors, from one exponential.
//
// e^x = 2^n · e^r with n = round(x / ln 2) and |r| ≤ ln 2 / 2 (range reduction with ln 2 in two parts, Cody & Waite).
// e^r = 1 + r + r² p(r). p is the minimax polynomial of degree 4: with these float32 coefficients the largest error,
// relative to e^r, is 3.1e-9, a twentieth of 2^-24.
//
// Error bounds, tested by test/cases/activations.ts over all magnitudes: sigmoid and tanh 4 ulp. A sigmoid below the
// smallest normal number, 1.2e-38, may be flushed to zero. ±infinity saturates exactly. NaN passes through.
#pragma once
#include "vector.h"

// e^x = scale · (1 + r + r² p), for x from -87.3 to 89. From x = 88.38 on, scale is infinite.
struct Exponential {
  vf scale, r, p;
};

INLINE Exponential exponential(vf x) {
  const float magic = 12582912.0f;  // 1.5 · 2^23: after the addition, the low bits hold the rounded sum
  vf shifted = x * 1.44269504088896341f + magic;
  vf n = shifted - magic;
  vf r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  vf p = broadcast(1.3821451e-3f);
  p = p * r + 8.3686617e-3f;
  p = p * r + 4.1668255e-2f;
  p = p * r + 1.6666521e-1f;
  p = p * r + 0.49999994f;
  return {from_bits((bits(shifted) + 127) << 23), r, p};
}

// 1 / (1 + e^-x). e^r is computed completely before the scaling, so an infinite scale gives an infinite sum.
INLINE vf sigmoid(vf x) {
  Exponential ex = exponential(-at_least(at_most(x, 87.3f), -89.0f));
  vf e_r = (ex.p * ex.r + 1.0f) * ex.r + 1.0f;
  return 1.0f / (e_r * ex.scale + 1.0f);
}

// tanh |x| = (e^2|x| - 1) / (e^2|x| + 1). e^2|x| - 1 is computed without cancellation. The sign of x is restored last.
INLINE vf tanh(vf x) {
  const vi sign = vi{} + (int32_t)0x80000000;
  Exponential ex = exponential(at_most(from_bits(bits(x) & ~sign) * 2.0f, 18.5f));
  vf m = ex.p * (ex.r * ex.r) + ex.r;
  vf less_one = ex.scale * m + (ex.scale - 1.0f);
  vf y = less_one / (less_one + 2.0f);
  return from_bits(bits(y) | (bits(x) & sign));
}
