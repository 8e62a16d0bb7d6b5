// The fully connected layer (torch.nn.Linear) and the bare matrix product.
#pragma once
#include "product.h"

VERB int linear_scratch_length(int B, int F, int K) {
  const int forward = panels_length(F, K);
  const int backward = panels_length(K, F) + slabs_length(B, K) + panels_length(B, F);
  return forward > backward ? forward : backward;
}

// y = x Wᵀ + b
VERB void linear_forward(int B, int F, int K,
                         const float* x,       // [B, F]
                         const float* weight,  // [K, F]
                         const float* bias,    // [K]
                         float* y,             // [B, K]
                         float* scratch) {
  for (int b = 0; b < B; b++) __builtin_memcpy(y + (ptrdiff_t)b * K, bias, K * sizeof(float));
  pack_panels_transposed(F, K, weight, F, scratch);
  multiply<Into::add>(B, K, F, x, F, Stored::of(scratch), nullptr, y, K);
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
