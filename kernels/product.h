// Matrix products C = A · B: a register tile, and the functions that copy operands into the order in which the tile
// reads them.
//
// B is copied into panels of TILE_VECTORS · LANES columns. The last panel is narrower: it is padded with zeros to whole
// vectors. Within a panel, row k follows row k - 1, so the tile reads it sequentially. A is read in place, TILE_ROWS
// rows at a time. For a product Aᵀ · B, A is copied too: into slabs of TILE_ROWS columns.
//
// Products of bfloats, where the processor has them: a pair is two rows of B, 2k and 2k + 1, in one 32-bit word per
// column, and two neighbouring numbers of A's row. Rows of pairs take the places of rows of floats in panels and slabs;
// an odd last row is paired with zeros. One instruction adds both products of a pair to a float.
//
// Every element of a product is one chain of multiply-adds over k = 0, 1, 2 …, in every tile. So the other rows of a
// batch never change a result.
#pragma once
#include "vector.h"

template <int N>
struct Constant {
  static constexpr int value = N;
};

// Calls body(Constant<size>{}), for a size from 1 to Limit.
template <int Limit, class Body>
INLINE void with_constant(int size, Body body) {
  if constexpr (Limit == 1) body(Constant<1>{});
  else if (size == Limit) body(Constant<Limit>{});
  else with_constant<Limit - 1>(size, body);
}

// Calls body(Constant<size>, first) for tiles that cover [0, count), size ≤ Limit. The number of tiles is minimal, and
// their sizes differ by at most one: every tile reads all of B, and tiles of 6 and 2 rows take longer than 4 and 4.
template <int Limit, class Body>
INLINE void in_tiles(int count, Body body) {
  int tiles = (count + Limit - 1) / Limit;
  for (int first = 0; first < count; tiles--) {
    const int size = (count - first + tiles - 1) / tiles;
    with_constant<Limit>(size, [&](auto constant) __attribute__((always_inline)) { body(constant, first); });
    first += size;
  }
}

// sums[m][v] += Σ_k a[m · a_row + k · a_step] · b[k][v]. b holds floats, halves or pairs. With pairs, a holds pairs in the
// places of its floats, and `depth` counts pairs.
#ifndef __wasm__
// A factor from A in all lanes, a vector of factors from B, and their product added to the sums: floats, or pairs.
template <class B>
INLINE vf factor(const float* a, const B*) {
  return broadcast(*a);
}
template <class B>
INLINE vf factors(const B* b) {
  return load(b);
}
INLINE void add_product(vf& sum, vf a, vf b) { sum += a * b; }
#if MULTIPLIES_PAIRS
INLINE vi factors(const bfloat_pair* b) {
  vi pairs;
  __builtin_memcpy(&pairs, b, sizeof pairs);
  return pairs;
}
#ifdef __ARM_NEON
// The instruction multiplies by one lane of a register, so only that lane is loaded.
INLINE bfloat16x4_t factor(const float* a, const bfloat_pair*) {
  return vreinterpret_bf16_f32(vset_lane_f32(*a, vdup_n_f32(0), 0));
}
INLINE void add_product(vf& sum, bfloat16x4_t a, vi b) {
  sum = (vf)vbfdotq_lane_f32((float32x4_t)sum, vreinterpretq_bf16_s32((int32x4_t)b), a, 0);
}
#else
INLINE vi factor(const float* a, const bfloat_pair*) {
  int32_t pair;
  __builtin_memcpy(&pair, a, sizeof pair);
  return (vi)_mm512_set1_epi32(pair);
}
INLINE void add_product(vf& sum, vi a, vi b) { sum = (vf)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b); }
#endif
#endif

template <int M, int V, class B>
INLINE void tile(vf (&sums)[M][V], int depth, const float* a, ptrdiff_t a_row, ptrdiff_t a_step, const B* b) {
  for (int k = 0; k < depth; k++) {
    decltype(factor(a, b)) column[M];
#pragma GCC unroll 8
    for (int m = 0; m < M; m++) column[m] = factor(a + m * a_row, b);
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) {
      const auto row = factors(b + v * LANES);
#pragma GCC unroll 8
      for (int m = 0; m < M; m++) add_product(sums[m][v], column[m], row);
    }
    a += a_step;
    b += V * LANES;
  }
}
#else
// The JavaScript engine reorders instructions within a basic block. In an unrolled loop without branches it moves the
// loads of all iterations to the front and spills registers. So each of the UNROLL iterations ends with a branch that
// tests for the last one. Pointers advance once per UNROLL iterations; the loads use constant offsets.
template <int U, int Unroll, int M, int V, class B>
INLINE bool steps_end(vf (&sums)[M][V], int depth, const float* const (&a)[M], ptrdiff_t a_step, const B* b) {
  if constexpr (U == Unroll) return false;
  else {
    vf row[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) row[v] = load(b + (U * V + v) * LANES);
#pragma GCC unroll 8
    for (int m = 0; m < M; m++) {
#pragma GCC unroll 8
      for (int v = 0; v < V; v++) sums[m][v] += a[m][U * a_step] * row[v];
    }
    return depth == U + 1 || steps_end<U + 1, Unroll>(sums, depth, a, a_step, b);
  }
}

