// Copies rows: from padded to packed sequences, from packed outputs to the features of a head, and back.
#pragma once
#include "vector.h"

VERB void copy_rows(int rows, int width,
                    Buffer source, const int32_t* source_offsets,  // [rows], in elements
                    Buffer target, const int32_t* target_offsets,  // [rows], in elements
                    const float* scales,                           // [rows]; null for 1
                    int accumulate) {
  for (int r = 0; r < rows; r++) {
    const Stored from = Stored(source) + source_offsets[r], to = Stored(target) + target_offsets[r];
    if (!scales && !accumulate) {
      copy(to, from, width);
      continue;
    }
    const float scale = scales ? scales[r] : 1.0f;
    for (int j = 0; j < width; j += LANES) {
      const int n = min_of(LANES, width - j);
      const vf value = load_stored(from, j, n) * scale;
      store_stored(to, j, accumulate ? load_stored(to, j, n) + value : value, n);
    }
  }
}
