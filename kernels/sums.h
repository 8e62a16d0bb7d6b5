// Which sequences' gradients are added as one sum. A batch's gradients are several sums, added one after the other, so
// that threads can compute sums apart from each other and get the same additions.
//
// sum_of [B] numbers the sums from 0; null: all sequences are in sum 0.
#pragma once
#include "vector.h"

INLINE int sum_count(int B, const int32_t* sum_of) {
  int last = 0;
  if (sum_of)
    for (int b = 0; b < B; b++)
      if (sum_of[b] > last) last = sum_of[b];
  return last + 1;
}

// The sequences of one sum, in ascending order.
struct SequencesOfSum {
  int B;
  const int32_t* sum_of;
  int sum;
  int b = 0;  // next to look at

  // Writes up to `limit` sequences; returns how many, 0 after the last.
  int next(int32_t* sequences, int limit) {
    int count = 0;
    for (; b < B && count < limit; b++)
      if (!sum_of || sum_of[b] == sum) sequences[count++] = b;
    return count;
  }
};

// The packed rows of one sum's sequences, in ascending order, and for each the row of the same sequence's previous step
// in this direction; -1 if there is none.
struct RowsOfSum {
  const int32_t* batch_sizes;  // [T]
  int T, reverse;
  const int32_t* sum_of;
  int sum;
  int t = 0, b = 0, start = 0;  // step and sequence to look at next, and that step's first row

  bool has(int sequence) const { return !sum_of || sum_of[sequence] == sum; }

  int count() const {
    int rows = 0;
    for (int step = 0; step < T; step++)
      for (int sequence = 0; sequence < batch_sizes[step]; sequence++) rows += has(sequence);
    return rows;
  }

  // Writes up to `limit` rows; returns how many, 0 after the last.
  int next(int32_t* now, int32_t* before, int limit) {
    int rows = 0;
    for (; t < T; start += batch_sizes[t++], b = 0)
      for (; b < batch_sizes[t]; b++) {
        if (!has(b)) continue;
        if (rows == limit) return rows;
        if (reverse) before[rows] = t + 1 < T && b < batch_sizes[t + 1] ? start + batch_sizes[t] + b : -1;
        else before[rows] = t > 0 ? start - batch_sizes[t - 1] + b : -1;
        now[rows++] = start + b;
      }
    return rows;
  }
};
