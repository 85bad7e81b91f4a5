// Shape: the extents of a tensor's axes, and the arithmetic on shapes and axes that every op needs.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <limits>
#include <memory>
#include <span>
#include <type_traits>

namespace taper {

namespace internal {

[[noreturn, gnu::cold]] void throw_too_large(std::uint64_t value);

// An entry of a list of extents or indices: converts from every integer type, so that a size() needs no cast.
// Throws if the value is larger than 64 bits with a sign can hold.
class Int64 {
 public:
  template <std::integral T>
  constexpr Int64(T value) : value_(static_cast<std::int64_t>(value)) {
    if constexpr (std::is_unsigned_v<T> && sizeof(T) >= sizeof(std::int64_t)) {
      if (value > static_cast<T>(std::numeric_limits<std::int64_t>::max())) throw_too_large(value);
    }
  }
  constexpr operator std::int64_t() const { return value_; }

 private:
  std::int64_t value_;
};

}  // namespace internal

// A short list of 64-bit integers: a shape, a list of strides or of axes. Up to six live inside the object,
// so that the usual tensor needs no memory of its own for its shape; more go to the heap.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<internal::Int64> values) {
    std::copy(values.begin(), values.end(), resize(static_cast<int>(values.size())));
  }
  Shape(const std::int64_t* values, int count) { std::copy_n(values, count, resize(count)); }
  // count entries, each of the given value.
  static Shape filled(int count, std::int64_t value) {
    Shape shape;
    std::fill_n(shape.resize(count), count, value);
    return shape;
  }

  Shape(const Shape& other) { copy(other); }
  Shape(Shape&& other) noexcept = default;
  Shape& operator=(const Shape& other) {
    if (this != &other) copy(other);
    return *this;
  }
  Shape& operator=(Shape&& other) noexcept = default;

  int size() const { return count_; }
  bool empty() const { return count_ == 0; }
  std::int64_t* data() { return count_ <= inline_capacity ? inline_ : heap_.get(); }
  const std::int64_t* data() const { return count_ <= inline_capacity ? inline_ : heap_.get(); }
  std::int64_t& operator[](int i) { return data()[i]; }
  std::int64_t operator[](int i) const { return data()[i]; }
  std::int64_t* begin() { return data(); }
  std::int64_t* end() { return data() + count_; }
  const std::int64_t* begin() const { return data(); }
  const std::int64_t* end() const { return data() + count_; }

  friend bool operator==(const Shape& a, const Shape& b) {
    return a.count_ == b.count_ && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  std::int64_t* resize(int count) {
    if (count > inline_capacity) heap_ = std::make_unique<std::int64_t[]>(static_cast<std::size_t>(count));
    count_ = count;
    return data();
  }
  void copy(const Shape& other) {
    if (other.count_ <= inline_capacity) {  // a fixed number of bytes: no loop, no branch on the count
      std::copy_n(other.inline_, inline_capacity, inline_);
      count_ = other.count_;
    } else {
      std::copy_n(other.data(), other.count_, resize(other.count_));
    }
  }

  static constexpr int inline_capacity = 6;
  int count_ = 0;
  std::int64_t inline_[inline_capacity] = {};
  std::unique_ptr<std::int64_t[]> heap_;
};

// Writes "(2, 3, 5)"; one axis is "(4,)" and rank 0 is "()", as in NumPy.
std::ostream& operator<<(std::ostream& out, const Shape& shape);

// The product of the extents; 1 for rank 0. Throws if an extent is negative or the product overflows 64 bits.
std::int64_t element_count(const char* op, const Shape& shape);

// The position on each axis of element `i`, counted in row-major order, of a tensor of that shape.
Shape index_of(std::int64_t i, const Shape& shape);

// The shape that a and b broadcast to by NumPy's rule: aligned at the last axis, each pair equal or one of
// them 1. Throws, naming both shapes, if they do not broadcast.
Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b);

// Does NumPy's rule repeat a tensor of shape `from` to shape `to`: aligned at the last axis, each extent
// equal or 1?
bool broadcasts_to(const Shape& from, const Shape& to);

// axis as an index from 0 to rank - 1; negative counts from the end. Throws, naming the argument, if there
// is no such axis.
int checked_axis(const char* op, const char* argument, std::int64_t axis, const Shape& shape);

// The axes a reduction runs over: one, a list, or (by default) all of them. Negative counts from the end.
class Axes {
 public:
  Axes() : all_(true) {}
  Axes(int axis) : axes_{axis} {}
  Axes(std::initializer_list<internal::Int64> axes) : axes_(axes) {}
  explicit Axes(const Shape& axes) : axes_(axes) {}

  // For each axis of shape, 1 if it is reduced and 0 if it is kept. Throws if an axis does not exist or
  // is given twice.
  Shape reduced(const char* op, const Shape& shape) const;

 private:
  bool all_ = false;
  Shape axes_;
};

}  // namespace taper
