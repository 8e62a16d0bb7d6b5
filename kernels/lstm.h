// One direction of one LSTM layer over packed sequences, forward and backward through time.
//
// Forward, step t, all four gates of LANES hidden units in the registers of one tile:
//   [i f g o] = [x_t, h'] · [W; U] + b        one chain of multiply-adds per element, x first
//   c = f c' + i g,  h = o tanh(c)            in the tile's epilogue
// Backward, step t: the gates turn into their gradients in place, dh' = dgates · U; after the last step
//   dx = dgates · W,  dW += dgatesᵀ · x,  dU += dgatesᵀ · h',  db += Σ dgates.
//
// Packed weights: for every LANES units [bias 4·LANES][I rows of W][H rows of U], each row i f g o by LANES; units
// past H are zero. Then, for the way back, U [4H, H] and W [4H, I] in panels.
#pragma once
#include "activation.h"
#include "product.h"

INLINE int lstm_forward_length(int I, int H) { return round_up(H, LANES) * 4 * (1 + I + H); }

VERB int lstm_packed_length(int I, int H) {
  return lstm_forward_length(I, H) + panels_length(4 * H, H) + panels_length(4 * H, I);
}

VERB int lstm_scratch_length(int B, int I, int H) {
  const int widest = I > H ? I : H;
  return 2 * B * H + 4 * H + slabs_length(DEPTH_BLOCK, 4 * H) + panels_length(DEPTH_BLOCK, widest);
}

VERB void lstm_pack(int I, int H, const float* weight_ih,  // [4H, I]
                    const float* weight_hh,                // [4H, H]
                    const float* bias_ih,                  // [4H]
                    const float* bias_hh,                  // [4H]
                    float* packed, int backward) {
  float* out = packed;
  for (int unit = 0; unit < H; unit += LANES) {
    const int units = min_of(LANES, H - unit);
    auto lane = [&](const float* source, int stride, int k) __attribute__((always_inline)) {
      for (int gate = 0; gate < 4; gate++)
        for (int j = 0; j < LANES; j++)
          *out++ = j < units ? source[(ptrdiff_t)(gate * H + unit + j) * stride + k] : 0.0f;
    };
    lane(bias_ih, 1, 0);
    for (int gate = 0; gate < 4; gate++)
      for (int j = 0; j < units; j++) (out - 4 * LANES)[gate * LANES + j] += bias_hh[gate * H + unit + j];
    for (int k = 0; k < I; k++) lane(weight_ih, I, k);
    for (int k = 0; k < H; k++) lane(weight_hh, H, k);
  }
  if (!backward) return;
  pack_panels(4 * H, H, [&](int k) { return weight_hh + (ptrdiff_t)k * H; }, out);
  out += panels_length(4 * H, H);
  pack_panels(4 * H, I, [&](int k) { return weight_ih + (ptrdiff_t)k * I; }, out);
}

// One step of `rows` sequences and LANES units: from the gates' sums to gates, cell and hidden states.
static void lstm_cell(int rows, int units, int H, const float* sums,  // [rows, 4 · LANES]
                      const float* cells_before,                      // [rows, H] or null
                      float* cells, float* gates, float* h, ptrdiff_t h_row) {
  for (int m = 0; m < rows; m++, sums += 4 * LANES) {
    const vf i = sigmoid(load(sums)), f = sigmoid(load(sums + LANES)), g = tanh(load(sums + 2 * LANES)),
             o = sigmoid(load(sums + 3 * LANES));
    vf c = i * g;
    if (cells_before) c += f * load_first(cells_before + m * H, units);
    store_first(cells + m * H, c, units);
    store_first(h + m * h_row, o * tanh(c), units);
    if (gates) {
      float* out = gates + (ptrdiff_t)m * 4 * H;
      store_first(out, i, units);
      store_first(out + H, f, units);
      store_first(out + 2 * H, g, units);
      store_first(out + 3 * H, o, units);
    }
  }
}

