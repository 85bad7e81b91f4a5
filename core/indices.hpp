// Indices: integer positions with a shape, for gather and for class labels.
#pragma once

#include "memory/array.hpp"
#include "shape.hpp"
#include "tensor.hpp"

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

namespace taper {

// An array of integers. It is immutable and shared: copying it is cheap, and an op may keep it for backward.
class Indices {
 public:
  // Rank 1.
  Indices(std::initializer_list<internal::Int64> values)
      : Indices(std::vector<std::int64_t>(values.begin(), values.end())) {}
  Indices(std::vector<std::int64_t> values);
  // Row-major values of the given shape. Throws if their number does not fit.
  Indices(std::vector<std::int64_t> values, const Shape& shape);
  // The same from every other type of integers. Throws if one is larger than 64 bits with a sign can hold.
  template <std::integral T>
  Indices(const std::vector<T>& values) : Indices(widened(values)) {}
  template <std::integral T>
  Indices(const std::vector<T>& values, const Shape& shape) : Indices(widened(values), shape) {}

  const Shape& shape() const { return shape_; }
  std::int64_t size() const { return static_cast<std::int64_t>(shared_->values.size()); }
  std::int64_t operator[](std::int64_t i) const { return shared_->values[static_cast<std::size_t>(i)]; }

  // The values in the memory of a device other than the CPU, for its kernels. The first call copies them
  // there. Throws if there is no such device or it is out of memory.
  const std::int64_t* on(const char* op, Device device) const;

 private:
  template <class T>
  static std::vector<std::int64_t> widened(const std::vector<T>& values) {
    std::vector<std::int64_t> result;
    result.reserve(values.size());
    for (const T value : values) result.push_back(internal::Int64(value));
    return result;
  }

  struct Shared {
    explicit Shared(std::vector<std::int64_t> numbers) : values(std::move(numbers)) {}
    std::vector<std::int64_t> values;
    bool is_copied = false;
    internal::Array<std::int64_t> copy;
  };
  Shape shape_;  // first: it is read off the values before they move
  std::shared_ptr<Shared> shared_;
};

// 1 at the position that each index names along a new last axis of extent `count`, and 0 elsewhere: the shape
// of the indices, and count. A constant: nothing is recorded. Throws if count is negative or an index does
// not lie in [0, count).
Tensor one_hot(const Indices& indices, std::int64_t count, Kind kind = float32);

}  // namespace taper
