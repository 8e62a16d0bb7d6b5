// The multiply-adds that the vector registers allow: the yardstick of the benchmarks. The loops do not access memory, so
// no product on the same instructions is faster.
#pragma once
#include "product.h"

// Independent chains of multiply-adds, each in one register. They hide the latency: on NEON four units of four cycles
// need 16. Without fused multiply-add, a multiplication and an addition of three cycles each, two a cycle, need 12.
#if defined(__AVX512F__) || defined(__ARM_NEON)
#define LIMIT_CHAINS 24
#else
#define LIMIT_CHAINS 12
#endif

// Zeros that the compiler does not know, so it cannot merge the chains. `one` is 1.
INLINE void start_chains(vf (&sums)[LIMIT_CHAINS], float one) {
#pragma GCC unroll 24
  for (int i = 0; i < LIMIT_CHAINS; i++) sums[i] = broadcast((one - 1.0f) * i);
}

INLINE double total(const vf (&sums)[LIMIT_CHAINS]) {
  float lanes[LIMIT_CHAINS * LANES];
#pragma GCC unroll 24
  for (int i = 0; i < LIMIT_CHAINS; i++) store(lanes + i * LANES, sums[i]);
  double sum = 0;
#pragma GCC unroll 1
  for (int i = 0; i < LIMIT_CHAINS * LANES; i++) sum += lanes[i];
  return sum;
}

#if MULTIPLIES_PAIRS
// Each lane of the instruction adds two products of bfloat16.
static double multiply_adds_of_bfloat16(int rounds, float one) {
  vf sums[LIMIT_CHAINS];
  start_chains(sums, one);
  const vi high = bits(broadcast(one)) >> 16;  // 1 in bfloat16
  float pairs[LANES];
  store(pairs, from_bits(high << 16 | high));
  const auto a = factor(pairs, (const bfloat_pair*)pairs);
  const auto b = factors((const bfloat_pair*)pairs);
  for (int round = 0; round < rounds; round++) {
#pragma GCC unroll 24
    for (int i = 0; i < LIMIT_CHAINS; i++) add_product(sums[i], a, b);
  }
  return total(sums);
}
#endif

// Runs `rounds` multiply-adds in each lane of each chain. `one` is 1: every multiply-add adds 1, so the sums count them.
// They are exact for up to 2^23 rounds. Returns their number; 0 if bfloat16 is wanted and the instruction set cannot
// multiply it.
VERB double multiply_adds(int rounds, int bfloat16, float one) {
#if MULTIPLIES_PAIRS
  if (bfloat16) return multiply_adds_of_bfloat16(rounds, one);
#endif
  if (bfloat16) return 0;
  vf sums[LIMIT_CHAINS];
  start_chains(sums, one);
  const vf ones = broadcast(one);
  for (int round = 0; round < rounds; round++) {
#pragma GCC unroll 24
    for (int i = 0; i < LIMIT_CHAINS; i++) {
#if LANES > 4 || defined(__ARM_NEON) || defined(__wasm_relaxed_simd__)
      sums[i] = multiply_add(ones, ones, sums[i]);
#else
      sums[i] = sums[i] * ones + ones;  // a product of constants would be computed once, ahead of the loop
#endif
    }
  }
  return total(sums);
}
