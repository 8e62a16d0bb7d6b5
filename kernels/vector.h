// The vector type that all kernels are written in, and how wide it is on each instruction set.
//
// GCC's and clang's vector extensions compile to whatever the -m flags allow: SSE2, AVX2+FMA, AVX-512, NEON or
// WASM SIMD. `a * b + c` becomes one fused multiply-add where there is one (-ffp-contract=fast). No -ffast-math:
// NaN and infinity must pass through.
#pragma once
#include <stddef.h>
#include <stdint.h>

// LANES: floats in a vector. TILE_ROWS × (TILE_VECTORS · LANES): the register tile of the matrix products; it is
// sized so that accumulators, one row of B and a broadcast of A fit the 16 or 32 vector registers.
#if defined(__AVX512F__)
#define LANES 16
#define TILE_ROWS 6
#elif defined(__AVX2__) && defined(__FMA__)
#define LANES 8
#define TILE_ROWS 3
#elif defined(__ARM_NEON)
#define LANES 4
#define TILE_ROWS 6
#else  // SSE2, WASM SIMD
#define LANES 4
#define TILE_ROWS 2
#endif
#define TILE_VECTORS 4  // the four gates of LANES hidden units

#define INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(LANES * 4)));
typedef int32_t vi __attribute__((vector_size(LANES * 4)));
typedef uint32_t vu __attribute__((vector_size(LANES * 4)));

INLINE vf load(const float* p) {
  vf v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
INLINE void store(float* p, vf v) { __builtin_memcpy(p, &v, sizeof v); }
INLINE vf broadcast(float x) { return vf{} + x; }

// The first n lanes; the others are zero, and are not touched in memory.
INLINE vf load_first(const float* p, int n) {
  if (n >= LANES) return load(p);
  float lanes[LANES] = {};
  for (int i = 0; i < LANES; i++)
    if (i < n) lanes[i] = p[i];
  return load(lanes);
}
INLINE void store_first(float* p, vf v, int n) {
  if (n >= LANES) return store(p, v);
  float lanes[LANES];
  store(lanes, v);
  for (int i = 0; i < LANES; i++)
    if (i < n) p[i] = lanes[i];
}

INLINE vi bits(vf v) {
  vi r;
  __builtin_memcpy(&r, &v, sizeof r);
  return r;
}
INLINE vf from_bits(vi v) {
  vf r;
  __builtin_memcpy(&r, &v, sizeof r);
  return r;
}

INLINE int min_of(int a, int b) { return a < b ? a : b; }
INLINE int round_up(int n, int multiple) { return (n + multiple - 1) / multiple * multiple; }
