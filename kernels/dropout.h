// Inverted dropout from a counter-based generator: Threefry-2x32 with 20 rounds (Salmon et al. 2011), LANES blocks
// at a time. src/random.ts computes the same words. src/backends/backend.ts defines which element uses which word.
#pragma once
#include "vector.h"

INLINE void threefry(uint32_t k0, uint32_t k1, vu* x0, vu* x1) {
  static const int rotations[8] = {13, 15, 26, 6, 17, 29, 16, 24};
  const uint32_t key[3] = {k0, k1, 0x1BD11BDAu ^ k0 ^ k1};
  *x0 += key[0];
  *x1 += key[1];
#pragma GCC unroll 20
  for (int round = 0; round < 20; round++) {
    const int r = rotations[round % 8];
    *x0 += *x1;
    *x1 = (*x1 << r | *x1 >> (32 - r)) ^ *x0;
    if (round % 4 == 3) {
      const int injection = (round + 1) / 4;
      *x0 += key[injection % 3];
      *x1 += key[(injection + 1) % 3] + (uint32_t)injection;
    }
  }
}

INLINE void drop(Stored values, ptrdiff_t at, int n, vu word, uint32_t threshold, float scale) {
  store_stored(values, at, word >= threshold ? load_stored(values, at, n) * scale : vf{}, n);
}

VERB void dropout(int rows, int width,
                  Buffer values,  // [rows, width] in place
                  double rate,
                  const int32_t* keys,     // [rows, 2]
                  const int32_t* offsets,  // [rows]
                  int stream) {
  const uint32_t threshold = (uint32_t)(rate * 4294967296.0);
  const float scale = (float)(1.0 / (1.0 - rate));
  const int middle = (width + 1) / 2;
  vu lane;
  for (int j = 0; j < LANES; j++) lane[j] = j;
  for (int r = 0; r < rows; r++) {
    const Stored row = Stored(values) + (ptrdiff_t)r * width;
    for (int j = 0; j < middle; j += LANES) {
      vu first = lane + (uint32_t)(offsets[r] + j), second = vu{} + (uint32_t)stream;
      threefry(keys[2 * r], keys[2 * r + 1], &first, &second);
      drop(row, j, min_of(LANES, middle - j), first, threshold, scale);
      if (middle + j < width) drop(row, middle + j, min_of(LANES, width - middle - j), second, threshold, scale);
    }
  }
}
