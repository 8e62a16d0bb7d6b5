// One direction of one LSTM layer over packed sequences, forward and backward through time.
//
// Forward, step t, all four gates of LANES hidden units in the registers of one tile:
//   [i f g o] = [x_t, h'] · [W; U] + b        one chain of multiply-adds per element, x before h'
//   c = f c' + i g,  h = o tanh(c)            in the tile's epilogue
// While at most half a tile of sequences is running, reading the weights takes longer than multiplying. The chains are
// then advanced through x for several steps at once, so W is read less often.
// Backward, step t: the gates are replaced by their gradients, dh' = dgates · U. After the last step
//   dx += dgates · W,  dW += dgatesᵀ · x,  dU += dgatesᵀ · h',  db += Σ dgates,
// the last three as one sum or several, one after the other: sequence b belongs to sum sum_of[b].
//
// Panels of the weights: for every LANES units a block [bias 4·LANES][I rows of W][H rows of U], in each row LANES
// values of i, then of f, g and o; units past H are zero. If backward is needed, U [4H, H] and W [4H, I] follow as
// panels of product.h.
//
// Mixed precision: x, y, cells and gates are stored in 16 bits. c is carried from step to step in scratch, as floats; y
// and cells are the copies that backward reads. Sums are float32.
//
// Halves: panels are halves, too. Every product is float32. The tile widens weights as it loads them (or a block at a
// time, into scratch); x and gates are widened into scratch. h is carried as floats.
//
// Bfloats: the factors of every product are bfloats: weights, x, h and the gradients of the gates. Where the processor
// multiplies bfloats, panels and operands are pairs (product.h); elsewhere they are floats of the same values. The bias
// is a float.
#pragma once
#include "activation.h"
#include "optimizer.h"
#include "product.h"
#include "sums.h"

// Most packed rows, of several steps together, that are multiplied with W ahead of the recurrent part.
#define AHEAD_ROWS 32

// Whether the tiles read pairs, and a number of columns of A or rows of B as they read it.
INLINE constexpr bool reads_pairs(Kind kind) { return MULTIPLIES_PAIRS && kind == Kind::bfloats; }
INLINE int tile_depth(Kind kind, int count) { return reads_pairs(kind) ? in_pairs(count) : count; }

// A block of panels, and all blocks.
INLINE int lstm_block_length(Kind kind, int I, int H) {
  return 4 * LANES * (1 + tile_depth(kind, I) + tile_depth(kind, H));
}
INLINE int lstm_forward_length(Kind kind, int I, int H) {
  return round_up(H, LANES) / LANES * lstm_block_length(kind, I, H);
}

// Panels as the tiles read them. Those of bfloats are pairs or floats.
INLINE Stored as_panels(Stored given) {
  if (given.kind == Kind::bfloats) given.kind = MULTIPLIES_PAIRS ? Kind::pairs : Kind::floats;
  return given;
}

// In elements of the buffer. Panels of bfloats are words of 32 bits, each two elements long.
VERB int lstm_panels_length(int I, int H, int backward, int bfloats) {
  const Kind kind = bfloats ? Kind::bfloats : Kind::floats;
  const int G = tile_depth(kind, 4 * H);
  return (lstm_forward_length(kind, I, H) + (backward ? panels_length(G, H) + panels_length(G, I) : 0)) * (bfloats ? 2 : 1);
}

VERB int lstm_scratch_length(int B, int I, int H, int backward) {
  if (!backward) {
    const int rows = B > AHEAD_ROWS ? B : AHEAD_ROWS;
    return rows * I + 3 * B * H + lstm_block_length(Kind::floats, I, H) + AHEAD_ROWS * 4 * round_up(H, LANES);
  }
  const int widest = I > H ? I : H, G = 4 * H;
  return 2 * B * H + G * (1 + I + H) + slabs_length(DEPTH_BLOCK, G) + panels_length(DEPTH_BLOCK, widest) +
         (B > DEPTH_BLOCK ? B : DEPTH_BLOCK) * G + panels_length(G, min_of(widest, PANEL_COLUMNS));
}