VERB void lstm_forward(int I, int H, int T, const int32_t* batch_sizes,  // [T]
                       int N, int reverse, int y_row, int y_column,
                       const float* packed,
                       const float* x,  // [N, I]
                       float* y,        // [N, y_row]
                       float* cells,    // [N, H]
                       float* gates,    // [N, 4H] or null
                       const float* first_h,    // [B, H] states before each sequence's first step, or null for zeros
                       const float* first_c) {  // [B, H]
  float* h = y + y_column;
  ptrdiff_t start = reverse ? N - batch_sizes[T - 1] : 0, start_before = 0;
  int running_before = 0;
  for (int s = 0; s < T; s++) {
    const int t = reverse ? T - 1 - s : s, running = batch_sizes[t];
    const int continued = min_of(running, running_before);
    const float* weights = packed;
    for (int unit = 0; unit < H; unit += LANES, weights += (1 + I + H) * 4 * LANES) {
      const int units = min_of(LANES, H - unit);
      auto steps = [&](int from, int count, bool starts) __attribute__((always_inline)) {
        in_tiles<TILE_ROWS>(count, [&](auto size, int first) __attribute__((always_inline)) {
          constexpr int M = decltype(size)::value;
          const ptrdiff_t b = from + first, row = start + b;
          const float* h_before = starts ? first_h : h + start_before * y_row;
          const float* c_before = starts ? first_c : cells + start_before * H;
          const ptrdiff_t h_row = starts ? H : y_row;
          vf sums[M][4];
          for (int m = 0; m < M; m++)
            for (int gate = 0; gate < 4; gate++) sums[m][gate] = load(weights + gate * LANES);
          tile<M, 4>(sums, I, x + row * I, I, 1, weights + 4 * LANES);
          if (h_before) tile<M, 4>(sums, H, h_before + b * h_row, h_row, 1, weights + (1 + I) * 4 * LANES);
          float spilled[M * 4 * LANES];
          for (int m = 0; m < M; m++)
            for (int gate = 0; gate < 4; gate++) store(spilled + (m * 4 + gate) * LANES, sums[m][gate]);
          lstm_cell(M, units, H, spilled, c_before ? c_before + b * H + unit : nullptr, cells + row * H + unit,
                    gates ? gates + row * 4 * H + unit : nullptr, h + row * y_row + unit, y_row);
        });
      };
      for (int starts = 0; starts < 2; starts++)  // sequences under way, then those whose first step this is
        steps(starts ? continued : 0, starts ? running - continued : continued, starts);
    }
    running_before = running;
    start_before = start;
    if (s + 1 < T) start = reverse ? start - batch_sizes[t - 1] : start + running;
  }
}

// Gates of one step to their gradients before the activations, in place; dc carries the cell's gradient along.
INLINE void lstm_cell_backward(int rows, int continued, int H, const float* dh, const float* dy, ptrdiff_t dy_row,
                               const float* cells, const float* cells_before, float* gates, float* dc) {
  for (int b = 0; b < rows; b++)
    for (int unit = 0; unit < H; unit += LANES) {
      const int n = min_of(LANES, H - unit);
      float* gate = gates + (ptrdiff_t)b * 4 * H + unit;
      const vf i = load_first(gate, n), f = load_first(gate + H, n), g = load_first(gate + 2 * H, n),
               o = load_first(gate + 3 * H, n);
      const vf tanh_c = tanh(load_first(cells + (ptrdiff_t)b * H + unit, n));
      const vf c_before = b < continued ? load_first(cells_before + (ptrdiff_t)b * H + unit, n) : vf{};
      const vf d_h = load_first(dh + b * H + unit, n) + load_first(dy + b * dy_row + unit, n);
      const vf d_c = load_first(dc + b * H + unit, n) + d_h * o * (1.0f - tanh_c * tanh_c);
      store_first(gate, d_c * g * i * (1.0f - i), n);
      store_first(gate + H, d_c * c_before * f * (1.0f - f), n);
      store_first(gate + 2 * H, d_c * i * (1.0f - g * g), n);
      store_first(gate + 3 * H, d_h * tanh_c * o * (1.0f - o), n);
      store_first(dc + b * H + unit, d_c * f, n);
    }
}

