// Softmax cross-entropy with label smoothing and weights of classes (torch.nn.CrossEntropyLoss), in float64. A batch needs only B · K
// exponentials, so float64 costs little time, and the loss is accurate to the rounding of float32.
#pragma once
#include "vector.h"

// e^x for x ≤ 0: 2^n · e^r, |r| ≤ ln 2 / 2, e^r by its Taylor series to r¹³ (truncation error below 1e-16).
INLINE double exp_of(double x) {
  if (!(x > -708.0)) return x != x ? x : 0.0;
  const double n = __builtin_floor(x * 1.4426950408889634 + 0.5);
  const double r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10;
  double p = 1.0;
  for (int k = 13; k > 0; k--) p = p * r / k + 1.0;
  const uint64_t exponent = (uint64_t)(1023 + (int64_t)n) << 52;
  double scale;
  __builtin_memcpy(&scale, &exponent, sizeof scale);
  return p * scale;
}

// ln x for a finite x ≥ 1: x = 2^n m with m in [√½, √2), ln m = 2 artanh((m - 1) / (m + 1)), a series to z²¹
// (truncation error below 1e-16).
INLINE double log_of(double x) {
  if (!(x < __builtin_inf())) return x;
  uint64_t word;
  __builtin_memcpy(&word, &x, sizeof word);
  int n = (int)(word >> 52) - 1023;
  word = (word & 0xfffffffffffffull) | 0x3ff0000000000000ull;
  double m;
  __builtin_memcpy(&m, &word, sizeof m);
  if (m > 1.4142135623730951) m *= 0.5, n++;
  const double z = (m - 1.0) / (m + 1.0), z2 = z * z;
  double series = 0.0;
  for (int k = 21; k > 0; k -= 2) series = series * z2 + 1.0 / k;
  return 2.0 * z * series + n * 0.6931471805599453;
}

// The target of class k is w_k (smoothing / K), at the label w_k (1 - smoothing + smoothing / K); w is 1 without weights.
// A logit whose target is 0 adds nothing to the loss, not even -∞.
VERB void cross_entropy(int B, int K,
                        const float* logits,    // [B, K]
                        const int32_t* labels,  // [B]
                        double smoothing,
                        const float* weights,  // [K], or null
                        float* losses,         // [B]
                        float* d_logits,       // [B, K] = scale · (softmax · Σ target - target), or null
                        double scale) {
  double mean_weight = 1.0;
  if (weights) {
    mean_weight = 0.0;
    for (int k = 0; k < K; k++) mean_weight += (double)weights[k] / K;
  }
  for (int b = 0; b < B; b++, logits += K) {
    double largest = logits[0];
    for (int k = 1; k < K; k++)
      if (!(logits[k] <= largest)) largest = logits[k];
    double sum = 0.0, mean = 0.0;
    for (int k = 0; k < K; k++) {
      sum += exp_of(logits[k] - largest);
      const double weight = weights ? (double)weights[k] : 1.0;
      mean += weight * (weight != 0.0 ? logits[k] - largest : 0.0) / K;
    }
    const double log_sum = log_of(sum);
    const double weight = weights ? (double)weights[labels[b]] : 1.0;
    const double at_label = (1.0 - smoothing) * weight != 0.0 ? logits[labels[b]] - largest : 0.0;
    const double targets = weights ? (1.0 - smoothing) * weight + smoothing * mean_weight : 1.0;
    losses[b] = (float)(targets * log_sum - (1.0 - smoothing) * weight * at_label -
                        (smoothing != 0.0 ? smoothing * mean : 0.0));
    if (!d_logits) continue;
    for (int k = 0; k < K; k++) {
      const double target =
          (weights ? (double)weights[k] : 1.0) * (smoothing / K + (k == labels[b] ? 1.0 - smoothing : 0.0));
      *d_logits++ = (float)(scale * (targets * (exp_of(logits[k] - largest) / sum) - target));
    }
  }
}
