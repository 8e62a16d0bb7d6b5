// The vector type of all kernels, its width on each instruction set, and the two kinds of 16-bit floats.
//
// GCC's and clang's vector extensions compile to the instruction set of the -m flags: SSE2, AVX2+FMA, AVX-512, NEON or
// WASM SIMD. With -ffp-contract=fast, `a * b + c` becomes one fused multiply-add where the processor has it. No
// -ffast-math: NaN and infinity must pass through.
#pragma once
#include <stddef.h>
#include <stdint.h>

// LANES: floats in a vector. TILE_ROWS × (TILE_VECTORS · LANES): the register tile of the matrix products. The tile's
// accumulators and the operands of one multiply-add must fit the 16 or 32 vector registers.
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
// WASM: iterations of the tile's loop per pointer update. With fused multiply-add, two are as fast as four.
#ifdef __wasm_relaxed_simd__
#define TILE_UNROLL 2
#else
#define TILE_UNROLL 4
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
INLINE vf broadcast(float x) { return x - vf{}; }  // x - 0 is x, even for -0: compiles to a broadcast alone

// a · b + c, rounded once where the instruction set has a fused multiply-add. An intrinsic, for places where compilers
// may move the product away from the sum: that would lose the fusion in some tiles only, and change results.
INLINE vf multiply_add(vf a, vf b, vf c) {
#if defined(__wasm_relaxed_simd__)
  return (vf)__builtin_wasm_relaxed_madd_f32x4(a, b, c);
#elif LANES == 16
  return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif LANES == 8
  return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__ARM_NEON)
  return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;
#endif
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

// max(x, bound) and min(x, bound); NaN stays NaN. One instruction each: of a comparison, g++ makes two or three, and
// clang would choose WASM's relaxed instructions, which may lose the NaN. x86 returns the second operand for NaN.
#if defined(__wasm__)
INLINE vf at_least(vf x, float bound) { return __builtin_wasm_pmax_f32x4(x, broadcast(bound)); }
INLINE vf at_most(vf x, float bound) { return __builtin_wasm_pmin_f32x4(x, broadcast(bound)); }
#elif LANES == 16  // masked intrinsics with all lanes enabled: for the unmasked ones g++ 12 warns
INLINE vf at_least(vf x, float bound) { return (vf)_mm512_maskz_max_ps((__mmask16)-1, (__m512)broadcast(bound), (__m512)x); }
INLINE vf at_most(vf x, float bound) { return (vf)_mm512_maskz_min_ps((__mmask16)-1, (__m512)broadcast(bound), (__m512)x); }
#elif LANES == 8
INLINE vf at_least(vf x, float bound) { return (vf)_mm256_max_ps((__m256)broadcast(bound), (__m256)x); }
INLINE vf at_most(vf x, float bound) { return (vf)_mm256_min_ps((__m256)broadcast(bound), (__m256)x); }
#elif defined(__ARM_NEON)
INLINE vf at_least(vf x, float bound) { return (vf)vmaxq_f32((float32x4_t)x, (float32x4_t)broadcast(bound)); }
INLINE vf at_most(vf x, float bound) { return (vf)vminq_f32((float32x4_t)x, (float32x4_t)broadcast(bound)); }
#else
INLINE vf at_least(vf x, float bound) { return (vf)_mm_max_ps((__m128)broadcast(bound), (__m128)x); }
INLINE vf at_most(vf x, float bound) { return (vf)_mm_min_ps((__m128)broadcast(bound), (__m128)x); }
#endif

// --- 16-bit floats -------------------------------------------------------------------------------------------------
// IEEE 754 binary16. The processor converts where it can (F16C, AVX-512, NEON); elsewhere integer arithmetic gives the
// same bits: round to nearest, ties to even; subnormals are preserved, overflow gives infinity, NaN stays NaN.