VERB void lstm_panels(int I, int H, const float* weight_ih,  // [4H, I]
                      const float* weight_hh,                // [4H, H]
                      const float* bias_ih,                  // [4H]
                      const float* bias_hh,                  // [4H]
                      Buffer panels, int backward) {
  const int width = 4 * LANES, block = 16;
  const Kind kind = Stored(panels).kind;
  Stored out = as_panels(panels);
  float rows[block * width];
  for (int unit = 0; unit < H; unit += LANES) {
    const int units = min_of(LANES, H - unit);
    // Transposes a weight [4H, depth], restricted to these units: its rows become columns.
    auto transpose = [&](const float* source, int depth) __attribute__((always_inline)) {
      for (int from = 0; from < depth; from += block) {
        const int count = min_of(block, depth - from);
        for (int lane = 0; lane < width; lane++) {
          const int gate = lane / LANES, j = lane % LANES;
          const float* row = source + (ptrdiff_t)(gate * H + unit + j) * depth + from;
          if (j >= units)
            for (int k = 0; k < count; k++) rows[k * width + lane] = 0.0f;
          else if (count == block)
            for (int k = 0; k < block; k++) rows[k * width + lane] = row[k];
          else
            for (int k = 0; k < count; k++) rows[k * width + lane] = row[k];
        }
        if (reads_pairs(kind)) {
          auto row = [&](int k) { return Stored::of(rows + k * width); };
          write_paired_panels<Kind::floats>(count, width, row, out.floats());
        } else {
          if (kind == Kind::bfloats) round_to_bfloats(rows, count * width);
          copy(out, Stored::of(rows), count * width);
        }
        out = out + tile_depth(kind, count) * width;
      }
    };
    for (int lane = 0; lane < width; lane++) {
      const int gate = lane / LANES, j = lane % LANES, at = gate * H + unit + j;
      rows[lane] = j < units ? bias_ih[at] + bias_hh[at] : 0.0f;
    }
    copy(kind == Kind::halves ? out : Stored::of(out.floats()), Stored::of(rows), width);
    out = out + width;
    transpose(weight_ih, I);
    transpose(weight_hh, H);
  }
  if (!backward) return;
  auto write = [&](const float* weight, int columns) {
    auto row = [&](int k) { return Stored::of(weight + (ptrdiff_t)k * columns); };
    const int length = panels_length(tile_depth(kind, 4 * H), columns);
    if (reads_pairs(kind)) write_paired_panels<Kind::floats>(4 * H, columns, row, out.floats());
    else if (columns <= PANEL_COLUMNS && columns % LANES == 0) copy(out, row(0), length);  // rows as they lie
    else write_panels(4 * H, columns, row, out);
    if (kind == Kind::bfloats && !reads_pairs(kind)) round_to_bfloats(out.floats(), length);
    out = out + length;
  };
  write(weight_hh, H);
  write(weight_ih, I);
}

// Where one step of a tile's sequences and LANES units reads and writes. Rows of c_before, c and cells are H elements
// apart, rows of h are h_row, rows of y are y_row, rows of gates are 4H.
struct LstmCell {
  const float* c_before;  // null for zeros
  float* c;
  Stored h;  // as the product with U reads it
  ptrdiff_t h_row;
  Stored y, cells, gates;  // y, cells: copies of h and c, written in mixed precision only; gates may be null
  ptrdiff_t y_row;
};

