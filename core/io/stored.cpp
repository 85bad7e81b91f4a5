// Stored numbers: names and sizes by kind, and halves.
#include "stored.hpp"

#include <cmath>
#include <limits>

namespace taper::internal {
namespace {

struct Description {
  const char* name;
  std::size_t size;
};

// In the order of the enumeration.
constexpr Description descriptions[] = {{"bool", 1},   {"int8", 1},    {"uint8", 1},   {"int16", 2},
                                        {"uint16", 2}, {"int32", 4},   {"uint32", 4},  {"int64", 8},
                                        {"uint64", 8}, {"float16", 2}, {"float32", 4}, {"float64", 8}};

}  // namespace

const char* name_of(Stored kind) { return descriptions[static_cast<std::size_t>(kind)].name; }

std::size_t size_of(Stored kind) { return descriptions[static_cast<std::size_t>(kind)].size; }

bool count_bytes(const Shape& shape, std::size_t element_bytes, std::int64_t& bytes) {
  bytes = static_cast<std::int64_t>(element_bytes);
  bool empty = false;
  for (const std::int64_t extent : shape) {
    empty |= extent == 0;
    if (extent != 0 && __builtin_mul_overflow(bytes, extent, &bytes)) return false;
  }
  if (empty) bytes = 0;
  return true;
}

// A sign, five bits of the exponent and ten of the fraction: 2^(exponent - 15) (1 + fraction / 2^10); with the
// exponent 0, 2^-14 fraction / 2^10; with 31, infinity or NaN.
float half_to_float(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const float magnitude = exponent == 31  ? fraction ? std::numeric_limits<float>::quiet_NaN()
                                                     : std::numeric_limits<float>::infinity()
                           : exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                                          : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
  return bits >> 15 ? -magnitude : magnitude;
}

}  // namespace taper::internal
