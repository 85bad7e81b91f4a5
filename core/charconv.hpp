// from_chars and to_chars for every standard library: std's if it has them, ours for float and double if it doesn't.
// libc++ reads these from version 20 on and writes them from 14 on. On Apple's systems its header declares both,
// even if the system that a program is built for lacks them.
#pragma once

#include <charconv>
#include <concepts>

namespace taper::internal {

// By the C library's strtod and printf, yet the same in every locale and rounding mode: reading rounds to nearest, and
// writing takes the shortest digits that give the number back, of those the nearest. As std's in all else.
namespace by_c_library {
std::from_chars_result from_chars(const char* first, const char* last, float& value);
std::from_chars_result from_chars(const char* first, const char* last, double& value);
std::to_chars_result to_chars(char* first, char* last, float value);
std::to_chars_result to_chars(char* first, char* last, double value);
}  // namespace by_c_library

#ifdef __APPLE__
template <class T>
inline constexpr bool may_ask_std = std::integral<T>;
#else
template <class T>
inline constexpr bool may_ask_std = true;
#endif

// For integers, too.
template <class T>
std::from_chars_result from_chars(const char* first, const char* last, T& value) {
  if constexpr (may_ask_std<T> && requires { std::from_chars(first, last, value); }) {
    return std::from_chars(first, last, value);
  } else {
    return by_c_library::from_chars(first, last, value);
  }
}

template <class T>
std::to_chars_result to_chars(char* first, char* last, T value) {
  if constexpr (may_ask_std<T> && requires { std::to_chars(first, last, value); }) {
    return std::to_chars(first, last, value);
  } else {
    return by_c_library::to_chars(first, last, value);
  }
}

}  // namespace taper::internal