// Computes gates, cell states and hidden states from the gates' sums [rows, 4 · LANES], which are overwritten. tanh c
// follows in a second loop: within a row it would wait for the gates, and the processor sees few rows ahead.
template <Kind KIND>
static void lstm_cell(int rows, int units, int H, float* sums, const LstmCell& at) {
  for (int m = 0; m < rows; m++) {
    float* row = sums + m * 4 * LANES;
    const vf i = sigmoid(load(row)), f = sigmoid(load(row + LANES)), g = tanh(load(row + 2 * LANES)),
             o = sigmoid(load(row + 3 * LANES));
    vf c = i * g;
    if (at.c_before) c += f * load_first(at.c_before + m * H, units);
    store(row, c);
    store(row + LANES, o);
    store_first(at.c + m * H, c, units);
    if constexpr (KIND != Kind::floats) store_as<KIND>(at.cells, m * H, c, units);
    if (at.gates) {
      const ptrdiff_t gate = (ptrdiff_t)m * 4 * H;
      store_as<KIND>(at.gates, gate, i, units);
      store_as<KIND>(at.gates, gate + H, f, units);
      store_as<KIND>(at.gates, gate + 2 * H, g, units);
      store_as<KIND>(at.gates, gate + 3 * H, o, units);
    }
  }
  const Kind kind = known<KIND>(at.y.kind);
  for (int m = 0; m < rows; m++) {
    const float* row = sums + m * 4 * LANES;
    const vf h = load(row + LANES) * tanh(load(row));
    if constexpr (reads_pairs(KIND)) store_as<Kind::bfloats>(at.h, m * at.h_row, h, units);
    else store_as<Kind::floats>(at.h, m * at.h_row, kind == Kind::bfloats ? round_to_bfloat(h) : h, units);
    if constexpr (KIND != Kind::floats) store_as<KIND>(at.y, m * at.y_row, h, units);
  }
}

// The bias of LANES gates. Among pairs it is floats.
template <class B>
INLINE vf load_bias(const B* bias) {
  return load(bias);
}
INLINE vf load_bias(const bfloat_pair* bias) { return load((const float*)bias); }

// sums_ahead [unit block][rows][4 · LANES] = bias + W·x for `rows` packed rows, ahead of the recurrent part. Not
// inlined: inside lstm_forward, this loop would take registers from the main loop.
// I: numbers of a row of x as the tile reads it; block: length of a block of panels.
__attribute__((noinline)) static void lstm_inputs_ahead(int I, int H, int rows, Stored panels, int block,
                                                        const float* x, float* wide_w, float* sums_ahead) {
  for (int unit = 0; unit < H; unit += LANES, panels = panels + block, sums_ahead += rows * 4 * LANES)
    with_numbers(panels, (1 + I) * 4 * LANES, wide_w, [&](auto weights) __attribute__((always_inline)) {
      in_tiles<TILE_ROWS>(rows, [&](auto size, int first) __attribute__((always_inline)) {
        constexpr int M = decltype(size)::value;
        vf sums[M][4];
        for (int m = 0; m < M; m++)
          for (int gate = 0; gate < 4; gate++) sums[m][gate] = load_bias(weights + gate * LANES);
        tile<M, 4>(sums, I, x + (ptrdiff_t)first * I, I, 1, weights + 4 * LANES);
        for (int m = 0; m < M; m++)
          for (int gate = 0; gate < 4; gate++) store(sums_ahead + ((first + m) * 4 + gate) * LANES, sums[m][gate]);
      });
    });
}

