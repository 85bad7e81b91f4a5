// The element types of a Tensor, chosen at run time, and the one place that turns them into C++ types.
#pragma once

#if __cplusplus < 202002L
#error "Taper needs C++20: compile with -std=c++20"
#endif
// Clang has no macro for -funsafe-math-optimizations and -fno-signed-zeros.
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || \
    defined(__NO_SIGNED_ZEROS__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__)
#error "Taper needs IEEE arithmetic: compile without -ffast-math, -Ofast and the like"
#endif

#include <cstddef>
#include <cstdint>
#include <iosfwd>

namespace taper {

enum class DType : std::uint8_t { float32, float64 };

inline constexpr DType float32 = DType::float32;
inline constexpr DType float64 = DType::float64;

// Bytes an element takes: 4 or 8.
constexpr std::size_t size_of(DType dtype) { return dtype == float32 ? 4 : 8; }

// Writes "float32" or "float64".
std::ostream& operator<<(std::ostream& out, DType dtype);

// The DType of a C++ type: dtype_of<float> is float32, dtype_of<double> is float64.
template <class T>
inline constexpr DType dtype_of = DType::float64;
template <>
inline constexpr DType dtype_of<float> = DType::float32;

// Calls body.template operator()<T>() with the C++ type that dtype stands for. Kernels are written as
//   dispatch(x.dtype(), [&]<class T>() { … x.data<T>() … });
template <class Body>
decltype(auto) dispatch(DType dtype, Body&& body) {
  return dtype == float32 ? body.template operator()<float>() : body.template operator()<double>();
}

}  // namespace taper
