// The fully connected layer (torch.nn.Linear) and the bare matrix product.
#pragma once
#include "product.h"

// Rows and outputs that are computed together, their sums in registers.
#if LANES == 16 || defined(__ARM_NEON)
#define DOT_ROWS 4
#define DOT_COLUMNS 5
#else
#define DOT_ROWS 2
#define DOT_COLUMNS 3
#endif

// For linear_backward, or matmul with M, K, N in place of B, F, K.
VERB int linear_scratch_length(int B, int F, int K) {
  const int product = panels_length(F, K);
  const int backward = panels_length(K, F) + slabs_length(B, K) + panels_length(B, F);
  return product > backward ? product : backward;
}

// sums[m][n] += x_m · w_n over `count` columns, in LANES interleaved chains.
template <int M, int N>
INLINE void dot_tile(vf (&sums)[M][N], const float* x, ptrdiff_t x_row, const float* w, ptrdiff_t w_row, int count) {
  vf row[M];
  for (int m = 0; m < M; m++) row[m] = load_first(x + m * x_row, count);
  for (int n = 0; n < N; n++) {
    const vf column = load_first(w + n * w_row, count);
    for (int m = 0; m < M; m++) sums[m][n] = multiply_add(row[m], column, sums[m][n]);
  }
}

// y = x Wᵀ + b: both x and W are read along F, so nothing is packed; the chains of a row do not depend on the others.
VERB void linear_forward(int B, int F, int K,
                         const float* x,       // [B, F]
                         const float* weight,  // [K, F]
                         const float* bias,    // [K]
                         float* y) {           // [B, K]
  in_tiles<DOT_ROWS>(B, [&](auto rows, int b) __attribute__((always_inline)) {
    in_tiles<DOT_COLUMNS>(K, [&](auto columns, int k) __attribute__((always_inline)) {
      constexpr int M = decltype(rows)::value, N = decltype(columns)::value;
      const float* x_b = x + (ptrdiff_t)b * F;
      const float* w_k = weight + (ptrdiff_t)k * F;
      vf sums[M][N] = {};
      for (int f = 0; f < F; f += LANES) dot_tile<M, N>(sums, x_b + f, F, w_k + f, F, F - f);
      for (int m = 0; m < M; m++)
        for (int n = 0; n < N; n++) y[(ptrdiff_t)(b + m) * K + k + n] = sum_of_lanes(sums[m][n]) + bias[k + n];
    });
  });
}

// dx = dy W, dW += dyᵀ x, db += Σ dy
VERB void linear_backward(int B, int F, int K,
                          const float* x,       // [B, F]
                          const float* weight,  // [K, F]
                          const float* dy,      // [B, K]
                          float* dx,            // [B, F] overwritten, or null; may be x
                          float* d_weight,      // [K, F] added to
                          float* d_bias,        // [K] added to
                          float* scratch) {
  float* slabs = scratch + panels_length(K, F);
  float* panels = slabs + slabs_length(B, K);
  pack_slabs(B, K, [&](int b) { return dy + (ptrdiff_t)b * K; }, slabs);
  pack_panels(B, F, [&](int b) { return Stored::of(x + (ptrdiff_t)b * F); }, Stored::of(panels));
  add_transposed(K, F, B, slabs, panels, d_weight, F);
  for (int b = 0; b < B; b++)
    for (int k = 0; k < K; k++) d_bias[k] += dy[(ptrdiff_t)b * K + k];
  if (!dx) return;
  pack_panels(K, F, [&](int k) { return Stored::of(weight + (ptrdiff_t)k * F); }, Stored::of(scratch));
  multiply<Into::overwrite>(B, F, K, dy, K, Stored::of(scratch), nullptr, dx, F);
}

// c [M, N] = a [M, K] b [K, N]; scratch is linear_scratch_length(M, K, N) floats.

VERB void matmul(int M, int N, int K, const float* a, const float* b, float* c, float* scratch) {
  pack_panels(K, N, [&](int k) { return Stored::of(b + (ptrdiff_t)k * N); }, Stored::of(scratch));
  multiply<Into::overwrite>(M, N, K, a, K, Stored::of(scratch), nullptr, c, N);
}
