// Numbers as array files store them: of more kinds than a Tensor has, and in either order of bytes.
#pragma once

#include "../tensor.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace taper::internal {

inline constexpr int max_axes = 64;  // of an array in a file; NumPy's limit

enum class Stored : std::uint8_t {
  boolean,
  int8,
  uint8,
  int16,
  uint16,
  int32,
  uint32,
  int64,
  uint64,
  float16,
  bfloat16,
  float32,
  float64
};

// NumPy's name: "bool", "int8", …
const char* name_of(Stored kind);
// Bytes that a number takes.
std::size_t size_of(Stored kind);

// An array as it stands in a file.
struct StoredArray {
  Stored kind;
  Shape shape;
  std::string_view bytes;
  bool is_big_endian = false;
  bool is_column_major = false;  // does the first index change fastest?
};

// Sets `bytes` to element_bytes times the product of the extents. Returns false if the product of those that
// are not 0 overflows: an empty tensor must not hide an extent that no other shape could have.
bool count_bytes(const Shape& shape, std::size_t element_bytes, std::int64_t& bytes);

// The number with these bits of IEEE 754's binary16. All of them are floats.
float half_to_float(std::uint16_t bits);

// The array as a tensor of that dtype, each number exactly. Throws Error("[op] what: …") if one is none of the dtype.
Tensor converted(const char* op, const std::string& what, const StoredArray& array, DType dtype);

// Calls write(i, number) for each number of the array, in the order of the file. A half comes as a float.
template <class Write>
void for_each_number(const StoredArray& array, const Write& write) {
  static_assert(std::endian::native == std::endian::little, "big-endian numbers are turned around");
  const auto walk = [&]<class T>(const auto& value_of) {
    const std::size_t count = array.bytes.size() / sizeof(T);
    for (std::size_t i = 0; i < count; ++i) {
      std::array<char, sizeof(T)> bytes;
      std::memcpy(bytes.data(), array.bytes.data() + i * sizeof(T), sizeof(T));
      if (array.is_big_endian) std::reverse(bytes.begin(), bytes.end());
      write(static_cast<std::int64_t>(i), value_of(std::bit_cast<T>(bytes)));
    }
  };
  const auto as_it_is = [](auto number) { return number; };
  switch (array.kind) {
    case Stored::boolean:
      return walk.template operator()<std::uint8_t>(
          [](std::uint8_t byte) { return std::uint8_t{byte != 0}; });
    case Stored::int8:
      return walk.template operator()<std::int8_t>(as_it_is);
    case Stored::uint8:
      return walk.template operator()<std::uint8_t>(as_it_is);
    case Stored::int16:
      return walk.template operator()<std::int16_t>(as_it_is);
    case Stored::uint16:
      return walk.template operator()<std::uint16_t>(as_it_is);
    case Stored::int32:
      return walk.template operator()<std::int32_t>(as_it_is);
    case Stored::uint32:
      return walk.template operator()<std::uint32_t>(as_it_is);
    case Stored::int64:
      return walk.template operator()<std::int64_t>(as_it_is);
    case Stored::uint64:
      return walk.template operator()<std::uint64_t>(as_it_is);
    case Stored::float16:
      return walk.template operator()<std::uint16_t>(half_to_float);
    case Stored::bfloat16:
      return walk.template operator()<std::uint16_t>(
          [](std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); });
    case Stored::float32:
      return walk.template operator()<float>(as_it_is);
    case Stored::float64:
      return walk.template operator()<double>(as_it_is);
  }
}

}  // namespace taper::internal
