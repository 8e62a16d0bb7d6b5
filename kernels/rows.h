// Moving rows: from padded to packed sequences, from packed outputs to the features of a head, and back.
#pragma once
#include "vector.h"

VERB void copy_rows(int rows, int width,
                    const float* source, const int32_t* source_offsets,  // [rows], in floats
                    float* target, const int32_t* target_offsets,        // [rows], in floats
                    const float* scales,                                 // [rows], or null for 1
                    int accumulate) {
  for (int r = 0; r < rows; r++) {
    const float* from = source + source_offsets[r];
    float* to = target + target_offsets[r];
    const float scale = scales ? scales[r] : 1.0f;
    for (int j = 0; j < width; j += LANES) {
      const int n = min_of(LANES, width - j);
      vf value = load_first(from + j, n);
      if (scales) value = value * scale;
      store_first(to + j, accumulate ? load_first(to + j, n) + value : value, n);
    }
  }
}