VERB void lstm_forward(int I, int H, int T, const int32_t* batch_sizes,  // [T]
                       int N, int reverse, int y_row, int y_column,
                       Buffer panels_,
                       Buffer x_,             // [N, I]
                       Buffer y_,             // [N, y_row]
                       Buffer cells_,         // [N, H]
                       Buffer gates_,         // [N, 4H] or null
                       const float* first_h,  // [B, H] states before each sequence's first step; null for zeros
                       const float* first_c,  // [B, H]
                       float* scratch) {      // lstm_scratch_length(batch_sizes[0], I, H, 0)
  const Stored panels = as_panels(panels_), x = x_, y = Stored(y_) + y_column, cells = cells_, gates = gates_;
  const Kind kind = x.kind;
  const bool mixed = kind != Kind::floats;
  const int depth_i = tile_depth(kind, I), depth_h = tile_depth(kind, H);
  const int B = batch_sizes[0], block = lstm_block_length(kind, I, H), blocks = (H + LANES - 1) / LANES;
  float* wide_c = scratch;           // [B, H]
  float* wide_h = wide_c + B * H;    // [2, B, H or pairs] states before and after the step
  float* wide_w = wide_h + 2 * B * H;
  float* sums_ahead = wide_w + block;                               // [unit block][rows][4 · LANES]
  float* wide_x = sums_ahead + AHEAD_ROWS * 4 * round_up(H, LANES);  // [B or AHEAD_ROWS, I or pairs]
  const Kind kind_h = reads_pairs(kind) ? Kind::bfloats : Kind::floats;
  if (reads_pairs(kind)) __builtin_memset(wide_h, 0, sizeof(float) * 2 * B * depth_h);  // an odd H ends in a zero
  ptrdiff_t start = reverse ? N - batch_sizes[T - 1] : 0, start_before = 0;
  ptrdiff_t ahead_start = 0;  // first packed row of sums_ahead
  int ahead = 0;              // number of rows in sums_ahead
  int ahead_steps = 0;        // number of steps, from this one on, for which `ahead` has been decided
  int running_before = 0;
  for (int s = 0; s < T; s++) {
    const int t = reverse ? T - 1 - s : s, running = batch_sizes[t];
    const int continued = min_of(running, running_before);
    if (ahead_steps == 0) {
      for (ahead = 0; s + ahead_steps < T; ahead_steps++) {
        const int more = batch_sizes[reverse ? t - ahead_steps : t + ahead_steps];
        if (2 * more > TILE_ROWS || ahead + more > AHEAD_ROWS) break;
        ahead += more;
      }
      ahead_start = reverse ? start + running - ahead : start;
      if (ahead_steps > 1)
        lstm_inputs_ahead(depth_i, H, ahead, panels, block, tile_rows(x + ahead_start * I, ahead, I, wide_x), wide_w,
                          sums_ahead);
      else ahead = 0, ahead_steps = 1;
    }
    ahead_steps--;
    const int depth_x = ahead ? 0 : depth_i;
    const float* x_now = ahead ? wide_x : tile_rows(x + start * I, running, I, wide_x);
    float* h_now = mixed ? wide_h + (s & 1) * B * depth_h : y.floats() + start * y_row;
    float* h_then = mixed ? wide_h + (~s & 1) * B * depth_h : y.floats() + start_before * y_row;
    float* c_now = mixed ? wide_c : cells.floats() + start * H;
    const float* c_then = mixed ? wide_c : cells.floats() + start_before * H;
    const ptrdiff_t h_row = mixed ? depth_h : y_row, h_elements = reads_pairs(kind) ? 2 * h_row : h_row;
    // Bfloats: first states are rounded, to the places of sequences that have no state before.
    if (first_h && kind == Kind::bfloats)
      for (int b = continued; b < running; b++) {
        const Stored rounded = Stored{(uintptr_t)h_then, kind_h} + b * h_elements;
        copy(rounded, Stored::of(first_h + (ptrdiff_t)b * H), H);
        if (!reads_pairs(kind)) round_to_bfloats(rounded.floats(), H);
      }
    const bool given = first_h && kind != Kind::bfloats;
    for (int n = 0; n < blocks; n++) {
      // Every other step reads the blocks from the last to the first: those read last are still in the cache.
      const ptrdiff_t at = s & 1 ? blocks - 1 - n : n;
      const int unit = at * LANES, units = min_of(LANES, H - unit);
      const float* sums_now = sums_ahead + (at * ahead + start - ahead_start) * 4 * LANES;
      with_numbers(panels + at * block, block, wide_w, [&](auto weights) __attribute__((always_inline)) {
        for (int starts = 0; starts < 2; starts++) {  // 0: running sequences; 1: sequences that start at this step
          const int from = starts ? continued : 0, count = (starts ? running : continued) - from;
          const float* h_before = starts && !first_h ? nullptr : starts && given ? first_h : h_then;
          const float* c_before = starts ? first_c : c_then;
          const ptrdiff_t h_before_row = starts && given ? H : h_row;
          in_tiles<TILE_ROWS>(count, [&](auto size, int first) __attribute__((always_inline)) {
            constexpr int M = decltype(size)::value;
            const ptrdiff_t b = from + first;
            vf sums[M][4];
            for (int m = 0; m < M; m++)
              for (int gate = 0; gate < 4; gate++) {
                const float* begun = sums_now + (b + m) * 4 * LANES;  // bias + W·x, from lstm_inputs_ahead
                sums[m][gate] = ahead ? load(begun + gate * LANES) : load_bias(weights + gate * LANES);
              }
            tile<M, 4>(sums, depth_x, x_now + b * depth_i, depth_i, 1, weights + 4 * LANES);
            if (h_before)
              tile<M, 4>(sums, depth_h, h_before + b * h_before_row, h_before_row, 1, weights + (1 + depth_i) * 4 * LANES);
            float spilled[M * 4 * LANES];
            for (int m = 0; m < M; m++)
              for (int gate = 0; gate < 4; gate++) store(spilled + (m * 4 + gate) * LANES, sums[m][gate]);
            const LstmCell cell{c_before ? c_before + b * H + unit : nullptr,
                                c_now + b * H + unit,
                                Stored{(uintptr_t)h_now, kind_h} + b * h_elements + unit,
                                h_elements,
                                y + (start + b) * y_row + unit,
                                cells + (start + b) * H + unit,
                                gates ? gates + (start + b) * 4 * H + unit : gates,
                                y_row};
            with_kind(kind, [&](auto of) __attribute__((always_inline)) {
              lstm_cell<decltype(of)::value>(M, units, H, spilled, cell);
            });
          });
        }
      });
    }
    running_before = running;
    start_before = start;
    if (s + 1 < T) start = reverse ? start - batch_sizes[t - 1] : start + running;
  }
}

