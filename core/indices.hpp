// Indices: integer positions with a shape, for gather and for class labels.
#pragma once

#include <taper/core/shape.hpp>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

namespace taper {

// An array of integers. It is immutable and shared: copying it is cheap, and an op may keep it for backward.
class Indices {
 public:
  // Rank 1.
  Indices(std::initializer_list<std::int64_t> values) : Indices(std::vector<std::int64_t>(values)) {}
  Indices(std::vector<std::int64_t> values);
  // Row-major values of the given shape. Throws where their number does not fit.
  Indices(std::vector<std::int64_t> values, const Shape& shape);

  const Shape& shape() const { return shape_; }
  std::int64_t size() const { return static_cast<std::int64_t>(values_->size()); }
  std::int64_t operator[](std::int64_t i) const { return (*values_)[static_cast<std::size_t>(i)]; }

 private:
  Shape shape_;  // first: it is read off the values before they move
  std::shared_ptr<const std::vector<std::int64_t>> values_;
};

}  // namespace taper