// 1 if halves load as fast as floats. Then the tiles widen them; otherwise blocks are widened beforehand.
#if LANES > 4 || defined(__ARM_NEON)
#define TILES_WIDEN 1
#else
#define TILES_WIDEN 0
#endif

#if LANES == 16
// Masked intrinsics with all lanes enabled: for the unmasked ones g++ 12 warns of an uninitialised operand.
INLINE vf widen(const half* p) {
  return (vf)_mm512_maskz_cvtph_ps((__mmask16)-1, _mm256_loadu_si256((const __m256i*)p));
}
INLINE void narrow(half* p, vf v) {
  const int nearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  _mm256_storeu_si256((__m256i*)p, _mm512_maskz_cvtps_ph((__mmask16)-1, (__m512)v, nearest));
}
#elif LANES == 8
INLINE vf widen(const half* p) { return (vf)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p)); }
INLINE void narrow(half* p, vf v) {
  _mm_storeu_si128((__m128i*)p, _mm256_cvtps_ph((__m256)v, _MM_FROUND_TO_NEAREST_INT));
}
#elif defined(__ARM_NEON)
INLINE vf widen(const half* p) { return (vf)vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
INLINE void narrow(half* p, vf v) { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32((float32x4_t)v))); }
#else
INLINE vf widen(const half* p) {
  vu h;
  for (int i = 0; i < LANES; i++) h[i] = p[i];
  const vu magnitude = (h & 0x7fffu) << 13;  // exponent and fraction at float32's place; the exponent is 112 too low
  const vu normal = magnitude + (112u << 23);
  const vu special = magnitude + (224u << 23);  // infinity and NaN have every bit of the exponent set
  const vf subnormal = from_bits((vi)(magnitude + (113u << 23))) - from_bits(vi{} + (113 << 23));
  vu result = magnitude < (1u << 23) ? (vu)bits(subnormal) : normal;
  result = magnitude >= (31u << 23) ? special : result;
  return from_bits((vi)(result | (h & 0x8000u) << 16));
}
INLINE void narrow(half* p, vf v) {
  const vu all = (vu)bits(v), sign = all & 0x80000000u, magnitude = all ^ sign;
  // Normal: correct the bias and round to nearest, ties to even, by adding 0xfff plus the last kept bit. Subnormal: the
  // addition of `magic` rounds, because the sum's last place is that of a subnormal half.
  const vu normal = (magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  const vf magic = from_bits(vi{} + (126 << 23));
  const vu subnormal = (vu)bits(from_bits((vi)magnitude) + magic) - (126u << 23);
  vu result = magnitude < (113u << 23) ? subnormal : normal;
  result = magnitude >= (143u << 23) ? vu{} + 0x7c00u : result;
  result = magnitude > (255u << 23) ? vu{} + 0x7e00u : result;
  result = result | sign >> 16;
  for (int i = 0; i < LANES; i++) p[i] = (half)result[i];
}
#endif

// --- bfloat16 -----------------------------------------------------------------------------------------------------
// The upper half of a float32, rounded to nearest, ties to even. As by the instruction of x86, a float below the
// smallest normal number, 1.2e-38, becomes zero; NaN stays NaN. Products of pairs treat subnormal factors as zero, too.

// 1 if the processor multiplies bfloats: the tiles then read pairs of them, else floats of the same values.
#if defined(__AVX512BF16__) || defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
#define MULTIPLIES_PAIRS 1
typedef bfloat_pair factor_pair;
#else
#define MULTIPLIES_PAIRS 0
typedef float factor_pair;  // never read: functions on pairs compile, and are not called
#endif

typedef uint16_t vs __attribute__((vector_size(LANES * 2)));

// The floats that the bfloats nearest to v stand for.
INLINE vf round_to_bfloat(vf v) {
  const vu all = (vu)bits(v), magnitude = all & 0x7fffffffu;
  vu rounded = all + 0x7fffu + ((all >> 16) & 1u);
  rounded = magnitude < (1u << 23) ? all : rounded;               // the upper half of a subnormal: to be zero
  rounded = magnitude > (255u << 23) ? all | 0x400000u : rounded;  // NaN
  return from_bits((vi)(rounded & (magnitude < (1u << 23) ? vu{} + 0x80000000u : vu{} + 0xffff0000u)));
}
INLINE vf widen(const bfloat* p) {
  vs narrow;
  __builtin_memcpy(&narrow, p, sizeof narrow);
  return from_bits((vi)(__builtin_convertvector(narrow, vu) << 16));
}
INLINE void narrow(bfloat* p, vf v) {
#ifdef __AVX512BF16__
  const __m256bh rounded = _mm512_cvtneps_pbh((__m512)v);
#else
  const vs rounded = __builtin_convertvector((vu)bits(round_to_bfloat(v)) >> 16, vs);
#endif
  __builtin_memcpy(p, &rounded, sizeof rounded);
}

// --- buffers of any kind -------------------------------------------------------------------------------------------

INLINE vf load(const half* p) { return widen(p); }
INLINE vf load(const bfloat* p) { return widen(p); }
INLINE void store(half* p, vf v) { narrow(p, v); }
INLINE void store(bfloat* p, vf v) { narrow(p, v); }

// Load and store the first n lanes only: the other lanes are loaded as zero, and their memory is not accessed. Fewer
// than all lanes: by a mask; else by a call, as tiles do this in hundreds of places. In WASM calls cost more than code.
#if LANES == 16
INLINE __mmask16 first_lanes(int n) {
  return _mm512_cmpgt_epi32_mask(_mm512_set1_epi32(n), _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
}
INLINE vf load_some(const float* p, int n) { return (vf)_mm512_maskz_loadu_ps(first_lanes(n), p); }
INLINE void store_some(float* p, vf v, int n) { _mm512_mask_storeu_ps(p, first_lanes(n), (__m512)v); }
template <class T>
INLINE vf load_some(const T* p, int n) {
  const __m256i lanes = _mm256_maskz_loadu_epi16(first_lanes(n), p);
  return load((const T*)&lanes);
}
template <class T>
INLINE void store_some(T* p, vf v, int n) {
  __m256i lanes;
  store((T*)&lanes, v);
  _mm256_mask_storeu_epi16(p, first_lanes(n), lanes);
}
#else
#ifdef __wasm__
#define SELDOM INLINE
#else
#define SELDOM __attribute__((noinline)) static
#endif
template <class T>
SELDOM vf load_some(const T* p, int n) {
  T lanes[LANES] = {};
  for (int i = 0; i < LANES; i++)
    if (i < n) lanes[i] = p[i];
  return load(lanes);
}
template <class T>
SELDOM void store_some(T* p, vf v, int n) {
  T lanes[LANES];
  store(lanes, v);
  for (int i = 0; i < LANES; i++)
    if (i < n) p[i] = lanes[i];
}
#endif
template <class T>
INLINE vf load_first(const T* p, int n) {
  return n >= LANES ? load(p) : load_some(p, n);
}
template <class T>
INLINE void store_first(T* p, vf v, int n) {
  if (n >= LANES) store(p, v);
  else store_some(p, v, n);
}

INLINE void round_to_bfloats(float* values, ptrdiff_t n) {
  for (ptrdiff_t i = 0; i < n; i += LANES)
    store_first(values + i, round_to_bfloat(load_first(values + i, n - i)), n - i);
}

// Of any kind. Not inlined: called where other work takes longer.
__attribute__((noinline)) static vf load_stored(Stored from, ptrdiff_t at, int n) {
  if (from.kind == Kind::floats) return load_first(from.floats() + at, n);
  return from.kind == Kind::halves ? load_first(from.halves() + at, n) : load_first(from.bfloats() + at, n);
}
__attribute__((noinline)) static void store_stored(Stored to, ptrdiff_t at, vf v, int n) {
  if (to.kind == Kind::floats) store_first(to.floats() + at, v, n);
  else if (to.kind == Kind::halves) store_first(to.halves() + at, v, n);
  else store_first(to.bfloats() + at, v, n);
}

// Of one kind, known to the compiler. Where conversions take many instructions (SSE2, WASM), `halves` stands for both
// 16-bit kinds, so that code is compiled once for both; `known` says which kind a buffer then is.
template <Kind KIND>
INLINE constexpr Kind known(Kind kind) {
  return TILES_WIDEN || KIND == Kind::floats ? KIND : kind;
}
template <Kind KIND>
INLINE vf load_as(Stored from, ptrdiff_t at, int n) {
  if constexpr (KIND == Kind::floats) return load_first(from.floats() + at, n);
  else if constexpr (!TILES_WIDEN) return load_stored(from, at, n);
  else if constexpr (KIND == Kind::halves) return load_first(from.halves() + at, n);
  else return load_first(from.bfloats() + at, n);
}
template <Kind KIND>
INLINE void store_as(Stored to, ptrdiff_t at, vf v, int n) {
  if constexpr (KIND == Kind::floats) store_first(to.floats() + at, v, n);
  else if constexpr (!TILES_WIDEN) store_stored(to, at, v, n);
  else if constexpr (KIND == Kind::halves) store_first(to.halves() + at, v, n);
  else store_first(to.bfloats() + at, v, n);
}

template <Kind K>
struct KindConstant {
  static constexpr Kind value = K;
};

// Calls use(KindConstant<kind>{}) for the kind of activations.
template <class Use>
INLINE void with_kind(Kind kind, Use use) {
  if (kind == Kind::floats) use(KindConstant<Kind::floats>{});
  else if (kind == Kind::halves || !TILES_WIDEN) use(KindConstant<Kind::halves>{});
  else if constexpr (TILES_WIDEN) use(KindConstant<Kind::bfloats>{});
}

template <Kind FROM, Kind TO>
INLINE void copy_as(Stored to, Stored from, ptrdiff_t n) {
  for (ptrdiff_t i = 0; i < n; i += LANES) store_as<TO>(to, i, load_as<FROM>(from, i, n - i), n - i);
}

// Copies n numbers, converting between kinds where the two buffers differ.
__attribute__((noinline)) static void copy(Stored to, Stored from, ptrdiff_t n) {
  if (from.kind != Kind::floats && from.kind == to.kind)
    __builtin_memcpy(to.halves(), from.halves(), n * sizeof(half));
  else
    with_kind(from.kind, [&](auto source) __attribute__((always_inline)) {
      with_kind(to.kind, [&](auto target) __attribute__((always_inline)) {
        copy_as<decltype(source)::value, decltype(target)::value>(to, from, n);
      });
    });
}

// The n numbers of a buffer as floats: its own memory, or a widened copy in scratch.
INLINE const float* as_floats(Stored from, ptrdiff_t n, float* scratch) {
  if (from.kind == Kind::floats) return from.floats();
  copy(Stored::of(scratch), from, n);
  return scratch;
}

// Calls use(p) with the n numbers of a buffer in a form that the tiles read: in place, or, where tiles do not widen,
// widened into scratch.
template <class Use>
INLINE void with_numbers(Stored from, ptrdiff_t n, float* scratch, Use use) {
  if (MULTIPLIES_PAIRS && from.kind == Kind::pairs) {
    if constexpr (MULTIPLIES_PAIRS) use((const bfloat_pair*)from.address);
  } else if (TILES_WIDEN && from.kind == Kind::halves) {
    if constexpr (TILES_WIDEN) use((const half*)from.halves());
  } else {
    use(as_floats(from, n, scratch));
  }
}

INLINE int min_of(int a, int b) { return a < b ? a : b; }
INLINE int round_up(int n, int multiple) { return (n + multiple - 1) / multiple * multiple; }
