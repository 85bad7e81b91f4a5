// Making tensors: from nested lists, filled, counted; on the CPU, or on the device that the kind names.
#pragma once

#include "tensor.hpp"

#include <initializer_list>
#include <type_traits>
#include <vector>

namespace taper {

class NestedList;

namespace internal {

// What stands between braces: a number, a list of items, or a NestedList. A type of its own, because compilers
// do not agree on what T{t} is, a copy of t or a list of one, if t is a T (CWG 2137).
class NestedItem {
 public:
  NestedItem(double value) : value_(value) {}
  NestedItem(std::initializer_list<NestedItem> items) : items_(items), is_list_(true) {}
  NestedItem(const NestedList& list);

  // Whether it was made of a NestedList.
  bool is_nested_list() const { return is_nested_list_; }
  // Appends the extents along the first element of each list; write() then checks every other list against them.
  void measure(std::vector<std::int64_t>& extents) const;
  void write(std::size_t depth, const std::vector<std::int64_t>& extents, std::vector<double>& out) const;

 private:
  double value_ = 0;
  std::vector<NestedItem> items_;
  bool is_list_ = false, is_nested_list_ = false;
};

}  // namespace internal

// Numbers in braces, nested to any depth: 1.5, {1, 2, 3}, {{1, 2}, {3, 4}}; {row, row} where row is a NestedList.
// NestedList{row} is a copy of row.
class NestedList {
 public:
  NestedList(double value) : item_(value) {}
  NestedList(std::initializer_list<internal::NestedItem> items)
      : item_(items.size() == 1 && items.begin()->is_nested_list() ? *items.begin() : items) {}

 private:
  friend class internal::NestedItem;
  internal::NestedItem item_;
};

// The tensor that the braces spell: tensor({{1, 2}, {3, 4}}) has shape (2, 2), tensor(3.5) rank 0. A NestedList
// in braces is one item: tensor({row}) has an axis more than tensor(row). Throws if the lists are ragged.
Tensor tensor(const internal::NestedItem& values, Kind kind = float32);

// A tensor of the given shape with these elements in row-major order. Throws if their number does not fit.
Tensor tensor(const std::vector<double>& values, const Shape& shape, Kind kind = float32);
// The same for float, int, std::size_t and every other type of number, each of which is first made a double.
template <class T>
requires std::is_arithmetic_v<T> Tensor tensor(const std::vector<T>& values, const Shape& shape,
                                               Kind kind = float32) {
  return tensor(std::vector<double>(values.begin(), values.end()), shape, kind);
}
// The same with rank 1.
template <class T>
requires std::is_arithmetic_v<T> Tensor tensor(const std::vector<T>& values, Kind kind = float32) {
  return tensor(values, {static_cast<std::int64_t>(values.size())}, kind);
}

// Each element 0, 1, or `value`. All throw if the shape is negative or too large.
Tensor zeros(const Shape& shape, Kind kind = float32);
Tensor ones(const Shape& shape, Kind kind = float32);
Tensor full(const Shape& shape, double value, Kind kind = float32);

// The same, of like's shape and kind.
Tensor zeros_like(const Tensor& like);
Tensor ones_like(const Tensor& like);
Tensor full_like(const Tensor& like, double value);

// A rank-0 tensor of like's kind: what a number becomes beside a tensor, as in 2.0 * x.
Tensor scalar_like(double value, const Tensor& like);

// start, start + step, … up to but without stop: ceil((stop - start) / step) elements, as NumPy's arange.
// Throws if step is 0 or an argument is not finite.
Tensor arange(double start, double stop, double step = 1, Kind kind = float32);
// 0, 1, …, stop - 1.
Tensor arange(double stop, Kind kind = float32);

// `count` numbers from start to stop, both included, at equal distances: element i is start + i (stop -
// start) / (count - 1). One alone is start. Throws if count is negative or an argument is not finite.
Tensor linspace(double start, double stop, std::int64_t count, Kind kind = float32);

// A matrix with ones on its main diagonal and zeros elsewhere, square if `columns` is not given. Throws if an
// extent is negative.
Tensor eye(std::int64_t rows, std::int64_t columns, Kind kind = float32);
Tensor eye(std::int64_t rows, Kind kind = float32);

}  // namespace taper