// Replaces the gates of one step by the gradients of their sums before the activation. In mixed precision they are also
// written to `wide` [rows, 4H] as floats, those of bfloats rounded, unless the tiles read pairs. dc is updated to the
// gradient of the step before.
template <Kind KIND>
static void lstm_cell_backward(int rows, int continued, int H, const float* dh, const float* dy, ptrdiff_t dy_row,
                               Stored cells, Stored cells_before, Stored gates, float* dc, float* wide) {
  for (int b = 0; b < rows; b++)
    for (int unit = 0; unit < H; unit += LANES) {
      const int n = min_of(LANES, H - unit);
      const ptrdiff_t gate = (ptrdiff_t)b * 4 * H + unit, cell = (ptrdiff_t)b * H + unit;
      const vf i = load_as<KIND>(gates, gate, n), f = load_as<KIND>(gates, gate + H, n),
               g = load_as<KIND>(gates, gate + 2 * H, n), o = load_as<KIND>(gates, gate + 3 * H, n);
      const vf tanh_c = tanh(load_as<KIND>(cells, cell, n));
      const vf c_before = b < continued ? load_as<KIND>(cells_before, cell, n) : vf{};
      const vf d_h = load_first(dh + cell, n) + load_first(dy + b * dy_row + unit, n);
      const vf d_c = load_first(dc + cell, n) + d_h * o * (1.0f - tanh_c * tanh_c);
      const vf d_gates[4] = {d_c * g * i * (1.0f - i), d_c * c_before * f * (1.0f - f), d_c * i * (1.0f - g * g),
                             d_h * tanh_c * o * (1.0f - o)};
      for (int k = 0; k < 4; k++) {
        store_as<KIND>(gates, gate + k * H, d_gates[k], n);
        if constexpr (KIND != Kind::floats && !reads_pairs(KIND)) {
          const bool rounds = known<KIND>(gates.kind) == Kind::bfloats;
          store_first(wide + gate + k * H, rounds ? round_to_bfloat(d_gates[k]) : d_gates[k], n);
        }
      }
      store_first(dc + cell, d_c * f, n);
    }
}

