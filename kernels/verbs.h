// The verbs and their signatures. The tables and the JavaScript bindings are generated from this one list.
// src/backends/backend.ts is the verbs' contract (shapes, letters, definitions); the definitions name the parameters.
// kernels.cc is compiled once per instruction set, each into its own table `Verbs`.
#pragma once
#include <stddef.h>
#include <stdint.h>

using In = const float*;
using Out = float*;
using Ints = const int32_t*;

typedef uint16_t half;  // the bits of an IEEE 754 binary16
struct bfloat {         // the bits of a bfloat16: the upper half of a float32
  uint16_t bits;
};
struct bfloat_pair {  // two bfloats, the first in the lower half
  uint32_t bits;
};

// What a buffer holds. Only panels hold pairs; product.h describes them.
enum class Kind { floats, halves, bfloats, pairs };

// Pointer to activations or panels, and what they are.
struct Stored {
  uintptr_t address;
  Kind kind;

  static Stored of(const float* p) { return {(uintptr_t)p, Kind::floats}; }
  float* floats() const { return (float*)address; }
  half* halves() const { return (half*)address; }
  bfloat* bfloats() const { return (bfloat*)address; }
  explicit operator bool() const { return address != 0; }
  Stored operator+(ptrdiff_t elements) const {
    return {address + elements * (kind == Kind::halves || kind == Kind::bfloats ? 2 : 4), kind};
  }
};

// The same as an argument of a verb, in one word: buffers begin at multiples of four bytes, so the kind fits into the
// two lowest bits of the address.
struct Buffer {
  uintptr_t word;

  operator Stored() const { return {word & ~(uintptr_t)3, (Kind)(word & 3)}; }
};

#define FOR_EACH_VERB(X)                                                                                           \
  X(lstm_panels_length, int(int, int, int, int))                                                                            \
  X(lstm_scratch_length, int(int, int, int, int))                                                                       \
  X(lstm_panels, void(int, int, In, In, In, In, Buffer, int))                                                      \
  X(lstm_forward, void(int, int, int, Ints, int, int, int, int, Buffer, Buffer, Buffer, Buffer, Buffer, In, In, Out)) \
  X(lstm_backward, void(int, int, int, Ints, int, int, int, int, Buffer, Buffer, Buffer, Buffer, Buffer, Ints, In, Out, Out, Out, Out, Out, \
                        Out))                                                                                      \
  X(linear_scratch_length, int(int, int, int))                                                                     \
  X(linear_forward, void(int, int, int, In, In, In, Out))                                                          \
  X(linear_backward, void(int, int, int, In, In, Ints, In, Out, Out, Out, Out))                                          \
  X(matmul, void(int, int, int, In, In, Out, Out))                                                                 \
  X(copy_rows, void(int, int, Buffer, Ints, Buffer, Ints, In, int))                                                       \
  X(dropout, void(int, int, Buffer, double, Ints, Ints, int))                                                         \
  X(cross_entropy, void(int, int, In, Ints, double, In, Out, Out, double))                                         \
  X(clear, void(int, Out))                                                                                        \
  X(add, void(int, Out, In))                                                                                       \
  X(sum_squares, double(int, In))                                                                                  \
  X(sgd, void(int, Out, In, Out, float, float, int, float, float))                                                 \
  X(adam, void(int, Out, In, Out, Out, double, double, double, float, double, int, double, double, float))         \
  X(activate, void(int, int, In, Out))                                                                             \
  X(multiply_adds, double(int, int, float))

template <class Signature>
using Function = Signature;

struct Verbs {
#define X(verb, ...) Function<__VA_ARGS__>* verb;
  FOR_EACH_VERB(X)
#undef X
};
