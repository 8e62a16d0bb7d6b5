// The fully connected layer (torch.nn.Linear) and the bare matrix product.
#pragma once
#include "product.h"
#include "sums.h"

// Forward, a sum over F is sixteen interleaved chains of multiply-adds, on every vector width. So the logits have the
// same bits on all instruction sets with fused multiply-add. DOT_ROWS × DOT_COLUMNS sums are computed together; their
// chains stay in registers.
#define CHAINS 16
#define CHAIN_VECTORS (CHAINS / LANES)
#if LANES == 16
#define DOT_ROWS 4
#define DOT_COLUMNS 5
#elif LANES == 8 || defined(__ARM_NEON)
#define DOT_ROWS 2
#define DOT_COLUMNS 2
#else
#define DOT_ROWS 1
#define DOT_COLUMNS 2
#endif

// Floats of scratch that linear_backward needs, and matmul with (M, K, N) for (B, F, K).
VERB int linear_scratch_length(int, int F, int K) {
  const int product = panels_length(F, K);
  const int backward = slabs_length(DEPTH_BLOCK, K) + panels_length(DEPTH_BLOCK > K ? DEPTH_BLOCK : K, PANEL_COLUMNS);
  return product > backward ? product : backward;
}

// sums[m][n] += x_m · w_n over `count` columns, count ≤ CHAINS: at most one column per chain.
template <int M, int N>
INLINE void dot_tile(vf (&sums)[M][N][CHAIN_VECTORS], const float* x, const float* w, ptrdiff_t row, int count) {
  for (int part = 0; part < CHAIN_VECTORS; part++, count -= LANES, x += LANES, w += LANES) {
    vf rows[M];
    for (int m = 0; m < M; m++) rows[m] = load_first(x + m * row, count);
    for (int n = 0; n < N; n++) {
      const vf column = load_first(w + n * row, count);
      for (int m = 0; m < M; m++) sums[m][n][part] = multiply_add(rows[m], column, sums[m][n][part]);
    }
  }
}

// Pairwise sum of the chains: ((0 + 1) + (2 + 3)) + …
INLINE float sum_of_chains(const vf (&parts)[CHAIN_VECTORS]) {
  float chains[CHAINS];
  for (int part = 0; part < CHAIN_VECTORS; part++) store(chains + part * LANES, parts[part]);
  for (int width = 1; width < CHAINS; width *= 2)
    for (int i = 0; i < CHAINS; i += 2 * width) chains[i] += chains[i + width];
  return chains[0];
}

// y = x Wᵀ + b. Both x and W are read along F, so neither is copied into panels.
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
      vf sums[M][N][CHAIN_VECTORS] = {};
      int f = 0;
      for (; f + CHAINS <= F; f += CHAINS) dot_tile<M, N>(sums, x_b + f, w_k + f, F, CHAINS);
      if (f < F) dot_tile<M, N>(sums, x_b + f, w_k + f, F, F - f);
      for (int m = 0; m < M; m++)
        for (int n = 0; n < N; n++) y[(ptrdiff_t)(b + m) * K + k + n] = sum_of_chains(sums[m][n]) + bias[k + n];
    });
  });
}

// dx = dy W, dW += dyᵀ x, db += Σ dy; the last two as one sum or several, one after the other: row b belongs to sum
// sum_of[b].
VERB void linear_backward(int B, int F, int K,
                          const float* x,         // [B, F]
                          const float* weight,    // [K, F]
                          const int32_t* sum_of,  // [B] or null
                          const float* dy,        // [B, K]
                          float* dx,              // [B, F] overwritten, or null; may be x
                          float* d_weight,        // [K, F] added to
                          float* d_bias,          // [K] added to
                          float* scratch) {       // linear_scratch_length(B, F, K)
  float* slabs = scratch;
  float* panel = slabs + slabs_length(DEPTH_BLOCK, K);  // first of x, then of W
  const int sums = sum_count(B, sum_of);
  int32_t rows[DEPTH_BLOCK];
  for (int f = 0; f < F; f += PANEL_COLUMNS) {
    const int columns = min_of(PANEL_COLUMNS, F - f);
    for (int sum = 0; sum < sums; sum++) {
      SequencesOfSum members{B, sum_of, sum};
      while (const int depth = members.next(rows, DEPTH_BLOCK)) {
        write_slabs(depth, K, [&](int k) { return dy + (ptrdiff_t)rows[k] * K; }, slabs);
        write_panels(depth, columns, [&](int k) { return Stored::of(x + (ptrdiff_t)rows[k] * F + f); }, Stored::of(panel));
        add_transposed(K, columns, depth, slabs, panel, d_weight + f, F);
      }
    }
    if (!dx) continue;
    write_panels(K, columns, [&](int k) { return Stored::of(weight + (ptrdiff_t)k * F + f); }, Stored::of(panel));
    multiply<Into::overwrite>(B, columns, K, dy, K, Stored::of(panel), nullptr, dx + f, F);
  }
  for (int sum = 0; sum < sums; sum++)
    for (int k = 0; k < K; k++) {
      SequencesOfSum members{B, sum_of, sum};
      float d_bias_k = 0.0f;
      for (int32_t b; members.next(&b, 1);) d_bias_k += dy[(ptrdiff_t)b * K + k];
      d_bias[k] += d_bias_k;
    }
}

// c [M, N] = a [M, K] b [K, N]; scratch is linear_scratch_length(M, K, N) floats.
VERB void matmul(int M, int N, int K, const float* a, const float* b, float* c, float* scratch) {
  write_panels(K, N, [&](int k) { return Stored::of(b + (ptrdiff_t)k * N); }, Stored::of(scratch));
  multiply<Into::overwrite>(M, N, K, a, K, Stored::of(scratch), nullptr, c, N);
}