// dW += dgatesᵀ · x, dU += dgatesᵀ · h', db += Σ dgates over `depth` rows, by products of pairs of rows.
// wide: [depth / 2, 4H]
template <class XRow, class HRow>
INLINE void add_paired_gradients(int G, int I, int H, int depth, Stored gates, const int32_t* now, XRow x_row,
                                 HRow h_row, float* wide, float* slabs, float* row_panels, float* d_weight_ih,
                                 float* d_weight_hh, float* d_bias) {
  const int pairs = in_pairs(depth);
  const factor_pair* panels = (const factor_pair*)row_panels;
  auto d_gates = [&](int k) { return k < depth ? gates + (ptrdiff_t)now[k] * G : Stored{0, Kind::bfloats}; };
  for (int k = 0; k < pairs; k++) write_pairs<Kind::bfloats>(d_gates(2 * k), d_gates(2 * k + 1), G, wide + (ptrdiff_t)k * G);
  for (int k = 0; k < depth; k++)
    for (int j = 0; j < G; j += LANES) {
      const int n = min_of(LANES, G - j);
      store_first(d_bias + j, load_first(d_bias + j, n) + load_as<Kind::bfloats>(d_gates(k), j, n), n);
    }
  write_slabs(pairs, G, [&](int k) { return wide + (ptrdiff_t)k * G; }, slabs);
  write_paired_panels<Kind::bfloats>(depth, I, x_row, row_panels);
  add_transposed(G, I, pairs, slabs, panels, d_weight_ih, I);
  write_paired_panels<Kind::bfloats>(depth, H, h_row, row_panels);
  add_transposed(G, H, pairs, slabs, panels, d_weight_hh, H);
}

