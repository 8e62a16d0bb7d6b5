// The Node-API addon: the kernels' verbs as JavaScript functions on addresses.
//
// `open(name)` returns the verbs compiled for one instruction set. `available` lists the sets that this processor
// supports, best first. `address(array)` gives a buffer as the verbs take it: a number, because asking a typed array
// for its data takes Node-API longer than a small verb computes. Arguments are converted as the verbs' C++ signatures say. src/backends/contract.ts has already
// checked the lengths of the buffers. Plain Node-API is stable across Node.js versions.
#include <node_api.h>

#include <cstddef>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>

#if defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include "verbs.h"

#define DECLARE(name)        \
  namespace name {           \
  extern const Verbs verbs;  \
  }
DECLARE(baseline)
#ifdef __x86_64__
DECLARE(avx2)
DECLARE(avx512)
DECLARE(avx512bf16)
#elif defined(__aarch64__)
DECLARE(bf16)
#endif

namespace {

struct InstructionSet {
  const char* name;
  const Verbs* verbs;
  bool (*runs)();
};

#ifdef __x86_64__
bool RunsAvx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("fma");
}
#elif defined(__aarch64__) && defined(__APPLE__)
bool RunsBf16() {
  int has = 0;
  size_t size = sizeof has;
  return sysctlbyname("hw.optional.arm.FEAT_BF16", &has, &size, nullptr, 0) == 0 && has != 0;
}
#elif defined(__aarch64__)
bool RunsBf16() {
  const unsigned long bf16 = 1 << 14;  // HWCAP2_BF16, which older headers lack
  return (getauxval(AT_HWCAP2) & bf16) != 0;
}
#endif

const InstructionSet kInstructionSets[] = {
#ifdef __x86_64__
    {"avx512bf16", &avx512bf16::verbs, [] { return RunsAvx512() && __builtin_cpu_supports("avx512bf16"); }},
    {"avx512", &avx512::verbs, RunsAvx512},
    // Not checked: F16C. Every processor with AVX2 has it, and clang before 19 has no name for the check.
    {"avx2", &avx2::verbs, [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }},
#elif defined(__aarch64__)
    {"bf16", &bf16::verbs, RunsBf16},
#endif
    {"baseline", &baseline::verbs, [] { return true; }},
};

template <class T>
T from(napi_env env, napi_value value);
// The address of a buffer; 0 for none.
template <>
uintptr_t from<uintptr_t>(napi_env env, napi_value value) {
  int64_t address = 0;
  if (napi_get_value_int64(env, value, &address) != napi_ok)
    napi_throw_type_error(env, nullptr, "kernels: a buffer must be given by its address");
  return static_cast<uintptr_t>(address);
}
template <>
In from<In>(napi_env env, napi_value value) { return reinterpret_cast<In>(from<uintptr_t>(env, value)); }
template <>
Out from<Out>(napi_env env, napi_value value) { return reinterpret_cast<Out>(from<uintptr_t>(env, value)); }
template <>
Ints from<Ints>(napi_env env, napi_value value) { return reinterpret_cast<Ints>(from<uintptr_t>(env, value)); }
template <>
Buffer from<Buffer>(napi_env env, napi_value value) { return {from<uintptr_t>(env, value)}; }
template <>
double from<double>(napi_env env, napi_value value) {
  double number = 0;
  napi_get_value_double(env, value, &number);
  return number;
}
template <>
float from<float>(napi_env env, napi_value value) { return static_cast<float>(from<double>(env, value)); }
template <>
int from<int>(napi_env env, napi_value value) {
  int32_t number = 0;
  napi_get_value_int32(env, value, &number);
  return number;
}

napi_value number(napi_env env, double value) {
  napi_value result = nullptr;
  napi_create_double(env, value, &result);
  return result;
}

template <class Signature>
struct Binding;
template <class R, class... A>
struct Binding<R(A...)> {
  template <size_t... I>
  static napi_value apply(napi_env env, R (*verb)(A...), napi_value* arguments, std::index_sequence<I...>) {
    const std::tuple<A...> converted{from<A>(env, arguments[I])...};
    bool refused = false;
    napi_is_exception_pending(env, &refused);
    if (refused) return nullptr;
    if constexpr (std::is_void_v<R>) {
      std::apply(verb, converted);
      return nullptr;
    } else {
      return number(env, std::apply(verb, converted));
    }
  }
  static napi_value call(napi_env env, napi_callback_info info) {
    size_t count = sizeof...(A);
    napi_value arguments[sizeof...(A)];
    void* verb = nullptr;
    napi_get_cb_info(env, info, &count, arguments, nullptr, &verb);
    if (count != sizeof...(A)) {
      napi_throw_error(env, nullptr, "kernels: wrong number of arguments");
      return nullptr;
    }
    return apply(env, reinterpret_cast<R (*)(A...)>(verb), arguments, std::index_sequence_for<A...>{});
  }
};

template <class Signature>
void bind(napi_env env, napi_value object, const char* name, Signature* verb) {
  napi_value function = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, Binding<Signature>::call, reinterpret_cast<void*>(verb), &function);
  napi_set_named_property(env, object, name, function);
}

napi_value open(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  char name[32] = "";
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  napi_get_value_string_utf8(env, argument, name, sizeof name, nullptr);
  for (const InstructionSet& set : kInstructionSets) {
    if (std::strcmp(set.name, name) != 0 || !set.runs()) continue;
    napi_value object = nullptr;
    napi_create_object(env, &object);
#define X(verb, ...) bind(env, object, #verb, set.verbs->verb);
    FOR_EACH_VERB(X)
#undef X
    return object;
  }
  napi_throw_error(env, nullptr, "kernels: this processor does not have that instruction set");
  return nullptr;
}

// A typed array as `Buffer` has it: the address of its data, and its kind. An Int32Array has no kind.
napi_value address(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value array;
  napi_get_cb_info(env, info, &count, &array, nullptr, nullptr);
  napi_typedarray_type type = napi_int8_array;
  void* data = nullptr;
  napi_get_typedarray_info(env, array, &type, nullptr, &data, nullptr, nullptr);
  Kind kind = Kind::floats;
  if (type == napi_uint16_array) kind = Kind::halves;
  else if (type == napi_int16_array) kind = Kind::bfloats;
  else if (type != napi_float32_array && type != napi_int32_array) {
    napi_throw_type_error(env, nullptr, "kernels: a buffer is not of a type that verbs take");
    return nullptr;
  }
  const uintptr_t address = reinterpret_cast<uintptr_t>(data);
  if (address & 3) napi_throw_type_error(env, nullptr, "kernels: a buffer does not begin at a multiple of four bytes");
  return number(env, static_cast<double>(address | static_cast<uintptr_t>(kind)));
}

napi_value available(napi_env env) {
  napi_value list = nullptr;
  napi_create_array(env, &list);
  uint32_t next = 0;
  for (const InstructionSet& set : kInstructionSets) {
    if (!set.runs()) continue;
    napi_value name = nullptr;
    napi_create_string_utf8(env, set.name, NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, list, next++, name);
  }
  return list;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value function = nullptr;
  napi_create_function(env, "open", NAPI_AUTO_LENGTH, open, nullptr, &function);
  napi_set_named_property(env, exports, "open", function);
  napi_create_function(env, "address", NAPI_AUTO_LENGTH, address, nullptr, &function);
  napi_set_named_property(env, exports, "address", function);
  napi_set_named_property(env, exports, "available", available(env));
  return exports;
}
