// All numeric kernels, for one instruction set. They are single-threaded, allocate no memory and do not depend on
// JavaScript.
//
// Native: compiled once per instruction set with KERNELS=<name>. All code is in the namespace of that name; otherwise
// the linker could pick a function compiled for a newer processor. WASM: the verbs are exports.
#include <stddef.h>
#include <stdint.h>
#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#include "verbs.h"

#ifdef __wasm__
#define VERB extern "C"
#else
#define VERB static
namespace KERNELS {
#endif

#include "lstm.h"
#include "linear.h"
#include "loss.h"
#include "dropout.h"
#include "optimizer.h"
#include "rows.h"
#include "limit.h"

// y = sigmoid(x) or tanh(x), by the functions that the gates use.
VERB void activate(int n, int is_tanh, const float* x, float* y) {
  for (int i = 0; i < n; i += LANES) {
    const int count = min_of(LANES, n - i);
    const vf v = load_first(x + i, count);
    store_first(y + i, is_tanh ? tanh(v) : sigmoid(v), count);
  }
}

#ifndef __wasm__
extern const Verbs verbs;
#define X(verb, ...) verb,
const Verbs verbs = {FOR_EACH_VERB(X)};
#undef X
}  // namespace KERNELS
#endif