template <int M, int V, class B>
INLINE void tile(vf (&sums)[M][V], int depth, const float* a, ptrdiff_t a_row, ptrdiff_t a_step, const B* b) {
  constexpr int UNROLL = M == TILE_ROWS && V == TILE_VECTORS ? TILE_UNROLL : 1;
  const float* rows[M];
#pragma GCC unroll 8
  for (int m = 0; m < M; m++) rows[m] = a + m * a_row;
  if (depth == 0) return;
  while (!steps_end<0, UNROLL>(sums, depth, rows, a_step, b)) {
    depth -= UNROLL;
    b += UNROLL * V * LANES;
    asm("" : "+r"(b));  // stops clang from recomputing each address from a counter
#pragma GCC unroll 8
    for (int m = 0; m < M; m++) {
      rows[m] += UNROLL * a_step;
      asm("" : "+r"(rows[m]));
    }
  }
}
#endif

#define PANEL_COLUMNS (TILE_VECTORS * LANES)

INLINE int panels_length(int depth, int columns) { return depth * round_up(columns, LANES); }

// Copies [depth, columns] into panels. row(k) is the start of row k, or null for a row of zeros.
template <class Row>
INLINE void write_panels(int depth, int columns, Row row, Stored panels) {
  static const float no_row[PANEL_COLUMNS] = {};
  const Stored zeros = Stored::of(no_row);
  for (int first = 0; first < columns; first += PANEL_COLUMNS) {
    const int count = min_of(PANEL_COLUMNS, columns - first), padded = round_up(count, LANES);
    for (int k = 0; k < depth; k++, panels = panels + padded) {
      const Stored source = row(k);
      if (count < padded) store_stored(panels, padded - LANES, vf{}, LANES);
      copy(panels, source ? source + first : zeros, count);
    }
  }
}

// Rows of A in the form in which the tile reads them: floats, or pairs of bfloats, an odd last column with a zero. In
// their own memory, or in scratch.
INLINE const float* tile_rows(Stored from, ptrdiff_t rows, int columns, float* scratch) {
  if (!MULTIPLIES_PAIRS || from.kind != Kind::bfloats) return as_floats(from, rows * columns, scratch);
  if (columns % 2 == 0) return from.floats();
  bfloat* to = Stored::of(scratch).bfloats();
  for (ptrdiff_t r = 0; r < rows; r++, to += columns + 1) {
    __builtin_memcpy(to, from.bfloats() + r * columns, columns * sizeof(bfloat));
    to[columns].bits = 0;
  }
  return scratch;
}

// Numbers of a row as `tile_rows` writes them, and rows of B as rows of pairs.
INLINE int in_pairs(int count) { return (count + 1) / 2; }

// Two rows of n numbers, floats or bfloats, as one row of pairs. A row may be null for zeros.
template <Kind KIND>
INLINE void write_pairs(Stored first, Stored second, int n, float* pairs) {
  auto number = [](Stored row, int i, int count) __attribute__((always_inline)) {
    const vf v = row ? load_as<KIND>(row, i, count) : vf{};
    return (vu)bits(KIND == Kind::floats ? round_to_bfloat(v) : v);
  };
  for (int i = 0; i < n; i += LANES)
    store_first(pairs + i, from_bits((vi)(number(first, i, n - i) >> 16 | number(second, i, n - i))), n - i);
}

// Copies [depth, columns] into panels of pairs. row(k) is the start of row k, or null for a row of zeros.
template <Kind KIND, class Row>
INLINE void write_paired_panels(int depth, int columns, Row row, float* panels) {
  const Stored none{0, KIND};
  for (int first = 0; first < columns; first += PANEL_COLUMNS) {
    const int count = min_of(PANEL_COLUMNS, columns - first), padded = round_up(count, LANES);
    for (int k = 0; k < depth; k += 2, panels += padded) {
      const Stored even = row(k), odd = k + 1 < depth ? row(k + 1) : none;
      if (count < padded) store(panels + padded - LANES, vf{});
      write_pairs<KIND>(even ? even + first : none, odd ? odd + first : none, count, panels);
    }
  }
}

// Columns in vector v of the V vectors that a panel of so many columns needs: only the last one may be narrower.
template <int V>
INLINE int columns_of(int v, int columns) {
  return v < V - 1 ? LANES : columns - v * LANES;
}

enum class Into { overwrite, add };

