// Which instruction sets the vectorised kernels are compiled for, and how a kernel of both dtypes is called.
// On x86-64 these are the baseline, SSE4, AVX2 and AVX-512, of which the machine's best is chosen at run
// time. A file that <hwy/foreach_target.h> repeats must include this one first.
#pragma once

// These are never the best that a machine has on which Taper runs, or, in the case of SVE, have vectors
// without a fixed size, which cannot stand in arrays.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)

// For a function template f<T> in HWY_NAMESPACE, beside it: names f<float> and f<double>, as HWY_EXPORT takes
// no templates.
#define TAPER_NAME_BOTH(f)                       \
  static constexpr auto& f##_float32 = f<float>; \
  static constexpr auto& f##_float64 = f<double>

// For the same f, where HWY_ONCE holds: f<T>(arguments...) calls f<T> of the machine's best instruction set.
#define TAPER_EXPORT_BOTH(f)                                  \
  HWY_EXPORT(f##_float32);                                    \
  HWY_EXPORT(f##_float64);                                    \
  template <class T, class... Arguments>                      \
  auto f(Arguments&&... arguments) {                          \
    if constexpr (sizeof(T) == sizeof(float)) {               \
      return HWY_DYNAMIC_DISPATCH(f##_float32)(arguments...); \
    } else {                                                  \
      return HWY_DYNAMIC_DISPATCH(f##_float64)(arguments...); \
    }                                                         \
  }