VERB void lstm_backward(int I, int H, int T, const int32_t* batch_sizes,  // [T]
                        int N, int reverse, int y_row, int y_column,
                        Buffer panels_,
                        Buffer x_,           // [N, I]
                        Buffer y_,           // [N, y_row]
                        Buffer cells_,       // [N, H]
                        Buffer gates_,       // [N, 4H] in: gates; out: gradients of their sums
                        const int32_t* sum_of,  // [B] or null
                        const float* dy,     // [N, y_row]
                        float* dx,           // [N, I] added to; may be null
                        float* d_weight_ih,  // [4H, I] added to
                        float* d_weight_hh,  // [4H, H] added to
                        float* d_bias_ih,    // [4H] added to
                        float* d_bias_hh,    // [4H] added to
                        float* scratch) {    // lstm_scratch_length(batch_sizes[0], I, H, 1)
  const Stored panels = as_panels(panels_), x = x_, y = y_, cells = cells_, gates = gates_;
  const Kind kind = x.kind;
  const bool mixed = kind != Kind::floats, pairs = reads_pairs(kind);
  const int B = batch_sizes[0], G = 4 * H, widest = I > H ? I : H;
  const int depth_g = tile_depth(kind, G);
  const Stored panels_hh = panels + lstm_forward_length(kind, I, H);
  const Stored panels_ih = panels_hh + panels_length(depth_g, H);
  float* dh = scratch;         // [B, H]
  float* dc = dh + B * H;      // [B, H]
  float* sum_bias = dc + B * H;        // [4H]
  float* sum_weights = sum_bias + G;  // [4H, I] and [4H, H]
  float* slabs = sum_weights + G * (I + H);
  float* row_panels = slabs + slabs_length(DEPTH_BLOCK, G);
  float* wide = row_panels + panels_length(DEPTH_BLOCK, widest);           // [B or DEPTH_BLOCK, 4H], pairs of rows or floats
  float* wide_panel = wide + (B > DEPTH_BLOCK ? B : DEPTH_BLOCK) * G;  // one panel of weights
  __builtin_memset(dh, 0, sizeof(float) * 2 * B * H);

  ptrdiff_t start = reverse ? 0 : N - batch_sizes[T - 1];
  for (int s = 0; s < T; s++) {
    const int t = reverse ? s : T - 1 - s, running = batch_sizes[t];
    const int before = reverse ? t + 1 : t - 1;  // the step before t in the forward pass
    const int continued = before < 0 || before >= T ? 0 : min_of(running, batch_sizes[before]);
    const ptrdiff_t start_before = reverse ? start + running : continued ? start - batch_sizes[before] : 0;
    const float* dy_now = dy + start * y_row + y_column;
    const Stored gates_now = gates + start * G;
    with_kind(kind, [&](auto of) __attribute__((always_inline)) {
      lstm_cell_backward<decltype(of)::value>(running, continued, H, dh, dy_now, y_row, cells + start * H,
                                              cells + start_before * H, gates_now, dc, wide);
    });
    const float* d_gates = mixed && !pairs ? wide : gates_now.floats();
    multiply<Into::overwrite>(continued, H, depth_g, d_gates, depth_g, panels_hh, wide_panel, dh, H);
    start = start_before;
  }

  // dx = dgates W. Rows are independent of each other.
  if (dx)
    for (int first = 0; first < N; first += DEPTH_BLOCK) {
      const ptrdiff_t depth = min_of(DEPTH_BLOCK, N - first);
      const float* d_gates = tile_rows(gates + (ptrdiff_t)first * G, depth, G, wide);
      multiply<Into::add>(depth, I, depth_g, d_gates, depth_g, panels_ih, wide_panel, dx + (ptrdiff_t)first * I, I);
    }

  const int block = pairs ? 2 * DEPTH_BLOCK : DEPTH_BLOCK;
  // The gradients of the weights, sum by sum. A sum of several blocks is formed in scratch, so that it is the same
  // chain of additions whether or not other sums have been added before it.
  for (int sum = 0, sums = sum_count(B, sum_of); sum < sums; sum++) {
    RowsOfSum rows{batch_sizes, T, reverse, sum_of, sum};
    const bool apart = sum > 0 && rows.count() > block;
    float* sum_ih = apart ? sum_weights : d_weight_ih;
    float* sum_hh = apart ? sum_weights + G * I : d_weight_hh;
    if (apart) __builtin_memset(sum_weights, 0, sizeof(float) * G * (I + H));
    __builtin_memset(sum_bias, 0, sizeof(float) * G);
    int32_t now[2 * DEPTH_BLOCK], before[2 * DEPTH_BLOCK];
    while (const int depth = rows.next(now, before, block)) {
      auto x_row = [&](int k) { return x + (ptrdiff_t)now[k] * I; };
      auto h_row = [&](int k) {
        return before[k] < 0 ? Stored{0, kind} : y + ((ptrdiff_t)before[k] * y_row + y_column);
      };
      if (pairs) {
        add_paired_gradients(G, I, H, depth, gates, now, x_row, h_row, wide, slabs, row_panels, sum_ih, sum_hh, sum_bias);
        continue;
      }
      if (mixed)
        for (int k = 0; k < depth; k++) copy(Stored::of(wide + (ptrdiff_t)k * G), gates + (ptrdiff_t)now[k] * G, G);
      auto d_gates = [&](int k) { return mixed ? wide + (ptrdiff_t)k * G : gates.floats() + (ptrdiff_t)now[k] * G; };
      write_slabs(depth, G, d_gates, slabs);
      write_panels(depth, I, x_row, Stored::of(row_panels));
      add_transposed(G, I, depth, slabs, row_panels, sum_ih, I);
      write_panels(depth, H, h_row, Stored::of(row_panels));
      add_transposed(G, H, depth, slabs, row_panels, sum_hh, H);
      for (int k = 0; k < depth; k++) {
        const float* row = d_gates(k);
        for (int j = 0; j < G; j++) sum_bias[j] += row[j];
      }
    }
    if (apart) {
      add(G * I, d_weight_ih, sum_ih);
      add(G * H, d_weight_hh, sum_hh);
    }
    add(G, d_bias_ih, sum_bias);
    add(G, d_bias_hh, sum_bias);
  }
}
