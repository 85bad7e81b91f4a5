// Stored numbers: names and sizes by kind, and halves.
#include "stored.hpp"

#include "../fail.hpp"

#include <bit>
#include <cmath>
#include <limits>

namespace taper::internal {
namespace {

struct Description {
  const char* name;
  std::size_t size;
};

// In the order of the enumeration.
constexpr Description descriptions[] = {{"bool", 1},   {"int8", 1},    {"uint8", 1},    {"int16", 2},
                                        {"uint16", 2}, {"int32", 4},   {"uint32", 4},   {"int64", 8},
                                        {"uint64", 8}, {"float16", 2}, {"bfloat16", 2}, {"float32", 4},
                                        {"float64", 8}};

// Is it a number of type T? A whole number is one if the bits from its highest to its lowest fit T's.
template <class T, class Number>
bool is_exact(Number number) {
  if constexpr (std::is_floating_point_v<Number>) {
    return static_cast<Number>(static_cast<T>(number)) == number || std::isnan(number);
  } else {
    const auto magnitude =
        number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
    const auto highest = static_cast<int>(std::bit_width(magnitude)), lowest = std::countr_zero(magnitude);
    return magnitude == 0 || highest - lowest <= std::numeric_limits<T>::digits;
  }
}

// The place, in row-major order, of the elements of a column-major array, one after the other.
class ColumnMajor {
 public:
  explicit ColumnMajor(const Shape& shape)
      : shape_(shape), index_(Shape::filled(shape.size(), 0)), strides_(index_) {
    std::int64_t stride = 1;
    for (int axis = shape.size(); axis-- > 0; stride *= shape[axis]) strides_[axis] = stride;
  }
  std::int64_t next() {
    const std::int64_t place = place_;
    for (int axis = 0; axis < shape_.size(); ++axis) {
      place_ += strides_[axis];
      if (++index_[axis] < shape_[axis]) break;
      place_ -= strides_[axis] * shape_[axis];
      index_[axis] = 0;
    }
    return place;
  }

 private:
  const Shape& shape_;
  Shape index_, strides_;
  std::int64_t place_ = 0;
};

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
// exponent 0, 2^-14 fraction / 2^10; with 31, infinity or NaN, whose fraction is kept.
float half_to_float(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const float magnitude = exponent == 31  ? std::bit_cast<float>(0x7f800000 | fraction << 13)
                          : exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                                          : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
  return bits >> 15 ? -magnitude : magnitude;
}

Tensor converted(const char* op, const std::string& what, const StoredArray& array, DType dtype) {
  Tensor result = Tensor::uninitialized(op, array.shape, dtype);
  const bool as_it_is = !array.is_big_endian && !array.is_column_major &&
                        array.kind == (dtype == float32 ? Stored::float32 : Stored::float64);
  if (as_it_is && !array.bytes.empty()) {
    std::memcpy(result.impl().data, array.bytes.data(), array.bytes.size());
    return result;
  }
  ColumnMajor column_major(array.shape);
  dispatch(dtype, [&]<class T>() {
    T* out = result.mutable_data<T>();
    for_each_number(array, [&](std::int64_t i, auto number) {
      const std::int64_t place = array.is_column_major ? column_major.next() : i;
      out[place] = static_cast<T>(number);
      if (!is_exact<T>(number)) {
        fail(op, what, ": element ", index_of(place, array.shape), " is ", +number, ", which is no ", dtype,
             dtype == float32 ? "; float64 holds more" : "");
      }
    });
  });
  return result;
}

}  // namespace taper::internal