// C [rows, columns] = A · B or += A · B, for one panel of V vectors.
template <int V, Into into, class B>
INLINE void multiply_panel(int rows, int columns, int depth, const float* a, ptrdiff_t a_row, const B* panel, float* c,
                           ptrdiff_t c_row) {
  in_tiles<TILE_ROWS>(rows, [&](auto size, int first) __attribute__((always_inline)) {
    constexpr int M = decltype(size)::value;
    vf sums[M][V] = {};
    tile<M, V>(sums, depth, a + first * a_row, a_row, 1, panel);
    for (int m = 0; m < M; m++)
      for (int v = 0; v < V; v++) {
        float* target = c + (first + m) * c_row + v * LANES;
        const int count = columns_of<V>(v, columns);
        store_first(target, into == Into::add ? load_first(target, count) + sums[m][v] : sums[m][v], count);
      }
  });
}

// C [rows, columns] = A [rows, depth] · B or += A · B, with B in panels. scratch holds one widened panel of halves.
template <Into into>
static void multiply(int rows, int columns, int depth, const float* a, ptrdiff_t a_row, Stored panels, float* scratch,
                     float* c, ptrdiff_t c_row) {
  for (; columns > 0; columns -= PANEL_COLUMNS, c += PANEL_COLUMNS) {
    const int width = min_of(PANEL_COLUMNS, round_up(columns, LANES));
    with_numbers(panels, (ptrdiff_t)depth * width, scratch, [&](auto panel) __attribute__((always_inline)) {
      if (columns > 3 * LANES) multiply_panel<4, into>(rows, columns, depth, a, a_row, panel, c, c_row);
      else if (columns > 2 * LANES) multiply_panel<3, into>(rows, columns, depth, a, a_row, panel, c, c_row);
      else if (columns > LANES) multiply_panel<2, into>(rows, columns, depth, a, a_row, panel, c, c_row);
      else multiply_panel<1, into>(rows, columns, depth, a, a_row, panel, c, c_row);
    });
    panels = panels + (ptrdiff_t)depth * width;
  }
}

// Copies A [depth, columns] into slabs of TILE_ROWS columns, [slab][k][TILE_ROWS], for the product AᵀB. The last slab is
// padded with zeros.
template <class Row>
INLINE void write_slabs(int depth, int columns, Row row, float* slabs) {
  const int block = 16;  // rows of A at a time, so that their pages fit the TLB
  for (int k0 = 0; k0 < depth; k0 += block)
    for (int first = 0; first < columns; first += TILE_ROWS) {
      float* slab = slabs + (ptrdiff_t)first * depth;
      const int count = min_of(TILE_ROWS, columns - first);
      for (int k = k0; k < min_of(depth, k0 + block); k++) {
        const float* source = row(k) + first;
        if (count == TILE_ROWS) __builtin_memcpy(slab + k * TILE_ROWS, source, TILE_ROWS * sizeof(float));
        else
          for (int m = 0; m < TILE_ROWS; m++) slab[k * TILE_ROWS + m] = m < count ? source[m] : 0.0f;
      }
    }
}

template <int V, class B>
INLINE void add_panel_from_slabs(int rows, int columns, int depth, const float* slabs, const B* panel, float* c,
                                 ptrdiff_t c_row) {
  for (int first = 0; first < rows; first += TILE_ROWS) {
    vf sums[TILE_ROWS][V] = {};
    tile<TILE_ROWS, V>(sums, depth, slabs + (ptrdiff_t)first * depth, 1, TILE_ROWS, panel);
    const int count = min_of(TILE_ROWS, rows - first);
    for (int m = 0; m < TILE_ROWS; m++)
      for (int v = 0; v < V; v++) {
        if (m >= count) continue;
        float* target = c + (first + m) * c_row + v * LANES;
        const int n = columns_of<V>(v, columns);
        store_first(target, load_first(target, n) + sums[m][v], n);
      }
  }
}

// C [rows, columns] += Aᵀ · B, with A in slabs and B in panels.
template <class B>
static void add_transposed(int rows, int columns, int depth, const float* slabs, const B* panels, float* c,
                           ptrdiff_t c_row) {
  for (; columns > 0; columns -= PANEL_COLUMNS, c += PANEL_COLUMNS) {
    if (columns > 3 * LANES) add_panel_from_slabs<4>(rows, columns, depth, slabs, panels, c, c_row);
    else if (columns > 2 * LANES) add_panel_from_slabs<3>(rows, columns, depth, slabs, panels, c, c_row);
    else if (columns > LANES) add_panel_from_slabs<2>(rows, columns, depth, slabs, panels, c, c_row);
    else add_panel_from_slabs<1>(rows, columns, depth, slabs, panels, c, c_row);
    panels += depth * PANEL_COLUMNS;
  }
}

// Rows of A and B in one block of a transposed product, so that its panels fit the second-level cache.
#define DEPTH_BLOCK 256

INLINE int slabs_length(int depth, int columns) { return depth * round_up(columns, TILE_ROWS); }
