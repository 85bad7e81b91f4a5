// Making tensors from lists and formulas.
#include "create.hpp"

#include "fail.hpp"
#include "memory/device_memory.hpp"
#include "memory/transfer.hpp"
#include "threads.hpp"

#include <algorithm>
#include <cmath>

namespace taper {
namespace {

// A tensor whose i-th element in row-major order is element(i).
template <class Element>
Tensor generate(const char* op, const Shape& shape, Kind kind, Element element) {
  Tensor result = Tensor::uninitialized(op, shape, kind.dtype);
  dispatch(kind.dtype, [&]<class T>() {
    T* out = result.mutable_data<T>();
    for (std::int64_t i = 0, n = result.size(); i < n; ++i) out[i] = static_cast<T>(element(i));
  });
  return kind.device.is_cpu() ? result : internal::copied(op, result, kind);
}

Tensor filled(const char* op, const Shape& shape, double value, Kind kind) {
  Tensor result = Tensor::uninitialized(op, shape, kind);
  if (kind.device.is_cpu()) {
    dispatch(kind.dtype, [&]<class T>() {
      T* const out = result.mutable_data<T>();
      parallel_ranges(result.size(), part_size, [=](std::int64_t begin, std::int64_t end) {
        std::fill(out + begin, out + end, static_cast<T>(value));
      });
    });
    return result;
  }
  internal::device_memory(op, kind.device).fill(kind.dtype, result.impl().data, result.size(), value);
  return result;
}

}  // namespace

internal::NestedItem::NestedItem(const NestedList& list) : NestedItem(list.item_) { is_nested_list_ = true; }

void internal::NestedItem::measure(std::vector<std::int64_t>& extents) const {
  if (!is_list_) return;
  extents.push_back(static_cast<std::int64_t>(items_.size()));
  if (!items_.empty()) items_.front().measure(extents);
}

void internal::NestedItem::write(std::size_t depth, const std::vector<std::int64_t>& extents,
                                 std::vector<double>& out) const {
  if (is_list_ != (depth < extents.size())) {
    fail("tensor", "ragged list: at depth ", depth, " a ", is_list_ ? "list" : "number", " stands beside ",
         is_list_ ? "numbers" : "lists");
  }
  if (!is_list_) return out.push_back(value_);
  if (static_cast<std::int64_t>(items_.size()) != extents[depth]) {
    fail("tensor", "ragged list: at depth ", depth, " a list of ", items_.size(), " stands beside one of ",
         extents[depth]);
  }
  for (const NestedItem& item : items_) item.write(depth + 1, extents, out);
}

Tensor tensor(const internal::NestedItem& values, Kind kind) {
  std::vector<std::int64_t> extents;
  std::vector<double> flat;
  values.measure(extents);
  values.write(0, extents, flat);
  return tensor(flat, Shape(extents.data(), static_cast<int>(extents.size())), kind);
}

Tensor tensor(const std::vector<double>& values, const Shape& shape, Kind kind) {
  if (element_count("tensor", shape) != static_cast<std::int64_t>(values.size())) {
    fail("tensor", "values has ", values.size(), " elements, which do not fill shape ", shape);
  }
  return generate("tensor", shape, kind, [&](std::int64_t i) { return values[static_cast<std::size_t>(i)]; });
}

Tensor full(const Shape& shape, double value, Kind kind) { return filled("full", shape, value, kind); }
Tensor zeros(const Shape& shape, Kind kind) { return filled("zeros", shape, 0, kind); }
Tensor ones(const Shape& shape, Kind kind) { return filled("ones", shape, 1, kind); }

Tensor zeros_like(const Tensor& like) {
  check_given("zeros_like", "like", like);
  return filled("zeros_like", like.shape(), 0, like.kind());
}
Tensor ones_like(const Tensor& like) {
  check_given("ones_like", "like", like);
  return filled("ones_like", like.shape(), 1, like.kind());
}
Tensor full_like(const Tensor& like, double value) {
  check_given("full_like", "like", like);
  return filled("full_like", like.shape(), value, like.kind());
}

Tensor scalar_like(double value, const Tensor& like) {
  return full({}, value, check_given("scalar_like", "like", like).kind());
}

Tensor arange(double start, double stop, double step, Kind kind) {
  if (!std::isfinite(start) || !std::isfinite(stop) || !std::isfinite(step) || step == 0) {
    fail("arange", "wanted finite arguments and a step other than 0, got start ", start, ", stop ", stop,
         ", step ", step);
  }
  const double count = std::max(0.0, std::ceil((stop - start) / step));
  if (count > 1e18) fail("arange", "from ", start, " to ", stop, " by ", step, " is too many elements");
  return generate("arange", {static_cast<std::int64_t>(count)}, kind,
                  [=](std::int64_t i) { return start + static_cast<double>(i) * step; });
}
Tensor arange(double stop, Kind kind) { return arange(0, stop, 1, kind); }

Tensor linspace(double start, double stop, std::int64_t count, Kind kind) {
  if (!std::isfinite(start) || !std::isfinite(stop))
    fail("linspace", "wanted finite arguments, got start ", start, ", stop ", stop);
  if (count < 0) fail("linspace", "count must be at least 0, got ", count);
  const double intervals = static_cast<double>(std::max<std::int64_t>(1, count - 1));
  // std::lerp keeps both ends exactly, ascends or descends, and does not overflow.
  return generate("linspace", {count}, kind,
                  [=](std::int64_t i) { return std::lerp(start, stop, static_cast<double>(i) / intervals); });
}

Tensor eye(std::int64_t rows, std::int64_t columns, Kind kind) {
  return generate("eye", {rows, columns}, kind,
                  [=](std::int64_t i) { return i / columns == i % columns ? 1.0 : 0.0; });
}
Tensor eye(std::int64_t rows, Kind kind) { return eye(rows, rows, kind); }

}  // namespace taper
