// The instruction sets that vectorised kernels are compiled for, and two macros that export a kernel for both
// dtypes. On x86-64 these sets are the baseline, AVX2 and AVX-512; the best one of the machine is chosen
// at run time. A file that <hwy/foreach_target.h> repeats must include this one first.
#pragma once

// Two kinds of sets are left out: those that are the best one of few machines (each set is a third of the time
// that the kernels take to compile; processors of this decade without AVX2 do with the baseline), and SVE,
// whose vectors have no fixed size and so cannot stand in arrays.
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)

// Stands in HWY_NAMESPACE below a function template f<T>. Gives f<float> and f<double> names, since
// HWY_EXPORT takes no templates.
#define TAPER_NAME_BOTH(f)                       \
  static constexpr auto& f##_float32 = f<float>; \
  static constexpr auto& f##_float64 = f<double>

// Stands outside HWY_NAMESPACE, inside #if HWY_ONCE. Defines f<T>(arguments...), which calls the f<T> for the
// machine's best instruction set.
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