// For every row of the packed sequences the row of the step before it (in the direction of travel), or none.
struct RowsBefore {
  const int32_t* batch_sizes;
  int T, reverse;
  int t = 0, start = 0;  // the step that the next row belongs to, and its first row

  int of(int row) {  // rows must be asked for in order
    while (row >= start + batch_sizes[t]) start += batch_sizes[t++];
    const int b = row - start;
    if (reverse) return t + 1 < T && b < batch_sizes[t + 1] ? start + batch_sizes[t] + b : -1;
    return t > 0 ? start - batch_sizes[t - 1] + b : -1;
  }
};

VERB void lstm_backward(int I, int H, int T, const int32_t* batch_sizes,  // [T]
                        int N, int reverse, int y_row, int y_column,
                        const float* packed,
                        const float* x,       // [N, I]
                        const float* y,       // [N, y_row]
                        const float* cells,   // [N, H]
                        float* gates,         // [N, 4H] in: gates, out: their gradients
                        const float* dy,      // [N, y_row]
                        float* dx,            // [N, I] added to, or null
                        float* d_weight_ih,   // [4H, I] added to
                        float* d_weight_hh,   // [4H, H] added to
                        float* d_bias_ih,     // [4H] added to
                        float* d_bias_hh,     // [4H] added to
                        float* scratch) {     // lstm_scratch_length(batch_sizes[0], I, H)
  const int B = batch_sizes[0], G = 4 * H;
  const float* panels_hh = packed + lstm_forward_length(I, H);
  const float* panels_ih = panels_hh + panels_length(G, H);
  float* dh = scratch;         // [B, H]
  float* dc = dh + B * H;      // [B, H]
  float* d_bias = dc + B * H;  // [4H]
  float* slabs = d_bias + G;
  float* panels = slabs + slabs_length(DEPTH_BLOCK, G);
  __builtin_memset(dh, 0, sizeof(float) * (2 * B * H + G));

  ptrdiff_t start = reverse ? 0 : N - batch_sizes[T - 1];
  for (int s = 0; s < T; s++) {
    const int t = reverse ? s : T - 1 - s, running = batch_sizes[t];
    const int before = reverse ? t + 1 : t - 1;  // the step that came before t on the way forward
    const int continued = before < 0 || before >= T ? 0 : min_of(running, batch_sizes[before]);
    const ptrdiff_t start_before = reverse ? start + running : continued ? start - batch_sizes[before] : 0;
    lstm_cell_backward(running, continued, H, dh, dy + start * y_row + y_column, y_row, cells + start * H,
                       cells + start_before * H, gates + start * G, dc);
    multiply<Into::overwrite>(continued, H, G, gates + start * G, G, panels_hh, dh, H);
    start = start_before;
  }

  if (dx) multiply<Into::add>(N, I, G, gates, G, panels_ih, dx, I);

  RowsBefore rows_before{batch_sizes, T, reverse};
  for (int first = 0; first < N; first += DEPTH_BLOCK) {
    const int depth = min_of(DEPTH_BLOCK, N - first);
    int32_t before[DEPTH_BLOCK];
    for (int k = 0; k < depth; k++) before[k] = rows_before.of(first + k);
    pack_slabs(depth, G, [&](int k) { return gates + (ptrdiff_t)(first + k) * G; }, slabs);
    pack_panels(depth, I, [&](int k) { return x + (ptrdiff_t)(first + k) * I; }, panels);
    add_transposed(G, I, depth, slabs, panels, d_weight_ih, I);
    pack_panels(depth, H, [&](int k) {
      return before[k] < 0 ? nullptr : y + (ptrdiff_t)before[k] * y_row + y_column;
    }, panels);
    add_transposed(G, H, depth, slabs, panels, d_weight_hh, H);
    for (int k = 0; k < depth; k++) {
      const float* gate = gates + (ptrdiff_t)(first + k) * G;
      for (int j = 0; j < G; j++) d_bias[j] += gate[j];
    }
  }
  for (int j = 0; j < G; j++) {
    d_bias_ih[j] += d_bias[j];
    d_bias_hh[j] += d_bias[j];
  }
}
