// Parameter updates (torch.optim.SGD, Adam, AdamW), and the sums over vectors that training needs.
// Plain loops: the compiler vectorises them, and memory limits their speed.
#pragma once
#include "vector.h"

VERB void clear(int n, float* target) { __builtin_memset(target, 0, sizeof(float) * n); }

VERB void add(int n, float* __restrict target, const float* __restrict source) {
  for (int i = 0; i < n; i++) target[i] += source[i];
}

// Σ x², in float64, as sixteen interleaved sums. The order of additions is the same on every instruction set.
VERB double sum_squares(int n, const float* values) {
  double sums[16] = {};
  int i = 0;
  for (; i + 16 <= n; i += 16)
    for (int j = 0; j < 16; j++) sums[j] += (double)values[i + j] * values[i + j];
  for (int j = 0; i < n; i++, j++) sums[j] += (double)values[i] * values[i];
  double total = 0.0;
  for (int j = 0; j < 16; j++) total += sums[j];
  return total;
}

VERB void sgd(int n, float* __restrict p, const float* __restrict g, float* __restrict velocity, float lr,
              float momentum, int nesterov, float weight_decay, float scale) {
  if (!velocity) {
    for (int i = 0; i < n; i++) p[i] -= lr * (g[i] * scale + weight_decay * p[i]);
    return;
  }
  const float ahead = nesterov ? momentum : 1.0f, now = nesterov ? 1.0f : 0.0f;
  for (int i = 0; i < n; i++) {
    const float d = g[i] * scale + weight_decay * p[i];
    const float v = momentum * velocity[i] + d;
    velocity[i] = v;
    p[i] -= lr * (now * d + ahead * v);
  }
}

// correction1 = 1 - β₁ᵗ and correction2 = 1 - β₂ᵗ: the bias corrections of update t.
VERB void adam(int n, float* __restrict p, const float* __restrict g, float* __restrict mean,
               float* __restrict variance, double lr, double beta1, double beta2, float eps, double weight_decay,
               int decoupled, double correction1, double correction2, float scale) {
  const float b1 = (float)beta1, b2 = (float)beta2, c1 = (float)(1.0 - beta1), c2 = (float)(1.0 - beta2);
  const float step = (float)(lr / correction1), root = (float)__builtin_sqrt(correction2);
  const float shrink = decoupled ? (float)(1.0 - lr * weight_decay) : 1.0f;
  const float pull = decoupled ? 0.0f : (float)weight_decay;
  for (int i = 0; i < n; i++) {
    const float parameter = p[i] * shrink;
    const float d = g[i] * scale + pull * parameter;
    const float m = b1 * mean[i] + c1 * d, v = b2 * variance[i] + c2 * d * d;
    mean[i] = m;
    variance[i] = v;
    p[i] = parameter - step * m / (__builtin_sqrtf(v) / root + eps);
  }
}
