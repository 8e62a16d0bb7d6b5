/*
 * Peak rate of 128-bit SIMD without fused multiply-add: independent chains of multiplications and additions that stay in
 * registers. Twelve chains and two constants fit the sixteen registers of x86-64. They hide the latency of both
 * operations on processors that start two of each per cycle.
 */
typedef float lanes __attribute__((vector_size(16)));

float run(int rounds, float factor, float summand) {
  lanes x = {factor, factor, factor, factor};
  lanes y = {summand, summand, summand, summand};
  lanes chain[12];
  for (int i = 0; i < 12; i++) chain[i] = x * (float)i;
  for (int round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 12; i++) chain[i] = chain[i] * x + y;
  }
  lanes sum = chain[0];
  for (int i = 1; i < 12; i++) sum += chain[i];
  return sum[0] + sum[1] + sum[2] + sum[3];
}
